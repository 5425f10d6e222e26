"""The dashboard: a real `serve` with a fleet of servers on loopback, asked as a browser asks."""

from __future__ import annotations

import errno
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from http.client import HTTPConnection
from pathlib import Path

import pytest

from probe.render.page.html import compile_early
from probe.serve.check_now import MAX_FORM
from probe.serve.events import MAX_STREAMS
from tests.cli.running import ISSUING, SELF
from tests.serve.dashboard import HOSTILE, RENEWED, Site, dashboard
from tests.serve.serving import PATIENCE, asked, ended, running, serving


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with dashboard(tmp_path_factory.mktemp("site")) as found:
        yield found


def rows(text: str) -> list[tuple[str, str]]:
    """Outcome and host of each row of the fleet's table."""
    return re.findall(r'<tr><td><span class="badge ([a-z-]+)">.*?</td><td><a href="[^"]+">([^<:]+)', text)


def test_the_fleet_the_worst_first(site: Site) -> None:
    answer = site.get("/")
    assert answer.status == 200
    found = rows(answer.text)
    assert found[0] == ("rejected", "m1.contoso.test")
    assert ("accepted", "m0.contoso.test") in found
    assert len(found) == 5
    assert "not looked at yet" in answer.text
    assert "customer=contoso" in answer.text


def test_it_narrows_and_sorts_without_a_script(site: Site) -> None:
    assert rows(site.get("/?q=m0").text) == [("accepted", "m0.contoso.test")]
    assert rows(site.get("/?q=M1+CONTOSO&outcome=rejected").text) == [("rejected", "m1.contoso.test")]
    assert rows(site.get("/?q=m1&outcome=accepted").text) == []
    hosts = [f"m{number}.contoso.test" for number in range(5)]
    assert [host for _, host in rows(site.get("/?sort=1").text)] == hosts
    text = site.get("/?sort=-1").text
    assert [host for _, host in rows(text)] == hosts[::-1]
    assert 'aria-sort="descending"' in text
    for nonsense in ("sort=99", "sort=x", "sort=-", "outcome=good", "sort=-0"):
        assert len(rows(site.get(f"/?{nonsense}").text)) == 5


def test_a_page_may_load_and_run_what_is_this_servers_alone(site: Site) -> None:
    for path in ("/", "/certificates", "/changes", site.target(0), "/nothing"):
        answer = site.get(path)
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        linked = re.findall(r'(?:src|href)="([^"]*)"', answer.text)
        assert all(link.startswith(("/", "#")) for link in linked if not link.startswith("https://"))
        assert not re.search(r"<style|<script>|<[^>]*\s(style|on[a-z]+)=", answer.text)


def test_what_pages_link_to_may_be_kept_for_ever(site: Site) -> None:
    linked = re.findall(r'"(/static/[^"]+)"', site.get("/").text)
    assert len(linked) == 4
    for path in linked:
        answer = site.get(path)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
    assert site.get("/static/0123456789abcdef/style.css").status == 404
    assert site.get("/static/x/../app.py").status == 404


def test_there_is_no_such_page(site: Site) -> None:
    for path in ("/nothing", "/target/none", "/target/" + "0" * 32, "/certificates/" + "0" * 64, "/a/b/c"):
        answer = site.get(path)
        assert answer.status == 404
        assert "<h1>There is no such page</h1>" in answer.text
    assert asked(site.address, "/", "POST").status == 405
    for method in ("GET", "HEAD", "PUT"):
        refused = asked(site.address, f"{site.target(0)}/check", method)
        assert (refused.status, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("path", "status"), [("", 200), ("/", 200), ("/metrics", 200), ("/metrics?a=b", 200), ("/nothing", 404)]
)
def test_a_whole_url_is_asked_for_by_its_path(site: Site, path: str, status: int) -> None:
    for server in (site.address, "HTTP://monitoring.contoso.test:9090"):
        assert asked(site.address, server + path).status == status


