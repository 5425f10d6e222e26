"""The cluster as a run sees it: reached over TLS, of one version, asked without waiting, its workers coming and going.

Nothing here waits longer than it is told: what Dask answers comes as an event, whatever became of the scheduler.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import warnings
from collections.abc import Collection, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit
from uuid import uuid4

from probe.errors import ConfigurationError
from probe.files import open_file
from probe.fleet.dask.wire import Answer, unpacked
from probe.fleet.dask.worker import exchange
from probe.text import printable

#: Seconds for which a scheduler may be away, at the start and later.
AWAY_S = 30.0
#: Seconds for the first connection.
REACH_S = 10.0
#: Seconds for a worker to say of which version it is; who is silent is asked again at the next count.
ANSWER_S = 5.0
#: What has to be the same on every machine, as `importlib.metadata` names it.
_SAME = ("eop-probe", "distributed")


class Tls(NamedTuple):
    """Files in PEM: the authority's certificate, ours and its key; None where Dask's configuration says it."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Event(NamedTuple):
    """What became of a question: `about` is what it was asked with."""

    about: Any
    answer: Any = None
    failure: str = ""


class Muster(NamedTuple):
    """Every worker's address; and, where one is new, in which versions the scheduler and each worker differ from us."""

    there: Collection[str]
    scheduler: str
    workers: Mapping[str, str]


class Cluster:
    """A connection to a scheduler; raises ConfigurationError where there is none to be had."""

    def __init__(self, address: str, tls: Tls) -> None:
        self.address = address
        self._events: SimpleQueue[Event] = SimpleQueue()
        with ExitStack() as rest:
            rest.enter_context(_in_our_words())
            self._reach(tls)
            self._rest = rest.pop_all()

    def _reach(self, tls: Tls) -> None:
        from distributed.security import Security

        given = {"tls_ca_file": tls.ca, "tls_client_cert": tls.certificate, "tls_client_key": tls.key}
        files = {name: str(file) for name, file in given.items() if file}
        there = urlsplit(self.address)
        _refuse(tls)
        try:
            # Dask tries again for long: whoever mistyped an address is told at once.
            socket.create_connection((there.hostname or "", there.port or 0), REACH_S).close()
            security: Any = Security(**files)
            if there.scheme == "tls" and not (security.tls_ca_file and security.tls_client_cert):
                raise ConfigurationError(
                    "tls:// needs --scheduler-ca and --scheduler-cert, or the same in Dask's configuration"
                )
            self._security = security
            self._client = self._connected()
        except (OSError, UnicodeError) as error:  # the latter of a name that the DNS cannot have
            raise ConfigurationError(f"no scheduler can be reached at {self.name}: {_cause(error)}") from None

    @property
    def name(self) -> str:
        """The address as a person reads it."""
        return printable(self.address)

    def _connected(self) -> Any:  # noqa: ANN401 - most of Dask's client is untyped
        try:
            return _client()(self.address, security=self._security, timeout=REACH_S, set_as_default=False)
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - what another kind of server says leads anywhere in Dask
            raise ConnectionError("what answers there is no scheduler") from None

    @property
    def cut(self) -> bool:
        """Whether there is no connection to the scheduler now."""
        return bool(self._client.status != "running")

    def renew(self) -> bool:
        """Reach the scheduler anew, and whether that came about; what was asked is not answered any more.

        Dask's own way back ends for good where a handshake of TLS is cut off.
        """
        before = self._client
        try:
            self._client = self._connected()
        except OSError:
            return False
        _close(before)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._rest:
            _close(self._client)

    def next(self, seconds: float) -> Event | None:
        """What comes first; None where nothing does within so many seconds."""
        try:
            return self._events.get(timeout=seconds)
        except Empty:
            return None

    def send(self, worker: str, data: bytes, about: object) -> Future[Any]:
        """Let a worker take an order; the event has its answer. What is cancelled is not asked any more."""
        return self._ask(self._exchange(worker, data), about)

    def count(self, known: Collection[str]) -> None:
        """Ask which workers there are; the event, about None, has a `Muster`."""
        self._ask(self._muster(known), None)

    def _ask(self, question: Coroutine[Any, Any, Any], about: object) -> Future[Any]:
        asked = asyncio.run_coroutine_threadsafe(question, self._client.loop.asyncio_loop)
        asked.add_done_callback(partial(self._told, about))
        return asked

    def _told(self, about: object, asked: Future[Any]) -> None:
        if not asked.cancelled():
            error = asked.exception()
            self._events.put(Event(about, failure=_cause(error)) if error else Event(about, asked.result()))

    async def _exchange(self, worker: str, data: bytes) -> Answer:
        key = f"eop-probe-{uuid4().hex}"
        future = self._client.submit(
            exchange, data, key=key, workers=[worker], allow_other_workers=False, pure=False
        )
        try:
            answer: Answer = unpacked(await future)
        finally:
            future.release()
        return answer

    async def _muster(self, known: Collection[str]) -> Muster:
        from distributed.versions import get_versions

        there = set(await self._client.nthreads())
        if not there - set(known):
            return Muster(there, "", {})
        ours = _versions(get_versions([_SAME[0]]))
        scheduler = _versions(await self._client.scheduler.versions(packages=[_SAME[0]]))
        workers = await self._versions_of(there - set(known))
        return Muster(
            there,
            different(f"the scheduler {self.address}", scheduler, ours),
            {name: different(f"the worker {name}", theirs, ours) for name, theirs in workers.items()},
        )

    async def _versions_of(self, workers: Collection[str]) -> dict[str, dict[str, str]]:
        """Those of the workers that answer: one that hangs holds up no other."""
        question = {"op": "versions", "packages": [_SAME[0]]}
        ask = self._client.scheduler.broadcast
        asked = [
            asyncio.ensure_future(ask(msg=question, workers=[one], on_error="ignore")) for one in workers
        ]
        # None is cancelled: Dask would take a late answer for that to the next question.
        done, _ = await asyncio.wait(asked, timeout=ANSWER_S)
        return {name: _versions(said) for each in done for name, said in each.result().items()}


