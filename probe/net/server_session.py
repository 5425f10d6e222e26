"""One connection of a server as a state machine without sockets: SMTP, STARTTLS and TLS put together.

The driver moves bytes and says what time it is (`at_ms`: milliseconds since the connection was accepted), writes
`bytes_to_send` after each call, and closes once `finished` is true and all is written.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from OpenSSL import SSL

from probe.capture import TlsFacts
from probe.net.tls_engine import TlsFailure
from probe.net.tls_server import TlsServer
from probe.smtp.reply import Reply
from probe.smtp.server import ServerConversation
from probe.smtp.server_values import (
    ContentEnded,
    EnvelopeCommand,
    Introduced,
    MailOffered,
    Question,
    Quit,
    ServerEvent,
    ServerLimits,
    ServerProfile,
    StartTls,
    Violation,
)
from probe.smtp.transcript import TranscriptLine

RECIPIENTS_KEPT = 100
"""Recipients of a session that are kept by name; servers have to take as many (RFC 5321 4.5.3.1.8)."""

Policy = Callable[["ServerSession", Question], Reply | None]
"""Answers what a sender asks: None allows it, a 4yz or 5yz reply refuses it."""


_CANNOT_JUDGE = Reply(code=451, lines=("4.3.0 eop-probe listener: this sender could not be judged",))


class SessionRefusal(NamedTuple):
    """The last refusal of a policy: the command it answered, the reply, and the recipient if it was about one."""

    command: EnvelopeCommand
    reply: Reply
    recipient: str | None = None


class Ending(enum.Enum):
    """How a session ended."""

    QUIT = "quit"
    CLOSED = "closed"
    """The client closed or reset the connection."""
    TLS_FAILED = "tls-failed"
    REFUSED = "refused"
    """The server's greeting was a refusal."""
    VIOLATION = "violation"
    """The client broke a rule or a limit of the protocol."""
    IDLE = "idle"
    TOO_LONG = "too-long"
    TOO_MANY_BYTES = "too-many-bytes"
    STOPPED = "stopped"
    """The listener was stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """What was seen of one client.

    `presented` is the client's chain, DER in wire order, its own certificate first; empty if it sent none.
    `number` counts the sessions from 1. `client_name` and what follows is as the client said it, printable.
    """

    number: int
    peer_address: str
    peer_port: int
    elapsed_ms: int
    ending: Ending
    client_name: str | None
    server_name: str | None
    tls: TlsFacts | None
    tls_established: bool
    tls_failure: TlsFailure | None
    presented: tuple[bytes, ...]
    sender: str | None
    recipients: tuple[str, ...]
    content_bytes: int
    refusal: SessionRefusal | None
    violation: Violation | None
    transcript: tuple[TranscriptLine, ...]
    hello_awaited: bool = False
    """The client said STARTTLS, and not a byte of TLS."""
    left: bool = False
    """The client said EHLO and QUIT, and neither STARTTLS nor MAIL in between."""


def welcome(_session: ServerSession, _question: Question) -> None:
    """Allow every sender and every recipient: the policy of a server that is there to be looked at."""


def judged(policy: Policy, session: ServerSession, question: Question) -> Reply | None:
    """The policy's answer; a policy that fails turns this sender away for now, and ends nobody else's session."""
    try:
        return policy(session, question)
    except Exception:  # noqa: BLE001 - whatever fails over one client's bytes must not take the server down
        return _CANNOT_JUDGE


class ServerSession:
    """One client, from the greeting to the end; what is known of it so far is readable at any time.

    Without a `policy` the driver answers: what is asked stands in `question` until `resume`, and meanwhile nothing
    is to be received but the end.
    """

    def __init__(
        self,
        profile: ServerProfile,
        context: SSL.Context,
        *,
        policy: Policy | None = welcome,
        limits: ServerLimits | None = None,
        implicit_tls: bool = False,
        peer_address: str = "",
    ) -> None:
        self.peer_address = peer_address
        self._conversation = ServerConversation(profile, limits=limits, implicit_tls=implicit_tls)
        self._context = context
        self._policy = policy
        #: What the driver has to answer; None: nothing.
        self.question: Question | None = None
        #: The TLS side of the connection, as soon as the handshake may begin.
        self.tls = TlsServer(context) if implicit_tls else None
        self._outbox: list[bytes] = []
        #: Whether to close the connection once everything is sent.
        self.finished = False
        self.ending: Ending | None = None
        self.client_name: str | None = None
        self._extended = False
        self.sender: str | None = None
        self.recipients: tuple[str, ...] = ()
        self.content_bytes = 0
        self.refusal: SessionRefusal | None = None
        self.violation: Violation | None = None
        if self._conversation.closing:
            self._finish(Ending.REFUSED)

    @property
    def presented(self) -> tuple[bytes, ...]:
        """The client's chain, DER in wire order, its own certificate first."""
        return self.tls.presented() if self.tls else ()

    def receive(self, data: bytes, at_ms: int) -> None:
        """Take bytes from the client, in any chunking."""
        if self.finished:
            return
        if self.tls is None:
            self._handle(self._conversation.receive(data, at_ms), at_ms)
        else:
            self._receive_tls(self.tls, data, at_ms)

    def resume(self, refusal: Reply | None, at_ms: int) -> None:
        """Go on with the answer to `question`; None allows it."""
        question, self.question = self.question, None
        if question is not None and not self.finished:
            self._handle(self._answered(question, refusal, at_ms), at_ms)

    def receive_eof(self) -> None:
        """Note that the client closed or reset the connection."""
        if self.tls is not None:
            self.tls.receive_eof()
        self._finish(Ending.CLOSED)

    def shut_down(self, ending: Ending, words: str) -> None:
        """End the connection from our side, with a 421 where there is a way to say it."""
        if self.tls is None or self.tls.established:
            self._conversation.shut_down(Reply(code=421, lines=(words,)))
        self._finish(ending)

    def bytes_to_send(self, at_ms: int) -> bytes:
        """Return what to send now, once."""
        tls = self.tls
        if tls is None:
            self._outbox.append(self._conversation.bytes_to_send(at_ms))
        else:
            # With implicit TLS the greeting waits for the handshake.
            if tls.established and (said := self._conversation.bytes_to_send(at_ms)):
                tls.send(said)
            if self.finished:
                tls.say_goodbye()
            self._outbox.append(tls.bytes_to_send())
        waiting, self._outbox = b"".join(self._outbox), []
        return waiting

    def record(self, number: int, peer: tuple[str, int], elapsed_ms: int) -> SessionRecord:
        """Return what was seen; to be asked at the end."""
        tls = self.tls
        return SessionRecord(
            number=number,
            peer_address=peer[0],
            peer_port=peer[1],
            elapsed_ms=elapsed_ms,
            ending=self.ending or Ending.CLOSED,
            client_name=self.client_name,
            server_name=tls.server_name if tls else None,
            tls=tls.facts if tls else None,
            tls_established=tls is not None and tls.established,
            tls_failure=tls.failure if tls else None,
            presented=self.presented,
            sender=self.sender,
            recipients=self.recipients,
            content_bytes=self.content_bytes,
            refusal=self.refusal,
            violation=self.violation,
            transcript=self._conversation.transcript.lines,
            hello_awaited=tls is not None and tls.silent,
            left=self._extended and self.ending is Ending.QUIT and tls is None and self.sender is None,
        )

    def _receive_tls(self, tls: TlsServer, data: bytes, at_ms: int) -> None:
        was_established = tls.established
        tls.receive(data)
        if tls.established and not was_established and not self._conversation.in_tls:
            self._conversation.tls_established()
        if tls.established:
            self._handle(self._conversation.receive(tls.plaintext(), at_ms), at_ms)
        if tls.failure is not None:
            self._finish(Ending.CLOSED if tls.established else Ending.TLS_FAILED)

    def _handle(self, events: tuple[ServerEvent, ...], at_ms: int) -> None:
        waiting = deque(events)
        while waiting:
            event = waiting.popleft()
            if not isinstance(event, Question):
                self._note(event, at_ms)
                continue
            self._ask(event)
            if self._policy is not None:
                waiting.extend(self._answered(event, judged(self._policy, self, event), at_ms))
        if self._conversation.closing:
            self._finish(Ending.VIOLATION)

    def _ask(self, question: Question) -> None:
        self.question = question if self._policy is None else None
        if isinstance(question, MailOffered):
            self.sender = question.sender
        elif len(self.recipients) < RECIPIENTS_KEPT:
            self.recipients += (question.recipient,)

    def _answered(self, question: Question, refusal: Reply | None, at_ms: int) -> tuple[ServerEvent, ...]:
        if refusal is not None:
            self.refusal = (
                SessionRefusal(EnvelopeCommand.MAIL, refusal)
                if isinstance(question, MailOffered)
                else SessionRefusal(EnvelopeCommand.RCPT, refusal, question.recipient)
            )
        return self._conversation.answer(refusal, at_ms)

    def _note(self, event: ServerEvent, at_ms: int) -> None:
        match event:
            case Introduced(name=name, extended=extended):
                self.client_name, self._extended = name, extended
            case StartTls() if not self._conversation.closing:
                self._outbox.append(self._conversation.bytes_to_send(at_ms))
                self.tls = TlsServer(self._context)
            case ContentEnded(size=size):
                self.content_bytes += size
            case Quit():
                self._finish(Ending.QUIT)
            case Violation():
                self.violation = event
                self._finish(Ending.VIOLATION)
            case _:
                pass

    def _finish(self, ending: Ending) -> None:
        self.ending = self.ending or ending
        self.finished = True
