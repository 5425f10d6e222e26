"""The documentation's example: two domains and three senders of the month under names of the documentation's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from probe.history.database import Database
from probe.history.write import write_batch
from tests.ledger.month import predictions

SAMPLES = Path(__file__).parent / "samples"
HOSTS = {
    "mx1.d0.test": "mx1.contoso.com",
    "mx2.d0.test": "mx2.contoso.com",
    "mx1.d10.test": "mail.fabrikam.com",
    "s0.test": "edge1.contoso.com",
    "s3.test": "edge2.contoso.com",
    "s8.test": "edge3.contoso.com",
}
TARGETS = {"mx:d0.test": "mx:contoso.com", "mx:d10.test": "mx:fabrikam.com"}


def history(path: Path) -> None:
    """Eleven days of looks."""
    looks = [
        replace(
            one,
            target=TARGETS.get(one.target) or HOSTS[one.endpoint.host],
            endpoint=one.endpoint._replace(host=HOSTS[one.endpoint.host]),
        )
        for one in predictions()
        if one.endpoint.host in HOSTS and one.at.day < 12
    ]
    database = Database(str(path))
    database.run(
        lambda connection: write_batch(connection, "all", datetime.now().astimezone(), looks), write=True
    )
    database.close()
