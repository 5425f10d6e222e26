"""DANE in the lab: what Postfix, which sends by it, OpenSSL and the product say of its domains."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest

from tests.lab.running import START_SECONDS, Lab, run_lab, until
from tests.lab.sending import SERVES, VALIDATES, VALIDATES_TOO, Assessments, Said, assessments, run, said
from tests.lab.test_lab_dns import ask

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]

UNVERIFIED = "Server certificate not verified"
NO_TLS = "TLS is required, but was not offered"
NOT_FOUND = "Host or domain name not found"
#: What Postfix says of the mail it keeps; "" where it was delivered.
POSTFIX = {
    "none": "", "ee-key": "", "ee-certificate": "", "ee-sha512": "", "ee-whole": "", "ee-internal-ca": "",
    "ee-expired": "", "ee-other-name": "", "ta-key": "", "ta-certificate": "", "ta-root": "", "rollover": "",
    "pkix": "", "malformed": "", "malformed-only": "", "two": "", "alias": "", "tlsa-alias": "", "unsigned": "",
    "host-unsigned": "", "ta-root-unsent": UNVERIFIED, "ta-expired": UNVERIFIED, "ta-future": UNVERIFIED,
    "ta-other-name": UNVERIFIED, "wrong": UNVERIFIED, "no-starttls": NO_TLS, "two-wrong": NO_TLS,
    "tls-broken": "Cannot start TLS", "bogus": NOT_FOUND, "broken": NOT_FOUND, "host-bogus": NOT_FOUND,
    "tlsa-bogus": "TLSA lookup error", "alias-unsigned": UNVERIFIED,
}  # fmt: skip
#: What OpenSSL says of one host, by its own name.
OPENSSL = {
    "ee-key": "OK", "ee-certificate": "OK", "ee-sha512": "OK", "ee-whole": "OK", "ee-internal-ca": "OK",
    "ee-expired": "OK", "ee-other-name": "OK", "ta-key": "OK", "ta-certificate": "OK", "ta-root": "OK",
    "rollover": "OK", "tlsa-alias": "OK", "ta-root-unsent": "unable to get local issuer certificate",
    "ta-expired": "certificate has expired", "ta-future": "certificate is not yet valid",
    "ta-other-name": "hostname mismatch", "wrong": "no matching DANE TLSA records",
}  # fmt: skip


def test_postfix_delivers_by_it(lab: Lab) -> None:
    """Where it does not, the mail stays in its queue, and it says why."""
    who = uuid4().hex
    send = f"for name in {' '.join(POSTFIX)}; do sendmail -f a@contoso.example {who}@$name.example </dev/null; done"
    lab.inside("exchangers", "sh", "-c", f"postsuper -d ALL; {send}")
    why = until(
        lambda: reasons(who),
        "an end of every delivery",
        lambda: lab.inside("exchangers", "postqueue", "-p"),
    )
    assert {name: POSTFIX[name] if POSTFIX[name] in said else said for name, said in why.items()} == POSTFIX
    assert all(bool(why[name]) == bool(POSTFIX[name]) for name in POSTFIX)


def reasons(who: str) -> dict[str, str] | None:
    """Why Postfix keeps somebody's mail, "" where it was delivered; None until each was tried and is at its place."""
    tried = dict(
        re.findall(
            rf"postfix/smtp.*: to=<{who}@(\S+)\.example>.* status=(\w+)", run_lab("logs", "exchangers")
        )
    )
    kept = {}
    for line in run_lab("exec", "exchangers", "postqueue", "-j").splitlines():
        message = json.loads(line)
        [to] = message["recipients"]
        if to["address"].startswith(who) and message["queue_name"] == "deferred":
            kept[to["address"].partition("@")[2].removesuffix(".example")] = to["delay_reason"]
    ended = (
        tried.keys() == POSTFIX.keys() and {name for name in tried if tried[name] != "sent"} == kept.keys()
    )
    return dict.fromkeys(POSTFIX, "") | kept if ended else None


