"""What is shipped for Prometheus, in the programs it is meant for: node_exporter, Prometheus, Alertmanager.

The rules, the scrape configuration and the route are those of integrations/prometheus; the lab shortens their times.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.running import COMMAND_SECONDS, HERE, ROOT, START_SECONDS, Lab, run_lab, until
from tests.lab.situations import ADDRESS, HOST
from tests.lab.test_lab_watch import GOOD, INTERNAL, shows
from tests.serve.serving import asked

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 200)]

SHIPPED = ROOT / "integrations" / "prometheus"
TARGETS, TEXTFILES = HERE / "run" / "targets", HERE / "run" / "textfile"
#: Ten files; the last two tell of the same endpoint in the same direction, asked otherwise.
FILES = (
    ("healthy", "to-eop", ()),
    ("healthy", "from-eop", ()),
    ("expired", "to-eop", ()),
    ("expired", "from-eop", ()),
    ("internal-ca", "to-eop", ()),
    ("internal-ca", "from-eop", ()),
    ("two-keys", "to-eop", ("--thorough",)),
    ("no-starttls", "from-eop", ()),
    ("sni", "to-eop", ()),
    ("sni", "to-eop", ("--sni", "none")),
)


def fetched(port: int, path: str, method: str = "GET") -> str:
    answer = asked(f"http://{ADDRESS}:{port}", path, method)
    assert answer.status == 200, answer.text
    return answer.text


@pytest.fixture(autouse=True)
def emptied(lab: Lab) -> Iterator[None]:
    """Nothing is scraped but what a test says."""

    def empty() -> None:
        for file in (*TARGETS.iterdir(), *TEXTFILES.iterdir()):
            file.unlink()

    lab.used |= {"prometheus", "alertmanager"}
    empty()
    yield
    empty()


# -- files -------------------------------------------------------------------------------------------------------------


def written(lab: Lab) -> None:
    """The ten files, each by a process of its own, as cron would."""
    processes = []
    for number, (service, direction, options) in enumerate(FILES):
        command = [sys.executable, "-m", "probe", "check", f"{HOST}:{lab.port(service)}", *options]
        command += ["--direction", direction, "--resolve", f"{HOST}={ADDRESS}", "--stand-in", str(lab.root)]
        command += ["--format", "prometheus", "--output", str(TEXTFILES / f"{number}.prom")]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL))
    for process in processes:
        assert process.wait(COMMAND_SECONDS) in range(4)


def samples(text: str) -> list[tuple[str, frozenset[str]]]:
    """Name and labels of each of our samples."""
    found = re.findall(r"^(eop_probe_\w+)\{(.*)\} \S+$", text, re.MULTILINE)
    return [(name, frozenset(re.findall(r'\w+="(?:[^"\\]|\\.)*"', labels))) for name, labels in found]


def test_node_exporter_shows_every_sample_of_ten_files(lab: Lab) -> None:
    written(lab)
    files = sorted(TEXTFILES.glob("*.prom"))
    wanted = [sample for file in files for sample in samples(file.read_text())]
    shown = fetched(lab.port("node-exporter"), "/metrics")
    assert len(files) == len(FILES) == len(re.findall(r"^node_textfile_mtime_seconds\{", shown, re.MULTILINE))
    assert len(wanted) > 10 * len(FILES)
    assert Counter(samples(shown)) == Counter(wanted)
    assert "\nnode_textfile_scrape_error 0\n" in shown
    # The control: without the file's name two of them say the same, and samples are lost, with no error shown.
    for file in files:
        file.write_text(re.sub(r',file="[^"]*"', "", file.read_text()))
    lost = fetched(lab.port("node-exporter"), "/metrics")
    assert len(samples(lost)) < len(wanted)
    assert "\nnode_textfile_scrape_error 0\n" in lost


# -- rules and routes --------------------------------------------------------------------------------------------------


def in_prometheus(script: str) -> str:
    return run_lab("exec", "prometheus", "sh", "-c", script)


def test_rules_and_configurations_are_what_their_programs_take() -> None:
    said = in_prometheus(
        "cd /integrations && promtool check config prometheus.yml && promtool check rules *.rules.yml"
    )
    assert said.count("SUCCESS") == 5
    assert "SUCCESS" in in_prometheus("promtool test rules /integrations/eop-probe.test.yml")
    # The control: a single value instead of the last half hour's, and a failed scrape raises alerts.
    deaf = "cp /integrations/*.yml /tmp && cd /tmp && sed -i 's/30m]/1s]/' eop-probe.rules.yml"
    failed = in_prometheus(f"{deaf}; promtool test rules eop-probe.test.yml 2>&1 || echo failed")
    assert "FAILED" in failed
    assert failed.endswith("failed\n")


def test_who_is_told() -> None:
    route = "amtool config routes test --config.file /integrations/alertmanager.yml"
    said = in_prometheus(
        "amtool check-config /integrations/alertmanager.yml >&2; "
        f"{route} alertname=EopProbeRejected severity=critical; echo; "
        f"{route} alertname=EopProbeStale severity=warning; echo; "
        f"{route} alertname=NodeDown severity=critical"
    )
    assert said.split() == ["postmaster-on-call", "postmaster", "nobody"]


# -- an alert ----------------------------------------------------------------------------------------------------------


class Monitoring:
    """The monitoring that runs, as somebody sees it."""

    def __init__(self, lab: Lab) -> None:
        self._prometheus, self._receiver = lab.port("prometheus"), lab.port("receiver")
        lab.used.add("exporter")

    def query(self, expression: str) -> list[dict[str, Any]]:
        asked = urllib.parse.urlencode({"query": expression})
        return list(json.loads(fetched(self._prometheus, f"/api/v1/query?{asked}"))["data"]["result"])

    def values(self, label: str, selector: str) -> list[str]:
        asked = urllib.parse.urlencode({"match[]": selector})
        return list(json.loads(fetched(self._prometheus, f"/api/v1/label/{label}/values?{asked}"))["data"])

    def outcome(self, target: str) -> str:
        """What /probe said of it last."""
        found = self.query(f'eop_probe:outcome{{instance="{target}",address!=""}}')
        return str(found[0]["value"][1]) if found else ""

    def outcomes(self) -> list[dict[str, Any]]:
        return self.query("eop_probe:outcome")

    def came(self) -> list[dict[str, Any]]:
        """What the receiver was told."""
        return list(json.loads(fetched(self._receiver, "/")))

    def told(self, target: str, status: str) -> list[str]:
        """The alerts of a target that the on-call webhook was told of so."""
        came = [one["body"] for one in self.came() if one["path"] == "/on-call"]
        return [
            alert["labels"]["alertname"]
            for body in came
            for alert in body["alerts"]
            if alert["labels"].get("instance") == target and alert["status"] == status
        ]

    def forget(self) -> None:
        fetched(self._receiver, "/", "DELETE")


@pytest.fixture
def watched(lab: Lab) -> Iterator[Monitoring]:
    """Two servers scraped each second, both good."""
    shows("changing", GOOD)
    seen = Monitoring(lab)
    seen.forget()
    (TARGETS / "lab.yml").write_text("- targets: [changing, healthy]\n")
    for target in ("changing", "healthy"):
        until(lambda target=target: seen.outcome(target) == "0", f"a good look at {target}", seen.outcomes)  # type: ignore[misc]
    yield seen
    shows("changing", GOOD)


def queries() -> list[str]:
    """Every query of the dashboard, for all targets."""
    panels = json.loads((SHIPPED / "dashboard.json").read_text())["panels"]
    return [
        re.sub(r"\$\w+", ".*", target["expr"]) for panel in panels for target in panel["targets"]
    ]  # fmt: skip


def variables() -> list[tuple[str, str]]:
    listed = json.loads((SHIPPED / "dashboard.json").read_text())["templating"]["list"]
    found = [re.fullmatch(r"label_values\((.*), (\w+)\)", each.get("definition", "")) for each in listed]
    return [(match[2], re.sub(r"\$\w+", ".*", match[1])) for match in found if match]


def test_an_alert_fires_on_a_swapped_certificate_and_resolves_after_the_repair(watched: Monitoring) -> None:
    shows("changing", INTERNAL)
    until(lambda: "EopProbeRejected" in watched.told("changing", "firing"), "the alert", watched.came)
    # The dashboard while there is something to see.
    assert len(queries()) > 15
    until(lambda: all(map(watched.query, queries())), f"an answer to each of {queries()}")
    assert len(variables()) == 3
    for label, selector in variables():
        assert watched.values(label, selector)
    (why,) = watched.query('ALERTS{alertname="EopProbeRejected",alertstate="firing",instance="changing"}')
    assert why["metric"]["direction"] == "to-eop"
    shows("changing", GOOD)
    until(
        lambda: "EopProbeRejected" in watched.told("changing", "resolved"),
        "the end of the alert",
        watched.came,
    )
    until(lambda: watched.outcome("changing") == "0", "a good look again", watched.outcomes)
    # The control: the server beside it was never spoken of.
    assert not watched.told("healthy", "firing")


def test_the_fleet_that_is_watched_is_scraped_from_one_page(lab: Lab) -> None:
    seen, fleet = Monitoring(lab), 'eop_probe_outcome{job="eop-probe-fleet",customer="contoso"}'
    until(lambda: len(seen.query(fleet)) == 3, "the fleet", lambda: seen.query(fleet))
    found = {each["metric"]["target"]: each["value"][1] for each in seen.query(fleet)}
    assert found["expired"] == "2"
    assert found["healthy"] == "0"
