"""The client's half of SMTP up to STARTTLS, as a state machine: bytes in, events and bytes out.

No sockets and no clock: the driver moves the bytes and says what time it is. The conversation is

    greeting -> EHLO -> (STARTTLS -> the driver's handshake) -> QUIT

in strict turns. Nothing is said before the greeting is complete and nothing is pipelined, for servers punish
both (RFC 5321 4.3.1; postscreen's pregreet and pipelining tests). A driver repeats

    write(conversation.bytes_to_send(now)); events = conversation.receive(read(), now)

until an event arrives. What was learned stays readable in the properties, whatever the outcome.
"""

from __future__ import annotations

from enum import Enum

from probe.smtp.ehlo import ehlo_argument
from probe.smtp.lines import LINE_BYTES, LineBuffer
from probe.smtp.reply import Reply, ReplyFault, ReplyParser, overlong_line
from probe.smtp.transcript import Speaker, Transcript
from probe.text import printable
from probe.values import value

TRAILING_BYTES = 512
"""Bytes kept of what a server says between its 220 to STARTTLS and the handshake: one legal line."""

_THROTTLED = 421


class Stage(Enum):
    """What the client is waiting for."""

    GREETING = "the greeting"
    EHLO = "the reply to EHLO"
    STARTTLS = "the reply to STARTTLS"
    TLS = "the TLS handshake"
    """The server agreed to STARTTLS: the connection is the driver's, for the handshake."""
    IDLE = "nothing"
    QUIT = "the reply to QUIT"


class ClientEvent(Enum):
    """What a driver has to act on."""

    TLS_READY = "tls-ready"
    """Start the handshake: the server's next bytes are TLS, after the client's first ones."""
    EHLO_DONE = "ehlo-done"
    """Only with implicit TLS: all was asked that there is to ask; say QUIT."""
    FAILED = "failed"
    """`fault` says why; send what is left to send and close."""


class SmtpFaultKind(Enum):
    """The ways in which a conversation ends without STARTTLS (or, for the last but one, taints it)."""

    GREETING_THROTTLED = "greeting-throttled"
    GREETING_REFUSED = "greeting-refused"
    EHLO_REFUSED = "ehlo-refused"
    STARTTLS_NOT_OFFERED = "starttls-not-offered"
    STARTTLS_REFUSED = "starttls-refused"
    CLOSED = "closed"
    NOT_SMTP = "not-smtp"
    PLAINTEXT_AFTER_STARTTLS = "plaintext-after-starttls"
    TIMEOUT = "timeout"


@value
class SmtpFault:
    """What went wrong, at which stage: with the server's reply if there was one, else with its words.

    `detail` is one printable sentence in our words, which quotes the server's bytes where there is no reply.
    """

    kind: SmtpFaultKind
    stage: Stage
    reply: Reply | None
    detail: str

    @property
    def throttled(self) -> bool:
        """Whether the server said 421: closing, come back later (RFC 5321 3.8, 4.2.3)."""
        return self.reply is not None and self.reply.code == _THROTTLED


