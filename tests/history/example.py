"""The history that the documentation's examples are made from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.history.database import Database
from probe.history.write import write_batch
from tests.report.lives import Leaf, down, endpoint, plain, records, shows

_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_HOST = "mail.contoso.example"
_OLD = Leaf(names=(_HOST,), days=3330)
_NEW = _OLD._replace(key=1, serial=2, days=3700)
_PRIVATE = _OLD._replace(issuer=1, key=2, serial=3, days=3900)


def history(path: Path) -> None:
    """Ten days: a renewal node by node, an outage, an address less, STARTTLS gone, a certificate nobody trusts."""
    first = [
        *[shows(_OLD)] * 100, *[shows(_NEW), shows(_OLD)] * 9, *[shows(_NEW)] * 70, *[down()] * 3, *[shows(_NEW)] * 20,
        *[plain()] * 5, *[shows(_PRIVATE, accepted=False)] * 30,
    ]  # fmt: skip
    second = [*[shows(_OLD)] * 118, *[shows(_NEW)] * 90]
    looks = [
        *records(endpoint(_HOST, "192.0.2.10"), first, _BEGIN),
        *records(endpoint(_HOST, "192.0.2.11"), second, _BEGIN + timedelta(minutes=1)),
    ]
    database = Database(str(path))
    database.run(lambda connection: write_batch(connection, "all", _BEGIN, looks), write=True)
    database.close()