@pytest.mark.parametrize("name", OPENSSL)
def test_openssl_agrees(lab: Lab, name: str) -> None:
    host = f"{name}.mx.example"
    address = ask(lab, host, "A").resolve_chaining().answer
    records = ask(lab, f"_25._tcp.{host}", "TLSA").resolve_chaining().answer
    data = [word for each in records for word in ("-dane_tlsa_rrdata", each.to_text())]
    said = lab.inside(
        "exchangers", "openssl", "s_client", "-brief", "-connect", f"{address[0]}:25", "-starttls", "smtp",
        "-servername", host, "-dane_tlsa_domain", host, *data, "-dane_ee_no_namechecks",
    )  # fmt: skip
    verification = [line for line in said.splitlines() if line.startswith("Verif")]
    assert OPENSSL[name] in "".join(verification[:1]), said


DELIVERED = Said(findings=("dane-valid",))
UNCHECKED = Said(findings=("dane-unusable",))
REPLIES = {
    321: "4.7.321 starttls-not-supported: Destination mail server must support TLS to receive mail.",
    322: "4.7.322 certificate-expired: Destination mail server's certificate is expired.",
    323: "4.7.323 tlsa-invalid: The domain failed DANE validation.",
    324: "4.7.324 dnssec-invalid: Destination domain returned invalid DNSSEC records",
    325: "4.7.325 certificate-host-mismatch: Remote certificate MUST have a common name or subject alternative name"
    " that matches the hostname (DANE)",
}


def refused(code: int, *findings: str) -> Said:
    rule = "dnssec-bogus" if code == 324 else "dane-mismatch"
    return Said(outcome="rejected", rule=rule, reply=REPLIES[code], mail="blocked", findings=findings)


EXPECTED = {
    ("none", "none.mx"): Said(),
    ("ee-key", "ee-key.mx"): DELIVERED,
    ("ee-certificate", "ee-certificate.mx"): DELIVERED,
    ("ee-sha512", "ee-sha512.mx"): DELIVERED,
    ("ee-whole", "ee-whole.mx"): DELIVERED,
    # Of usage 3 neither issuer nor date nor name count; what a connector that validates does is stated nowhere.
    ("ee-internal-ca", "ee-internal-ca.mx"): Said(
        outcome="at-risk", rule="untrusted-root", findings=("dane-valid",)
    ),
    ("ee-expired", "ee-expired.mx"): Said(outcome="at-risk", rule="expired", findings=("dane-valid",)),
    ("ee-other-name", "ee-other-name.mx"): Said(
        outcome="at-risk", rule="name-mismatch", findings=("dane-valid",)
    ),
    ("ta-key", "ta-key.mx"): DELIVERED,
    ("ta-certificate", "ta-certificate.mx"): DELIVERED,
    ("ta-root", "ta-root.mx"): Said(findings=("dane-valid", "root-sent")),
    ("rollover", "rollover.mx"): DELIVERED,
    ("malformed", "malformed.mx"): DELIVERED,
    ("alias", "alias.mx"): DELIVERED,
    ("tlsa-alias", "tlsa-alias.mx"): DELIVERED,
    ("pkix", "pkix.mx"): UNCHECKED,
    ("malformed-only", "malformed-only.mx"): UNCHECKED,
    ("unsigned", "mx.unsigned"): UNCHECKED,
    ("host-unsigned", "mx.unsigned"): UNCHECKED,
    ("ta-root-unsent", "ta-root-unsent.mx"): refused(323),
    ("ta-expired", "ta-expired.mx"): refused(322, "expired"),
    ("ta-future", "ta-future.mx"): refused(323, "not-yet-valid"),
    ("ta-other-name", "ta-other-name.mx"): refused(325, "name-mismatch"),
    ("wrong", "wrong.mx"): refused(323),
    ("no-starttls", "no-starttls.mx"): refused(321, "no-starttls"),
    ("tls-broken", "tls-broken.mx"): refused(321, "tls-failed"),
    ("two", "wrong.mx"): Said(outcome="at-risk", rule="dane-mismatch", reply=REPLIES[323]),
    ("two", "ee-key.mx"): DELIVERED,
    ("two-wrong", "wrong.mx"): refused(323),
    ("two-wrong", "no-starttls.mx"): refused(321, "no-starttls"),
    ("alias-unsigned", "alias-unsigned.mx"): refused(323),
    ("host-bogus", "mx.bogus"): refused(324, "unreachable"),
    ("tlsa-bogus", "tlsa-bogus.mx"): refused(324),
}
#: Who asks for addresses a resolver that validates learns no exchanger of theirs.
BOGUS = {("bogus", "mx.bogus"): refused(324), ("broken", "mx.broken"): refused(324)}


