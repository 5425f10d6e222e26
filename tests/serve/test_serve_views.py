"""What pages say of a fleet that is too large to be told whole, and of one whose history cannot be read."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.applications import Starlette

from probe.eop.forecast import Turn
from probe.eop.vocabulary import Outcome
from probe.fleet.watch.described import Described
from probe.history.database import Database
from probe.history.due import last_spans
from probe.history.write import write_batch
from probe.net import clock
from probe.render.history.line import MAX_DRAWN, MAX_PERIODS, line, told
from probe.report.periods import lives
from probe.report.record import Endpoint, Record, Span
from probe.serve.looks import MAX_CHANGES, MAX_SPANS
from probe.serve.pages import AWAITED_S, SLICE, UNDER_WAY_S, Dashboard, _awaited, _awaited_since
from probe.serve.standing import Certified, Standing, Stands, Watched
from probe.serve.told import told as stands_of
from probe.serve.views import MAX_CERTIFICATES, MAX_PLACES, since
from tests.cli.running import ROOT
from tests.fleet.watch.watching import Watching
from tests.report.lives import Leaf, certificates, endpoint, records, shows, spans

NOW = clock.now().replace(microsecond=0)
HOUR = timedelta(hours=1)


class Page(NamedTuple):
    status: int
    text: str


def described(folder: Path, hosts: int) -> Described:
    """A fleet of so many hosts."""
    targets = [{"host": f"m{number}.contoso.test"} for number in range(hosts)]
    (folder / "roots.pem").write_text(ROOT.pem)
    return Watching(folder, targets, str(folder / "roots.pem")).described()


def stands(number: int, *certified: Certified, outcome: Outcome = Outcome.ACCEPTED) -> Stands:
    """How the endpoint of a host stands."""
    host = f"m{number}.contoso.test"
    [span] = spans(records(Endpoint(host, "192.0.2.1", 25, "to-eop"), [shows(Leaf())], NOW - HOUR))
    state = span.state
    return Stands(
        Span(**{name: getattr(span, name) for name in Span.__slots__} | {"state": state, "target": host}),
        certified[0].not_after if certified else None,
        Turn(NOW + 9 * HOUR, outcome, "expires-soon", "it ends"),
        certified,
    )


def certificate(number: int) -> Certified:
    return Certified(f"{number:064x}", f"leaf {number}", "an issuer", NOW + timedelta(days=number - 3))


def get(dashboard: Dashboard, path: str, query: str = "") -> Page:
    """A page, asked for without a socket."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's own
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    asyncio.run(Starlette(routes=dashboard.routes)(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent)
    return Page(sent[0]["status"], unescape(body.decode()))


def dashboard(
    folder: Path, hosts: int, *found: Stands, history: str = "", said: list[str] | None = None
) -> Dashboard:
    standing = Standing(described(folder, hosts))
    standing.tell(found)
    return Dashboard(standing, history, (said if said is not None else []).append)


def test_every_target_of_several_slices_is_there(tmp_path: Path) -> None:
    text = get(dashboard(tmp_path, 2 * SLICE + 1), "/").text
    assert text.count("<td>not looked at yet") == 2 * SLICE + 1
    assert f"targets, {2 * SLICE + 1} not looked at yet" in text
    assert len(re.findall("<tbody>", text)) == 2, "those that are shown first, and the others"


def test_of_many_certificates_the_first_to_expire_are_listed(tmp_path: Path) -> None:
    found = stands(0, *map(certificate, range(MAX_CERTIFICATES + 1)))
    text = get(dashboard(tmp_path, 1, found), "/certificates").text
    assert f"{MAX_CERTIFICATES + 1} certificates" in text
    assert f"listed are the {MAX_CERTIFICATES} that expire first" in text
    assert text.count('<span class="strong">') == MAX_CERTIFICATES
    assert f"leaf {MAX_CERTIFICATES}<" not in text
    assert "expired 3 days ago" in text
    assert '<span class="small warning">in 2' in text
    again = get(dashboard(tmp_path, 1, found), "/certificates", f"q=LEAF+{MAX_CERTIFICATES}").text
    assert "1 certificate," in again


def test_of_many_places_the_page_of_the_certificate_has_all(tmp_path: Path) -> None:
    number = MAX_PLACES + 2
    site = dashboard(tmp_path, number, *(stands(n, certificate(1)) for n in range(number)))
    text = get(site, "/certificates").text
    assert len(re.findall(r"<li><a href=./target/", text)) == MAX_PLACES
    assert f">all {number}<" in text
    whole = get(site, f"/certificates/{certificate(1).sha256}").text
    assert len(re.findall(r"<li><a href=./target/", whole)) == number


def write(path: Path, looks: list[Record]) -> str:
    database = Database(str(path))
    database.run(lambda connection: write_batch(connection, "all", NOW, looks), write=True)
    database.close()
    return str(path)


def test_of_many_changes_the_latest_are_told(tmp_path: Path) -> None:
    both = [shows(Leaf()), shows(Leaf(), accepted=False)]
    hosts = (
        Endpoint(f"m{number}.contoso.test", "192.0.2.1", 25, "to-eop") for number in range(MAX_CHANGES + 5)
    )
    history = write(
        tmp_path / "h.sqlite", [look for one in hosts for look in records(one, both, NOW - 9 * HOUR)]
    )
    text = get(dashboard(tmp_path, 1, history=history), "/changes").text
    assert f"{MAX_CHANGES + 5:,} changes since" in text
    assert f"Told are the latest {MAX_CHANGES:,}." in text
    assert text.count(">verdict<") == MAX_CHANGES


@pytest.mark.parametrize(("port", "links"), [(25, 1), (26, 0)])
def test_a_change_leads_to_the_page_of_the_host_whatever_its_history_calls_it(
    tmp_path: Path, port: int, links: int
) -> None:
    """The control is another port of the host, which nobody watches."""
    one = Endpoint("m0.contoso.test", "192.0.2.1", port, "to-eop")
    looks = records(one, [shows(Leaf()), shows(Leaf(), accepted=False)], NOW - 9 * HOUR)
    history = write(tmp_path / "h.sqlite", [replace(look, target="mx:contoso.test") for look in looks])
    text = get(dashboard(tmp_path, 1, history=history), "/changes").text
    assert text.count('href="/target/') == links


def test_a_host_that_two_domains_share_is_shown_at_each(tmp_path: Path) -> None:
    """As its history tells, which calls it by the first; the control is a domain for which nobody looked."""
    (tmp_path / "roots.pem").write_text(ROOT.pem)
    targets = [{"mx": f"{name}.test"} for name in "abc"]
    standing = Standing(Watching(tmp_path, targets, str(tmp_path / "roots.pem")).described())
    looks = records(Endpoint("mx.test", "192.0.2.1", 25, "to-eop"), [shows(Leaf())], NOW - HOUR)
    of_both = [replace(look, target=f"mx:{name}.test") for name in "ab" for look in looks]
    database = Database(write(tmp_path / "h.sqlite", of_both))
    standing.tell(database.run(lambda c: stands_of(c, last_spans(c, ""))))
    database.close()
    assert [len(target.endpoints) for target in standing.watched()] == [1, 1, 0]
    assert [target.endpoints[0].span.target for target in standing.watched()[:2]] == [
        "mx:a.test",
        "mx:b.test",
    ]


def test_of_a_long_life_the_latest_is_told(tmp_path: Path) -> None:
    both = [shows(Leaf()), shows(Leaf(), accepted=False)] * (MAX_SPANS // 2 + 10)
    looks = records(Endpoint("m0.contoso.test", "192.0.2.1", 25, "to-eop"), both, NOW - len(both) * HOUR)
    history = write(tmp_path / "h.sqlite", looks)
    site = dashboard(tmp_path, 1, stands(0), history=history)
    [path] = re.findall('"(/target/[0-9a-f]+)"', get(site, "/").text)
    text = get(dashboard(tmp_path, 1, stands(0), history=history), path).text
    assert f"Told are the latest {MAX_PERIODS} of {MAX_SPANS:,} states." in text


def test_states_and_certificates_on_a_line() -> None:
    looks = [shows(Leaf(serial=number)) for number in range(MAX_DRAWN + 3) for _ in range(8)]
    [life] = lives(spans(records(endpoint(), looks)))
    drawn = line(life, certificates, datetime(2026, 2, 1, tzinfo=UTC))
    assert [len(group) for group in drawn.groups] == [1, MAX_DRAWN]
    assert len(drawn.groups[0][0].spans) == MAX_DRAWN + 3
    assert drawn.groups[1][0].words.startswith("shown 2026-01-04 ")
    assert told(life, certificates)[0].cells[0].startswith("since ")
    both = [shows(Leaf()), shows(Leaf(), accepted=False)] * MAX_PERIODS
    [life] = lives(spans(records(endpoint(), both)))
    assert len(told(life, certificates)) == MAX_PERIODS
    assert len(line(life, certificates, NOW).groups[0][0].spans) == MAX_PERIODS


def test_since_when_an_outcome_lasts() -> None:
    one, earlier = stands(0), NOW - timedelta(days=99)
    assert since(one, {}) == one.span.first
    assert since(one, {one.span.endpoint: (Outcome.ACCEPTED, earlier)}) == earlier
    assert since(one, {one.span.endpoint: (Outcome.REJECTED, earlier)}) == one.span.first


@pytest.mark.parametrize("history", ["none.sqlite", "broken.sqlite"])
def test_a_history_that_cannot_be_read(tmp_path: Path, history: str) -> None:
    (tmp_path / "broken.sqlite").write_bytes(b"no database at all" * 99)
    said: list[str] = []
    site = dashboard(tmp_path, 1, stands(0), history=str(tmp_path / history), said=said)
    text = get(site, "/").text
    assert "m0.contoso.test" in text, "how the fleet stands needs none"
    assert len(said) == 1
    changes = get(dashboard(tmp_path, 1, history=str(tmp_path / history)), "/changes")
    assert changes.status == 503
    assert "The history cannot be read" in changes.text
    [path] = re.findall('"(/target/[0-9a-f]+)"', text)
    target = get(dashboard(tmp_path, 1, stands(0), history=str(tmp_path / history)), path)
    assert target.status == 200
    assert '<p class="warning">' in target.text


def test_a_defect_costs_one_page(tmp_path: Path) -> None:
    said: list[str] = []
    standing = Standing(described(tmp_path, 1))
    standing.tell([stands(0, Certified("0" * 64, "leaf", "issuer", datetime(2027, 1, 1)))])  # noqa: DTZ001 - the defect
    page = get(Dashboard(standing, "", said.append), "/certificates")
    assert page.status == 500
    assert "This page failed" in page.text
    assert len(said) == 1
    assert said[0].startswith("a page failed: TypeError: ")


def test_too_much_is_refused_with_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.serve.aside.MAX_WAITING", 0)
    page = get(dashboard(tmp_path, 1), "/")
    assert page.status == 503
    assert "Too much is asked at once" in page.text


def test_a_look_that_was_asked_for_is_awaited_for_so_long() -> None:
    target = Watched("key", "mail.contoso.test", {}, "to-eop", 3600, None, ())
    now = int(clock.now().timestamp())
    assert _awaited(str(now - AWAITED_S + 30), target)
    assert not _awaited(str(now - AWAITED_S - 1), target)


def test_of_a_look_under_way_that_one_is_awaited() -> None:
    """It is told with the moment at which it began; what was seen before is not it."""
    seen, now = Watched("key", "mail.contoso.test", {}, "to-eop", 3600, None, (stands(1),)), 1_900_000_000.0
    last = stands(1).span.last.timestamp()
    assert _awaited_since(seen, now, hastened=True) == now
    assert _awaited_since(seen, now, hastened=False) == now - UNDER_WAY_S
    assert _awaited_since(seen, last + 5, hastened=False) == last + 1
