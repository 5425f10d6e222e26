"""The pages of `serve` over 10,000 endpoints and a year of history: processor time, and how long the loop stood still.

    python -m bench.dashboard [--endpoints 10000] [--rounds 3] [--browser]

With `--browser` also what a table of as many rows costs Chromium's main thread: to load, to search, to sort.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from probe import GARBAGE_THRESHOLD
from probe.cli.fleet.common import Wanted
from probe.cli.fleet.watching import described
from probe.cli.options import Stores
from probe.eop.vocabulary import Outcome
from probe.history.database import Database
from probe.history.due import last_spans
from probe.history.write import write_batch
from probe.net import clock
from probe.report.record import Endpoint, ListUsed, Record, Said, State
from probe.serve.pages import Dashboard
from probe.serve.standing import Standing
from probe.serve.told import told
from tests.authority import Authority, Issued, pooled_key

NOW = clock.now().replace(microsecond=0)
YEAR = timedelta(days=365)
CA = Authority(now=NOW - YEAR, name="bench")
ISSUING = CA.intermediate(CA.root())
LISTS = (ListUsed("microsoft", NOW - YEAR, trusted=True),)


def _leaf(number: int, quarter: int) -> Issued:
    begin = NOW - YEAR + timedelta(days=91 * quarter)
    key = pooled_key("ec-p256", "bench", 0)
    names = (f"mail{number}.contoso.test",)
    return CA.leaf(
        ISSUING, *names, key=key, not_before=begin, not_after=begin + timedelta(days=100 + number % 40)
    )


def _state(leaf: Issued | None, rule: str | None) -> State:
    fault = None if leaf else "unreachable"
    outcome = Outcome.UNKNOWN if fault else Outcome.REJECTED if rule else Outcome.ACCEPTED
    said = (Said(rule, "reject", "documented"),) if rule else ()
    chains = ((leaf.sha256, ISSUING.sha256),) if leaf else ()
    return State(
        outcome=outcome, rule=fault or rule, findings=said, chains=chains, starttls=leaf and True, fault=fault
    )


def _looks(number: int) -> Iterator[Record]:
    """A year of one endpoint: a look a week, four certificates, an outage here and there; some end refused."""
    host = f"mail{number}.contoso.test"
    endpoint = Endpoint(host, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 25, "to-eop")
    for week in range(53):
        leaf = None if (number + week) % 97 == 0 else _LEAVES[number, min(week // 13, 3)]
        rule = "untrusted-root" if number % 40 == 0 and week > 50 else None
        yield Record(
            target=host,
            endpoint=endpoint,
            at=NOW - YEAR + timedelta(days=7 * week, minutes=number % 360),
            elapsed_ms=80,
            state=_state(leaf, rule),
            lists=LISTS,
            certificates={one.sha256: one.der for one in (leaf, ISSUING) if one},
        )


_LEAVES: dict[tuple[int, int], Issued] = {}


def _fill(folder: Path, endpoints: int) -> None:
    database = Database(str(folder / "history.sqlite"))
    for batch in (range(n, min(n + 200, endpoints)) for n in range(0, endpoints, 200)):
        _LEAVES.update(
            {(number, quarter): _leaf(number, quarter) for number in batch for quarter in range(4)}
        )
        looks = [look for number in batch for look in _looks(number)]
        database.run(
            lambda c, batch=batch, looks=looks: write_batch(c, str(batch[0]), NOW, looks), write=True
        )
        _LEAVES.clear()
    database.close()
    _extend(folder / "history.sqlite")
    lines = (f"mail{number}.contoso.test\n" for number in range(endpoints))
    (folder / "targets.txt").write_text("".join(lines))


def _extend(path: Path) -> None:
    """Make one span of those that say the same: a watch looks more often, and leaves no gap between them."""
    columns = "id, endpoint_id, verdict_id, presentation_id, first, last"
    with sqlite3.connect(path) as file:
        rows = file.execute(f"SELECT {columns} FROM spans ORDER BY endpoint_id, id").fetchall()  # noqa: S608 - ours
        ends: dict[int, int] = {}
        before: tuple[int, ...] = (0,) * 6
        for row in rows:
            if row[1:4] == before[1:4]:
                ends[before[0]] = row[5]
                file.execute("DELETE FROM spans WHERE id = ?", (row[0],))
            else:
                before = row
        file.executemany(
            "UPDATE spans SET last = ? WHERE id = ?", [(last, number) for number, last in ends.items()]
        )


async def _get(app: Starlette, path: str) -> tuple[str, float, float]:
    """A page, its processor time, and the longest time for which the loop did nothing else."""
    sent: list[bytes] = []
    longest = 0.0

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's own
        sent.append(message.get("body", b""))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def beat() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began - 0.001)

    beating = asyncio.ensure_future(beat())
    await asyncio.sleep(0)
    began = time.process_time()
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await app(scope, receive, send)
    took = time.process_time() - began
    beating.cancel()
    return b"".join(sent).decode(), took, longest


async def _measure(dashboard: Dashboard, rounds: int) -> None:
    app = Starlette(routes=dashboard.routes)
    text, _, _ = await _get(app, "/")  # compiles the templates, and asks since when outcomes last
    target = re.findall('"(/target/[0-9a-f]+)"', text)[0]
    print("| page | bytes | processor, s | the loop stood still, ms |\n|---|---|---|---|")
    for path in ("/", "/certificates", "/changes", target):
        measured = [await _get(app, path) for _ in range(rounds)]
        took, still = (min(each[n] for each in measured) for n in (1, 2))
        print(f"| {path[:16]} | {len(measured[0][0]):,} | {took:.2f} | {still * 1000:.0f} |")


def _browser(rows: int, folder: Path) -> None:
    """What the table costs Chromium's main thread."""
    from probe.render.page.options import RenderOptions
    from probe.render.report import html
    from tests.browser.browsing import chromium
    from tests.render import samples

    kinds = (samples.accepted(), samples.accepted(), samples.untrusted_root(), samples.unreachable())
    page = folder / "report.html"
    page.write_text(html.render(samples.report(*(kinds[n % 4] for n in range(rows))), RenderOptions()))
    steps = {
        "search": "const q = document.querySelector('[name=q]'); q.value += '1';"
        "q.dispatchEvent(new Event('input', {bubbles: true}))",
        "sort": "document.querySelectorAll('.fleet thead button')[1].click()",
        "outcome": "document.querySelector('[name=outcome]').click()",
    }
    with chromium() as browser:
        tab = browser.new_page()
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def busy() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

        tab.goto(page.as_uri())
        print(f"| Chromium, {rows:,} rows, {page.stat().st_size:,} bytes | ms |\n|---|---|")
        print(f"| load | {busy() * 1000:.0f} |")
        for name, script in steps.items():
            before = busy()
            tab.evaluate(
                f"new Promise(done => {{ {script}; requestAnimationFrame(() => setTimeout(done)) }})"
            )
            print(f"| {name} | {(busy() - before) * 1000:.0f} |")


def main() -> None:
    """Fill a history, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--browser", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _fill(folder, asked.endpoints)
        standing = Standing(described(str(folder / "targets.txt"), Wanted(), Stores()))
        database = Database(str(folder / "history.sqlite"), read=True)
        standing.tell(database.run(lambda c: told(c, last_spans(c, ""))))
        database.close()
        gc.set_threshold(GARBAGE_THRESHOLD)  # as the product does
        gc.freeze()
        asyncio.run(_measure(Dashboard(standing, str(folder / "history.sqlite"), print), asked.rounds))
        if asked.browser:
            _browser(asked.endpoints, folder)


if __name__ == "__main__":
    main()
