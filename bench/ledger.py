"""How long the ledger takes for a year of a fleet.

    .venv/bin/python -m bench.ledger [--endpoints 1000] [--reports 10000]

A history with a certificate a month and a bad day a quarter for each endpoint, two exchangers a domain; Microsoft's
reports of these domains as gzipped JSON, day by day. Processor seconds of reading, joining and writing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from probe.eop.vocabulary import Outcome
from probe.history.database import Database
from probe.history.write import write_batch
from probe.ledger.gather import Gathering, predicted
from probe.render.ledger import documents, terminal
from probe.render.page.options import RenderOptions
from probe.report.record import Record
from probe.tlsrpt.keys import Keys
from tests.history.records import record

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 365
T = TypeVar("T")


def looks(endpoints: int) -> Iterator[Record]:
    """A look every five days, so that a span has several; with those at which something changed."""
    for day in range(0, DAYS, 5):
        at = START + timedelta(days=day, hours=3)
        for number in range(endpoints):
            bad = day % 90 == 45 and number % 3 == 0
            outcome = Outcome.REJECTED if bad else Outcome.ACCEPTED
            made = record(number, at, f"leaf {number} {day // 30}", outcome=outcome)
            domain = number // 2
            endpoint = made.endpoint._replace(host=f"mx{number % 2}.d{domain}.test", direction="from-eop")
            yield replace(made, target=f"mx:d{domain}.test", endpoint=endpoint)


def report(number: int, domains: int) -> bytes:
    """One report in Microsoft's form, of its domain and day."""
    name, day = f"d{number % domains}.test", START + timedelta(days=number // domains * 17 % DAYS)
    failed = 3 if number % 50 == 0 else 0
    summary = {"total-successful-session-count": 50, "total-failure-session-count": failed}
    lines = ["version: STSv1", "mode: enforce", f"mx: mx0.{name}", f"mx: mx1.{name}"]
    failures = [{"result-type": "certificate-expired", "failed-session-count": failed}] if failed else []
    policies = [
        {
            "policy": {"policy-type": "sts", "policy-string": lines, "policy-domain": name},
            "summary": summary,
            "failure-details": failures,
        },
        {"policy": {"policy-type": "tlsa", "policy-domain": name}, "summary": summary},
    ]
    told = {
        "organization-name": "Microsoft Corporation",
        "date-range": {
            "start-datetime": f"{day:%Y-%m-%d}T00:00:00Z",
            "end-datetime": f"{day:%Y-%m-%d}T23:59:59Z",
        },
        "report-id": f"{number}+{name}",
        "policies": policies,
    }
    return gzip.compress(json.dumps(told).encode(), 1)


def timed(name: str, work: Callable[[], T]) -> T:
    begun = time.process_time()
    made = work()
    print(f"{name:<24}{time.process_time() - begun:6.2f} s")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=1_000)
    parser.add_argument("--reports", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        said.mkdir()
        for number in range(asked.reports):
            (said / f"{number}.json.gz").write_bytes(report(number, asked.endpoints // 2))
        database = Database(f"{folder}/history.sqlite")
        records = list(looks(asked.endpoints))
        for start in range(0, len(records), 5_000):
            part, batch = records[start : start + 5_000], str(start)
            database.run(lambda connection, p=part, b=batch: write_batch(connection, b, START, p), write=True)
        gathering = Gathering(Keys(), datetime(2027, 1, 1, tzinfo=UTC))
        timed("files", lambda: gathering.read([said]))
        series = timed("history", lambda: predicted(database))
        database.close()
        ledger = timed("join", lambda: gathering.ledger(series))
        timed("terminal", lambda: terminal.render(ledger, RenderOptions()))
        timed("JSON", lambda: json.dumps(documents.document(ledger)))
        print(
            f"{len(series):,} endpoints, {sum(len(one.predictions) for one in series):,} predictions, "
            f"{sum(len(one.joined) for one in ledger.entries):,} words on endpoints"
        )


if __name__ == "__main__":
    main()
