"""The server's half of SMTP, up to a message that is never accepted: bytes in, events and bytes out.

No sockets and no clock: the driver moves the bytes, shakes hands, judges, and says what time it is:

    events = conversation.receive(read(), now); write(conversation.bytes_to_send(now))

again and again, and closes when `closing` is true and all is written. `MailOffered` and `RecipientOffered`
are questions: the conversation stands still until `answer` has been called. After `StartTls`, if not
`closing`, the driver sends what is to be sent, shakes hands, calls `tls_established`, and goes on inside TLS.

Sources: RFC 5321 (4.1.4 order of commands), RFC 3207 (STARTTLS), RFC 3030 (BDAT), RFC 2034 and 3463 (enhanced
codes), RFC 2920 (pipelining). Reply texts follow Exchange's where those are known.
"""

from __future__ import annotations

from probe.smtp.command import Command, parse_command
from probe.smtp.lines import LineBuffer
from probe.smtp.reply import Reply, wire
from probe.smtp.server_values import (
    Introduced,
    Question,
    Quit,
    ServerEvent,
    ServerLimits,
    ServerProfile,
    StartTls,
    Violation,
    ViolationKind,
)
from probe.smtp.transaction import Transaction
from probe.smtp.transcript import Speaker, Transcript
from probe.text import printable

_UNIMPLEMENTED = frozenset({"ATRN", "AUTH", "ETRN", "EXPN", "HELP", "SAML", "SEND", "SOML", "TURN"})

# A browser that is made to post to this port says these; no SMTP client does.
_OTHER_PROTOCOLS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

# RFC 5321 4.2.2: the client's grammar or choice of command was wrong. 503 is not among them: a client that
# pipelines rightly earns one for each command after a refusal (RFC 2920 3.1).
_CLIENT_ERRORS = frozenset({500, 501, 502, 504, 555})

# RFC 8446 5.1: the type of a handshake record; the first byte of a client that starts TLS unasked.
_TLS_HANDSHAKE = b"\x16"

_QUOTED_CHARACTERS = 80

_NO_ARGUMENTS = Reply(code=501, lines=("5.5.4 Invalid arguments",))
_NOT_IMPLEMENTED = Reply(code=502, lines=("5.5.1 Command not implemented",))

Events = tuple[ServerEvent, ...]


