"""`eop-probe serve`: what a scraper is answered."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from probe import __version__
from tests.cli.running import HEALTHY, LONELY, ROOT, hold
from tests.net.scripted import ScriptedServer
from tests.patience import given_time
from tests.serve.fleets import OnLoopback, leave, on_loopback
from tests.serve.serving import Answer, asked, serving

SILENT = "X-Prometheus-Scrape-Timeout-Seconds"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnLoopback]:
    with on_loopback(tmp_path_factory.mktemp("fleet"), HEALTHY, LONELY, hold) as found:
        found.describe(toml='[[group]]\nname = "berlin"\n')
        yield found


@pytest.fixture(scope="module")
def server(fleet: OnLoopback) -> Iterator[str]:
    # A watch's looks would be in the way of those of the tests.
    with serving(*fleet.arguments, "--no-watch") as address:
        yield address


def value(answer: Answer, name: str) -> float:
    """The value of the only series of a name."""
    [found] = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", answer.text, re.MULTILINE)
    return float(found)


def test_that_it_is_well(server: str) -> None:
    assert asked(server, "/healthz")[:2] == (200, "ok\n")


def test_a_certificate_that_is_accepted(server: str) -> None:
    answer = asked(server, "/probe?target=m0.contoso.test")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (value(answer, "probe_success"), value(answer, "eop_probe_outcome")) == (1, 0)
    assert value(answer, "probe_ssl_earliest_cert_expiry") > time.time()
    assert 0 < value(answer, "probe_duration_seconds") < 60


def test_a_rejected_one_has_its_metrics_too(server: str) -> None:
    answer = asked(server, "/probe?target=m1.contoso.test&module=from-eop")
    assert (value(answer, "probe_success"), value(answer, "eop_probe_outcome")) == (0, 2)
    assert 'eop_probe_finding{target="m1' in answer.text
    assert value(answer, "probe_ssl_earliest_cert_expiry") > time.time()


def test_a_target_that_is_named_by_its_port_is_the_configured_one(server: str, fleet: OnLoopback) -> None:
    answer = asked(server, f"/probe?target=m0.contoso.test:{fleet.servers[0].port}")
    assert value(answer, "probe_success") == 1


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("", 400, "a target is missing: /probe?target=mail.contoso.com\n"),
        ("target=a..b", 400, 'not a host name: "a..b"; '),
        (
            "target=m0.contoso.test&module=%3Cscript%3E",
            400,
            'there is no module "<script>"; there are to-eop, ',
        ),
        ("target=m0.contoso.test&module=berlin", 400, '"m0.contoso.test" is not in the group "berlin"\n'),
        ("target=localhost", 403, '"localhost" is no configured target\n'),
        ("target=127.0.0.1", 403, '"127.0.0.1" is no configured target\n'),
    ],
)
def test_a_question_that_is_refused(server: str, query: str, code: int, said: str) -> None:
    answer = asked(server, f"/probe?{query}")
    assert answer.status == code
    assert answer.text.startswith(said)
    assert answer.text.count("\n") == 1
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_the_conversation_is_shown(server: str) -> None:
    answer = asked(server, "/probe?target=m1.contoso.test&debug=true")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    for words in (
        "REJECTED  m1.contoso.test 127.0.0.1",
        "C: STARTTLS",
        "missing-intermediate",
        "\nprobe_success 0\n",
    ):
        assert words in answer.text
    assert "PRIVATE KEY" not in answer.text
    assert ROOT.pem.splitlines()[1] not in answer.text


def test_a_silent_server_holds_up_no_scrape(server: str) -> None:
    def check(seconds: float) -> Answer:
        began = time.monotonic()
        answer = asked(server, "/probe?target=m2.contoso.test", headers={SILENT: str(seconds + 0.5)})
        assert 0.9 * seconds < time.monotonic() - began < seconds + 5  # 9.5 where nothing is said
        return answer

    answer = given_time(check, 1, 2, 4)
    assert (value(answer, "probe_success"), value(answer, "eop_probe_outcome")) == (0, 3)
    assert 'rule="timeout"' in answer.text
    assert asked(server, "/probe?target=m2.contoso.test", headers={SILENT: "nan"}).status == 400


def test_what_is_missing_at_the_end_of_a_scrape_is_said(server: str, fleet: OnLoopback) -> None:
    """The second one waits until the first one's connection to the same server is over."""
    fleet.servers[2].peers.clear()
    answers = both(server, "/probe?target=m2.contoso.test", fleet.servers[2])
    assert [value(one, "probe_success") for one in answers] == [0, 0]
    assert ['address=""' in one.text for one in answers] == [False, True]


def both(server: str, path: str, silent: ScriptedServer) -> list[Answer]:
    """Two scrapes at once, in their order; the first one's connection ends after the second one's patience."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(asked, server, path, headers={SILENT: "50"})
        while "probes_in_flight 1" not in asked(server, "/metrics").text:
            pass
        second = asked(server, path, headers={SILENT: "1"})
        leave(silent)
        return [first.result(), second]


def test_metrics_of_its_own(server: str) -> None:
    asked(server, "/probe?target=m0.contoso.test")
    text = asked(server, "/metrics").text
    assert re.search(r'^eop_probe_serve_probes_total\{outcome="accepted"\} [1-9]', text, re.MULTILINE)
    assert re.search(r'^eop_probe_serve_requests_total\{code="200",path="/probe"\} [1-9]', text, re.MULTILINE)
    assert "process_open_fds " in text
    assert f'\neop_probe_build_info{{version="{__version__}"}} 1.0\n' in text
    read_at = value(asked(server, "/metrics"), "eop_probe_serve_config_last_reload_success_timestamp_seconds")
    assert time.time() - 3600 < read_at <= time.time()
    assert "_created" not in text


@pytest.mark.parametrize("path", ["/probe/", "/metrics/x", "/%00", "//evil.test/"])
def test_other_paths(server: str, path: str) -> None:
    answer = asked(server, path)
    assert answer.status == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods(server: str, method: str) -> None:
    answer = asked(server, "/probe?target=m0.contoso.test", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nothing", "/probe?target=a..b"])
def test_headers_of_every_answer(server: str, path: str) -> None:
    headers = asked(server, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("frame-ancestors 'none'")
    assert "server" not in headers


def test_head(server: str) -> None:
    answer = asked(server, "/metrics", "HEAD")
    assert (answer.status, answer.text) == (200, "")