@pytest.mark.parametrize("when", ["99999999999999", "-1", "x", "253402300800"])
def test_a_look_that_nobody_can_have_asked_for_is_not_waited_for(site: Site, when: str) -> None:
    answer = site.get(f"{site.target(1)}?asked={when}")
    assert answer.status == 200
    assert 'http-equiv="refresh"' not in answer.text


def test_a_target_by_its_history(site: Site) -> None:
    text = site.get(site.target(1)).text
    answer, _, rest = text.partition("<h2>History")
    for words in (
        "The last look came to rejected by the rule self-signed.",
        "454 4.7.0 Failed to",
        'href="#e1"',
    ):
        assert words in answer, "what is wrong comes before what was"
    assert 'id="e1"' in rest
    assert "The last look came" not in site.get(site.target(0)).text.partition("<h2>History")[0], (
        "it is accepted"
    )
    assert "454 4.7.0 Failed to establish" in text
    assert text.count('<ol class="chain">') == 2, "as sent and as built"
    assert "since " in text
    assert "200 looks" in text
    assert re.search(r'<rect class="phase-rejected"', text)
    assert re.search(r'<rect class="phase-accepted"', text)
    assert "without a vantage point rejected (self-signed)" in text
    assert "; from oslo accepted, " in text
    assert "vantage-points-differ" not in site.get(site.target(0)).text


def test_certificates_with_all_places_that_show_them(site: Site) -> None:
    text = site.get("/certificates").text
    names = re.findall('<span class="strong">([^<]+)</span>', text)
    assert "Fabrikam Public TLS CA 1" in names
    page = site.get(f"/certificates/{ISSUING.sha256}").text
    assert "m0.contoso.test" in page
    assert "behind others" in page
    assert text.count(f'href="/certificates/{ISSUING.sha256}"') == 1
    assert "No certificate" in site.get("/certificates?q=nowhere").text


def test_changes_of_the_week(site: Site) -> None:
    text = site.get("/changes").text
    for kind in ("outage", "outage-over", "renewed", "verdict"):
        assert re.search(rf'<span class="badge [a-z-]+">{kind}</span>', text), kind
    link = re.search(r'<a href="(/target/[0-9a-f]+)">m1\.contoso\.test', text)
    assert link
    assert link[1] == site.target(1)


def test_check_now(site: Site) -> None:
    answer = site.post(0)
    assert answer.status == 303
    assert re.fullmatch(r"/target/[0-9a-f]+\?asked=\d+", answer.headers["location"])
    text = site.get(answer.headers["location"]).text
    while '<noscript><meta http-equiv="refresh"' in text:
        assert "The target is being looked at<" in text
        text = site.get(answer.headers["location"]).text
    assert "Conversation" in text, "the evidence of the look is there"
    again = site.post(0)
    assert again.status == 429
    assert 0 < int(again.headers["retry-after"]) <= 31
    site.servers[3].script = RENEWED
    assert "accepted" in site.check(3)


def test_only_a_page_of_this_server_may_ask(site: Site) -> None:
    path = site.target(2)
    token = re.findall('name="token" value="([0-9a-f]+)"', site.get(path).text)[0]
    other = re.findall('name="token" value="([0-9a-f]+)"', site.get(site.target(1)).text)[0]
    assert site.post(2, token, **{"Sec-Fetch-Site": "cross-site"}).status == 403
    assert site.post(2, token, **{"Sec-Fetch-Site": "same-site"}).status == 403
    assert site.post(2, token, Origin="http://evil.example").status == 403
    assert site.post(2, token, Origin="null").status == 403
    for wrong in ("", "0" * 64, other, "x" * 2_000, "é"):
        assert site.post(2, wrong).status == 403
    long = f"token={token}&more=".ljust(MAX_FORM + 1, "x")
    assert asked(site.address, f"{path}/check", "POST", {}, long).status == 403
    host = site.address.removeprefix("http://")
    # It would be too soon, had any of those been taken for one that may ask.
    assert site.post(2, token, Origin=f"http://{host}", **{"Sec-Fetch-Site": "same-origin"}).status == 303


