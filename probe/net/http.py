"""One question to a web server and its answer, over a connection that is given (RFC 9112, by h11).

Nothing is followed, cached, unpacked or taken from the environment: no redirects, proxies, netrc or cookies. An answer
counts when it is whole. Who waits, and how long, is the business of whoever hands the bytes over.

h11 is loaded only when something is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from probe.errors import AnswerError, TooLargeError
from probe.net.public_addresses import is_public
from probe.net.resolver import resolve
from probe.text import printable
from probe.values import value

if TYPE_CHECKING:
    from h11 import Connection, Data, EndOfMessage, Event, RemoteProtocolError, Request, Response

#: Seconds for all that is asked about one thing.
TIMEOUT_S = 15.0
#: Bytes of an answer's head, and of any other line of it, that may come before its end has.
MAX_HEAD_BYTES = 16 * 1024

OK = "200"
_TOO_LARGE = 431  # h11's hint for what has no end within its bound
_HEAD = f"the head of the answer is larger than {MAX_HEAD_BYTES} bytes"


@value
class Reach:
    """Where questions may go and how names become addresses, as `probe.net.resolver.resolve` has it.

    `ip_version` is 4 or 6, None for both; `timeout_s` seconds for all that is asked about one thing.
    """

    allow_private: bool = False
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nameserver: str | None = None
    ip_version: int | None = None
    timeout_s: float = TIMEOUT_S

    def addresses(self, host: str, seconds: float) -> tuple[str, ...]:
        """The addresses of `host` that may be called, perhaps none; raises ResolveError.

        What is checked is connected to: there is no second look-up.
        """
        found = resolve(
            host, overrides=self.overrides, nameserver=self.nameserver, timeout_s=max(seconds, 0.01)
        )
        fitting = [one for one in found if self.ip_version in (None, 6 if ":" in one else 4)]
        return tuple(one for one in fitting if self.allow_private or is_public(one))


class Question(NamedTuple):
    """A GET of `place`, or a POST of `body`, a `kind` of media; `host` and `place` are ASCII without blanks."""

    host: str
    place: str
    body: bytes | None = None
    kind: str = ""

    def events(self) -> Iterator[Request | Data | EndOfMessage]:
        """The question in h11's words."""
        from h11 import Data, EndOfMessage, Request

        headers = [
            ("Host", self.host),
            ("User-Agent", "eop-probe"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        if self.body is not None:
            headers += [("Content-Type", self.kind), ("Content-Length", str(len(self.body)))]
        yield Request(method="GET" if self.body is None else "POST", target=self.place, headers=headers)
        yield Data(data=self.body or b"")
        yield EndOfMessage()


class Answer(NamedTuple):
    """`status` is three digits; the names of headers are in lower case. Only a 200 has its content."""

    status: str
    headers: tuple[tuple[str, str], ...]
    content: bytes

    def header(self, name: str) -> str:
        """What the headers of that name say, joined by commas (RFC 9110 5.3); a peer's words, not escaped."""
        return ", ".join(said for each, said in self.headers if each == name)


def ask(
    question: Question, send: Callable[[bytes], object], receive: Callable[[], bytes], limit: int
) -> Answer:
    """Ask, and read an answer of at most `limit` bytes of content from `receive`, which returns b"" at the end.

    Raises AnswerError, TooLargeError among them, and what `send` and `receive` raise.
    """
    from h11 import CLIENT, Connection, Data, EndOfMessage, Response

    connection = Connection(CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    send(b"".join(connection.send(each) or b"" for each in question.events()))
    content, answer = bytearray(), Answer("", (), b"")
    for event in _events(connection, receive):
        if isinstance(event, Response):
            answer = _begun(event)
            length = answer.header("content-length")
            if answer.status != OK:
                break
            _within(int(length or 0), limit)
        if isinstance(event, Data):
            content += event.data
            _within(len(content), limit)
        if isinstance(event, EndOfMessage):
            break
    return answer._replace(content=bytes(content))


def _begun(event: Response) -> Answer:
    headers = tuple((name.decode(), said.decode("latin-1")) for name, said in event.headers)
    return Answer(f"{event.status_code:03}", headers, b"")


def _within(length: int, limit: int) -> None:
    if length > limit:
        raise TooLargeError(f"the answer is larger than {limit} bytes")


def _events(connection: Connection, receive: Callable[[], bytes]) -> Iterator[Event]:
    """What comes, for as long as it is asked for; raises AnswerError for what breaks HTTP's rules or off."""
    from h11 import NEED_DATA, SEND_RESPONSE, RemoteProtocolError

    came, ended = 0, False
    while True:
        try:
            event = connection.next_event()
        except RemoteProtocolError as error:
            raise _broken(error, cut=ended, nothing=not came) from None
        if event is not NEED_DATA:
            yield event  # type: ignore[misc]  # no other is there for a client that asked once
            continue
        # Interim answers (RFC 9110 15.2) count as part of the head.
        if connection.their_state is SEND_RESPONSE and came > MAX_HEAD_BYTES:
            raise TooLargeError(_HEAD)
        data = receive()
        came, ended = came + len(data), not data
        connection.receive_data(data)


def _broken(error: RemoteProtocolError, *, cut: bool, nothing: bool) -> AnswerError:
    if error.error_status_hint == _TOO_LARGE:
        return TooLargeError(_HEAD)
    if nothing:
        return AnswerError("the server ended the connection without an answer")
    return AnswerError(
        "the answer was cut off" if cut else f"the answer is no HTTP ({printable(str(error), 100)})"
    )