@pytest.fixture(scope="module")
def found(lab: Lab) -> Assessments:
    names = dict.fromkeys(name for name, _ in EXPECTED)
    trusting = ("--dnssec-resolver", VALIDATES)
    return assessments(lab, names, *trusting) | assessments(
        lab, [name for name, _ in BOGUS], *trusting, resolver=SERVES
    )


@pytest.mark.parametrize(("domain", "host"), (EXPECTED | BOGUS).keys())
def test_what_exchange_online_would_do(found: Assessments, domain: str, host: str) -> None:
    assert said(found[domain, host]) == (EXPECTED | BOGUS)[domain, host]


def test_bogus_mx_records_of_which_nobody_knows_more(lab: Lab) -> None:
    trusting = ("--dnssec-resolver", VALIDATES)
    found = assessments(lab, [name for name, _ in BOGUS], *trusting)
    assert {name: said(each).reply for name, each in found.items()} == {
        (name, name): REPLIES[324] for name, _ in BOGUS
    }
    [alone] = assessments(lab, ["bogus"]).values()
    assert (said(alone).outcome, said(alone).rule) == ("unknown", "unreachable")


def test_a_record_that_is_none_keeps_nothing_else_from_being_read(lab: Lab) -> None:
    """BIND answers the question for MX records with the TLSA records, too."""
    told = assessments(lab, ["malformed", "ee-key"], "--dnssec-resolver", VALIDATES, resolver=SERVES)
    assert {name: said(each) for (name, _), each in told.items()} == {
        "malformed": DELIVERED,
        "ee-key": DELIVERED,
    }


def test_mail_goes_where_postfix_takes_it(found: Assessments) -> None:
    """Postfix applies RFC 7672; whose mail Exchange Online keeps is by the same rules."""
    taken = {domain: not why for domain, why in POSTFIX.items()}
    assert {domain: each["outbound"]["mail"] == "goes-on" for (domain, _), each in found.items()} == taken


def test_bind_leads_to_the_same(lab: Lab) -> None:
    names = ("ee-key", "wrong", "unsigned", "host-bogus", "tlsa-bogus")
    asked = assessments(lab, names, "--dnssec-resolver", VALIDATES_TOO)
    assert {key: said(each) for key, each in asked.items()} == {
        key: expected for key, expected in EXPECTED.items() if key[0] in names
    }


@pytest.mark.parametrize("options", [(), ("--dnssec-resolver", SERVES)], ids=["none", "authoritative"])
def test_nothing_is_known_without_a_resolver_that_validates(lab: Lab, options: tuple[str, ...]) -> None:
    """Its records are wrong, and nobody says so."""
    [one] = assessments(lab, ["wrong"], *options).values()
    assert said(one) == Said(findings=("outbound-unknown",))


def test_a_connector_that_demands_dane(lab: Lab) -> None:
    told = assessments(
        lab, ["ee-key", "none"], "--dnssec-resolver", VALIDATES, "--connector-mode", "mandatory"
    )
    assert said(told["ee-key", "ee-key.mx"]) == DELIVERED
    refusal = said(told["none", "none.mx"])
    assert (refusal.outcome, refusal.rule, refusal.mail) == ("rejected", "dane-missing", "blocked")


def test_a_connector_that_looks_at_neither(lab: Lab) -> None:
    [one] = assessments(lab, ["wrong"], "--dnssec-resolver", VALIDATES, "--connector-mode", "none").values()
    assert said(one) == Said(mail="")


@pytest.mark.parametrize(("name", "code", "reply"), [("ee-key", 0, ""), ("wrong", 2, "4.7.323")])
def test_in_a_terminal(lab: Lab, name: str, code: int, reply: str) -> None:
    done = run(lab, [name], "--dnssec-resolver", VALIDATES)
    assert done.returncode == code
    assert reply in done.stdout
