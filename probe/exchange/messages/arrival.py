"""What the headers of a message that arrived say of its hop into Exchange Online: tenant, internal or not, TLS.

Reported of delivered messages, documented nowhere; they are worth as much as the word of who supplied them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import accumulate, islice

from probe.exchange.exports.decoding import decode
from probe.exchange.messages import outlook
from probe.exchange.messages.mail import MAX_HEADER, is_mail
from probe.exchange.messages.parts import MAX_HEADER_BYTES, RawMail, split_mail
from probe.exchange.messages.read import without_quotes
from probe.exchange.online import SENDING_HOST, domain_of
from probe.exchange.problem import Problems
from probe.statement import all_of
from probe.text import printable

#: Received headers of one message that are looked at; Exchange Online ends a loop long before.
MAX_HOPS = 100
#: Different values kept of a header that should stand once.
MAX_VALUES = 4
#: Characters of a host, a cipher or a value shown.
MAX_SHOWN = 255

_TENANT = (b"x-eoptenantattributedmessage", b"x-eopattributedmessage")
_AUTH_AS = (b"x-ms-exchange-organization-authas",)
_DIRECTIONALITY = (b"x-ms-exchange-organization-messagedirectionality",)

_GUID = re.compile(
    r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])", re.ASCII | re.IGNORECASE
)
_BEGINS = re.compile(
    r"^[ \t]{0,8}(?=(?:Received|X-EOP(?:Tenant)?AttributedMessage|X-MS-Exchange-Organization-\w{1,60})[ \t]?:)",
    re.IGNORECASE | re.MULTILINE | re.ASCII,
)
_MARK = re.compile(rb"Received[ \t]?:|X-EOP|X-MS-Exchange-Organization-", re.IGNORECASE)
_FROM = re.compile(r"from (\S+)")
_BY = re.compile(r"(?:\A| )by +([^\s;]+)")
_ADDRESS = re.compile(r"\(\[?((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,40})\]?\)", re.ASCII)
_VERSION = re.compile(r"[(, ]version ?= ?(?:TLS|SSL)?v?(\d)[_.](\d)(?=[,) ])", re.IGNORECASE | re.ASCII)
# RFC 5322 3.3; the library also makes dates of what is none: of "+01" a minute, of the year 0001 2001.
_DATE = re.compile(
    r"(?:[A-Z][a-z]{2}, ?)?\d{1,2} [A-Z][a-z]{2} 20\d\d \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT|UTC?)", re.ASCII
)
_CIPHER = re.compile(r"[(, ]cipher ?= ?([\w-]{1,80})(?=[,) ])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message's evidence of to-eop, escaped; None and () where the headers do not say.

    `endpoint` is the name, and `address` the address, of what handed it over; `host` is Exchange Online's. `tenants`
    are GUIDs in lower case, `tls_version` reads ``TLSv1.2``. `at` is the hop's own time (aware UTC). Whoever
    supplied `source` vouches for it: headers can be forged.
    """

    source: str
    endpoint: str | None = None
    address: str | None = None
    host: str | None = None
    at: datetime | None = None
    tls_version: str | None = None
    cipher: str | None = None
    tenants: tuple[str, ...] = ()
    auth_as: tuple[str, ...] = ()
    directionality: tuple[str, ...] = ()
    direction: str = "to-eop"
    hops_left_out: int = 0
    """Received headers beyond the first `MAX_HOPS`."""

    @property
    def tenant(self) -> str | None:
        return self.tenants[0] if len(self.tenants) == 1 else None

    @property
    def internal(self) -> bool | None:
        """Whether it came in as the organisation's own; None where one of the two headers is missing."""
        return all_of((_only(self.auth_as, "internal"), _only(self.directionality, "originating")))

    @property
    def from_exchange_online(self) -> bool:
        return self.endpoint is not None and SENDING_HOST.fullmatch(self.endpoint) is not None

    @property
    def confirmed(self) -> bool:
        """Whether everything is there that tells that the certificate was accepted and attributed."""
        hop = None not in (self.endpoint, self.at, self.tls_version, self.cipher)
        return hop and not self.from_exchange_online and self.tenant is not None and self.internal is True


