"""The certificate lines of protocol logs, in the three shapes that Exchange has written.

A: one line per field (2010, 2013, early 2016). B: one line without dates (2016). C: one line with
dates (late 2016, 2019). Only *Sending certificate* proves what the other side was shown, and only
the leaf: no log ever shows the intermediates.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from probe.text import printable

#: Names kept of one certificate line; certificates of public CAs have 100 at most, in practice.
MAX_NAMES = 500

# Shapes B and C, from the right: serial, thumbprint, perhaps two dates, names without blanks.
_TAIL = re.compile(
    r"(?:^|\s)(?P<serial>[0-9A-F]{1,80})\s+(?P<thumbprint>[0-9A-F]{40})"
    r"(?:\s+(?P<not_before>\d{4}-\d\d-\d\dT\S{1,20})\s+(?P<not_after>\d{4}-\d\d-\d\dT\S{1,20}))?"
    r"(?:\s+(?P<names>\S+))?\s*\Z",
    re.IGNORECASE,
)
# Windows quotes a value that holds "=", so outside of quotes a key that no comma or plus precedes
# begins another name.
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_KEY = re.compile(r"(?<![,+\s]) (?=[A-Za-z][\w.]{0,60}=)")


class Role(enum.Enum):
    """Whose certificate a line shows."""

    SENT = "sending certificate"
    REMOTE = "remote certificate"
    RECEIVED = "received certificate"


class Cut(enum.Enum):
    """How subject and issuer were told apart."""

    FIELDS = "fields"
    """The log has them in lines of their own."""
    INVENTORY = "inventory"
    """The thumbprint was found among the certificates given."""
    INFERRED = "inferred"
    """Only one place can be the cut, by the way Windows writes names."""
    UNKNOWN = "unknown"
    """Several places, or none, can be the cut; `LogCertificate.candidates` has them."""


class Known(NamedTuple):
    """What an inventory says of a thumbprint: subject and issuer in Windows form."""

    subject: str
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCertificate:
    """One certificate as a log shows it; None where the log does not tell.

    `thumbprint` and `serial` are lower-case hex. `names` are the alternative names as written.
    `candidates` are (subject, issuer) pairs where `cut` is UNKNOWN.
    """

    thumbprint: str | None
    subject: str | None
    issuer: str | None
    serial: str | None
    names: tuple[str, ...]
    not_before: datetime | None = None
    not_after: datetime | None = None
    cut: Cut = Cut.FIELDS
    candidates: tuple[tuple[str, str], ...] = ()


def instant(text: str) -> datetime | None:
    """A log's time as aware UTC, or None where it is none."""
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def from_fields(fields: Mapping[str, str]) -> LogCertificate:
    """Shape A: `fields` has the contexts, in lower case without ``certificate``, and their data."""
    return LogCertificate(
        thumbprint=fields.get("thumbprint", "").lower() or None,
        subject=_optional(fields.get("subject")),
        issuer=_optional(fields.get("issuer name")),
        serial=fields.get("serial number", "").lower() or None,
        names=_names(fields.get("alternate names", "")),
    )


def from_line(data: str, known: Mapping[str, Known]) -> LogCertificate | None:
    """Shapes B and C, read from the right; None where no thumbprint can be found.

    Subject and issuer stand side by side without a mark: the inventory in `known` (thumbprint in
    lower case) tells them apart, else the way Windows writes names.
    """
    tail = _TAIL.search(data)
    if tail is None:
        return None
    thumbprint = tail["thumbprint"].lower()
    given = known.get(thumbprint)
    pairs = () if given else tuple(_cuts(data[: tail.start()].strip()))
    cut = Cut.INVENTORY if given else Cut.INFERRED if len(pairs) == 1 else Cut.UNKNOWN
    subject, issuer = given or (pairs[0] if len(pairs) == 1 else (None, None))
    return LogCertificate(
        thumbprint=thumbprint,
        subject=_optional(subject),
        issuer=_optional(issuer),
        serial=tail["serial"].lower(),
        names=_names(tail["names"] or ""),
        not_before=instant(tail["not_before"] or ""),
        not_after=instant(tail["not_after"] or ""),
        cut=cut,
        candidates=pairs if cut is Cut.UNKNOWN else (),
    )


def _cuts(names: str) -> Iterator[tuple[str, str]]:
    masked = _QUOTED.sub(lambda found: "x" * len(found[0]), names)
    places = [found.start() for found in _KEY.finditer(masked)][:MAX_NAMES]
    halves = [place for place in places if names[:place] == names[place + 1 :]]  # self-signed
    for place in halves or places:
        yield printable(names[:place]), printable(names[place + 1 :])


def _optional(text: str | None) -> str | None:
    return printable(text.strip()) if text and text.strip() else None


def _names(text: str) -> tuple[str, ...]:
    return tuple(printable(name.strip()) for name in text.split(";")[:MAX_NAMES] if name.strip())
