"""MTA-STS in the lab: policies served by nginx over HTTPS, right and wrong, and what follows for their exchangers."""

from __future__ import annotations

import pytest

from tests.lab.running import START_SECONDS, Lab
from tests.lab.sending import VALIDATES, Assessments, Said, assessments, run, said

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]

HOLDS = Said(findings=("mta-sts-valid",))
NO_POLICY = Said(outcome="at-risk", rule="mta-sts-policy")


def refused(rule: str, reply: str | None, *findings: str) -> Said:
    return Said(outcome="rejected", rule=rule, reply=reply, mail="blocked", findings=findings)


def unnamed(name: str) -> Said:
    return refused("mta-sts-host", f"4.4.8 MX hosts of {name}.example failed MTA-STS validation")


def uncertified(status: str, *findings: str) -> Said:
    reply = f"4.7.5 Remote certificate failed MTA-STS validation. Reason: {status}"
    return refused("mta-sts-certificate", reply, *findings)


EXPECTED = {
    "sts-right": HOLDS,
    "sts-wildcard": HOLDS,
    "sts-other-host": unnamed("sts-other-host"),
    # *.mx.example, and the exchanger is deep.er.mx.example.
    "sts-deep": unnamed("sts-deep"),
    "sts-host-untrusted": uncertified("UntrustedRoot", "untrusted-root"),
    "sts-host-name": uncertified("SubjectMismatch", "name-mismatch"),
    "sts-no-starttls": refused("mta-sts-certificate", None, "no-starttls"),
    "sts-testing": Said(outcome="at-risk", rule="mta-sts-host", findings=("mta-sts-policy",)),
    "sts-none": Said(findings=("mta-sts-policy",)),
    # The policy does not name the exchanger, whose TLSA record goes before it.
    "sts-dane": Said(findings=("dane-valid",)),
}
#: Policies that senders cannot have, and in what word of the report.
FAULTS = {
    "sts-404": ("answer", "the server answers 404"),
    "sts-redirect": ("answer", "301 and leads to https://mta-sts.sts-right.example/"),
    "sts-type": ("answer", 'of the type "text/html"'),
    "sts-expired": ("certificate", "its certificate expired on "),
    "sts-untrusted": ("certificate", "its certificate leads to Contoso Internal Root CA"),
    "sts-name": ("certificate", "its certificate is not for mta-sts.sts-name.example"),
    "sts-refused": ("connection", "connection refused by 127.0.2.9 port 443"),
    "sts-size": ("size", "larger than 65536 bytes"),
    "sts-text": ("text", 'it has no "max_age"'),
    "sts-records": ("record", "there are 2 TXT records"),
}


@pytest.fixture(scope="module")
def found(lab: Lab) -> Assessments:
    return assessments(lab, (*EXPECTED, *FAULTS, "sts-host-expired"), "--dnssec-resolver", VALIDATES)


@pytest.mark.parametrize("name", EXPECTED)
def test_what_exchange_online_would_do(found: Assessments, name: str) -> None:
    [one] = (each for (domain, _), each in found.items() if domain == name)
    assert said(one) == EXPECTED[name]


@pytest.mark.parametrize("name", FAULTS)
def test_a_policy_that_cannot_be_had_keeps_no_mail(found: Assessments, name: str) -> None:
    one = found[name, f"{name}.mx"]
    policy = one["outbound"]["mta_sts"]
    fault, problem = FAULTS[name]
    assert said(one) == NO_POLICY
    assert (policy["fault"], policy["mode"]) == (fault, None)
    assert problem in policy["problem"]


def test_the_asterisk_is_explained(found: Assessments) -> None:
    [finding] = (
        each for each in found["sts-deep", "deep.er.mx"]["findings"] if each["rule"] == "mta-sts-host"
    )
    assert "the asterisk stands for one label" in finding["detail"]


def test_an_expired_certificate_is_refused(found: Assessments) -> None:
    one = said(found["sts-host-expired", "sts-host-expired.mx"])
    assert (one.outcome, one.rule, one.mail) == ("rejected", "mta-sts-certificate", "blocked")


def test_without_a_resolver_that_validates_the_policy_still_counts(lab: Lab) -> None:
    told = assessments(lab, ["sts-right", "sts-deep"])
    assert said(told["sts-right", "sts-right.mx"]) == Said(findings=("mta-sts-valid", "outbound-unknown"))
    assert said(told["sts-deep", "deep.er.mx"]).reply == EXPECTED["sts-deep"].reply


def test_in_a_terminal(lab: Lab) -> None:
    done = run(lab, ["sts-404"], "--dnssec-resolver", VALIDATES)
    assert done.returncode == 1
    assert "the server answers 404" in " ".join(done.stdout.split())
