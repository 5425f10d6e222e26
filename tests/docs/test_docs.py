"""The documentation says what the product says: generated pages, help texts and outputs of real runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from probe.cli.app import every_command
from tools import docs

ROOT = Path(__file__).resolve().parents[2]
PAGES = dict(docs.generated())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_page_is_what_would_be_generated_now(path: Path) -> None:
    assert docs.stable(path.read_text("utf-8")) == docs.stable(PAGES[path]()), "run `make docs`"


def test_what_differs_between_runs_is_the_only_thing_left_out_of_the_comparison() -> None:
    page = "REJECTED 127.0.0.1:2504 since 2026-11-21, 26 days, " + "A" * 40
    assert docs.stable(page) == docs.stable(page.replace("26 days", "3 days"))
    assert docs.stable(page) != docs.stable(page.replace("REJECTED", "ACCEPTED"))


def test_no_page_of_a_rule_outlives_its_rule() -> None:
    assert {path for path in PAGES if path.parent.name == "rules"} == set((ROOT / "docs/rules").glob("*.md"))


def test_the_example_report_validates() -> None:
    schema = json.loads((ROOT / "docs/schema/report-1.schema.json").read_text("utf-8"))
    report = json.loads((ROOT / "docs/example-report.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(report)
    del report["assessments"][0]["outcome"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(report)


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/lab.md",
        "docs/listen.md",
        "docs/exchange.md",
        "docs/fleet.md",
        "docs/distributed.md",
        "docs/history.md",
        "docs/monitoring.md",
        "docs/watch.md",
        "docs/tlsrpt.md",
        "docs/ledger.md",
        "docs/serve.md",
        "docs/serve-security.md",
    ],
)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    missing = [link for link in links if not ((ROOT / page).parent / link).exists()]
    assert missing == []


def test_every_file_a_newcomer_is_sent_to_is_there() -> None:
    """A path in CONTRIBUTING that has moved leads nowhere."""
    named = re.findall(
        r"`((?:probe|tests|tools|docs)/[\w/.-]*)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    )
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_man_page_names_the_variable_of_every_option() -> None:
    page = (ROOT / "docs/eop-probe.1").read_text("utf-8").replace("\\-", "-")
    for words, command in every_command():
        for option in command.params:
            # `--version` of the program itself is no command's.
            assert not words or f"env var: {option.envvar}" in page or option.param_type_name == "argument"


def test_the_man_page_holds_no_request_by_accident() -> None:
    page = (ROOT / "docs/eop-probe.1").read_text("utf-8")
    requests = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert requests == {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".BR", ".br"}
