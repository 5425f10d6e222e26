"""Observing one endpoint over a blocking connection: greeting, EHLO, STARTTLS, handshake, QUIT.

To be imported after `begin_connect`: what it imports takes longer than the network does.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from probe.capture import Capture
from probe.errors import DeadlineError, ObservationError
from probe.net.client_session import ClientSession, Retry, unreached
from probe.net.clock import monotonic, pause
from probe.net.request import ProbeRequest
from probe.net.stream import Deadline, PendingConnection, Stream, begin_connect
from probe.smtp.ehlo import ehlo_argument

if TYPE_CHECKING:
    from probe.net.client_session import Parse

NOTHING: Iterator[None] = iter(())

LINGER_S = 1.0
"""Seconds after the handshake for a server's word on the client certificate that it did not get."""


T = TypeVar("T")


class Attempt(NamedTuple):
    """A connection to make: `pause_s` from now, for at most `seconds`, `at_s` after the first one for its request."""

    request: ProbeRequest
    seconds: float
    at_s: float = 0.0
    pause_s: float = 0.0


class Shown(NamedTuple):
    """What a connection showed, why another one may show more, and how many seconds it took.

    `waited_s`: those before it, from the end of the one before, that no attempt had asked for. `starved`: nothing was
    begun, for want of a descriptor.
    """

    capture: Capture
    retry: Retry | None
    seconds: float
    waited_s: float = 0.0
    starved: bool = False


#: Says which connections to make, one after the other, and is told what each showed; no sockets, no clock.
Steps = Generator[Attempt, Shown, T]


def attempts(request: ProbeRequest) -> Steps[Shown]:
    """Every connection for one request, within its time: what they show together, and the seconds they took.

    There is one, and one more for each of two reasons at most: a 421, and a handshake that failed over what we had
    offered.
    """
    tried: set[Retry] = set()
    capture, retry, spent, waited_s, _ = yield Attempt(request, request.timeout_s)
    while retry is not None and retry not in tried:
        pause_s = request.retry_pause_s if retry is Retry.THROTTLED else 0.0
        spent += pause_s
        if spent >= request.timeout_s:
            break
        tried.add(retry)
        request = replace(request, library_groups=request.library_groups or retry is Retry.LIBRARY_GROUPS)
        shown = yield Attempt(request, request.timeout_s - spent, spent, pause_s)
        capture, retry = _better(capture, shown.capture), shown.retry
        spent, waited_s = spent + shown.seconds, waited_s + shown.waited_s
    return Shown(capture, None, spent, waited_s)


def observe(
    request: ProbeRequest, pending: PendingConnection, started: float, meanwhile: Iterator[None] = NOTHING
) -> Capture:
    """Return what one endpoint shows; `started` is the monotonic instant at which `pending` was begun.

    While an answer is on its way `meanwhile` does its next piece. Whatever the peer does ends up in the capture,
    never in an exception, within the request's time.
    """
    return drive(attempts(request), pending, started, meanwhile).capture


def drive(
    steps: Steps[T],
    pending: PendingConnection,
    started: float,
    meanwhile: Iterator[None],
    turn_s: Callable[[], float] = lambda: 0.0,
) -> T:
    """Make the connections one after the other on this thread, the first of which has begun.

    `turn_s` says after how many seconds another one is polite.
    """
    attempt, waited_s = next(steps), 0.0
    while True:
        with contextlib.ExitStack() as stack:
            shown, stream = _connection(attempt, pending, started, meanwhile, stack)
            ended = monotonic()
            try:
                attempt = steps.send(shown._replace(waited_s=waited_s))
            except StopIteration as end:
                return cast("T", end.value)
            if stream is not None:
                stream.part(Deadline(monotonic() + LINGER_S))
        pause(attempt.pause_s)
        pause(turn_s())
        pending, started = begin_connect(attempt.request.address, attempt.request.port), monotonic()
        waited_s = started - ended - attempt.pause_s


def _connection(
    attempt: Attempt,
    pending: PendingConnection,
    started: float,
    meanwhile: Iterator[None],
    stack: contextlib.ExitStack,
) -> tuple[Shown, Stream | None]:
    """Make one connection, which `stack` closes."""
    deadline = Deadline(started + attempt.seconds)
    _use_time(pending, meanwhile)
    try:
        stream = pending.finish(deadline)
    except ObservationError as error:
        return Shown(unreached(attempt.request, error), None, monotonic() - started), None
    stack.callback(stream.close)
    session = session_for(attempt, stream.local_address)
    _drive(session, stream, deadline, started - attempt.at_s, meanwhile)
    return Shown(session.capture(), session.retry, monotonic() - started), stream


def session_for(attempt: Attempt, local_address: str, parse: Parse | None = None) -> ClientSession:
    """The conversation for a connection that has come about."""
    return ClientSession(attempt.request, attempt.request.ehlo_name or local_ehlo_name(local_address), parse)


def _drive(
    observation: ClientSession, stream: Stream, deadline: Deadline, started: float, meanwhile: Iterator[None]
) -> None:
    try:
        while not observation.finished:
            _flush(observation, stream, deadline, started)
            _use_time(stream, meanwhile)
            patience = (
                Deadline(min(deadline.at, monotonic() + LINGER_S)) if observation.lingering else deadline
            )
            data = stream.read(patience)
            if data:
                observation.receive(data, _ms(started))
            else:
                observation.receive_eof(_ms(started))
            if observation.looking:
                observation.receive(stream.read_now() or b"", _ms(started))
            # Bytes can trickle in without a wait in between.
            if deadline.remaining() <= 0 and not observation.finished:
                raise DeadlineError("no time left")
    except ObservationError as error:
        observation.break_off(error, _ms(started))
    # QUIT or an alert; a peer that is gone already, or does not read, has shown what there was.
    with contextlib.suppress(ObservationError):
        _flush(observation, stream, deadline, started)


def _use_time(connection: PendingConnection | Stream, meanwhile: Iterator[None]) -> None:
    while connection.idle() and next(meanwhile, meanwhile) is not meanwhile:
        pass


def _flush(observation: ClientSession, stream: Stream, deadline: Deadline, started: float) -> None:
    stream.write(observation.bytes_to_send(_ms(started)), deadline)


def _better(first: Capture, second: Capture) -> Capture:
    """Return the attempt that says more: a chain, else the later words, if there are any."""
    if second.presented is not None or (second.smtp is not None and second.smtp.banner is not None):
        return second
    return first


def _ms(started: float) -> int:
    return round((monotonic() - started) * 1000)


def local_ehlo_name(local_address: str, hostname: str | None = None) -> str:
    """Return this host's fully qualified name if it has one, else the address of this end of the connection.

    RFC 5321 4.1.4 wants one or the other. Only the host name that the system holds is asked (`hostname`
    replaces it), never the DNS: a reverse look-up can take longer than the whole conversation.
    """
    name = (socket.gethostname() if hostname is None else hostname).rstrip(".").lower()
    if "." in name and not name.rpartition(".")[2].isdigit() and not name.startswith("localhost."):
        try:
            return ehlo_argument(name)
        except ValueError:
            pass  # A host name may be any text; what is no domain is not for EHLO.
    # A zone ("%eth0") means nothing to the peer.
    return local_address.partition("%")[0]
