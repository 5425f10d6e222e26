"""What is shipped for Prometheus speaks of metrics that there are; its programs check the rest in the lab."""

from __future__ import annotations

import json
import re
from pathlib import Path

from probe.render.report.metrics import TAKEN, Metric

SHIPPED = Path(__file__).parents[2] / "integrations" / "prometheus"
RULES = (SHIPPED / "eop-probe.rules.yml").read_text("utf-8")
TESTS = (SHIPPED / "eop-probe.test.yml").read_text("utf-8")
#: Silences and routes name these.
ALERTS = {
    "EopProbeRejected",
    "EopProbeAtRisk",
    "EopProbeUnknown",
    "EopProbeMixedCertificates",
    "EopProbePredictionContradicted",
    "EopProbeCertificateExpired",
    "EopProbeCertificateExpiresSoon",
    "EopProbeRejectionAhead",
    "EopProbeListOld",
    "EopProbeStale",
    "EopProbeMissing",
    "EopProbeAbsent",
}
VERDICTS = {"EopProbeRejected", "EopProbeAtRisk", "EopProbeUnknown", "EopProbeMixedCertificates"}


def expressions() -> str:
    """Everything in which a metric is named."""
    panels = json.loads((SHIPPED / "dashboard.json").read_text("utf-8"))["panels"]
    return RULES + "\n".join(target["expr"] for panel in panels for target in panel["targets"])


def test_the_alerts_names() -> None:
    assert re.findall(r"- alert: (\w+)", RULES) == sorted(ALERTS, key=RULES.index)
    named = (SHIPPED / "alertmanager.yml").read_text("utf-8")
    assert set(re.findall(r"EopProbe\w+", named)) <= ALERTS


def test_each_alert_is_seen_to_fire() -> None:
    fired = re.findall(r"alertname: (\w+)\n\s+exp_alerts:", TESTS)
    assert set(fired) == ALERTS


def test_only_verdicts_are_delayed() -> None:
    rules = RULES.split("- alert: ")[1:]
    delayed = {each.partition("\n")[0] for each in rules if "\n        for: " in each}
    assert delayed == VERDICTS


def test_every_metric_is_one() -> None:
    named = set(re.findall(r"\beop_probe_\w+", expressions()))
    thresholds = {each for each in named if each.startswith("eop_probe_threshold_")}
    assert named - thresholds <= {metric.label for metric in Metric}
    # And each threshold is shown with its default, and replaced in a test.
    shown = (SHIPPED / "thresholds.rules.yml").read_text("utf-8")
    for threshold in thresholds:
        assert f"- record: {threshold}\n" in shown
        assert threshold in TESTS
    recorded = set(re.findall(r"- record: (\S+)", RULES))
    assert set(re.findall(r"\beop_probe:\w+", expressions())) == recorded


def test_the_dashboard_joins_on_labels_there_are() -> None:
    joined = re.findall(r"(?:ignoring|group_left|by) \(([^)]+)\)", expressions())
    assert joined
    assert {name for labels in joined for name in labels.split(", ")} <= TAKEN | {"job", "instance"}
