"""DANE in the lab: what Postfix, which sends by it, and OpenSSL say of its domains."""

from __future__ import annotations

import json
from time import monotonic

import pytest

from tests.lab.running import START_SECONDS, Lab
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
    "tlsa-bogus": "TLSA lookup error",
}  # fmt: skip
#: What OpenSSL says of one host, by its own name.
OPENSSL = {
    "ee-key": "OK", "ee-certificate": "OK", "ee-sha512": "OK", "ee-whole": "OK", "ee-internal-ca": "OK",
    "ee-expired": "OK", "ee-other-name": "OK", "ta-key": "OK", "ta-certificate": "OK", "ta-root": "OK",
    "rollover": "OK", "tlsa-alias": "OK", "ta-root-unsent": "unable to get local issuer certificate",
    "ta-expired": "certificate has expired", "ta-future": "certificate is not yet valid",
    "ta-other-name": "hostname mismatch", "wrong": "no matching DANE TLSA records",
}  # fmt: skip
WAIT_SECONDS = 60


def test_postfix_delivers_by_it(lab: Lab) -> None:
    """Where it does not, the mail stays in its queue, and it says why."""
    send = (
        f"for name in {' '.join(POSTFIX)}; do sendmail -f a@contoso.example x@$name.example </dev/null; done"
    )
    # What an earlier run left would be read for this one's.
    lab.inside("exchangers", "sh", "-c", f"postsuper -d ALL; {send}")
    kept = dict.fromkeys(POSTFIX, "")
    for each in queue(lab):
        [recipient] = each["recipients"]
        kept[recipient["address"][2:].removesuffix(".example")] = recipient["delay_reason"]
    assert {name: POSTFIX[name] if POSTFIX[name] in why else why for name, why in kept.items()} == POSTFIX
    assert all(bool(kept[name]) == bool(POSTFIX[name]) for name in POSTFIX)


def queue(lab: Lab) -> list[dict[str, object]]:
    """What is left in Postfix's queue once everything was tried."""
    until = monotonic() + WAIT_SECONDS
    while True:
        said = lab.inside("exchangers", "postqueue", "-j").splitlines()
        messages = [json.loads(line) for line in said if line.startswith("{")]
        if all(each["queue_name"] == "deferred" for each in messages):
            return messages
        assert monotonic() < until, messages


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
    assert OPENSSL[name] in verification[0]
