"""The JSON contract: names, order, null rules, and the committed schema."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from probe.capture import Capture
from probe.eop.vocabulary import Outcome
from probe.pki.chain import PresentedChain
from probe.render.page.options import RenderOptions
from probe.render.report import facts, json_v1
from tests.render import samples

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs/schema/report-1.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)
SAMPLES = (
    "accepted",
    "missing_intermediate",
    "untrusted_root",
    "self_signed",
    "expired",
    "unreachable",
    "starttls_refused",
    "mixed",
    "awkward",
    "hostile",
)


def document(*names: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(
        json_v1.dumps(samples.report(*(getattr(samples, name)() for name in names)))
    )
    return parsed


def keys(value: dict[str, Any], count: int) -> list[str]:
    return list(value)[:count]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_report_is_valid(name: str) -> None:
    VALIDATOR.validate(document(name))


def test_a_report_of_several_and_one_of_none_are_valid() -> None:
    VALIDATOR.validate(document(*SAMPLES))
    nothing = document()
    VALIDATOR.validate(nothing)
    assert nothing["outcome"] == "unknown"
    assert nothing["assessments"] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.update(schema="eop-probe/report/2"),
        lambda d: d.pop("tool"),
        lambda d: d.update(outcome="fine"),
        lambda d: d.update(generated_at="2026-11-21 03:00"),
        lambda d: d["assessments"][0].pop("error"),
        lambda d: d["assessments"][0].update(port="25"),
        lambda d: d["assessments"][0]["predictions"][0].update(basis="guess"),
        lambda d: d["assessments"][0]["presented_chain"][0].update(sha1="AB"),
        lambda d: d["assessments"][0]["presented_chain"][0].update(key=None),
        lambda d: d["assessments"][0]["stores"][0].update(status=["Broken"]),
        lambda d: d["assessments"][0]["findings"].append({"rule": "x"}),
        lambda d: d["assessments"][0]["smtp"]["transcript"][0].update({"from": "proxy"}),
    ],
)
def test_the_schema_refuses_a_damaged_report(damage: Callable[[dict[str, Any]], object]) -> None:
    good = document("accepted")
    bad = copy.deepcopy(good)
    damage(bad)
    VALIDATOR.validate(good)
    with pytest.raises(ValidationError):
        VALIDATOR.validate(bad)


def test_the_names_and_their_order_are_the_contract() -> None:
    whole = document("untrusted_root")
    one = whole["assessments"][0]
    assert list(whole) == ["schema", "tool", "generated_at", "outcome", "assessments"]
    assert list(whole["tool"]) == ["name", "version"]
    assert keys(one, 14) == [
        "target", "host", "address", "port", "started_at", "elapsed_ms", "outcome", "predictions", "findings",
        "smtp", "tls", "presented_chain", "stores", "error",
    ]  # fmt: skip
    assert list(one["predictions"][0]) == ["direction", "outcome", "reply", "rule", "confidence", "basis"]
    assert keys(one["findings"][0], 7) == [
        "rule", "severity", "confidence", "summary", "detail", "remedy", "references",
    ]  # fmt: skip
    assert keys(one["smtp"], 4) == ["banner", "ehlo", "starttls_offered", "transcript"]
    assert list(one["smtp"]["transcript"][0]) == ["at_ms", "from", "text"]
    assert keys(one["tls"], 3) == ["version", "cipher", "client_certificate_requested"]
    assert keys(one["presented_chain"][0], 13) == [
        "subject", "issuer", "serial", "sha1", "sha256", "not_before", "not_after", "dns_names", "key", "signature",
        "eku", "self_signed", "pem",
    ]  # fmt: skip
    assert keys(one["stores"][0], 5) == ["name", "dated", "trusted", "status", "path"]
    failed = document("starttls_refused")["assessments"][0]
    assert keys(failed["error"], 3) == ["phase", "message", "server_text"]


def test_the_facts_of_a_certificate() -> None:
    leaf, issuing = document("accepted")["assessments"][0]["presented_chain"]
    assert leaf["subject"] == 'CN=mail.contoso.com, O="Contoso, Ltd.", C=NL'
    assert leaf["not_after"] == "2027-03-01T03:00:00Z"
    assert (leaf["key"], leaf["eku"], leaf["serial"]) == ("rsa-2048", ["serverAuth", "clientAuth"], "a55a")
    assert leaf["pem"] == samples.LEAF.pem
    assert leaf["sha256"] == samples.LEAF.sha256
    assert leaf["self_signed"] is False
    assert issuing["eku"] == []
    assert document("untrusted_root")["assessments"][0]["presented_chain"][1]["self_signed"] is True


def test_what_is_no_certificate_keeps_its_bytes_and_nothing_else() -> None:
    junk = document("awkward")["assessments"][0]["presented_chain"][1]
    known = {key for key, value in junk.items() if value is not None}
    assert known == {"sha1", "sha256", "pem", "unreadable"}


def test_a_purpose_that_cannot_be_read_is_said_so() -> None:
    odd = samples.certificate(samples.LEAF_NAME, samples.ISSUING_NAME, signer="issuing", eku=("server",))
    broken = odd.der.replace(
        bytes.fromhex("300a06082b06010505070301"), bytes.fromhex("310a06082b06010505070301")
    )
    assessment = samples.assess(
        samples.capture(extra=(broken, odd.der)),
        samples.prediction(Outcome.ACCEPTED),
    )
    whole = json.loads(json_v1.dumps(samples.report(assessment)))
    VALIDATOR.validate(whole)
    bad, good = whole["assessments"][0]["presented_chain"]
    assert bad["eku"] == []
    assert bad["unreadable"].startswith("extended key usage: ")
    assert (good["eku"], good["unreadable"]) == (["serverAuth"], None)


def test_an_endpoint_without_certificate_has_nulls_and_an_error() -> None:
    one = document("unreachable")["assessments"][0]
    assert (one["smtp"], one["tls"], one["presented_chain"], one["stores"]) == (None, None, [], [])
    assert one["error"] == {
        "phase": "connect",
        "message": "Connection refused by 192.0.2.1 port 25",
        "server_text": None,
        "kind": "unreachable",
    }
    assert document("accepted")["assessments"][0]["error"] is None


def test_each_line_of_json_lines_is_one_assessment() -> None:
    report = samples.report(samples.accepted(), samples.unreachable())
    lines = json_v1.lines(report).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(json_v1.dumps(report))["assessments"]


def test_render_is_one_document_in_plain_ascii() -> None:
    report = samples.report(samples.hostile())
    text = json_v1.render(report, RenderOptions(width=20, colour=True))
    assert text == json_v1.dumps(report)
    assert text.isascii()
    assert "\x1b" not in text


def test_the_schema_knows_every_flag_and_state_there_is() -> None:
    from probe.pki.status import ChainStatus
    from probe.pki.truststore import RootState

    flags = {flag.name for flag in ChainStatus} - {"NoError"}
    assert set(SCHEMA["$defs"]["status"]["items"]["enum"]) == flags
    states = {state.value for state in RootState}
    assert set(SCHEMA["$defs"]["store"]["properties"]["root_state"]["enum"]) == states | {None}


def test_a_long_chain_is_counted() -> None:
    presented = PresentedChain.from_der([samples.LEAF.der] * 70)
    assert presented.dropped == 6
    assert document("awkward")["assessments"][0]["presented_dropped"] == 3


def test_a_file_has_no_port() -> None:
    capture = Capture(host="new.pfx", address=None, port=0)
    made = samples.assess(capture, samples.prediction(Outcome.UNKNOWN))
    parsed = json.loads(json_v1.dumps(samples.report(made)))
    assert parsed["assessments"][0]["port"] is None
    VALIDATOR.validate(parsed)


def test_instants_have_four_digits_for_the_year() -> None:
    """A certificate may name any year from 1 to 9999; glibc's strftime would write 12-03-04."""
    assert facts.instant(datetime(12, 3, 4, 5, 6, 7, 890, tzinfo=UTC)) == "0012-03-04T05:06:07Z"
    assert facts.day(datetime(12, 3, 4, tzinfo=UTC)) == "0012-03-04"
    assert facts.instant(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) == "9999-12-31T23:59:59Z"
    assert facts.instant(None) is None
