"""What a run and its workers send each other: jobs without their trust stores, which go over once, and results."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from probe.check.pace import Pace
from probe.check.run import Job

if TYPE_CHECKING:
    from probe.fleet.entries import Load
    from probe.report.assessment import Assessment


class Order(NamedTuple):
    """What a run asks of a worker.

    `number` counts the orders of a `session`, so that one that comes twice is known; `taken` is how many results have
    arrived, which the worker need not keep. `stores` are lists of roots that the worker has not had yet, by number;
    `end` asks for what is done, and for no more.
    """

    session: str
    number: int
    taken: int
    pace: Pace
    jobs: bytes = b""
    stores: Mapping[int, bytes] = {}
    end: bool = False


class Found(NamedTuple):
    """A result: the key of its job, and the fields of `probe.check.run.Done`."""

    key: int
    place: int
    assessment: Assessment
    last: bool


class Answer(NamedTuple):
    """What a worker has done: results, the first of which is number `first` of the session.

    `error` is raised on purpose, as by options that make no sense, or a defect's one line; `lost`: this worker knows
    nothing of the session, as it was started anew. `note` is for a person.
    """

    first: int = 0
    found: Sequence[Found] = ()
    vantage: str = ""
    error: Exception | None = None
    lost: bool = False
    note: str = ""


class Lists:
    """The lists of roots that jobs name, each with its number."""

    def __init__(self) -> None:
        self._numbers: dict[Load, int] = {}
        self._data: dict[int, bytes] = {}

    def number(self, load: Load) -> int:
        """That of a list; what it holds is made ready at the first call."""
        if load not in self._numbers:
            number = self._numbers[load] = len(self._numbers)
            self._data[number] = packed(tuple(load()))
        return self._numbers[load]

    def lacking(self, jobs: Sequence[Job], had: set[int]) -> dict[int, bytes]:
        """What a worker needs for these jobs beside what it had."""
        wanted = {self.number(job.options.stores) for job in jobs} - had
        return {number: self._data[number] for number in wanted}

    def packed(self, jobs: Sequence[Job]) -> bytes:
        """The jobs as bytes."""
        written = io.BytesIO()
        loads = {id(load): self.number(load) for load in (job.options.stores for job in jobs)}
        _Pickler(written, loads).dump(jobs)
        return written.getvalue()


class _Pickler(pickle.Pickler):
    """Writes the number of a list in its place."""

    def __init__(self, file: io.BytesIO, loads: Mapping[int, int]) -> None:
        """`loads` are the numbers of what loads each list, by its identity."""
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._loads = loads

    def persistent_id(self, obj: Any) -> int | None:  # noqa: ANN401 - anything there is in a job
        """The number of a list; None for all else."""
        return self._loads.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, loads: Mapping[int, Load]) -> None:
        super().__init__(io.BytesIO(data))
        self._loads = loads

    def persistent_load(self, pid: Any) -> Load:  # noqa: ANN401 - as the library has it
        return self._loads[pid]


def unpacked_jobs(data: bytes, loads: Mapping[int, Load]) -> Sequence[Job]:
    """The jobs, with the lists of roots that the worker has."""
    jobs: Sequence[Job] = _Unpickler(data, loads).load()
    return jobs


def packed(value: object) -> bytes:
    """Any of these values as bytes."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def unpacked(data: bytes) -> Any:  # noqa: ANN401 - what `packed` was given
    """The value again. Whoever reaches a scheduler runs code on its workers anyway: see docs/distributed.md."""
    return pickle.loads(data)  # noqa: S301
