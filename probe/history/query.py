"""What is asked of a history: which spans, and the certificates they name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cache

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from probe.errors import ConfigurationError
from probe.history.read import AT_ONCE, has_domains, spans
from probe.history.rows import seconds
from probe.history.tables import CERTIFICATES, DOMAINS, ENDPOINTS, SPANS
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.report.changes import Certificates, Change, changes
from probe.report.periods import Life, lives
from probe.report.phases import leaves_of
from probe.text import printable

#: How long before a window looks are read, so that what alternates since then is known to.
BEFORE = timedelta(days=7)
_NAMED = (ENDPOINTS.c.host, ENDPOINTS.c.address)


def changes_since(
    connection: Connection, since: datetime, *where: ColumnElement[bool]
) -> tuple[list[Change], Certificates]:
    """The changes from an instant on, and the certificates that they name."""
    read = list(spans(connection, _known_to(since), *where))
    known = held(connection, (leaf for span in read for leaf in leaves_of(span.state.chains)))
    return [change for change in changes(read, known) if change.at >= since], known


def around(connection: Connection, since: datetime, target: str | None) -> list[Life]:
    """The lives of the endpoints that are meant, from the period on in which each was at an instant."""
    where = [endpoints_called(connection, target)] if target else []
    return lives(spans(connection, _known_to(since), *where))


def seen_since(since: datetime) -> ColumnElement[bool]:
    """The spans that reach into the time from an instant on."""
    return SPANS.c.last >= seconds(since)


def _known_to(since: datetime) -> ColumnElement[bool]:
    """Those, and before them as many as it takes to know what was: of most endpoints the last alone."""
    bound = seconds(since) - int(BEFORE.total_seconds())
    before = select(func.max(SPANS.c.id)).where(SPANS.c.last < bound).group_by(SPANS.c.endpoint_id)
    return or_(SPANS.c.last >= bound, SPANS.c.id.in_(before))


def called(connection: Connection, word: str) -> ColumnElement[bool]:
    """The endpoints that a target's text, a host, an address, ``host:port`` or ``[IPv6]:port`` means."""
    name, _, port = word.rpartition(":")
    known = has_domains(connection)
    meant = _named(word, known=known)
    return (
        or_(meant, and_(_named(name, known=known), ENDPOINTS.c.port == int(port)))
        if _is_port(port)
        else meant
    )


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5


def _named(word: str, *, known: bool) -> ColumnElement[bool]:
    bare = word.strip("[]").lower().rstrip(".")
    domains = select(DOMAINS.c.endpoint_id).where(DOMAINS.c.target == word)
    return or_(
        ENDPOINTS.c.target == word,
        *([ENDPOINTS.c.id.in_(domains)] if known else []),
        *(column == bare for column in _NAMED if bare),
    )


def endpoints_called(connection: Connection, word: str) -> ColumnElement[bool]:
    """As `called`; raises ConfigurationError where there is none, and names one that may have been meant."""
    meant = called(connection, word)
    if connection.scalar(select(ENDPOINTS.c.id).where(meant).limit(1)) is None:
        hosts = connection.scalars(select(ENDPOINTS.c.host).distinct())
        close = get_close_matches(word.lower(), list(hosts), n=1)
        more = f"; did you mean {printable(close[0])}?" if close else ""
        raise ConfigurationError(f'the history has no endpoint "{printable(word, 100)}"{more}')
    return meant


def held(connection: Connection, hashes: Iterable[str]) -> Certificates:
    """Certificates by SHA-256, fetched now, and read when they are asked for."""
    wanted = [bytes.fromhex(sha256) for sha256 in sorted(set(hashes))]
    column = CERTIFICATES.c.sha256
    ders: dict[str, bytes] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = select(column, CERTIFICATES.c.der).where(column.in_(wanted[start : start + AT_ONCE]))
        ders |= {bytes(sha256).hex(): bytes(der) for sha256, der in connection.execute(some)}

    @cache
    def read(sha256: str) -> Certificate | Unreadable | None:
        return parse(ders[sha256]) if sha256 in ders else None

    return read


def filled(connection: Connection, name: str) -> Connection:
    """The connection; raises ConfigurationError where the history of that name holds no look."""
    if connection.scalar(select(SPANS.c.id).limit(1)) is None:
        raise ConfigurationError(f"the history {name} holds no look yet: --record writes them")
    return connection
