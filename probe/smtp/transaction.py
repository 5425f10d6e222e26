"""One mail transaction as a server sees it: MAIL, RCPT, DATA and BDAT, and content that is never accepted.

RFC 5321 3.3 and 4.1.4 (the order), RFC 3030 (BDAT), RFC 1870 (SIZE).
"""

from __future__ import annotations

from probe.smtp.command import Path, parse_bdat, parse_path
from probe.smtp.reply import Reply
from probe.smtp.server_values import ContentEnded, MailOffered, Question, RecipientOffered, ServerLimits

_MAIL_PARAMETERS = frozenset({"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"})
_RCPT_PARAMETERS = frozenset({"NOTIFY", "ORCPT"})

_NO_RECIPIENT = Reply(code=503, lines=("5.5.2 Need rcpt command",))


class Transaction:
    """What the client has said since the last reset, and the content it is sending.

    While `receiving`, the bytes of the stream belong to `take_content`.
    """

    def __init__(self, limits: ServerLimits, final_reply: Reply) -> None:
        self._limits = limits
        self._final_reply = final_reply
        self._received = 0
        self._content: DotEnded | Chunk | None = None
        self._after_content = final_reply
        self.reset()

    def reset(self) -> None:
        """Forget sender and recipients; what the connection has sent altogether still counts."""
        self._sender: str | None = None
        self._recipients = 0
        self._chunks = 0
        self._size = 0

    @property
    def receiving(self) -> bool:
        return self._content is not None

    @property
    def exhausted(self) -> bool:
        """Whether the client has sent more content than it may."""
        size = self._content.size if self._content else 0
        return self._received + size > self._limits.content_bytes

    def mail(self, argument: str) -> Reply | Question:
        """Return the reply to MAIL, or the question it raises."""
        if self._sender is not None:
            return Reply(code=503, lines=("5.5.2 Sender already specified",))
        path = parse_path(argument, "FROM:")
        if path is None:
            return Reply(code=501, lines=("5.1.7 Invalid address",))
        return self._check(path, _MAIL_PARAMETERS) or MailOffered(sender=path.address)

    def recipient(self, argument: str) -> Reply | Question:
        """Return the reply to RCPT, or the question it raises."""
        if self._sender is None or self._chunks:
            return Reply(code=503, lines=("5.5.2 Need mail command",))
        path = parse_path(argument, "TO:")
        if path is None:
            return Reply(code=501, lines=("5.1.3 Invalid address",))
        if self._recipients >= self._limits.recipients:
            return Reply(code=452, lines=("4.5.3 Too many recipients",))
        question = RecipientOffered(sender=self._sender, recipient=path.address)
        return self._check(path, _RCPT_PARAMETERS) or question

    def allow(self, question: Question) -> Reply:
        """Note that the answer to `question` is yes, and return the reply to the client."""
        if isinstance(question, MailOffered):
            self._sender = question.sender
            return Reply(code=250, lines=("2.1.0 Sender OK",))
        self._recipients += 1
        return Reply(code=250, lines=("2.1.5 Recipient OK",))

    def data(self, argument: str) -> Reply:
        """Return the reply to DATA; after a 354 the content follows."""
        if argument:
            return Reply(code=501, lines=("5.5.4 Invalid arguments",))
        if not self._recipients or self._chunks:
            return _NO_RECIPIENT
        self._content, self._after_content = DotEnded(), self._final_reply
        return Reply(code=354, lines=("Start mail input; end with <CRLF>.<CRLF>",))

    def bdat(self, argument: str) -> Reply | None:
        """Return the reply to a malformed BDAT; else the chunk follows.

        RFC 3030 2: a chunk that nobody asked for is read too, and the 503 comes after it.
        """
        parsed = parse_bdat(argument)
        if parsed is None:
            return Reply(code=501, lines=("5.5.4 Invalid arguments",))
        size, last = parsed
        self._content = Chunk(size)
        if not self._recipients:
            self._after_content = _NO_RECIPIENT
            return None
        self._chunks += 1
        received = Reply(code=250, lines=(f"2.0.0 {size} octets received",))
        self._after_content = self._final_reply if last else received
        return None

    def take_content(self, data: bytes) -> bytes | None:
        """Count content; return what follows it in the stream, or None if more of it is to come."""
        return self._content.take(data) if self._content else data

    def end_content(self) -> tuple[Reply, ContentEnded | None]:
        """Return the reply to the content that has ended, and the event if the message ended with it."""
        size = self._content.size if self._content else 0
        self._received += size
        self._size += size
        self._content = None
        if self._after_content is not self._final_reply:
            return self._after_content, None
        ended = ContentEnded(size=self._size)
        self.reset()
        return self._final_reply, ended

    def _check(self, path: Path, known: frozenset[str]) -> Reply | None:
        for keyword, value in path.parameters:
            if keyword not in known:
                return Reply(code=555, lines=(f"5.5.4 Unsupported option: {keyword}",))
            if keyword == "SIZE" and not _fits(value, self._limits.content_bytes):
                return Reply(code=552, lines=("5.3.4 Message size exceeds fixed maximum message size",))
        return None


def _fits(size: str, limit: int) -> bool:
    # RFC 1870 4: up to twenty digits. A size that is no number announces nothing.
    digits = size.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        return True
    return len(digits) <= len(str(limit)) and int(digits) <= limit


_END_OF_DATA = b"\r\n.\r\n"


class DotEnded:
    """The content after DATA: it ends with a line that is a single dot, and with CRLF only.

    A bare LF ends no line here: servers that disagree on that disagree on where a message ends.
    """

    def __init__(self) -> None:
        # The line before the first one has ended: "." CRLF alone is an empty message.
        self._tail = b"\r\n"
        self.size = 0

    def take(self, data: bytes) -> bytes | None:
        """Count `data`; return what follows the end, or None if the end is still to come."""
        window = self._tail + data
        end = window.find(_END_OF_DATA)
        if end < 0:
            self.size += len(data)
            self._tail = window[1 - len(_END_OF_DATA) :]
            return None
        rest = window[end + len(_END_OF_DATA) :]
        self.size += len(data) - len(rest)
        return rest


class Chunk:
    """The content after BDAT: as many octets as the command said."""

    def __init__(self, size: int) -> None:
        self._missing = size
        self.size = 0

    def take(self, data: bytes) -> bytes | None:
        """Count `data`; return what follows the chunk, or None if more of it is to come."""
        counted = min(len(data), self._missing)
        self.size += counted
        self._missing -= counted
        return None if self._missing else data[counted:]
