"""A small SMTP server with STARTTLS that many clients can talk to at once, and none can exhaust.

One thread, one selector, no asyncio: a session is a state machine already, and starting up stays cheap. What takes
longer (the policy's answers, what becomes of a session that has ended) is done by a second thread, one after the
other, so that no sender's chain holds up the others' sessions. It binds loopback unless told otherwise, takes no
mail, and every wait, count and size has a limit.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Self

from probe.net.clock import monotonic
from probe.net.listener_client import Client
from probe.net.listener_settings import ListenerSettings, bind
from probe.net.public_addresses import client_of
from probe.net.server_session import Ending, ServerSession, SessionRecord, judged
from probe.smtp.reply import Reply, wire
from probe.smtp.server_values import Question

_READ_BYTES = 65_536
#: Few of what one address may have open: those that have left make room in between.
_ACCEPTS_AT_ONCE = 8

#: Seconds between two looks at the clocks of all sessions.
_SWEEP_S = 0.25

#: One in so many places is kept for addresses without a session.
_KEPT_SHARE = 4

_TOO_MANY = wire(Reply(code=421, lines=("4.7.0 Too many connections from your address",)))


class Listener:
    """Listens from the moment it is made; serves from `start` (own thread) or `run` (this one) until `stop`.

    The policy and `on_session`, which gets the record of each session that has ended, are called by a thread of
    their own, one call after the other; `run` ends when all are done, and raises what `on_session` raised. Raises
    ConfigurationError if the address cannot be bound.
    """

    def __init__(
        self, settings: ListenerSettings, on_session: Callable[[SessionRecord], None] | None = None
    ) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._on_session = on_session or (lambda _record: None)
        self._socket = bind(settings.host, settings.port)
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakened = socket.socketpair()
        self._clients: dict[socket.socket, Client] = {}
        self._open: Counter[str] = Counter()
        self._sessions = 0
        self._accepting = False
        self._next_sweep = 0.0
        self._thread: threading.Thread | None = None
        self._judge = ThreadPoolExecutor(1, "judge", self._note_judge)
        self._judge_thread: threading.Thread | None = None
        self._judged: SimpleQueue[tuple[Client, Reply | None] | None] = SimpleQueue()
        self._untold = 0
        self._error: BaseException | None = None
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port, also where any free one was wanted."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread = threading.Thread(target=self.run, name=f"listener {self.port}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End all sessions with a 421 and close; from any thread, and as often as one likes."""
        self._stopping.set()
        self._wake()
        # The judge's own thread is waited for by the serving one.
        if self._thread and threading.current_thread() not in (self._thread, self._judge_thread):
            self._thread.join()

    def _note_judge(self) -> None:
        self._judge_thread = threading.current_thread()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b".")

    def run(self, seconds: float | None = None) -> None:
        """Serve on this thread until `stop` is called, or for so many seconds."""
        for waker in (self._waker, self._wakened):
            waker.settimeout(0)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._accept_again()
        end = math.inf if seconds is None else monotonic() + seconds
        try:
            while not self._stopping.is_set() and monotonic() < end:
                self._turn(end)
        finally:
            self._close()
        if self._error is not None:
            raise self._error

    def _turn(self, end: float) -> None:
        busy = self._clients or not self._accepting
        until = min(end, self._next_sweep) if busy else end
        wait = None if until == math.inf else max(0.0, until - monotonic())
        for key, ready in self._selector.select(wait):
            if key.fileobj is self._socket:
                self._accept()
            elif isinstance(key.data, Client):
                self._serve(key.data, ready)
            else:
                self._take_answers()
        if monotonic() >= self._next_sweep:
            self._sweep()

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            if not self._room():
                break
            try:
                sock, place = self._socket.accept()
            except BlockingIOError:
                return
            except OSError:
                break  # No descriptors left, most likely: the next sweep tries again.
            self._welcome(sock, (str(place[0]), int(place[1])))
        else:
            return
        self._selector.unregister(self._socket)
        self._accepting = False

    def _room(self) -> bool:
        return len(self._clients) + self._untold < self._limits.sessions

    def _accept_again(self) -> None:
        if not self._accepting and self._room():
            self._selector.register(self._socket, selectors.EVENT_READ)
            self._accepting = True

    def _welcome(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        sock.settimeout(0)
        crowded = self._crowded(client_of(peer[0]))
        if crowded or not self._settings.allowed(peer[0]):
            with contextlib.suppress(OSError), sock:
                sock.send(_TOO_MANY if crowded else b"")
            return
        # Without it the client's delayed acknowledgement holds back our replies for 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now = monotonic()
        client = Client(sock, peer, self._new_session(peer[0]), self._sessions, now, now)
        self._clients[sock] = client
        self._open[client_of(peer[0])] += 1
        self._flush(client)

    def _crowded(self, owner: str) -> bool:
        """Whether a client has its share of the places, or those that are left are for others."""
        limits, mine = self._limits, self._open[owner]
        left = limits.sessions - len(self._clients)
        return mine >= limits.per_address or (mine > 0 and left <= limits.sessions // _KEPT_SHARE)

    def _new_session(self, peer_address: str) -> ServerSession:
        settings = self._settings
        context = settings.contexts[self._sessions % len(settings.contexts)]
        self._sessions += 1
        return ServerSession(
            settings.profile,
            context,
            policy=None,
            limits=self._limits.smtp,
            implicit_tls=settings.implicit_tls,
            peer_address=peer_address,
        )

    def _serve(self, client: Client, ready: int) -> None:
        if ready & selectors.EVENT_READ:
            self._read(client)
        if client.sock in self._clients:
            self._flush(client)

    def _read(self, client: Client) -> None:
        try:
            data = client.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            client.session.receive_eof()
            self._forget(client)
            return
        if client.lingering:
            return  # What comes after the last words is thrown away, and buys no time.
        client.heard = monotonic()
        client.received += len(data)
        client.session.receive(data, client.at_ms)
        if client.received > self._limits.session_bytes:
            client.session.shut_down(Ending.TOO_MANY_BYTES, "4.3.2 Too much data")

    def _ask(self, client: Client, question: Question) -> None:
        client.asked = True

        def answer() -> None:
            self._judged.put((client, judged(self._settings.policy, client.session, question)))
            self._wake()

        self._judge.submit(answer)

    def _take_answers(self) -> None:
        """Go on with the sessions that the judge has answered, and take as many new ones as it has told of."""
        with contextlib.suppress(BlockingIOError):
            self._wakened.recv(_READ_BYTES)
        while not self._judged.empty():
            answered = self._judged.get()
            if answered is None:
                self._untold -= 1
                continue
            client, refusal = answered
            if client.asked and client.sock in self._clients:
                client.asked = False
                client.session.resume(refusal, client.at_ms)
                self._flush(client)
        self._accept_again()

    def _flush(self, client: Client) -> None:
        if not client.asked and client.session.question is not None:
            self._ask(client, client.session.question)
        client.unsent += client.session.bytes_to_send(client.at_ms)
        try:
            while client.unsent:
                del client.unsent[: client.sock.send(client.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            client.session.receive_eof()
            self._forget(client)
            return
        self._go_on_or_end(client)

    def _go_on_or_end(self, client: Client) -> None:
        if len(client.unsent) > self._limits.unread_bytes:
            client.session.shut_down(Ending.TOO_MANY_BYTES, "4.3.2 Nobody reads this")
            self._forget(client)
            return
        self._watch(client)
        if client.session.finished and not client.unsent and not client.lingering:
            # Closing with bytes unread would reset the connection, and the last words with it.
            client.lingering = True
            client.heard = monotonic()
            with contextlib.suppress(OSError):
                client.sock.shutdown(socket.SHUT_WR)
            self._report(client)

    def _watch(self, client: Client) -> None:
        """Wait for what the client can do next: a sender that is being judged is not listened to."""
        events = (0 if client.asked else selectors.EVENT_READ) | (
            selectors.EVENT_WRITE if client.unsent else 0
        )
        if not client.events and events:
            self._selector.register(client.sock, events, client)
        elif client.events and not events:
            self._selector.unregister(client.sock)
        elif client.events != events:
            self._selector.modify(client.sock, events, client)
        client.events = events

    def _sweep(self) -> None:
        now = monotonic()
        self._next_sweep = now + _SWEEP_S
        for client in list(self._clients.values()):
            if client.lingering:
                if now - client.heard > self._limits.linger_s:
                    self._forget(client)
            elif now - client.begun > self._limits.total_s:
                self._dismiss(client, Ending.TOO_LONG, "4.4.2 Time is up")
            elif now - client.heard > self._limits.idle_s:
                self._dismiss(client, Ending.IDLE, "4.4.2 Connection idle for too long")
        self._accept_again()

    def _dismiss(self, client: Client, ending: Ending, words: str) -> None:
        """Say the last words, if the client reads them, and end it."""
        client.session.shut_down(ending, words)
        client.asked, client.session.question = False, None
        self._flush(client)
        if client.sock in self._clients and client.unsent:
            self._forget(client)

    def _forget(self, client: Client) -> None:
        del self._clients[client.sock]
        owner = client_of(client.peer[0])
        self._open[owner] -= 1
        if not self._open[owner]:
            del self._open[owner]
        if client.events:
            self._selector.unregister(client.sock)
        client.sock.close()
        self._report(client)
        self._accept_again()

    def _report(self, client: Client) -> None:
        if not client.reported:
            client.reported = True
            self._untold += 1
            self._judge.submit(self._tell, client.session.record(client.number, client.peer, client.at_ms))

    def _tell(self, record: SessionRecord) -> None:
        try:
            self._on_session(record)
        except BaseException as error:  # noqa: BLE001 - raised by `run`
            self._error = self._error or error
            self._stopping.set()
        self._judged.put(None)
        self._wake()

    def _close(self) -> None:
        for client in list(self._clients.values()):
            self._dismiss(client, Ending.STOPPED, "4.3.2 Service shutting down")
            if client.sock in self._clients:
                self._forget(client)
        self._judge.shutdown()
        self._selector.close()
        for sock in (self._socket, self._waker, self._wakened):
            sock.close()