def read_arrival(data: bytes, source: str) -> Arrival | None:
    """What a saved or pasted message says of its way into Exchange Online; None without that hop and without a tenant.

    Of several hops into Exchange Online the last counts, which stands first: the other headers are of it.
    """
    mail = split_mail(_head(data))
    received = mail.values(b"received")
    hops = (_hop(one[:MAX_HEADER], source) for one in received[:MAX_HOPS])
    hop = next(filter(None, hops), None)
    tenants = _distinct(found[0].lower() for one in _values(mail, _TENANT) for found in _GUID.finditer(one))
    if hop is None and not tenants:
        return None
    return replace(
        hop or Arrival(source=source),
        tenants=tenants,
        auth_as=_distinct(_values(mail, _AUTH_AS)),
        directionality=_distinct(_values(mail, _DIRECTIONALITY)),
        hops_left_out=max(0, len(received) - MAX_HOPS) if hop is None else 0,
    )


def _head(data: bytes) -> bytes:
    """The headers of a mail, or those pasted into another text; empty where there are none."""
    if outlook.is_outlook_mail(data):
        return outlook.headers(data)
    if is_mail(data):
        return data
    data = data[: 2 * MAX_HEADER_BYTES]  # which may be UTF-16
    if not _MARK.search(data.replace(b"\0", b"")):
        return b""
    text = without_quotes(decode(data, Problems("")))
    found = _BEGINS.search(text)
    if found is None:
        return b""
    headers, following = text[found.end() :], _BEGINS.search(text, found.end() + 1)
    if following and following[0] == found[0]:
        # The whole paste is indented, not its first line alone: a fold is what is indented still more.
        headers = headers.replace(f"\n{found[0]}", "\n")
    return headers.encode("utf-8", "replace")


def _hop(value: str, source: str) -> Arrival | None:
    """A Received header, unfolded, if it is of a hop into Exchange Online (RFC 5321 4.4)."""
    bare = _without_comments(value)
    by = _BY.search(bare)
    if by is None or domain_of(by[1]) is None:
        return None
    sender = _FROM.match(bare)
    address = _ADDRESS.search(value, 0, by.start())
    received_with = value[by.end() :]
    version, cipher = _VERSION.search(received_with), _CIPHER.search(received_with)
    return Arrival(
        source=source,
        endpoint=printable(sender[1], MAX_SHOWN) if sender else None,
        address=address[1] if address else None,
        host=printable(by[1], MAX_SHOWN),
        at=_instant(bare.rpartition(";")[2].strip()),
        tls_version=f"TLSv{version[1]}.{version[2]}" if version else None,
        cipher=cipher[1] if cipher else None,
    )


def _without_comments(value: str) -> str:
    """The value with spaces in the place of its comments, which may nest and hold what the sender likes."""
    steps = ((one == "(") - (one == ")") for one in value)
    depths = accumulate(steps, lambda depth, step: max(0, depth + step))
    return "".join(" " if depth or one == ")" else one for one, depth in zip(value, depths, strict=True))


def _instant(date: str) -> datetime | None:
    if not _DATE.fullmatch(date):
        return None
    try:
        at = parsedate_to_datetime(date)
        # -0000 is UTC, too, of a clock whose zone is not told (RFC 5322 3.3).
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except ValueError:
        return None


def _values(mail: RawMail, names: Iterable[bytes]) -> Iterator[str]:
    return (printable(one, MAX_SHOWN) for name in names for one in mail.values(name) if one)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice({one.lower(): one for one in values}.values(), MAX_VALUES))


def _only(values: tuple[str, ...], wanted: str) -> bool | None:
    return [one.lower() for one in values] == [wanted] if values else None
