"""Every JSON document against its committed schema: real outputs pass, a missing or mistyped key does not.

Every other document that the tests of the command line print is validated where it is printed (`Cli`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.recorded import STORY, told, written
from tests.cli.running import HEALTHY, Cli, serving
from tests.exchange.diagnosing import (
    SAMPLES,
)
from tests.ledger.month import some
from tests.schemas import INPUTS, SCHEMAS, SENT, VALIDATORS, validate

EVERYTHING = tuple(str(path) for path in sorted(SAMPLES.glob("*")) if path.suffix != ".md")
AT = ("--at", "2026-11-21T03:00:00Z")
LED = (
    "LED=450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot] "
    "[LastAttemptedServerName=mail.contoso.com];{MSG=UntrustedRoot};{FQDN=mail.contoso.com};{IP=192.0.2.1};"
    "{LRT=11/3/2026 9:14:00 AM}"
)
DOCUMENTS: dict[str, tuple[str, ...]] = {
    "eop-probe/explain/1": ("explain", LED),
    "eop-probe/explain-rule/1": ("explain", "no-starttls"),
    "eop-probe/exchange-export/1": ("exchange", "export"),
    "eop-probe/exchange-show/1": ("exchange", "show", *EVERYTHING),
    "eop-probe/exchange-select/1": ("exchange", "select", *EVERYTHING, *AT),
    "eop-probe/exchange-attribute/1": (
        "exchange",
        "attribute",
        *EVERYTHING,
        *AT,
        "--sender",
        "anna@contoso.com",
    ),
    "eop-probe/exchange-log/1": ("exchange", "log", *(name for name in EVERYTHING if name.endswith(".log"))),
    "eop-probe/exchange-diagnosis/1": ("exchange", "diagnose", *EVERYTHING, *AT),
    "eop-probe/stores/1": ("stores", "list"),
    "eop-probe/tlsrpt/1": (
        "tlsrpt",
        *(f"tests/tlsrpt/samples/{name}.json" for name in ("microsoft", "wrong-counts")),
    ),
}
#: What this product writes for itself alone.
OWN = {"eop-probe/spool/1"}
EXPORT = "eop-probe/history-export/1"
LEDGER = "eop-probe/ledger/1"
#: Of a history that is made for them.
HISTORY: dict[str, tuple[str, ...]] = {
    "eop-probe/history/1": ("show", "mail.contoso.test"),
    "eop-probe/changes/1": ("changes", "--kind", "verdict"),
    "eop-probe/history-diff/1": ("diff", "3d"),
    "eop-probe/history-certificates/1": ("certificates",),
    "eop-probe/history-prune/1": ("prune", "--keep", "2d"),
    "eop-probe/history-doctor/1": ("doctor",),
}


@pytest.fixture
def printed(cli: Cli, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """The document of that schema, as a run prints it."""

    def run(name: str) -> dict[str, Any]:
        if name in DOCUMENTS:
            out = cli(*DOCUMENTS[name], "--format", "json").out
        elif name == LEDGER:
            out = cli("ledger", *some(tmp_path), "--format", "json").out
        elif name in HISTORY or name == EXPORT:
            history = ("--history", written(tmp_path / "history.sqlite", told(STORY)), "--format", "json")
            out = cli("history", *HISTORY.get(name, ("export",)), *history).out
            out = out if name in HISTORY else json.dumps(one_of_each(out.splitlines()))
        else:
            with serving(HEALTHY) as port:
                out = cli.check(port, "--format", "json").out
        document: dict[str, Any] = json.loads(out)
        assert document["schema"] == name
        return document

    return run


def one_of_each(lines: list[str]) -> dict[str, Any]:
    """A line with the certificate of one and the span of another: the schema says both."""
    documents = [json.loads(line) for line in lines]
    return {key: next(one[key] for one in documents if one[key]) for key in documents[0]}


def damaged(value: Any) -> Iterator[tuple[str, Callable[[Any], None]]]:  # noqa: ANN401 - a JSON value
    """Every way to leave out, misspell or mistype one key, with where it is; of each array the first element."""
    if isinstance(value, list) and value:
        for path, damage in damaged(value[0]):
            yield f"[0]{path}", lambda holder, damage=damage: damage(holder[0])
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield f".{key} left out", lambda holder, key=key: holder.pop(key)
            yield f".{key} misspelt", lambda holder, key=key: holder.update({f"{key}x": holder.pop(key)})
            wrong = 7.5 if not isinstance(inner, float) else "7.5"
            yield f".{key} mistyped", lambda holder, key=key, wrong=wrong: holder.update({key: wrong})
            for path, damage in damaged(inner):
                yield f".{key}{path}", lambda holder, key=key, damage=damage: damage(holder[key])


def first_of_each(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """A document with the first only of the objects of each of its arrays."""
    if isinstance(value, list):
        return [first_of_each(value[0])] if value and isinstance(value[0], dict) else value
    return {key: first_of_each(each) for key, each in value.items()} if isinstance(value, dict) else value


def test_every_schema_that_the_code_names_is_committed_and_no_other() -> None:
    sources = Path(__file__).parents[2].glob("probe/**/*.py")
    named = {
        name for path in sources for name in re.findall(r"eop-probe/[a-z-]+/\d+", path.read_text("utf-8"))
    }
    assert (
        named - OWN - SENT
        == set(SCHEMAS) - INPUTS - SENT
        == {*DOCUMENTS, *HISTORY, EXPORT, LEDGER, "eop-probe/report/1"}
    )


@pytest.mark.parametrize("name", sorted(SCHEMAS.keys() - INPUTS - SENT))
def test_a_schema_is_a_schema_that_names_its_document(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["properties"]["schema"] == {"const": name}
    assert SCHEMAS[name]["$id"] == f"urn:{name.replace('/', ':')}"


@pytest.mark.parametrize("name", [*DOCUMENTS, *HISTORY, EXPORT, LEDGER])
def test_a_document_is_valid_and_no_damage_to_it_goes_unnoticed(
    printed: Callable[[str], dict[str, Any]], name: str
) -> None:
    document = printed(name)
    validate(document)
    document = first_of_each(document)
    validate(document)
    ways, text = dict(damaged(document)), json.dumps(document)
    assert len(ways) > 9
    for way, damage in ways.items():
        bad = json.loads(text)  # quicker than copy.deepcopy
        damage(bad)
        assert not VALIDATORS[name].is_valid(bad), way


def test_the_report_is_valid(printed: Callable[[str], dict[str, Any]]) -> None:
    validate(printed("eop-probe/report/1"))
