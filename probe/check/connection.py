"""One connection driven by an event loop: the same conversation as a blocking one's, moved on by its callbacks."""

from __future__ import annotations

import contextlib
import select
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.capture import Capture
from probe.errors import DeadlineError, ObservationError
from probe.net.client_session import ClientSession, unreached
from probe.net.clock import monotonic
from probe.net.observe import LINGER_S, Attempt, Shown, session_for
from probe.net.stream import Stream, begin_connect
from probe.report.failed import Guard

if TYPE_CHECKING:
    from probe.net.client_session import Parse


#: Whether nothing but select is there, to which a connection that failed is never readable: Windows.
_SELECT_ALONE = not hasattr(select, "poll")


class Connection:
    """Connects at once; calls `ended` once with what was shown, None where `guard` met a defect; then it is to be
    closed, or to `part`.
    """

    __slots__ = (
        "_attempt",
        "_ended",
        "_fd",
        "_guard",
        "_loop",
        "_parse",
        "_pending",
        "_session",
        "_shown",
        "_started",
        "_stream",
        "_timer",
        "_unsent",
    )

    def __init__(
        self,
        loop: AbstractEventLoop,
        attempt: Attempt,
        guard: Guard,
        ended: Callable[[Shown | None], None],
        parse: Parse,
    ) -> None:
        self._parse = parse
        self._loop, self._attempt, self._guard, self._ended = loop, attempt, guard, ended
        self._started = monotonic()
        self._pending = begin_connect(attempt.request.address, attempt.request.port)
        self._fd = self._pending.fileno()
        self._stream: Stream | None = None
        self._session: ClientSession | None = None
        self._unsent = b""
        self._shown: Shown | None = None
        self._timer = loop.call_later(attempt.seconds, self._do, self._late)
        if self._fd < 0:
            loop.call_soon(self._do, self._connected)
        elif attempt.request.implicit_tls or _SELECT_ALONE:
            loop.add_writer(self._fd, self._do, self._writable)
        else:
            # The server speaks first: its greeting, or an error, says what became of the connection.
            loop.add_reader(self._fd, self._do, self._read)

    @property
    def open(self) -> bool:
        """Whether it has a descriptor."""
        return self._fd >= 0

    def part(self, then: Callable[[], None]) -> None:
        """Close it after the peer has, and call `then`: so the peer never sees two at once."""
        self._timer.cancel()
        if self._fd < 0 or self._stream is None:
            self.close()
            then()
            return
        self._stream.hang_up()
        self._loop.remove_writer(self._fd)
        self._loop.add_reader(self._fd, self._drain, then)
        self._timer = self._loop.call_later(LINGER_S, self._parted, then)

    def _drain(self, then: Callable[[], None]) -> None:
        with contextlib.suppress(ObservationError):
            if self._stream is not None and self._stream.read_now() != b"":
                return
        self._parted(then)

    def _parted(self, then: Callable[[], None]) -> None:
        self.close()
        then()

    def close(self) -> None:
        """Give it up, with a QUIT where one can be said."""
        self._timer.cancel()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            if self._stream is None or self._unsent:
                self._loop.remove_writer(self._fd)
            self._fd = -1
        if self._stream is not None:
            if self._session is not None and not self._session.finished:
                with contextlib.suppress(ObservationError):
                    self._stream.write_now(self._session.leave(self._ms()))
            self._stream.close()
        self._pending.close()

    def _over(self) -> bool:
        return self._shown is not None or bool(self._guard.failure)

    def _do(self, step: Callable[[], None]) -> None:
        if self._over():
            return  # this step stood in the loop's queue already
        with self._guard:
            step()
        if self._over():
            self._timer.cancel()
            self._ended(self._shown)

    def _writable(self) -> None:
        self._loop.remove_writer(self._fd)
        self._loop.add_reader(self._fd, self._do, self._read)
        self._connected()

    def _connected(self) -> None:
        try:
            self._stream = self._pending.opened()
        except ObservationError as error:
            self._show(unreached(self._attempt.request, error))
            return
        self._session = session_for(self._attempt, self._stream.local_address, self._parse)
        if self._attempt.request.implicit_tls:
            self._send(self._stream, self._session)

    def _read(self) -> None:
        if self._stream is None:
            self._connected()
        stream, session = self._stream, self._session
        if stream is None or session is None:
            return
        try:
            data = stream.read_now()
            if data is None:
                return
            if data:
                session.receive(data, self._ms())
            else:
                session.receive_eof(self._ms())
            self._send(stream, session)
        except ObservationError as error:
            session.break_off(error, self._ms())
        if session.looking:
            # Twice round the loop, which asks the kernel each time what has come: a ticket may lag a little.
            self._loop.call_soon(self._loop.call_soon, self._do, self._looked)
        self._go_on(stream, session)

    def _looked(self) -> None:
        """Go on, unless more has come meanwhile."""
        stream, session = self._stream, self._session
        if stream is None or session is None or self._fd < 0 or not session.looking:
            return
        try:
            session.receive(b"", self._ms())
            self._send(stream, session)
        except ObservationError as error:
            session.break_off(error, self._ms())
        self._go_on(stream, session)

    def _go_on(self, stream: Stream, session: ClientSession) -> None:
        if session.finished:
            with contextlib.suppress(ObservationError):
                # QUIT or an alert; a peer that does not read has shown what there was.
                stream.write_now(self._unsent + session.bytes_to_send(self._ms()))
            self._show(session.capture(), session)
        elif session.lingering:
            self._timer.cancel()
            left = self._attempt.seconds - (monotonic() - self._started)
            self._timer = self._loop.call_later(max(0.0, min(LINGER_S, left)), self._do, self._late)

    def _send(self, stream: Stream, session: ClientSession) -> None:
        waited = bool(self._unsent)
        self._unsent = stream.write_now(self._unsent + session.bytes_to_send(self._ms()))
        if self._unsent and not waited:
            self._loop.add_writer(self._fd, self._do, self._write)
        elif waited and not self._unsent:
            self._loop.remove_writer(self._fd)

    def _write(self) -> None:
        if self._stream is not None and self._session is not None:
            try:
                self._send(self._stream, self._session)
            except ObservationError as error:
                self._session.break_off(error, self._ms())
                self._go_on(self._stream, self._session)

    def _late(self) -> None:
        if self._stream is None and self._pending.idle():
            late = DeadlineError(f"no answer from {self._pending.peer} in time")
            self._show(unreached(self._attempt.request, late))
            return
        if self._stream is None:
            self._connected()  # and nothing was said
        if self._stream is not None and self._session is not None:
            self._session.break_off(DeadlineError("no time left"), self._ms())
            self._go_on(self._stream, self._session)

    def _show(self, capture: Capture, session: ClientSession | None = None) -> None:
        retry = session.retry if session is not None else None
        starved = self._pending.starved
        self._shown = Shown(capture, retry, monotonic() - self._started, starved=starved)

    def _ms(self) -> int:
        return round((monotonic() - self._started + self._attempt.at_s) * 1000)