class ClientConversation:
    """One connection seen from the client; with `implicit_tls` it runs inside TLS and asks no STARTTLS.

    `ehlo_name` is a domain or an IP address; ValueError if it is neither (`ehlo_argument`).
    Times are milliseconds on the driver's scale, and serve the transcript only. `banner` and `ehlo` are the
    greeting and the reply to EHLO, whatever they say. The `transcript` has every line of both sides, nothing
    from inside TLS unless the driver feeds it after `quit`.
    """

    def __init__(self, ehlo_name: str, *, implicit_tls: bool = False) -> None:
        self._ehlo_name = ehlo_argument(ehlo_name)
        self._implicit_tls = implicit_tls
        self._input = LineBuffer()
        self._parser = ReplyParser()
        self._unsent: list[str] = []
        self._fault: SmtpFault | None = None
        self._deaf = False
        self._trailing = b""
        self._starttls: Reply | None = None
        self.stage = Stage.GREETING
        self.banner: Reply | None = None
        self.ehlo: Reply | None = None
        self.starttls_offered = False
        self.transcript = Transcript()

    @property
    def fault(self) -> SmtpFault | None:
        """The first thing that went wrong; of plaintext after STARTTLS, all that has arrived so far."""
        if self._fault is None and self._trailing:
            return SmtpFault(
                kind=SmtpFaultKind.PLAINTEXT_AFTER_STARTTLS,
                stage=Stage.TLS,
                reply=self._starttls,
                detail=f"plaintext between the 220 and the TLS handshake: {printable(self._trailing)}",
            )
        return self._fault

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The EHLO keywords in upper case and in the server's order, without their parameters."""
        if self.ehlo is None or not self.ehlo.completed:
            return ()
        # The first line is the server's name and greeting, never a keyword (RFC 5321 4.1.1.1).
        return tuple(words[0].upper() for line in self.ehlo.lines[1:] if (words := line.split()))

    def receive(self, data: bytes, at_ms: int) -> tuple[ClientEvent, ...]:
        """Take bytes from the server, in any chunking, and return what they bring about, in order.

        A server that answers before it was asked is taken at its word: chunks mean nothing.
        """
        if self._deaf:
            return ()
        self._input.feed(data)
        events: list[ClientEvent] = []
        while self._reads_replies:
            line = self._input.next_line()
            if line is None:
                return (*events, *self._check_length(at_ms))
            self.transcript.add(at_ms, Speaker.SERVER, line)
            events += self._take(line)
        return (*events, *self._hear_plaintext(self._input.take()))

    def receive_eof(self, at_ms: int) -> tuple[ClientEvent, ...]:
        """Note that the server closed the connection (or reset it)."""
        return self._cut_off(SmtpFaultKind.CLOSED, "the server closed the connection", at_ms)

    def receive_timeout(self, at_ms: int) -> tuple[ClientEvent, ...]:
        """Note that the driver's patience has ended."""
        return self._cut_off(SmtpFaultKind.TIMEOUT, "no complete reply in time", at_ms)

    def bytes_to_send(self, at_ms: int) -> bytes:
        """Return what to send now, once; it enters the transcript at this moment."""
        commands = [command.encode("ascii") for command in self._unsent]
        self._unsent.clear()
        for command in commands:
            self.transcript.add(at_ms, Speaker.CLIENT, command)
        return b"".join(command + b"\r\n" for command in commands)

    def quit(self, at_ms: int) -> bytes:
        """Return what to send before leaving, in plaintext or inside TLS: QUIT where it is of use.

        It is none before a complete greeting, after a 421, after the end, or a second time.
        """
        if not self._deaf and self.stage not in (Stage.GREETING, Stage.QUIT):
            self._say("QUIT", Stage.QUIT)
        return self.bytes_to_send(at_ms)

    @property
    def _reads_replies(self) -> bool:
        return not self._deaf and self.stage is not Stage.TLS

    def _take(self, line: bytes) -> tuple[ClientEvent, ...]:
        outcome = self._parser.take(line)
        match outcome, self.stage:
            case None, _:
                return ()
            case ReplyFault(), _:
                return self._stop_listening(outcome)
            case Reply(), Stage.GREETING:
                return self._greeted(outcome)
            case Reply(), Stage.EHLO:
                return self._introduced(outcome)
            case Reply(), Stage.STARTTLS:
                return self._agreed(outcome)
            case _:
                return ()

    def _greeted(self, reply: Reply) -> tuple[ClientEvent, ...]:
        self.banner = reply
        # RFC 5321 4.3.2 knows 220, 421 and 554; clients in use judge by the first digit, and so do we.
        match reply.severity:
            case 2:
                return self._say(f"EHLO {self._ehlo_name}", Stage.EHLO)
            case 4:
                return self._refused(SmtpFaultKind.GREETING_THROTTLED, reply)
            case 5:
                return self._refused(SmtpFaultKind.GREETING_REFUSED, reply)
            case _:
                return self._refused(SmtpFaultKind.NOT_SMTP, reply)

    def _introduced(self, reply: Reply) -> tuple[ClientEvent, ...]:
        self.ehlo = reply
        self.starttls_offered = "STARTTLS" in self.capabilities
        if not reply.completed:
            return self._refused(SmtpFaultKind.EHLO_REFUSED, reply)
        if self._implicit_tls:
            self.stage = Stage.IDLE
            return (ClientEvent.EHLO_DONE,)
        if not self.starttls_offered:
            return self._refused(SmtpFaultKind.STARTTLS_NOT_OFFERED, reply)
        return self._say("STARTTLS", Stage.STARTTLS)

    def _agreed(self, reply: Reply) -> tuple[ClientEvent, ...]:
        self._starttls = reply
        if not reply.completed:
            return self._refused(SmtpFaultKind.STARTTLS_REFUSED, reply)
        self.stage = Stage.TLS
        return (ClientEvent.TLS_READY,)

    def _say(self, command: str, waiting_for: Stage) -> tuple[ClientEvent, ...]:
        self._unsent.append(command)
        self.stage = waiting_for
        return ()

    def _refused(self, kind: SmtpFaultKind, reply: Reply) -> tuple[ClientEvent, ...]:
        events = self._fail(kind, str(reply), reply)
        if reply.code == _THROTTLED or kind is SmtpFaultKind.NOT_SMTP:
            self._deaf = True
        else:
            # RFC 5321 3.1: a client that was refused says QUIT; the server waits for it.
            self._say("QUIT", Stage.QUIT)
        return events

    def _hear_plaintext(self, data: bytes) -> tuple[ClientEvent, ...]:
        if self._deaf or not data:
            return ()
        known = self.fault is not None
        self._trailing += data[: TRAILING_BYTES - len(self._trailing)]
        return () if known else (ClientEvent.FAILED,)

    def _check_length(self, at_ms: int) -> tuple[ClientEvent, ...]:
        if not self._input.overlong:
            return ()
        start = self._input.take(LINE_BYTES)
        self.transcript.add(at_ms, Speaker.SERVER, start)
        return self._stop_listening(overlong_line(start))

    def _cut_off(self, kind: SmtpFaultKind, detail: str, at_ms: int) -> tuple[ClientEvent, ...]:
        """Keep the words that were cut off, and fail unless the outcome is known already."""
        if self._deaf:
            return ()
        self._deaf = True
        rest = self._input.take()
        if rest:
            self.transcript.add(at_ms, Speaker.SERVER, rest)
            detail = f"{detail} after {printable(rest)}"
        return self._fail(kind, detail)

    def _stop_listening(self, fault: ReplyFault) -> tuple[ClientEvent, ...]:
        self._deaf = True
        return self._fail(SmtpFaultKind.NOT_SMTP, fault.detail)

    def _fail(self, kind: SmtpFaultKind, detail: str, reply: Reply | None = None) -> tuple[ClientEvent, ...]:
        """Keep the first fault; what happens after the last question is no fault any more."""
        if self.fault is not None or self.stage in (Stage.IDLE, Stage.QUIT):
            return ()
        self._fault = SmtpFault(kind=kind, stage=self.stage, reply=reply, detail=detail)
        return (ClientEvent.FAILED,)
