"""``explain`` and ``exchange diagnose`` with messages that arrived, beside evidence of other kinds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Cli
from tests.exchange.diagnosing import UNTRUSTED
from tests.exchange.test_exchange_arrival import BEFORE, HEAD, HOP, MARKS, TENANT, WHOLE, outlook_file

CONFIRMS = "confirms to-eop for 2026-11-02"
ANONYMOUS = WHOLE.replace(b"Internal", b"Anonymous")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.eml"
    path.write_bytes(WHOLE)
    return path


def unwrapped(page: str) -> str:
    return " ".join(page.split())


@pytest.mark.parametrize("data", [WHOLE, HOP + MARKS, outlook_file(HOP + HEAD + MARKS)])
def test_explain_tells_what_it_confirms(cli: Cli, tmp_path: Path, data: bytes) -> None:
    (path := tmp_path / "message").write_bytes(data)
    ran = cli("explain", f"@{path}")
    assert (ran.code, ran.err) == (0, "")
    assert CONFIRMS in unwrapped(ran.out)
    document = json.loads(cli("explain", f"@{path}", "--format", "json").out)
    assert document["findings"] == []
    (one,) = document["arrivals"]
    assert (one["proof"], one["direction"], one["endpoint"]) == ("supplied", "to-eop", "mail.contoso.com")
    assert (one["at"], one["tenant"], one["confirmed"]) == ("2026-11-02T08:12:22Z", TENANT, True)
    assert (one["tls_version"], one["cipher"]) == ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")


def test_headers_as_an_argument(cli: Cli) -> None:
    assert CONFIRMS in unwrapped(cli("explain", (HOP + MARKS).decode()).out)
    ran = cli("exchange", "diagnose", "--text", (HOP + MARKS).decode())
    assert ran.code == 0
    assert CONFIRMS in unwrapped(ran.out)


def test_a_reply_in_the_message_is_explained_as_well(cli: Cli, tmp_path: Path) -> None:
    (path := tmp_path / "a.eml").write_bytes(WHOLE + UNTRUSTED.encode())
    document = json.loads(cli("explain", f"@{path}", "--format", "json").out)
    assert [one["id"] for one in document["findings"]] == ["to-eop-untrusted-root"]
    assert document["arrivals"][0]["confirmed"]
    page = unwrapped(cli("explain", f"@{path}").out)
    assert CONFIRMS in page
    assert "Exchange Online does not trust your client certificate" in page


def test_explain_leaves_other_mails_alone(cli: Cli, tmp_path: Path) -> None:
    (path := tmp_path / "a.eml").write_bytes(BEFORE + HEAD + b"\r\nHello")
    assert cli("explain", f"@{path}").code == 3


@pytest.mark.parametrize(
    ("data", "outcome", "words"),
    [(WHOLE, "accepted", CONFIRMS), (ANONYMOUS, "unknown", "did not take this message as the organisation")],
)
def test_diagnose(cli: Cli, saved: Path, data: bytes, outcome: str, words: str) -> None:
    saved.write_bytes(data)
    document = json.loads(cli("exchange", "diagnose", str(saved), "--format", "json").out)
    assert (document["outcome"], document["stories"], document["problems"]) == (outcome, [], [])
    assert words in str(document["arrivals"])
    assert ("Still needed" in str(document["notes"])) is (outcome == "unknown")
    for form in ("terminal", "html"):
        ran = cli("exchange", "diagnose", str(saved), "--format", form)
        assert "Messages that arrived" in ran.out
        assert words in unwrapped(ran.out)


def test_headers_alone_are_evidence(cli: Cli, saved: Path) -> None:
    saved.write_bytes(HOP + MARKS)
    document = json.loads(cli("exchange", "diagnose", str(saved), "--format", "json").out)
    assert (document["outcome"], document["problems"]) == ("accepted", [])


def test_a_refusal_outweighs_a_message_that_arrived(cli: Cli, saved: Path) -> None:
    document = json.loads(
        cli("exchange", "diagnose", str(saved), "--text", UNTRUSTED, "--format", "json").out
    )
    assert document["outcome"] == "rejected"
    assert document["arrivals"][0]["confirmed"]


def test_hostile_headers_are_escaped_on_the_page(cli: Cli, saved: Path) -> None:
    saved.write_bytes(WHOLE.replace(b"from mail.contoso.com", b"from <script>\x1b[2J"))
    page = cli("exchange", "diagnose", str(saved), "--format", "html").out
    assert "&lt;script&gt;" in page
    assert r"\x1b[2J" in page
    assert "\x1b" not in page
