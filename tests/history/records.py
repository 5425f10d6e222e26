"""Records as a fleet makes them, with certificates that can be told apart and need not be read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from probe.eop.vocabulary import Outcome
from probe.report.record import Endpoint, ListUsed, Record, Said, State

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
LISTS = (ListUsed("microsoft", START, trusted=True), ListUsed("mozilla", None, trusted=True))


def endpoint(number: int) -> Endpoint:
    """The n-th of a fleet's endpoints."""
    return Endpoint(f"mail{number}.contoso.test", f"192.0.2.{number % 256}", 25, "to-eop")


def record(number: int, at: datetime, *leaves: str, outcome: Outcome = Outcome.ACCEPTED) -> Record:
    """One look at an endpoint that shows the given end certificates, each above one issuing CA."""
    ders = {hashlib.sha256(text.encode()).hexdigest(): text.encode() for text in (*leaves, "issuing")}
    *ends, issuing = ders
    return Record(
        target=f"mail{number}.contoso.test",
        endpoint=endpoint(number),
        at=at,
        elapsed_ms=120,
        state=State(
            outcome=outcome,
            findings=(Said("expires-soon", "info", "documented"),),
            chains=tuple(sorted((end, issuing) for end in ends)),
            starttls=True,
            tls="TLSv1.3",
        ),
        lists=LISTS,
        certificates=ders if leaves else {},
    )


def round_of(count: int, at: datetime) -> Sequence[Record]:
    """One look at each of a fleet's endpoints, each with its own certificate."""
    return [record(number, at, f"leaf {number}") for number in range(count)]