def test_what_a_peer_says_is_text(site: Site) -> None:
    pages = [site.check(4), *(site.get(path).text for path in ("/", "/certificates", "/changes"))]
    assert HOSTILE[:30] in unescape(pages[0])
    for page in pages:
        assert "<img" not in page
        assert "<script>" not in page
        assert not re.search(r"<title>.*\b42\b.*</title>", page)


def stream(address: str, path: str) -> HTTPConnection:
    """A stream of events, open until it is closed."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=PATIENCE)
    connection.request("GET", path)
    return connection


def test_events_tell_what_is_new(tmp_path: Path) -> None:
    with dashboard(tmp_path) as site:
        key = site.target(0).removeprefix("/target/")
        with closing(stream(site.address, f"/events?target={key}&after=4000000000")) as never:
            with closing(stream(site.address, "/events?after=1")) as connection:
                answer = connection.getresponse()
                assert answer.getheader("content-type") == "text/event-stream; charset=utf-8"
                assert answer.readline() == b"retry: 5000\n"
                site.check(0)
                while b'"news": 0' in (line := answer.readline()) or line == b"\n":
                    pass
                assert b'"targets": 5' in line
            told = never.getresponse()
            assert [told.readline() for _ in range(2)] == [b"retry: 5000\n", b"\n"]
            assert b'"news": 0' in told.readline()
            # `dashboard` demands an end in order, though this stream is open.


def test_a_look_that_left_a_doubt_is_told_as_such(tmp_path: Path) -> None:
    with dashboard(tmp_path, recheck="100s") as site:
        site.servers[0].script = SELF
        site.post(1)
        path = site.post(0).headers["location"]
        while "The target is being looked at<" in (text := site.get(path).text):
            pass
        assert re.search(r"what it shows is new: a second look at \d\d:\d\d:\d\d UTC decides<", text)
        assert '<noscript><meta http-equiv="refresh"' in text
        assert "the last one left a doubt" in site.get(site.target(0)).text
        key = site.target(0).removeprefix("/target/")
        with closing(stream(site.address, f"/events?target={key}&after=4000000000")) as connection:
            answer = connection.getresponse()
            while not (line := answer.readline()).startswith(b"data:"):
                pass
            told = json.loads(line.removeprefix(b"data:"))
        assert told["again"].endswith("Z")
        assert told["told"] in text
        # One that shows what it showed before leaves no doubt.
        assert "doubt" not in site.get(site.target(1)).text


@pytest.mark.slow
def test_streams_are_bounded(tmp_path: Path) -> None:
    with dashboard(tmp_path) as site:
        found = [stream(site.address, "/events") for _ in range(MAX_STREAMS + 1)]
        codes = [each.getresponse().status for each in found]
        assert sorted(codes) == [200] * MAX_STREAMS + [503]
        for each in found:
            each.close()


def test_without_a_watch_nothing_is_checked(tmp_path: Path) -> None:
    with dashboard(tmp_path, "--no-watch") as site:
        assert rows(site.get("/?outcome=rejected").text)[0] == ("rejected", "m1.contoso.test")
        page = site.get(site.target(1)).text
        assert "Check now" not in page
        assert site.post(1, "0" * 64).status == 403


def test_without_a_fleet() -> None:
    with serving("--allow-any-target") as address:
        assert "nothing to watch" in asked(address, "/").text
        changes = asked(address, "/changes")
        assert changes.status == 503
        assert "no fleet is watched: name one with --config" in changes.text


def test_who_leaves_in_the_middle_of_a_form_is_no_defect() -> None:
    with running("--allow-any-target") as server:
        host, _, port = server.address.removeprefix("http://").rpartition(":")
        for _ in range(3):
            with socket.create_connection((host, int(port)), PATIENCE) as half:
                half.sendall(b"POST /target/x/check HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\ntoken")
        assert asked(server.address, "/healthz").status == 200
        assert ended(server.process) == ""


def test_templates_without_a_descriptor_are_compiled_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception would be a traceback on standard error, as of any thread."""

    def full() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("probe.render.page.html.compiled", full)
    compile_early()