@contextmanager
def _in_our_words() -> Iterator[None]:
    """What Dask logs and warns of is told by us; the process is left as it was."""
    from distributed.versions import VersionMismatchWarning

    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)
        logging.disable()
        try:
            yield
        finally:
            logging.disable(before)


def _refuse(tls: Tls) -> None:
    """Say which file is amiss: OpenSSL does not, and would ask for a password at the terminal."""
    for option, file in zip(("ca", "cert", "key"), tls, strict=True):
        try:
            if file:
                open_file(file).close()
        except OSError as error:
            raise ConfigurationError(
                f"--scheduler-{option} {printable(str(file))} cannot be read: {error.strerror}"
            ) from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    what = "--scheduler-ca is no certificate in PEM"
    try:
        if tls.ca:
            context.load_verify_locations(tls.ca)
        what = "--scheduler-cert and --scheduler-key are no certificate and its unencrypted key"
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"{what} ({getattr(error, 'reason', None) or 'PEM'})") from None


@cache
def _client() -> Any:  # noqa: ANN401 - most of Dask's client is untyped
    from distributed import Client

    class Quiet(Client):
        """Closes itself when it is let go of; what is raised then would be a traceback on standard error."""

        def __del__(self) -> None:
            with suppress(Exception):
                super().__del__()  # type: ignore[no-untyped-call]

    return Quiet


def _close(client: Any) -> None:  # noqa: ANN401 - most of Dask's client is untyped
    with suppress(Exception):  # what ended its connection is raised once more
        client.close(timeout=2)


def _versions(said: Mapping[str, Any]) -> dict[str, str]:
    packages = said["packages"]
    python = ".".join(said["host"]["python"].split(".")[:2])
    return {"Python": python} | {name: packages.get(name) or "no" for name in _SAME}


def different(machine: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """One sentence: which machine has what; nothing where they are alike."""
    if theirs == ours:
        return ""
    unlike = [name for name in ours if theirs[name] != ours[name]]
    there = ", ".join(f"{name} {theirs[name]}" for name in unlike)
    here = ", ".join(f"{name} {ours[name]}" for name in unlike)
    return printable(f"{machine} has {there}; this machine has {here}")


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return printable(str(error) or type(error).__name__, 200)
