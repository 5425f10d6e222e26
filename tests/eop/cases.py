"""One case for every branch of every rule, each with a twin that differs in one thing and where the rule is silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import rsa

from probe.capture import Capture, Cause, FaultKind, How, KeyAnswer, SmtpFacts
from probe.eop import replies
from probe.eop.evidence import Evidence, Observation
from probe.eop.vocabulary import Basis, Direction, FileKey, LeftOut, Outcome, Severity
from probe.exchange.outbound.facts import Dnssec, DomainFacts, Tlsa
from probe.exchange.replies import wording
from probe.pki.revocation_status import Answer, CertificateStanding, RevocationSource, Standing
from probe.pki.truststore import ListRole, RootState, RootVerdict, StandInStore
from probe.smtp.mta_sts import Mode
from probe.statement import Confidence
from tests.authority import CLIENT_AUTH, DAY, SERVER_AUTH, Issued, raw_extension
from tests.eop.outbound_cases import (
    BAD_HOST,
    GOOD_HOST,
    MANDATORY,
    UNFETCHED,
    UNMET_HOST,
    policy,
    record,
    sent_to,
    signed,
    unsigned,
)
from tests.eop.weighing import (
    CA,
    FROM_EOP,
    HOST,
    ISSUING,
    LEAF,
    NOW,
    PRIVATE_ISSUING,
    PRIVATE_LEAF,
    PRIVATE_ROOT,
    PUBLIC,
    ROOT,
    SELF_SIGNED,
    TO_EOP,
    Ruled,
    anchors,
    capture,
    evidence,
    fault,
    read,
    smtp,
    tls,
)

REJECT, RISK, INFO = Severity.REJECT, Severity.RISK, Severity.INFO
DOCUMENTED, REPORTED, INFERRED = Confidence.DOCUMENTED, Confidence.REPORTED, Confidence.INFERRED
GOOD = RootVerdict(RootState.TRUSTED)
NAMELESS = CA.leaf(ISSUING, HOST, names=())

UNTRUSTED = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
UNTRUSTED_317 = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]"
NO_TLS_317 = (
    "450 4.4.317 Cannot connect to remote server [Message=451 5.7.3 STARTTLS is required to send mail]"
)


class TooShort:
    """A key of 768 bits, which no library makes any more: only the half that goes into the certificate."""

    def public_key(self) -> rsa.RSAPublicKey:
        return rsa.RSAPublicNumbers(65537, (1 << 767) | 1).public_key()


def leaf(*names: str, issuer: Issued = ISSUING, **fields: object) -> Issued:
    return CA.leaf(issuer, *(names or (HOST,)), **fields)


def restricted(
    state: RootState, direction: object = TO_EOP, *, certain: bool = True, days: int | None = 40
) -> Evidence:
    since = NOW - days * DAY if days is not None else None
    store = Ruled(ROOT, RootVerdict(state, since, certain))
    return evidence(LEAF, ISSUING, stores=[store], direction=direction)


def faulty(kind: FaultKind, direction: object = TO_EOP, *chain: Issued, words: str | None = None) -> Evidence:
    seen = capture(*chain, fault=fault(kind, "The server did something.", words))
    return evidence(seen=seen, direction=direction)


def mixed(*seen: tuple[tuple[Issued, ...], Outcome], hows: tuple[How, ...] = ()) -> Evidence:
    made = hows or (How(),) * len(seen)
    observations = tuple(
        Observation(capture(*chain, how=how), outcome)
        for (chain, outcome), how in zip(seen, made, strict=True)
    )
    return replace(evidence(*seen[0][0]), observations=observations)


def inspected(
    banner: str, *keywords: str, kind: FaultKind = FaultKind.NO_STARTTLS, direction: object = TO_EOP
) -> Evidence:
    """No STARTTLS, behind this banner and with these keywords."""
    facts = SmtpFacts(banner=banner, ehlo=(HOST, *keywords), starttls_offered=False, transcript=())
    return evidence(seen=capture(smtp=facts, fault=fault(kind, "It went wrong.")), direction=direction)


def asked_for_rsa(answer: KeyAnswer) -> Observation:
    how, closed = How(key_type="rsa", sni=False), fault(FaultKind.TLS_FAILED, "It closed.")
    return Observation(capture(how=how, answer=answer, fault=closed), Outcome.UNKNOWN)


UNASKED, NOT_HELD = asked_for_rsa(KeyAnswer.NOT_ASKED), asked_for_rsa(KeyAnswer.NOT_HELD)
UNNAMED = Observation(capture(LEAF, ISSUING, how=How(sni=False)), Outcome.ACCEPTED)
NAME_REFUSED = Observation(
    capture(
        fault=replace(
            fault(FaultKind.TLS_FAILED, "The server refuses the name."), cause=Cause.SERVER_NAME_REFUSED
        )
    ),
    Outcome.UNKNOWN,
)
SHORT_LIVED = {"not_before": NOW - 31 * DAY, "not_after": NOW + 16 * DAY}  # 47 days
SHA1_LEAF = leaf(issuer=CA.intermediate(ROOT, "Old RSA CA", key="rsa-2048"), signature="sha1")
MD5_LEAF = leaf(issuer=CA.intermediate(ROOT, "Older RSA CA", key="rsa-2048"), signature="md5")
EDWARDS_CA = CA.intermediate(ROOT, "Edwards CA", key="ed25519")
GOLDILOCKS_CA = CA.intermediate(ROOT, "Goldilocks CA", key="ed448")
OTHER_RSA_CA = CA.intermediate(ROOT, "RSA CA", key="rsa-2048")
RSA_ROOT = CA.root("Old RSA Root", key="rsa-2048")
MD5_CA = CA.intermediate(RSA_ROOT, "MD5 CA", key="rsa-2048", signature="md5")
SHA1_UNDER_MD5 = leaf(issuer=MD5_CA, signature="sha1")
MD5_ROOT = CA.root("MD5 Root", key="rsa-2048", signature="md5")
EXPIRED_CA = CA.intermediate(ROOT, "Expired CA", not_before=NOW - 900 * DAY, not_after=NOW - DAY)
SOON_CA = CA.intermediate(ROOT, "Soon CA", not_after=NOW + 20 * DAY)
IMPOSTOR = CA.intermediate(ROOT, ISSUING.subject, subject_key_id=False)
NO_CA = leaf("not-a-ca.contoso.test")
NO_SIGNING_CA = CA.intermediate(ROOT, "No Signing CA", key_usage=("digital_signature",))
SERVER_CA = CA.intermediate(ROOT, "TLS Server CA", eku=(SERVER_AUTH,))
CLIENT_CA = CA.intermediate(ROOT, "Client CA", eku=(CLIENT_AUTH,))
SMALL_CA = CA.intermediate(ROOT, "Small CA", key="rsa-1024")
ADDRESS_ONLY = leaf(names=("192.0.2.1",))
SAN_OTHER = leaf(names=("other.contoso.test",))
OTHER = leaf("other.contoso.test")
WILDCARD = leaf("*.contoso.test")
CLIENT_ONLY = leaf(eku=(CLIENT_AUTH,))
SERVER_ONLY = leaf(eku=(SERVER_AUTH,))
EXPIRED = leaf(not_before=NOW - 90 * DAY, not_after=NOW - DAY)
FUTURE = leaf(not_before=NOW + DAY)
MANY_NAMES = leaf(*(f"n{number}.fabrikam.test" for number in range(6)))
NO_NAMES = leaf(subject="O=Contoso", names=())
UNREADABLE = b"\x30\x03abc"


class Case(NamedTuple):
    """One branch of a rule: the evidence, what comes of it, words of its summary, and the twin without it."""

    rule: str
    evidence: Evidence
    severity: Severity
    confidence: Confidence
    words: str
    reply: str | None
    twin: Evidence
    detail: str = ""


def asked(answer: Answer, direction: Direction) -> Evidence:
    """A healthy chain, and what its issuer says of the end certificate."""
    source = None if answer.standing is Standing.UNKNOWN else RevocationSource.OCSP
    standing = CertificateStanding(read(LEAF), answer, source)
    return replace(evidence(LEAF, ISSUING, direction=direction), revocation=(standing,))


HEALTHY = evidence(LEAF, ISSUING)
HEALTHY_FROM = evidence(LEAF, ISSUING, direction=FROM_EOP)

APPROXIMATION = anchors(ROOT, name="mozilla")
APPROXIMATION.role = ListRole.APPROXIMATION
STAND_IN = StandInStore(PUBLIC, anchors(PRIVATE_ROOT, name="lab.pem"))

USAGE_1 = record(ISSUING, 1)
PLAIN = capture(fault=fault(FaultKind.NO_STARTTLS, "The server offers no STARTTLS."))


def bogus_host() -> DomainFacts:
    """A domain with good MX records, and a host whose own zone is not in order."""
    facts = signed()
    host = replace(facts.exchangers[0], address=Dnssec.BOGUS, tlsa=Tlsa(dnssec=Dnssec.BOGUS))
    return replace(facts, exchangers=(host,))


def deeper() -> Capture:
    """A host one label further down than those that an asterisk of its domain stands for."""
    return replace(capture(LEAF, ISSUING), host=f"a.{HOST}")


CASES = (
    # Trust
    Case(
        "self-signed",
        evidence(SELF_SIGNED),
        REJECT,
        INFERRED,
        "no authority",
        UNTRUSTED,
        evidence(SELF_SIGNED, stores=[anchors(SELF_SIGNED)]),
    ),
    Case(
        "self-signed",
        evidence(SELF_SIGNED, direction=FROM_EOP),
        REJECT,
        DOCUMENTED,
        HOST,
        UNTRUSTED_317,
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT, direction=FROM_EOP),
    ),
    Case(
        "untrusted-root",
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT),
        REJECT,
        DOCUMENTED,
        "Contoso Root CA, which is not in Microsoft's list",
        UNTRUSTED,
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT, stores=[anchors(PRIVATE_ROOT)]),
        "issued by CN=Contoso Issuing CA 01, DC=contoso, DC=local.",
    ),
    Case(
        "untrusted-root",
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT, direction=FROM_EOP),
        REJECT,
        DOCUMENTED,
        "Contoso Root CA",
        UNTRUSTED_317,
        HEALTHY_FROM,
    ),
    Case(
        "untrusted-root",
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT, stores=[anchors(name="mozilla")]),
        REJECT,
        DOCUMENTED,
        "Mozilla's list",
        UNTRUSTED,
        HEALTHY,
    ),
    Case(
        "untrusted-root",
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT, stores=[anchors(name="lab.pem")]),
        REJECT,
        DOCUMENTED,
        "not in the list lab.pem",
        UNTRUSTED,
        HEALTHY,
    ),
    Case(
        "missing-intermediate",
        evidence(LEAF),
        REJECT,
        INFERRED,
        "Fabrikam Public TLS CA 1, was not sent",
        UNTRUSTED,
        HEALTHY,
        "does not fetch",
    ),
    Case(
        "missing-intermediate",
        evidence(LEAF, direction=FROM_EOP),
        REJECT,
        DOCUMENTED,
        "was not sent",
        UNTRUSTED_317,
        HEALTHY_FROM,
    ),
    Case(
        "missing-intermediate",
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING),
        REJECT,
        INFERRED,
        "the issuer of Contoso Issuing CA 01, Contoso Root CA",
        UNTRUSTED,
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT),
    ),
    Case(
        "root-restricted",
        restricted(RootState.DISABLED),
        REJECT,
        INFERRED,
        "disabled it on 11 October 2026",
        UNTRUSTED,
        restricted(RootState.TRUSTED),
        "call this chain trusted.",
    ),
    Case(
        "root-restricted",
        restricted(RootState.DISABLED, FROM_EOP),
        REJECT,
        INFERRED,
        "disabled",
        UNTRUSTED_317,
        restricted(RootState.TRUSTED, FROM_EOP),
    ),
    Case(
        "root-restricted",
        restricted(RootState.DISABLED, days=None),
        REJECT,
        INFERRED,
        "on an unknown date",
        UNTRUSTED,
        restricted(RootState.ABSENT),
    ),
    Case(
        "root-restricted",
        restricted(RootState.NO_EKU),
        REJECT,
        INFERRED,
        "not for this purpose",
        None,
        HEALTHY,
    ),
    Case(
        "root-restricted",
        restricted(RootState.EKU_DISALLOWED),
        REJECT,
        INFERRED,
        "was disallowed on 11",
        None,
        HEALTHY,
    ),
    Case(
        "root-restricted",
        restricted(RootState.NOT_BEFORE, days=100),
        REJECT,
        INFERRED,
        "issued on or after 12 August 2026; this one was issued on",
        None,
        HEALTHY,
    ),
    Case("root-restricted", restricted(RootState.PILOT), REJECT, INFERRED, "pilot", UNTRUSTED, HEALTHY),
    Case(
        "root-restricted",
        restricted(RootState.DISALLOWED),
        REJECT,
        INFERRED,
        "disallowed certificates",
        None,
        HEALTHY,
    ),
    Case(
        "root-restricted",
        restricted(RootState.NO_EKU, certain=False),
        REJECT,
        INFERRED,
        "not for this",
        None,
        HEALTHY,
        "uncertain",
    ),
    Case(
        "explicit-distrust",
        evidence(LEAF, ISSUING, stores=[Ruled(ROOT, GOOD, disallowed=(ISSUING,))]),
        REJECT,
        INFERRED,
        "Fabrikam Public TLS CA 1 is on Microsoft's list",
        None,
        evidence(LEAF, ISSUING, stores=[Ruled(ROOT, GOOD, disallowed=(PRIVATE_ISSUING,))]),
    ),
    Case(
        "chain-bad-signature",
        evidence(leaf(broken_signature=True), ISSUING),
        REJECT,
        INFERRED,
        "was not made by the key of Fabrikam Public TLS CA 1",
        None,
        HEALTHY,
    ),
    Case(
        "chain-bad-signature",
        evidence(leaf(authority_key_id=False), IMPOSTOR),
        REJECT,
        INFERRED,
        "was not made by the key of",
        None,
        evidence(leaf(authority_key_id=False), IMPOSTOR, ISSUING),
    ),
    *(
        Case(
            "not-evaluated",
            evidence(leaf(issuer=signer), signer, direction=direction),
            REJECT,
            REPORTED,
            f"Windows cannot evaluate the signature of {HOST} ({signer_name})",
            None,
            evidence(leaf(issuer=plain), plain, direction=direction),
            "NTE_BAD_ALGID",
        )
        for signer, signer_name, plain in (
            (EDWARDS_CA, "ed25519", ISSUING),
            (GOLDILOCKS_CA, "ed448", ISSUING),
        )
        for direction in (TO_EOP, FROM_EOP)
    ),
    Case(
        "not-evaluated",
        evidence(leaf(key="ed25519"), ISSUING),
        REJECT,
        INFERRED,
        f"Windows cannot evaluate the key of {HOST} (ed25519)",
        None,
        evidence(leaf(key="ec-p384"), ISSUING),
    ),
    *(
        Case(
            "not-evaluated",
            evidence(leaf(issuer=issuer, signature="sha224"), issuer),
            REJECT,
            REPORTED,
            f"the signature of {HOST} (sha224-{kind})",
            None,
            evidence(leaf(issuer=issuer, signature="sha256"), issuer),
        )
        for issuer, kind in ((ISSUING, "ecdsa"), (OTHER_RSA_CA, "rsa"))
    ),
    Case(
        "not-evaluated",
        evidence(LEAF, *[MANY_NAMES] * 63, ISSUING),
        RISK,
        INFERRED,
        "too large to be judged here: more than 64 certificates were presented",
        None,
        evidence(LEAF, *[MANY_NAMES] * 62, ISSUING),
    ),
    Case(
        "constraint-violated",
        evidence(leaf(issuer=NO_CA), NO_CA, ISSUING),
        REJECT,
        INFERRED,
        "InvalidBasicConstraints",
        None,
        evidence(leaf(), NO_CA, ISSUING),
    ),
    Case(
        "constraint-violated",
        evidence(leaf(extra=(raw_extension("1.3.6.1.4.1.99999.1", b"\x05\x00", critical=True),)), ISSUING),
        REJECT,
        INFERRED,
        "HasNotSupportedCriticalExtension",
        None,
        evidence(leaf(extra=(raw_extension("1.3.6.1.4.1.99999.1", b"\x05\x00"),)), ISSUING),
    ),
    Case(
        "constraint-violated",
        evidence(leaf(issuer=NO_SIGNING_CA), NO_SIGNING_CA),
        REJECT,
        INFERRED,
        "No Signing CA breaks a rule of the chain: NotValidForUsage",
        None,
        HEALTHY,
    ),
    Case(
        "constraint-violated",
        evidence(leaf(key_usage=("key_cert_sign",)), ISSUING),
        REJECT,
        INFERRED,
        f"{HOST} breaks a rule of the chain: NotValidForUsage",
        None,
        evidence(leaf(key_usage=("key_cert_sign",), ca=True), ISSUING),
    ),
    # An undecodable key usage says nothing of what the key is for, but is a fault of its own.
    Case(
        "constraint-violated",
        evidence(
            leaf(eku=(CLIENT_AUTH,), key_usage=None, extra=(raw_extension("2.5.29.15", b"\x04\x00"),)),
            ISSUING,
            direction=FROM_EOP,
        ),
        REJECT,
        INFERRED,
        "InvalidExtension",
        None,
        evidence(leaf(eku=(CLIENT_AUTH,), key_usage=None), ISSUING, direction=FROM_EOP),
    ),
    # Usage
    Case(
        "server-auth-missing",
        evidence(CLIENT_ONLY, ISSUING),
        RISK,
        INFERRED,
        "The certificate is not meant for server",
        None,
        HEALTHY,
    ),
    Case(
        "server-auth-missing",
        evidence(CLIENT_ONLY, ISSUING, direction=FROM_EOP),
        REJECT,
        INFERRED,
        "serverAuth",
        None,
        HEALTHY_FROM,
    ),
    Case(
        "server-auth-missing",
        evidence(leaf(issuer=CLIENT_CA), CLIENT_CA),
        RISK,
        INFERRED,
        "Client CA on the chain",
        None,
        evidence(leaf(issuer=SERVER_CA), SERVER_CA),
    ),
    Case(
        "server-auth-missing",
        evidence(LEAF, ISSUING, stores=[Ruled(ROOT, RootVerdict(RootState.NO_EKU), GOOD)]),
        RISK,
        INFERRED,
        "By the root list, Fabrikam Public Root is not",
        None,
        restricted(RootState.NO_EKU),
    ),
    Case(
        "client-auth-missing",
        evidence(SERVER_ONLY, ISSUING),
        RISK,
        REPORTED,
        "The certificate is not meant for client",
        None,
        evidence(SERVER_ONLY, ISSUING, direction=FROM_EOP),
        "not a prediction",
    ),
    Case(
        "client-auth-missing",
        evidence(leaf(issuer=SERVER_CA), SERVER_CA),
        RISK,
        REPORTED,
        "TLS Server CA on the chain",
        None,
        evidence(leaf(issuer=CLIENT_CA), CLIENT_CA),
    ),
    Case(
        "client-auth-missing",
        evidence(LEAF, ISSUING, stores=[Ruled(ROOT, GOOD, RootVerdict(RootState.NO_EKU))]),
        RISK,
        REPORTED,
        "By the root list, Fabrikam Public Root is not",
        None,
        restricted(RootState.NO_EKU),
    ),
    # Time
    Case(
        "expired",
        evidence(EXPIRED, ISSUING),
        REJECT,
        REPORTED,
        f"{HOST} expired on 2026-11-19 12:00 UTC",
        None,
        evidence(EXPIRED, ISSUING, at=NOW - DAY),
    ),
    Case(
        "expired",
        evidence(EXPIRED, ISSUING, direction=FROM_EOP),
        REJECT,
        DOCUMENTED,
        "expired",
        "4.7.322 certificate-expired: Destination mail server's certificate is expired.",
        HEALTHY_FROM,
        "DANE",
    ),
    Case(
        "expired",
        evidence(leaf(issuer=EXPIRED_CA), EXPIRED_CA, direction=FROM_EOP),
        REJECT,
        REPORTED,
        "Expired CA expired",
        None,
        evidence(leaf(issuer=EXPIRED_CA), EXPIRED_CA, at=NOW - 2 * DAY, direction=FROM_EOP),
    ),
    Case(
        "not-yet-valid",
        evidence(FUTURE, ISSUING),
        REJECT,
        INFERRED,
        "before 2026-11-21 12:00 UTC",
        None,
        evidence(FUTURE, ISSUING, at=NOW + DAY),
    ),
    Case(
        "expires-soon",
        evidence(leaf(not_before=NOW - 300 * DAY, not_after=NOW + 30 * DAY), ISSUING),
        RISK,
        INFERRED,
        "in 30 days, on 2026-12-20",
        None,
        evidence(leaf(not_before=NOW - 300 * DAY, not_after=NOW + 30 * DAY + timedelta(seconds=1)), ISSUING),
    ),
    Case(
        "expires-soon",
        evidence(leaf(**SHORT_LIVED), ISSUING, at=NOW + DAY),
        RISK,
        INFERRED,
        "in 15 days",
        None,
        evidence(leaf(**SHORT_LIVED), ISSUING),
        "47 days",
    ),
    Case(
        "expires-soon",
        evidence(leaf(issuer=SOON_CA, **SHORT_LIVED), SOON_CA),
        RISK,
        INFERRED,
        "Soon CA expires in 20",
        None,
        evidence(leaf(issuer=SOON_CA, **SHORT_LIVED), SOON_CA, expiring_days=10),
    ),
    Case(
        "expires-soon",
        evidence(LEAF, ISSUING, expiring_days=200, expiring_fraction=0.75),
        RISK,
        INFERRED,
        "150 days",
        None,
        evidence(LEAF, ISSUING, expiring_days=200, expiring_fraction=0.74),
    ),
    Case(
        "expires-soon",
        evidence(leaf(not_after=NOW + 5 * DAY), ISSUING, critical_days=6),
        RISK,
        INFERRED,
        "in 5 days",
        None,
        HEALTHY,
        "Fewer than 6 days are critical (--critical-days): the exit code is 2.",
    ),
    # Strength
    Case(
        "weak-key",
        evidence(leaf(key="rsa-1024"), ISSUING),
        RISK,
        INFERRED,
        f"{HOST} has an RSA key of 1024 bits",
        None,
        evidence(leaf(key="rsa-2048"), ISSUING),
    ),
    Case("weak-key", evidence(leaf(key=TooShort()), ISSUING), REJECT, INFERRED, "768 bits", None, HEALTHY),
    Case(
        "weak-key",
        evidence(leaf(issuer=SMALL_CA, key=TooShort()), SMALL_CA),
        REJECT,
        INFERRED,
        "768 bits",
        None,
        evidence(leaf(issuer=SERVER_CA), SERVER_CA),
    ),
    Case(
        "weak-signature",
        evidence(SHA1_LEAF, SHA1_LEAF.issuer),
        RISK,
        INFERRED,
        "signed with SHA-1",
        None,
        HEALTHY,
    ),
    Case(
        "weak-signature",
        evidence(MD5_LEAF, MD5_LEAF.issuer),
        REJECT,
        INFERRED,
        "signed with MD5",
        None,
        evidence(leaf(issuer=MD5_ROOT), stores=[anchors(MD5_ROOT)]),
    ),
    Case(
        "weak-signature",
        evidence(SHA1_UNDER_MD5, MD5_CA, stores=[anchors(RSA_ROOT)]),
        REJECT,
        INFERRED,
        "MD5 CA is signed with MD5",
        None,
        evidence(leaf(issuer=MD5_ROOT), stores=[anchors(MD5_ROOT)]),
    ),
    # Names
    Case(
        "name-mismatch",
        evidence(LEAF, ISSUING, expected_name="mx.contoso.test"),
        INFO,
        INFERRED,
        f"not for mx.contoso.test but for {HOST}.",
        None,
        evidence(LEAF, ISSUING, expected_name=HOST),
    ),
    Case(
        "name-mismatch",
        evidence(LEAF, ISSUING, expected_name="mx.contoso.test", direction=FROM_EOP),
        RISK,
        DOCUMENTED,
        "mx.contoso.test",
        None,
        evidence(LEAF, ISSUING, expected_name=HOST, direction=FROM_EOP),
    ),
    Case(
        "name-mismatch",
        evidence(SAN_OTHER, ISSUING, expected_name=HOST, direction=FROM_EOP),
        RISK,
        DOCUMENTED,
        f"not for {HOST} but for other.contoso.test.",
        None,
        evidence(SAN_OTHER, ISSUING, expected_name="other.contoso.test", direction=FROM_EOP),
    ),
    Case(
        "name-mismatch",
        evidence(ADDRESS_ONLY, ISSUING, expected_name=HOST, direction=FROM_EOP),
        RISK,
        INFERRED,
        f"Only the subject's CN bears {HOST}",
        None,
        evidence(leaf(names=()), ISSUING, expected_name=HOST, direction=FROM_EOP),
    ),
    Case(
        "name-mismatch",
        evidence(ADDRESS_ONLY, ISSUING, expected_name=HOST),
        INFO,
        INFERRED,
        "Only the subject's CN",
        None,
        evidence(leaf(names=()), ISSUING, expected_name=HOST),
    ),
    Case(
        "name-mismatch",
        evidence(MANY_NAMES, ISSUING, expected_name=HOST),
        INFO,
        INFERRED,
        "n3.fabrikam.test and 2 more",
        None,
        HEALTHY,
    ),
    Case(
        "name-mismatch",
        evidence(NO_NAMES, ISSUING, expected_name=HOST),
        INFO,
        INFERRED,
        "no DNS name at all",
        None,
        HEALTHY,
    ),
    Case(
        "name-mismatch",
        evidence(LEAF, ISSUING, tls_domain="*.fabrikam.test", direction=FROM_EOP),
        REJECT,
        DOCUMENTED,
        "the connector's TlsDomain",
        "450 4.4.317 Cannot connect to remote server [Message=SubjectMismatch Expected Subject: *.fabrikam.test. "
        f"Presented Subject: CN={HOST}. Thumbprint:{LEAF.sha1.upper()}]",
        evidence(leaf("a.b.contoso.test"), ISSUING, tls_domain="*.contoso.test", direction=FROM_EOP),
    ),
    Case(
        "name-mismatch",
        evidence(WILDCARD, ISSUING, tls_domain="a.b.contoso.test", direction=FROM_EOP),
        REJECT,
        DOCUMENTED,
        "*.contoso.test",
        replies.subject_mismatch("a.b.contoso.test", "CN=*.contoso.test", WILDCARD.sha1.upper()),
        evidence(WILDCARD, ISSUING, tls_domain="b.contoso.test", direction=FROM_EOP),
    ),
    Case(
        "name-mismatch",
        evidence(ADDRESS_ONLY, ISSUING, tls_domain=HOST, direction=FROM_EOP),
        RISK,
        INFERRED,
        "Only the subject's CN",
        None,
        evidence(LEAF, ISSUING, tls_domain="other.test", direction=TO_EOP),
    ),
    Case(
        "tenant-attribution",
        evidence(LEAF, ISSUING, tls_sender_certificate_name="mail.fabrikam.test"),
        REJECT,
        DOCUMENTED,
        f"TlsSenderCertificateName mail.fabrikam.test of the inbound connector; it is for {HOST}.",
        "550 5.7.64 TenantAttribution; Relay Access Denied SMTP",
        evidence(LEAF, ISSUING, tls_sender_certificate_name="*.contoso.test"),
    ),
    Case(
        "tenant-attribution",
        evidence(SAN_OTHER, ISSUING, tls_sender_certificate_name="other.contoso.test"),
        INFO,
        REPORTED,
        "but only as an alternative name, not as the subject",
        None,
        evidence(LEAF, ISSUING, tls_sender_certificate_name=HOST),
        "KB 4019940 asks for the subject",
    ),
    Case(
        "tenant-attribution",
        evidence(SAN_OTHER, ISSUING, tls_sender_certificate_name=HOST),
        INFO,
        INFERRED,
        "but is no alternative name of the certificate",
        None,
        evidence(LEAF, ISSUING, tls_sender_certificate_name=HOST),
    ),
    Case(
        "tenant-attribution",
        evidence(WILDCARD, ISSUING, tls_sender_certificate_name=HOST),
        RISK,
        INFERRED,
        "Only the wildcard *.contoso.test covers TlsSenderCertificateName",
        None,
        evidence(WILDCARD, ISSUING, tls_sender_certificate_name="*.contoso.test"),
    ),
    Case(
        "not-an-accepted-domain",
        evidence(LEAF, ISSUING, accepted_domains=("fabrikam.test",)),
        RISK,
        DOCUMENTED,
        f"No name of the certificate ({HOST}) is an accepted domain or immediately below one (fabrikam.test)",
        "550 5.7.64 Relay Access Denied ATTR36. For more details please refer to: "
        "https://support.microsoft.com/kb/3169958",
        evidence(LEAF, ISSUING, accepted_domains=("fabrikam.test", "contoso.test")),
        "Out-of-office",
    ),
    Case(
        "not-an-accepted-domain",
        evidence(leaf("a.b.contoso.test"), ISSUING, accepted_domains=("contoso.test",)),
        RISK,
        DOCUMENTED,
        "contoso.test",
        wording.RELAY_DENIED_ATTR36,
        evidence(leaf("a.b.contoso.test"), ISSUING, accepted_domains=("b.contoso.test",)),
    ),
    # The manner of sending
    Case(
        "chain-order",
        evidence(LEAF, ROOT, ISSUING),
        INFO,
        REPORTED,
        "not sent in order",
        None,
        evidence(LEAF, ISSUING, ROOT),
    ),
    Case(
        "chain-order", evidence(LEAF, ISSUING, ISSUING), INFO, REPORTED, "sent more than once", None, HEALTHY
    ),
    Case(
        "root-sent",
        evidence(LEAF, ISSUING, ROOT),
        INFO,
        INFERRED,
        "The root Fabrikam Public Root is sent along",
        None,
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT),
    ),
    Case(
        "unreadable-certificate",
        evidence(UNREADABLE, ISSUING),
        RISK,
        INFERRED,
        "1 of 2 certificates cannot be read",
        None,
        HEALTHY,
    ),
    Case(
        "unreadable-certificate", evidence(LEAF, ISSUING, UNREADABLE), INFO, INFERRED, "1 of 3", None, HEALTHY
    ),
    Case(
        "unreadable-certificate",
        evidence(LEAF, *[ISSUING] * 70),
        RISK,
        INFERRED,
        "7 certificates past the limit of 64 were left out",
        None,
        evidence(LEAF, *[ISSUING] * 63),
    ),
    Case(
        "mixed-certificates",
        mixed(
            ((LEAF, ISSUING), Outcome.ACCEPTED),
            ((PRIVATE_LEAF,), Outcome.REJECTED),
            ((LEAF, ISSUING), Outcome.ACCEPTED),
        ),
        RISK,
        INFERRED,
        "2 different certificates answer at this address, and one of them would be refused.",
        None,
        mixed(((LEAF, ISSUING), Outcome.ACCEPTED), ((LEAF, ISSUING), Outcome.ACCEPTED)),
        f"2 of 3 connections: accepted, {LEAF.sha1.upper()}, {HOST}, issued by Fabrikam Public TLS CA 1, 2 sent",
    ),
    Case(
        "mixed-certificates",
        mixed(
            ((LEAF, ISSUING), Outcome.ACCEPTED),
            ((WILDCARD, ISSUING), Outcome.ACCEPTED),
            hows=(How(), How(sni=False)),
        ),
        INFO,
        INFERRED,
        "2 different certificates answer at this address.",
        None,
        HEALTHY,
        "(without SNI)",
    ),
    Case(
        "mixed-certificates",
        mixed(((LEAF, ISSUING), Outcome.ACCEPTED), ((LEAF,), Outcome.REJECTED)),
        RISK,
        INFERRED,
        "One certificate is sent with 2 different chains",
        None,
        mixed(((LEAF, ISSUING), Outcome.ACCEPTED), ((), Outcome.UNKNOWN)),
        "rejected",
    ),
    Case(
        "stores-disagree",
        evidence(LEAF, ISSUING, stores=[PUBLIC, anchors(name="mozilla")]),
        INFO,
        INFERRED,
        "The microsoft store trusts this chain, mozilla does not.",
        None,
        evidence(LEAF, ISSUING, stores=[PUBLIC, anchors(ROOT, name="mozilla")]),
    ),
    Case(
        "stores-disagree",
        evidence(LEAF, ISSUING, stores=[anchors(), anchors(ROOT, name="mozilla")]),
        INFO,
        INFERRED,
        "does not trust this chain, although mozilla does",
        None,
        evidence(LEAF, ISSUING, stores=[anchors(), anchors(name="mozilla")]),
    ),
    # The way to the certificate
    *(
        Case(
            kind.value,
            faulty(kind, direction, words="421 go away"),
            RISK,
            INFERRED,
            "The server did something.",
            None,
            faulty(FaultKind.TLS_FAILED, direction),
            'The server\'s own words: "421 go away".',
        )
        for direction in (TO_EOP, FROM_EOP)
        for kind in (
            FaultKind.UNREACHABLE,
            FaultKind.TIMEOUT,
            FaultKind.THROTTLED,
            FaultKind.SMTP_REFUSED,
            FaultKind.NOT_SMTP,
            FaultKind.CONNECTION_CLOSED,
        )
    ),
    Case(
        "no-starttls",
        faulty(FaultKind.NO_STARTTLS),
        RISK,
        DOCUMENTED,
        "The server did something.",
        None,
        faulty(FaultKind.STARTTLS_REFUSED),
        "No certificate could be seen here. That says nothing about the Send connector",
    ),
    Case(
        "no-starttls",
        faulty(FaultKind.NO_STARTTLS, FROM_EOP),
        REJECT,
        DOCUMENTED,
        "did something",
        NO_TLS_317,
        HEALTHY_FROM,
    ),
    Case(
        "starttls-refused",
        faulty(FaultKind.STARTTLS_REFUSED, words="454 4.7.0 not now"),
        RISK,
        INFERRED,
        "did something",
        None,
        faulty(FaultKind.NO_STARTTLS),
        "454 4.7.0 not now",
    ),
    Case(
        "starttls-refused",
        faulty(FaultKind.STARTTLS_REFUSED, FROM_EOP),
        REJECT,
        INFERRED,
        "did something",
        NO_TLS_317,
        HEALTHY_FROM,
    ),
    Case(
        "tls-failed",
        faulty(FaultKind.TLS_FAILED),
        RISK,
        INFERRED,
        "did something",
        None,
        HEALTHY,
        "No certificate was",
    ),
    Case(
        "tls-failed",
        faulty(FaultKind.TLS_FAILED, TO_EOP, LEAF, ISSUING),
        RISK,
        INFERRED,
        "did something",
        None,
        HEALTHY,
        "are judged below",
    ),
    Case(
        "tls-failed",
        replace(mixed(((LEAF, ISSUING), Outcome.ACCEPTED)), observations=(NAME_REFUSED, UNNAMED)),
        INFO,
        INFERRED,
        "refuses the name",
        None,
        HEALTHY,
        "Without a name it shows",
    ),
    Case(
        "client-certificate-demanded",
        faulty(FaultKind.CLIENT_CERTIFICATE_DEMANDED, FROM_EOP, LEAF, ISSUING),
        INFO,
        INFERRED,
        "did something. That is no fault towards Exchange Online",
        None,
        faulty(FaultKind.TLS_FAILED, FROM_EOP, LEAF, ISSUING),
        "are judged here",
    ),
    Case(
        "client-certificate-demanded",
        faulty(FaultKind.CLIENT_CERTIFICATE_DEMANDED),
        RISK,
        INFERRED,
        "did something",
        None,
        HEALTHY,
    ),
    Case(
        "key-type-not-asked",
        replace(HEALTHY, observations=(UNNAMED, UNASKED)),
        RISK,
        INFERRED,
        "could not be asked (RSA without SNI)",
        None,
        replace(HEALTHY, observations=(UNNAMED, NOT_HELD)),
        "RSA without SNI: It closed.",
    ),
    Case(
        "smtp-inspected",
        inspected("220 ****************2****", "XXXXXXXA"),
        RISK,
        INFERRED,
        "looks like a firewall",
        None,
        inspected(f"220 {HOST} **2*", "XXA"),
        '"XXXXXXXA" in place of a keyword, a banner of asterisks',
    ),
    Case(
        "smtp-inspected",
        inspected("220", direction=FROM_EOP),
        REJECT,
        INFERRED,
        "looks like a firewall",
        NO_TLS_317,
        inspected(f"220 {HOST}", direction=FROM_EOP),
        "a banner without text",
    ),
    Case(
        "smtp-inspected",
        inspected("220 ****", kind=FaultKind.SMTP_REFUSED, direction=FROM_EOP),
        RISK,
        INFERRED,
        "looks like a firewall",
        None,
        inspected("220 ****", kind=FaultKind.NOT_SMTP),
    ),
    Case(
        "old-tls",
        faulty(FaultKind.OLD_TLS),
        REJECT,
        DOCUMENTED,
        "The server did something. Exchange Online refuses",
        "421 4.4.2 Connection dropped due to SocketError",
        HEALTHY,
    ),
    Case(
        "old-tls",
        evidence(seen=capture(LEAF, ISSUING, tls=tls("TLSv1.1")), direction=FROM_EOP),
        REJECT,
        REPORTED,
        "speaks TLSv1.1 at best",
        wording.OLD_TLS_FROM_EOP,
        evidence(seen=capture(LEAF, ISSUING, tls=tls("TLSv1.2")), direction=FROM_EOP),
    ),
    Case(
        "early-session-ticket",
        evidence(seen=capture(LEAF, ISSUING, tls=replace(tls(), early_ticket=True)), direction=FROM_EOP),
        RISK,
        REPORTED,
        "A session ticket was seen before the client's Finished had left",
        "451 4.4.0 Security status Renegotiate",
        evidence(seen=capture(LEAF, ISSUING, tls=replace(tls(), early_ticket=False)), direction=FROM_EOP),
    ),
    Case(
        "plaintext-after-starttls",
        evidence(seen=capture(LEAF, ISSUING, smtp=smtp("250 injected"))),
        RISK,
        INFERRED,
        "sent plain text between",
        None,
        HEALTHY,
        "What it sent: 250 injected",
    ),
    # Revocation: where it was asked about
    Case(
        "revoked",
        asked(Answer(Standing.REVOKED, "reason: keyCompromise", NOW), FROM_EOP),
        REJECT,
        DOCUMENTED,
        f"{HOST} was revoked on 2026-11-20 12:00 UTC (reason: keyCompromise).",
        None,
        asked(Answer(Standing.GOOD), FROM_EOP),
    ),
    Case(
        "revoked",
        asked(Answer(Standing.REVOKED, "no reason given"), TO_EOP),
        RISK,
        INFERRED,
        f"{HOST} was revoked (no reason given).",
        None,
        HEALTHY,
        "stated nowhere",
    ),
    Case(
        "revoked",
        asked(Answer(Standing.GOOD, "reason: superseded", NOW + DAY), FROM_EOP),
        RISK,
        INFERRED,
        f"{HOST} will be revoked on 2026-11-21 12:00 UTC (reason: superseded).",
        None,
        asked(Answer(Standing.GOOD), FROM_EOP),
    ),
    Case(
        "revocation-unknown",
        asked(Answer(Standing.UNKNOWN, "it is silent"), FROM_EOP),
        RISK,
        REPORTED,
        f"whether {HOST} is revoked",
        None,
        asked(Answer(Standing.GOOD), FROM_EOP),
        f"{HOST}: it is silent",
    ),
    Case(
        "revocation-unknown",
        asked(Answer(Standing.UNKNOWN, "it is silent"), TO_EOP),
        INFO,
        INFERRED,
        f"whether {HOST} is revoked",
        None,
        HEALTHY,
        "stated nowhere",
    ),
    Case(
        "other-list-decides",
        evidence(
            PRIVATE_LEAF, PRIVATE_ISSUING, stores=[anchors(PRIVATE_ROOT, name="lab.pem"), anchors(ROOT)]
        ),
        RISK,
        DOCUMENTED,
        "The list lab.pem decided, not Microsoft's",
        None,
        HEALTHY,
        "Microsoft's list does not trust this chain (PartialChain).",
    ),
    Case(
        "other-list-decides",
        evidence(LEAF, ISSUING, stores=[anchors(ROOT, name="lab.pem"), anchors(ROOT)]),
        RISK,
        DOCUMENTED,
        "it says nothing of what Exchange Online accepts",
        None,
        HEALTHY,
        "Microsoft's list trusts this chain.",
    ),
    Case(
        "other-list-decides",
        evidence(LEAF, ISSUING, stores=[APPROXIMATION]),
        INFO,
        DOCUMENTED,
        "The roots of mozilla stand for Microsoft's list",
        None,
        HEALTHY,
    ),
    Case(
        "stand-in",
        evidence(PRIVATE_LEAF, PRIVATE_ISSUING, stores=[STAND_IN]),
        INFO,
        INFERRED,
        "The roots of lab.pem count here as if Microsoft's list held them",
        None,
        evidence(LEAF, ISSUING, stores=[PUBLIC, anchors(PRIVATE_ROOT, name="lab.pem")]),
    ),
    Case(
        "key-mismatch",
        replace(HEALTHY, file_key=FileKey.FOREIGN),
        RISK,
        DOCUMENTED,
        "belongs to none of its certificates",
        None,
        HEALTHY,
    ),
    Case(
        "unusual-file",
        replace(HEALTHY, file_unusual=("text in UTF-16", "base64 without the lines BEGIN and END")),
        INFO,
        DOCUMENTED,
        "The file is text in UTF-16, and base64 without the lines BEGIN and END.",
        None,
        HEALTHY,
    ),
    Case(
        "assessment-failed",
        replace(HEALTHY, failure="RuntimeError: a defect (probe.pki.path, line 1)"),
        RISK,
        INFERRED,
        "A defect of eop-probe: RuntimeError: a defect (probe.pki.path, line 1)",
        None,
        HEALTHY,
    ),
    Case(
        "no-private-key",
        replace(HEALTHY, file_key=FileKey.MISSING),
        RISK,
        DOCUMENTED,
        "holds no private key",
        None,
        HEALTHY,
    ),
    Case(
        "not-an-end-certificate",
        replace(evidence(ISSUING), basis=Basis.FILE),
        RISK,
        INFERRED,
        "is the certificate of a CA",
        None,
        evidence(ISSUING),
    ),
    Case(
        "no-dns-name",
        replace(evidence(NAMELESS, ISSUING), basis=Basis.FILE),
        RISK,
        INFERRED,
        "has no DNS name",
        None,
        replace(HEALTHY, basis=Basis.FILE),
    ),
    # What Exchange Online looks at as the sender
    Case(
        "dnssec-bogus",
        sent_to(replace(signed(), mx=Dnssec.BOGUS), LEAF, ISSUING, others=(GOOD_HOST,)),
        REJECT,
        DOCUMENTED,
        "DNSSEC is bogus for the MX records of contoso.test.",
        "4.7.324 dnssec-invalid: Destination domain returned invalid DNSSEC records",
        sent_to(signed(), LEAF, ISSUING),
        "Mail to contoso.test is blocked",
    ),
    Case(
        "dnssec-bogus",
        sent_to(bogus_host(), LEAF, ISSUING, others=(GOOD_HOST,)),
        RISK,
        DOCUMENTED,
        f"DNSSEC is bogus for the addresses of {HOST} and for the TLSA records of {HOST}.",
        "4.7.324 dnssec-invalid: Destination domain returned invalid DNSSEC records",
        sent_to(signed(), LEAF, ISSUING, others=(GOOD_HOST,)),
        f"goes on over mx2.contoso.test; Exchange Online does not deliver over {HOST}.",
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(record(ISSUING)), LEAF, ISSUING),
        REJECT,
        DOCUMENTED,
        f"{HOST} fails DANE: no TLSA record fits what it presents.",
        "4.7.323 tlsa-invalid: The domain failed DANE validation.",
        sent_to(signed(record(LEAF)), LEAF, ISSUING),
        "It tries again after 15 minutes, after another 15, then hourly for 24 hours; then the sender gets an NDR.",
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(record(ISSUING)), LEAF, ISSUING, others=(GOOD_HOST,)),
        RISK,
        DOCUMENTED,
        "no TLSA record fits",
        "4.7.323 tlsa-invalid: The domain failed DANE validation.",
        sent_to(unsigned(record(ISSUING)), LEAF, ISSUING, others=(GOOD_HOST,)),
        "Mail to contoso.test goes on over mx2.contoso.test",
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(record(ISSUING)), LEAF, ISSUING, others=(UNMET_HOST,)),
        RISK,
        DOCUMENTED,
        "no TLSA record fits",
        "4.7.323 tlsa-invalid: The domain failed DANE validation.",
        sent_to(signed(), LEAF, ISSUING, others=(UNMET_HOST,)),
        "Whether mail to contoso.test goes on is not known: mx2.contoso.test could not be judged.",
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(record(ISSUING)), LEAF, ISSUING, others=(BAD_HOST,)),
        REJECT,
        DOCUMENTED,
        "no TLSA record fits",
        "4.7.323 tlsa-invalid: The domain failed DANE validation.",
        sent_to(signed(record(ISSUING), record(LEAF)), LEAF, ISSUING, others=(BAD_HOST,)),
        "delivers over none of its MX hosts",
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(record(ISSUING, 2)), EXPIRED, ISSUING),
        REJECT,
        DOCUMENTED,
        f"{HOST} fails DANE: a certificate has expired.",
        "4.7.322 certificate-expired: Destination mail server's certificate is expired.",
        sent_to(signed(record(EXPIRED)), EXPIRED, ISSUING),  # dates do not count for a usage of 3
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(record(ISSUING, 2)), FUTURE, ISSUING),
        REJECT,
        DOCUMENTED,
        "no TLSA record fits",
        "4.7.323 tlsa-invalid: The domain failed DANE validation.",
        sent_to(signed(record(FUTURE)), FUTURE, ISSUING),
        "is not valid yet",
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(record(ISSUING, 2)), SAN_OTHER, ISSUING),
        REJECT,
        DOCUMENTED,
        f"{HOST} fails DANE: its certificate has another name.",
        "4.7.325 certificate-host-mismatch: Remote certificate MUST have a common name or subject alternative name "
        "that matches the hostname (DANE)",
        sent_to(signed(record(ISSUING, 2)), LEAF, ISSUING),
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(record(LEAF)), seen=PLAIN),
        REJECT,
        DOCUMENTED,
        f"{HOST} has TLSA records, and offers no TLS.",
        "4.7.321 starttls-not-supported: Destination mail server must support TLS to receive mail.",
        sent_to(unsigned(record(LEAF)), seen=PLAIN),
    ),
    Case(
        "dane-mismatch",
        sent_to(signed(USAGE_1), seen=PLAIN),
        REJECT,
        DOCUMENTED,
        "offers no TLS",
        "4.7.321 starttls-not-supported: Destination mail server must support TLS to receive mail.",
        sent_to(signed(USAGE_1), LEAF, ISSUING),
    ),
    Case(
        "dane-missing",
        sent_to(unsigned(), LEAF, ISSUING, mode=MANDATORY),
        REJECT,
        INFERRED,
        f"The connector demands DANE (SmtpDaneMode Mandatory), and {HOST} has none.",
        None,
        sent_to(unsigned(), LEAF, ISSUING),
    ),
    Case(
        "dane-missing",
        sent_to(signed(USAGE_1), LEAF, ISSUING, mode=MANDATORY, others=(GOOD_HOST,)),
        RISK,
        INFERRED,
        "has none",
        None,
        sent_to(signed(record(LEAF)), LEAF, ISSUING, mode=MANDATORY),
    ),
    Case(
        "mta-sts-host",
        sent_to(policy("*.contoso.test", "mx.fabrikam.test"), LEAF, ISSUING, seen=deeper()),
        REJECT,
        DOCUMENTED,
        f"a.{HOST} does not stand in the MTA-STS policy of contoso.test.",
        "4.4.8 MX hosts of contoso.test failed MTA-STS validation",
        sent_to(policy("*.mail.contoso.test"), LEAF, ISSUING, seen=deeper()),
        "In *.contoso.test the asterisk stands for one label, and no more",
    ),
    Case(
        "mta-sts-host",
        sent_to(policy("mx.fabrikam.test", mode=Mode.TESTING), LEAF, ISSUING),
        RISK,
        DOCUMENTED,
        "does not stand in",
        None,
        sent_to(policy("mx.fabrikam.test", mode=Mode.NONE), LEAF, ISSUING),
        "The policy is in mode testing",
    ),
    Case(
        "mta-sts-certificate",
        sent_to(policy(), PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT),
        REJECT,
        DOCUMENTED,
        f"The certificate of {HOST} fails MTA-STS: UntrustedRoot.",
        "4.7.5 Remote certificate failed MTA-STS validation. Reason: UntrustedRoot",
        sent_to(unsigned(), PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT),
    ),
    Case(
        "mta-sts-certificate",
        sent_to(policy(), OTHER, ISSUING),
        REJECT,
        DOCUMENTED,
        "SubjectMismatch",
        "4.7.5 Remote certificate failed MTA-STS validation. Reason: SubjectMismatch",
        sent_to(policy(), LEAF, ISSUING),
    ),
    Case(
        "mta-sts-certificate",
        sent_to(policy(), seen=PLAIN),
        REJECT,
        INFERRED,
        f"{HOST} offers no TLS, and the MTA-STS policy of contoso.test demands it.",
        None,
        sent_to(policy(), seen=capture(fault=fault(FaultKind.UNREACHABLE, "Nobody was there."))),
    ),
    Case(
        "mta-sts-policy",
        sent_to(UNFETCHED, LEAF, ISSUING),
        RISK,
        INFERRED,
        "MTA-STS of contoso.test: the policy cannot be had.",
        None,
        sent_to(UNFETCHED, LEAF, ISSUING, others=(GOOD_HOST,), place=1),
    ),
    Case(
        "mta-sts-policy",
        sent_to(policy(mode=Mode.NONE), LEAF, ISSUING),
        INFO,
        INFERRED,
        "The MTA-STS policy of contoso.test is in mode none: it refuses nothing.",
        None,
        sent_to(policy(), LEAF, ISSUING),
    ),
    Case(
        "mta-sts-policy",
        sent_to(policy(deviations=("line 3 is empty",)), LEAF, ISSUING),
        INFO,
        INFERRED,
        "has what a strict reader would object to",
        None,
        sent_to(unsigned(), LEAF, ISSUING),
        "line 3 is empty",
    ),
    Case(
        "dane-unusable",
        sent_to(signed(USAGE_1), LEAF, ISSUING),
        INFO,
        DOCUMENTED,
        f"No TLSA record of {HOST} can be used: TLS is required, DANE is not checked.",
        None,
        sent_to(signed(USAGE_1, record(LEAF)), LEAF, ISSUING),
        "usage 1 is not for SMTP",
    ),
    Case(
        "dane-unusable",
        sent_to(unsigned(record(LEAF)), LEAF, ISSUING),
        INFO,
        DOCUMENTED,
        "do not count: the zone is not signed",
        None,
        sent_to(unsigned(), LEAF, ISSUING),
    ),
    Case(
        "dane-valid",
        sent_to(signed(record(LEAF)), LEAF, ISSUING),
        INFO,
        DOCUMENTED,
        f"DANE holds for {HOST}: the record 3 1 1 ",
        None,
        sent_to(signed(record(ISSUING)), LEAF, ISSUING),
        "no name, date or issuer counts",
    ),
    Case(
        "not-all-probed",
        replace(
            evidence(LEAF, ISSUING), left_out=(LeftOut("address", HOST, 102, ("192.0.2.8", "192.0.2.9")),)
        ),
        INFO,
        INFERRED,
        f"Of 102 addresses of {HOST} 100 are probed, the first ones; 2 are not.",
        None,
        evidence(LEAF, ISSUING),
        "Not probed: 192.0.2.8, 192.0.2.9.",
    ),
    Case(
        "mta-sts-valid",
        sent_to(policy(), LEAF, ISSUING),
        INFO,
        DOCUMENTED,
        f"MTA-STS holds for {HOST}",
        None,
        sent_to(policy(mode=Mode.TESTING), OTHER, ISSUING),
    ),
    Case(
        "outbound-unknown",
        sent_to(DomainFacts(domain="contoso.test"), LEAF, ISSUING),
        INFO,
        INFERRED,
        "DNSSEC and DANE of contoso.test are not known: no resolver that validates was named (--dnssec-resolver).",
        None,
        sent_to(DomainFacts(domain="contoso.test"), LEAF, ISSUING, others=(GOOD_HOST,), place=1),
    ),
    Case(
        "outbound-unknown",
        sent_to(
            DomainFacts(domain="contoso.test", resolver="192.0.2.53", failure="it did not answer"),
            LEAF,
            ISSUING,
        ),
        INFO,
        INFERRED,
        "are not known: it did not answer.",
        None,
        sent_to(signed(), LEAF, ISSUING),
    ),
)
