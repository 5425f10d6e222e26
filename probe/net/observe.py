"""Observing one endpoint over a blocking connection: greeting, EHLO, STARTTLS, handshake, QUIT.

To be imported after `begin_connect`: what it imports takes longer than the network does.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace

from probe.capture import Capture
from probe.errors import DeadlineError, ObservationError
from probe.net.client_session import ClientSession, Retry, unreached
from probe.net.clock import monotonic, pause
from probe.net.request import ProbeRequest
from probe.net.stream import Deadline, PendingConnection, Stream, begin_connect
from probe.smtp.ehlo import ehlo_argument

NOTHING: Iterator[None] = iter(())

LINGER_S = 1.0
"""Seconds after the handshake for a server's word on the client certificate that it did not get."""


def observe(
    request: ProbeRequest, pending: PendingConnection, started: float, meanwhile: Iterator[None] = NOTHING
) -> Capture:
    """Return what one endpoint shows; `started` is the monotonic instant at which `pending` was begun.

    While an answer is on its way `meanwhile` does its next piece.

    Whatever the peer does ends up in the capture, never in an exception, within the request's time. There is one
    connection, and one more for each of two reasons at most: a 421, and a handshake that failed over what
    we had offered.
    """
    deadline = Deadline(started + request.timeout_s)
    tried: set[Retry] = set()
    capture, retry = _attempt(request, pending, started, tried, meanwhile)
    while retry is not None and retry not in tried and _waited(request, retry, deadline):
        tried.add(retry)
        again = begin_connect(request.address, request.port)
        second, retry = _attempt(request, again, started, tried, meanwhile)
        capture = _better(capture, second)
    return capture


def _attempt(
    request: ProbeRequest,
    pending: PendingConnection,
    started: float,
    tried: set[Retry],
    meanwhile: Iterator[None],
) -> tuple[Capture, Retry | None]:
    deadline = Deadline(started + request.timeout_s)
    _use_time(pending, meanwhile)
    try:
        stream = pending.finish(deadline)
    except ObservationError as error:
        return unreached(request, error), None
    name = request.ehlo_name or local_ehlo_name(stream.local_address)
    if Retry.LIBRARY_GROUPS in tried:
        request = replace(request, library_groups=True)
    observation = ClientSession(request, name)
    try:
        _drive(observation, stream, deadline, started, meanwhile)
    finally:
        stream.close()
    return observation.capture(), observation.retry


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


def _waited(request: ProbeRequest, retry: Retry, deadline: Deadline) -> bool:
    """Wait where the server asked for it; False where the time does not allow another attempt."""
    seconds = request.retry_pause_s if retry is Retry.THROTTLED else 0.0
    if deadline.remaining() <= seconds:
        return False
    pause(seconds)
    return True


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
