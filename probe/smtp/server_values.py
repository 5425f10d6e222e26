"""What the server's half of SMTP is told and what it tells: profile, limits, events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from probe.smtp.lines import LINE_BYTES
from probe.smtp.reply import Reply

EOP_MESSAGE_BYTES = 157_286_400
"""Bytes of one message, as Exchange Online's SIZE keyword has it: 150 MiB."""

EOP_KEYWORDS = (
    f"SIZE {EOP_MESSAGE_BYTES}",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "STARTTLS",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
)
"""The EHLO keywords of Exchange Online's inbound servers."""

GO_AHEAD = Reply(code=220, lines=("2.0.0 SMTP server ready",))
"""The reply to STARTTLS, in Exchange Online's words."""

NO_MAIL = Reply(code=451, lines=("4.7.0 eop-probe listener: no mail is accepted here",))
"""The reply after the content of a message: temporary, so that the sender keeps it in its queue."""


class EnvelopeCommand(StrEnum):
    """The commands that raise a question, in their order."""

    MAIL = "mail"
    RCPT = "rcpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProfile:
    """How the server presents itself.

    `keywords` are the EHLO keywords with their parameters, in order: STARTTLS is offered if it is among them,
    and only outside TLS. `greeting`, `ehlo_reply` and `starttls_reply` replace the usual 220, 250 and 220;
    after a greeting that is no 2yz the connection ends. `final_reply` answers the end of a message's content;
    ValueError unless it is 4yz or 5yz: mail that is accepted here would be lost.
    """

    hostname: str
    keywords: tuple[str, ...] = EOP_KEYWORDS
    starttls_required: bool = True
    greeting: Reply | None = None
    ehlo_reply: Reply | None = None
    starttls_reply: Reply = GO_AHEAD
    final_reply: Reply = NO_MAIL

    def __post_init__(self) -> None:
        if not self.final_reply.refuses:
            raise ValueError(f"the reply to a message has to refuse it: {self.final_reply}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one connection may ask for; beyond it the server says 421 and closes (RFC 5321 4.3.2, 7.8).

    `line_bytes` of a command line with its end (RFC 5321 4.5.3.1.4: at least 512); `commands` and `errors`
    (of the client's grammar) of the connection; `recipients` of one message, more of them get a 452
    (RFC 5321 4.5.3.1.8: at least 100, 4.5.3.1.10); `content_bytes` of all messages together.
    """

    line_bytes: int = LINE_BYTES
    commands: int = 1000
    errors: int = 20
    recipients: int = 500
    content_bytes: int = EOP_MESSAGE_BYTES


class ViolationKind(Enum):
    """Why the server ended a connection."""

    LINE_TOO_LONG = "line-too-long"
    TOO_MANY_COMMANDS = "too-many-commands"
    TOO_MANY_ERRORS = "too-many-errors"
    TOO_MUCH_CONTENT = "too-much-content"
    PLAINTEXT_AFTER_STARTTLS = "plaintext-after-starttls"
    """Bytes between STARTTLS and the handshake: command injection (CVE-2011-0411), or a hasty client."""
    TLS_WITHOUT_STARTTLS = "tls-without-starttls"
    NOT_SMTP = "not-smtp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduced:
    """The client said EHLO (`extended`) or HELO and what it calls itself, printable."""

    name: str
    extended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTls:
    """The client asked for STARTTLS and was told to go on: send what is to be sent, then shake hands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOffered:
    """A question: may this sender ("" for the null path) send mail? To be answered at once."""

    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientOffered:
    """A question: may this sender send mail to this recipient? To be answered at once."""

    sender: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEnded:
    """The content of a message ended, after that many bytes, and was refused."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quit:
    """The client said QUIT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """The client did what no client should, and the connection ends; `detail` is one printable sentence."""

    kind: ViolationKind
    detail: str


Question = MailOffered | RecipientOffered
ServerEvent = Introduced | StartTls | Question | ContentEnded | Quit | Violation
