"""The options that say where a fleet is probed: here, or by the workers of a Dask cluster."""

from __future__ import annotations

import enum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from probe.cli.declare import option
from probe.errors import ConfigurationError
from probe.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from probe.check.interruption import Interruption
    from probe.check.pace import Pace
    from probe.fleet.run import Jobs, Result


class EngineName(enum.StrEnum):
    """Who makes the connections."""

    LOCAL = "local"
    DASK = "dask"


class Engine(NamedTuple):
    """Who makes the connections, and how a scheduler is reached."""

    engine: Annotated[
        EngineName, option("--engine", "dask: by the workers of a Dask cluster; see docs/distributed.md.")
    ] = EngineName.LOCAL
    scheduler: Annotated[
        str | None, option("--scheduler ADDRESS", "Dask's scheduler: tls://HOST:PORT, or tcp://HOST:PORT.")
    ] = None
    scheduler_ca: Annotated[
        Path | None,
        option("--scheduler-ca FILE", "The authority (PEM) that scheduler and workers are known by."),
    ] = None
    scheduler_cert: Annotated[
        Path | None, option("--scheduler-cert FILE", "Our certificate (PEM) for the scheduler.")
    ] = None
    scheduler_key: Annotated[
        Path | None, option("--scheduler-key FILE", "Its key, where it does not stand in the same file.")
    ] = None

    def results(
        self, jobs: Jobs, pace: Pace, interruption: Interruption, note: Callable[[str], None]
    ) -> Generator[Result]:
        """Probe; each result as it comes, and what happens beside them told to `note`; raises ConfigurationError."""
        if self.engine is EngineName.LOCAL:
            from probe.check.pace import too_few_files
            from probe.fleet.run import run

            if said := too_few_files(pace.concurrency):
                note(said)
            yield from run(jobs, pace, interruption)
            return
        if not self.scheduler or not _is_address(self.scheduler):
            given = f", not {printable(self.scheduler, 60)}" if self.scheduler else ""
            raise ConfigurationError(f"--engine dask needs --scheduler tls://HOST:PORT{given}")
        # What is of Dask is imported only once a cluster is asked for: an ImportError would come too late.
        if find_spec("distributed") is None:
            raise ConfigurationError("--engine dask needs an extra: pip install 'eop-probe[dask]'")
        from probe.fleet.dask.cluster import Cluster, Tls
        from probe.fleet.dask.run import Run

        if self.scheduler.startswith("tcp://"):
            note(
                "without TLS (tls:// and --scheduler-ca) whoever reaches the scheduler can run code on its workers"
            )
        with Cluster(
            self.scheduler, Tls(self.scheduler_ca, self.scheduler_cert, self.scheduler_key)
        ) as cluster:
            for done in Run(cluster, jobs, pace, interruption, note).run():
                yield jobs.result(done)


def _is_address(text: str) -> bool:
    from urllib.parse import urlsplit

    try:
        there = urlsplit(text)
        return text.startswith(("tcp://", "tls://")) and bool(there.hostname and there.port)
    except ValueError:
        return False
