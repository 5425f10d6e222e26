"""`--revocation` from the command line: asked only on request, only where allowed, and each answer's weight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import ocsp

from tests.authority import Issued, chain_pem
from tests.cli.running import CA, HEALTHY, HOST, ISSUING, LEAF, NOW, ROOT, Cli, Ran, serving
from tests.net.scripted import starttls, tls_context
from tests.revoking import Web, crl, http, ocsp_response, places
from tests.schemas import validate

ASK = ("--revocation", "--revocation-allow-private")
GOOD, REVOKED = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


@pytest.fixture
def chain(web: Web) -> tuple[Issued, Issued]:
    """A leaf and its CA, which name a responder and a list; the list of CAs is empty."""
    ca = CA.intermediate(ROOT, "Fabrikam Revoking CA", extra=places(None, web.url("cas")))
    leaf = CA.leaf(ca, HOST, extra=places(web.url("ocsp")))
    web.answers["cas"] = http(crl(ROOT, NOW))
    return leaf, ca


def assessment(ran: Ran) -> dict[str, Any]:
    report = json.loads(ran.out)
    validate(report)
    [found] = report["assessments"]
    return dict(found)


def check(cli: Cli, chain: tuple[Issued, ...], *options: str) -> Ran:
    with serving(starttls(tls_context(*chain))) as port:
        return cli.check(port, "--format", "json", *options)


def statuses(found: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(each["status"], each["source"]) for each in found["revocation"]["certificates"]]


def test_without_the_flag_nobody_is_asked(cli: Cli, web: Web, chain: tuple[Issued, Issued]) -> None:
    ran = check(cli, chain)
    assert (ran.code, web.asked) == (0, [])
    assert assessment(ran)["revocation"] == {"checked": False, "certificates": []}
    with serving(HEALTHY) as port:
        assert "\nrevocation not checked\n" in cli.check(port).out


@pytest.mark.parametrize("direction", ["to-eop", "from-eop"])
def test_good(cli: Cli, web: Web, chain: tuple[Issued, Issued], direction: str) -> None:
    web.answers["ocsp"] = http(ocsp_response(*chain, NOW))
    found = assessment(check(cli, chain, *ASK, "--direction", direction))
    assert found["outcome"] == "accepted"
    assert statuses(found) == [("good", "ocsp"), ("good", "crl")]


@pytest.mark.parametrize(
    ("direction", "code", "outcome"), [("to-eop", 1, "at-risk"), ("from-eop", 2, "rejected")]
)
def test_revoked(
    cli: Cli, web: Web, chain: tuple[Issued, Issued], direction: str, code: int, outcome: str
) -> None:
    web.answers["ocsp"] = http(ocsp_response(*chain, NOW, status=REVOKED))
    ran = check(cli, chain, *ASK, "--direction", direction)
    found = assessment(ran)
    [made] = found["predictions"]
    assert (ran.code, found["outcome"], made["rule"], made["reply"]) == (code, outcome, "revoked", None)
    assert found["revocation"]["certificates"][0]["revoked_at"] is not None
    assert [turn["rule"] for turn in found["forecast"]][-1:] in ([], ["expired"])


def test_a_revoked_ca(cli: Cli, web: Web, chain: tuple[Issued, Issued]) -> None:
    web.answers |= {"ocsp": http(ocsp_response(*chain, NOW)), "cas": http(crl(ROOT, NOW, chain[1]))}
    found = assessment(check(cli, chain, *ASK, "--direction", "from-eop"))
    assert statuses(found) == [("good", "ocsp"), ("revoked", "crl")]
    assert "Fabrikam Revoking CA was revoked" in found["findings"][0]["summary"]


def test_places_inside_are_not_called_unless_allowed(
    cli: Cli, web: Web, chain: tuple[Issued, Issued]
) -> None:
    found = assessment(check(cli, chain, "--revocation", "--direction", "from-eop"))
    assert (web.asked, found["outcome"]) == ([], "at-risk")
    assert statuses(found) == [("unknown", None), ("unknown", None)]
    assert "is no public address" in found["revocation"]["certificates"][0]["detail"]
    assert found["predictions"][0]["rule"] == "revocation-unknown"
    to_eop = assessment(check(cli, chain, "--revocation"))
    assert (to_eop["outcome"], to_eop["findings"][0]["severity"]) == ("accepted", "info")


def test_stapled_first(cli: Cli, web: Web, chain: tuple[Issued, Issued]) -> None:
    context = tls_context(*chain)
    response = ocsp_response(*chain, NOW, status=REVOKED)
    context.set_ocsp_server_callback(lambda *_: response)
    with serving(starttls(context)) as port:
        found = assessment(cli.check(port, "--format", "json", *ASK))
    assert statuses(found)[0] == ("revoked", "stapled")
    assert web.asked == ["GET /cas HTTP/1.1"]


def test_files_too(cli: Cli, web: Web, chain: tuple[Issued, Issued], tmp_path: Path) -> None:
    web.answers["ocsp"] = http(ocsp_response(*chain, NOW, status=REVOKED))
    file = tmp_path / "new.pem"
    file.write_text(chain_pem(*chain))
    arguments = (
        "certificate",
        str(file),
        "--store",
        "microsoft",
        "--stand-in",
        cli.store,
        "--direction",
        "from-eop",
    )
    assert cli(*arguments).code == 0
    assert cli(*arguments, *ASK).code == 2


@pytest.mark.parametrize("form", ["terminal", "html"])
def test_what_a_person_reads(cli: Cli, web: Web, chain: tuple[Issued, Issued], form: str) -> None:
    web.answers["ocsp"] = http(ocsp_response(*chain, NOW))
    with serving(starttls(tls_context(*chain))) as port:
        page = cli.check(port, "--format", form, *ASK).out
    assert "mail.contoso.test good (ocsp)" in page
    assert "Fabrikam Revoking CA good (crl)" in " ".join(page.split())


def test_a_root_that_is_served_alone_has_nothing_to_check(cli: Cli, web: Web) -> None:
    lonely = CA.self_signed(HOST)
    found = assessment(check(cli, (lonely,), *ASK))
    assert found["revocation"] == {"checked": True, "certificates": []}
    assert web.asked == []


def test_where_no_certificate_was_seen_nothing_is_checked(cli: Cli) -> None:
    ran = cli.check(1, "--format", "json", *ASK)
    assert assessment(ran)["revocation"]["checked"] is False
    assert LEAF.issuer is ISSUING
