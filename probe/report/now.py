"""How a fleet stands by its history: a row for each endpoint, and the certificates that are shown."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from probe.report.periods import Verdict
from probe.report.record import Endpoint


class Standing(NamedTuple):
    """The last look at an endpoint, and since when it has had the outcome of that; `key` names it in a URL.

    `expires` is when the end certificate of the last look that met one does; `error` what ended the look early.
    """

    key: str
    target: str
    endpoint: Endpoint
    verdict: Verdict
    since: datetime
    last: datetime
    expires: datetime | None
    error: str | None
    reply: str | None


class Holder(NamedTuple):
    """Who shows a certificate."""

    key: str
    endpoint: Endpoint


class Held(NamedTuple):
    """A certificate that is shown now, as an `end` certificate or behind one, and everybody who shows it."""

    sha256: str
    der: bytes
    end: bool
    holders: tuple[Holder, ...]