class ServerConversation:
    """One connection seen from the server; with `implicit_tls` it runs inside TLS from the start.

    Times are milliseconds on the driver's scale, and serve the transcript only, which has every line of both
    sides, inside TLS too, but for the content of messages. Memory is bounded by the limits, the transcript's
    bounds, and the longest chunk that is fed. When `closing`, nothing is listened to any more.
    """

    def __init__(
        self, profile: ServerProfile, *, limits: ServerLimits | None = None, implicit_tls: bool = False
    ) -> None:
        self._profile = profile
        self._limits = limits or ServerLimits()
        self._input = LineBuffer(self._limits.line_bytes)
        self._unsent: list[Reply] = []
        self.transcript = Transcript()
        self._transaction = Transaction(self._limits, profile.final_reply)
        self._question: Question | None = None
        self.in_tls = implicit_tls
        self._introduced = self._handshake = self.closing = False
        self._commands = self._errors = 0
        self._greet()

    def receive(self, data: bytes, at_ms: int) -> Events:
        """Take bytes from the client, in any chunking, and return what they bring about, in order.

        Raises RuntimeError while a question is open: that is the driver's mistake.
        """
        if self._question is not None:
            raise RuntimeError("answer the open question first")
        if self.closing:
            return ()
        self._input.feed(data)
        return self._go_on(at_ms)

    def answer(self, refusal: Reply | None, at_ms: int) -> Events:
        """Answer the open question: None allows it, a reply refuses it in these words; go on as in `receive`.

        Raises RuntimeError without a question, ValueError for a reply that refuses nothing.
        """
        if self._question is None:
            raise RuntimeError("there is no open question")
        if refusal is not None and not refusal.refuses:
            raise ValueError(f"not a refusal: {refusal}")
        question, self._question = self._question, None
        self._unsent.append(refusal or self._transaction.allow(question))
        return self._go_on(at_ms)

    def tls_established(self) -> None:
        """Note that the handshake has succeeded: all that was said before is forgotten (RFC 3207 4.2).

        Raises RuntimeError where no handshake was due: that is the driver's mistake.
        """
        if not self._handshake or self.closing:
            raise RuntimeError("no handshake was due")
        self._handshake, self.in_tls, self._introduced = False, True, False
        self._transaction.reset()

    def shut_down(self, reply: Reply) -> None:
        """Say a last word, such as a 421 to a client that idles, and end the connection."""
        if not self.closing:
            self._unsent.append(reply)
            self.closing, self._question = True, None

    def bytes_to_send(self, at_ms: int) -> bytes:
        """Return what to send now, once; it enters the transcript at this moment."""
        data = b"".join(map(wire, self._unsent))
        self._unsent.clear()
        for line in data.splitlines():
            self.transcript.add(at_ms, Speaker.SERVER, line)
        return data

    def _go_on(self, at_ms: int) -> Events:
        events: list[ServerEvent] = []
        while self._question is None and not self.closing and (step := self._step(at_ms)) is not None:
            events += step
        return tuple(events)

    def _step(self, at_ms: int) -> Events | None:
        """Take the next command or piece of content; None if that needs more bytes."""
        if self._handshake:
            return self._hear_plaintext()
        if self._transaction.receiving:
            return self._receive_content(at_ms)
        if not self.in_tls and self._input.starts_with(_TLS_HANDSHAKE):
            return self._violate(ViolationKind.TLS_WITHOUT_STARTTLS, "a TLS handshake without STARTTLS")
        line = self._input.next_line()
        if line is not None:
            self.transcript.add(at_ms, Speaker.CLIENT, line)
            return self._obey(line)
        if self._input.overlong:
            detail = f"a line of {self._limits.line_bytes} bytes or more"
            return self._violate(ViolationKind.LINE_TOO_LONG, detail)
        return None

    def _hear_plaintext(self) -> Events | None:
        """End the connection: what was injected before the handshake is never obeyed (CVE-2011-0411)."""
        if not self._input.take():
            return None
        # Not even "go ahead" is said any more, if it was not sent yet.
        self._unsent.clear()
        detail = "bytes between STARTTLS and the handshake"
        return self._violate(ViolationKind.PLAINTEXT_AFTER_STARTTLS, detail)

    def _receive_content(self, at_ms: int) -> Events | None:
        rest = self._transaction.take_content(self._input.take())
        if self._transaction.exhausted:
            detail = f"more than {self._limits.content_bytes} bytes of content"
            return self._violate(ViolationKind.TOO_MUCH_CONTENT, detail)
        if rest is None:
            return None
        self._input.feed(rest)
        reply, ended = self._transaction.end_content()
        self._unsent.append(reply)
        if ended is None:
            return ()
        self.transcript.add(at_ms, Speaker.CLIENT, b"(%d bytes of content, not kept)" % ended.size)
        return (ended,)

    def _obey(self, line: bytes) -> Events:
        self._commands += 1
        if self._commands > self._limits.commands:
            detail = f"more than {self._limits.commands} commands"
            return self._violate(ViolationKind.TOO_MANY_COMMANDS, detail)
        command = parse_command(line)
        if command is None:
            return self._reply(Reply(code=500, lines=("5.5.2 Syntax error",)))
        if command.verb in _OTHER_PROTOCOLS:
            detail = f"another protocol: {printable(line, _QUOTED_CHARACTERS)}"
            return self._violate(ViolationKind.NOT_SMTP, detail)
        return self._dispatch(command)

    def _dispatch(self, command: Command) -> Events:
        match command.verb:
            case "EHLO" | "HELO":
                return self._introduce(command)
            case "STARTTLS":
                return self._start_tls(command)
            case "MAIL" | "RCPT":
                return self._ask(self._envelope(command))
            case "DATA" | "BDAT":
                begin = self._transaction.data if command.verb == "DATA" else self._transaction.bdat
                reply = begin(command.argument)
                return self._reply(reply) if reply else ()
            case "QUIT" if not command.argument:
                self.shut_down(Reply(code=221, lines=("2.0.0 Service closing transmission channel",)))
                return (Quit(),)
            case _:
                return self._reply(self._simple(command))

    def _simple(self, command: Command) -> Reply:
        """Return the reply to a command that leads nowhere."""
        match command.verb:
            case "RSET" | "QUIT" if command.argument:
                return _NO_ARGUMENTS
            case "RSET" | "NOOP":
                if command.verb == "RSET":
                    self._transaction.reset()
                return Reply(code=250, lines=("2.0.0 OK",))
            case "VRFY":
                # RFC 5321 3.5.3: the code for a server that does not tell.
                return Reply(code=252, lines=("2.1.5 Cannot VRFY user",))
            case verb if verb in _UNIMPLEMENTED:
                return _NOT_IMPLEMENTED
            case _:
                return Reply(code=500, lines=("5.5.1 Unrecognized command",))

    def _greet(self) -> None:
        greeting = self._profile.greeting or Reply(
            code=220, lines=(f"{self._profile.hostname} ESMTP eop-probe",)
        )
        if greeting.completed:
            self._unsent.append(greeting)
        else:
            self.shut_down(greeting)

    def _introduce(self, command: Command) -> Events:
        if not command.argument:
            return self._reply(Reply(code=501, lines=("5.5.4 Invalid domain name",)))
        extended = command.verb == "EHLO"
        # RFC 3207 4.2: no STARTTLS inside TLS.
        keywords = [word for word in self._profile.keywords if not (self.in_tls and _is_starttls(word))]
        usual = Reply(code=250, lines=(f"{self._profile.hostname} Hello", *(keywords if extended else ())))
        reply = self._profile.ehlo_reply or usual if extended else usual
        self._unsent.append(reply)
        if reply.completed:
            # RFC 5321 4.1.4: a second EHLO resets like RSET.
            self._introduced = True
            self._transaction.reset()
        return (Introduced(name=printable(command.argument), extended=extended),)

    def _start_tls(self, command: Command) -> Events:
        if command.argument:
            return self._reply(_NO_ARGUMENTS)
        if self.in_tls:
            return self._reply(Reply(code=503, lines=("5.5.1 TLS is active already",)))
        if not any(map(_is_starttls, self._profile.keywords)):
            return self._reply(_NOT_IMPLEMENTED)
        self._unsent.append(self._profile.starttls_reply)
        self._handshake = self._profile.starttls_reply.completed
        return (StartTls(),) if self._handshake else ()

    def _envelope(self, command: Command) -> Reply | Question:
        if command.verb == "RCPT":
            return self._transaction.recipient(command.argument)
        if not self._introduced:
            return Reply(code=503, lines=("5.5.2 Send hello first",))
        if self._profile.starttls_required and not self.in_tls:
            return Reply(code=451, lines=("5.7.3 STARTTLS is required to send mail",))
        return self._transaction.mail(command.argument)

    def _ask(self, outcome: Reply | Question) -> Events:
        if isinstance(outcome, Reply):
            return self._reply(outcome)
        self._question = outcome
        return (outcome,)

    def _reply(self, reply: Reply) -> Events:
        self._errors += reply.code in _CLIENT_ERRORS
        if self._errors > self._limits.errors:
            detail = f"more than {self._limits.errors} errors"
            return self._violate(ViolationKind.TOO_MANY_ERRORS, detail)
        self._unsent.append(reply)
        return ()

    def _violate(self, kind: ViolationKind, detail: str) -> Events:
        self.shut_down(Reply(code=421, lines=(f"4.7.0 Closing the connection: {detail}",)))
        return (Violation(kind=kind, detail=detail),)


def _is_starttls(keyword: str) -> bool:
    return keyword.upper().split() == ["STARTTLS"]
