"""Records as a test wants them, and how many of an endpoint's looks a history holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.eop.vocabulary import Outcome
from probe.history.database import Database
from probe.history.read import spans
from probe.report.record import Endpoint, Record, State

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def look(number: int, *, host: str = "mail.contoso.test", text: str = "") -> Record:
    """The look at an endpoint `number` minutes after noon, in a state of its own."""
    der = b"no certificate %d" % number
    sha256 = hashlib.sha256(der).hexdigest()
    return Record(
        target=host,
        endpoint=Endpoint(host, "192.0.2.1", 25, "to-eop"),
        at=NOON + timedelta(minutes=number),
        elapsed_ms=number,
        state=State(outcome=Outcome.ACCEPTED, reply=text or None, chains=((sha256,),)),
        certificates={sha256: der},
    )


def found(history: Path) -> Iterator[int]:
    """The numbers of the looks that a history holds, in its order; each ought to be there once."""
    database = Database(str(history))
    for span in database.run(lambda connection: list(spans(connection))):
        assert span.looks == 1
        yield span.elapsed_ms
    database.close()
