"""Reports made by hand whose rendering is the same at every run: fixed dates, keys and signatures.

Certificates are written with a tiny DER writer. Authorities sign with Ed25519, whose signatures
are deterministic (RFC 8032); their keys are derived from a label when a test runs, so none is stored.
End certificates bear an RSA key nobody holds: only its size is looked at here.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe import powershell
from probe.capture import ORDINARY, Capture, Fault, FaultKind, How, Phase, SmtpFacts, TlsFacts
from probe.eop import remedies
from probe.eop.evidence import Evidence, Observation, StorePath
from probe.eop.finding import Finding
from probe.eop.forecast import Turn
from probe.eop.settings import Settings
from probe.eop.verdict import Prediction
from probe.eop.vocabulary import Basis, Direction, Outcome, Severity
from probe.pki.certificate import Certificate
from probe.pki.chain import PresentedChain
from probe.pki.path import BuiltPath, ElementSource, PathElement
from probe.pki.status import ChainStatus, Purpose
from probe.pki.truststore import RootState, RootVerdict
from probe.powershell import Command, Shell, quoted
from probe.report.assessment import Assessment, Report
from probe.smtp.transcript import Speaker, TranscriptLine
from probe.statement import Confidence
from probe.text import printable

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
LISTED = datetime(2026, 10, 28, tzinfo=UTC)
HOST = "mail.contoso.com"
REFUSED = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"

_OIDS = {
    "CN": "550403", "C": "550406", "O": "55040a",
    "ed25519": "2b6570", "rsa": "2a864886f70d010101",
    "san": "551d11", "ca": "551d13", "eku": "551d25", "server": "2b06010505070301", "client": "2b06010505070302",
}  # fmt: skip


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element of DER around its content."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body


def _oid(name: str) -> bytes:
    return tlv(0x06, bytes.fromhex(_OIDS[name]))


def _name(parts: dict[str, str]) -> bytes:
    return tlv(0x30, *(tlv(0x31, tlv(0x30, _oid(k), tlv(0x0C, v.encode()))) for k, v in parts.items()))


def _time(moment: datetime) -> bytes:
    return tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def _key(label: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(label.encode()).digest())


def _authority_spki(label: str) -> bytes:
    public = _key(label).public_key().public_bytes_raw()
    return tlv(0x30, tlv(0x30, _oid("ed25519")), tlv(0x03, b"\0", public))


def _rsa_spki() -> bytes:
    modulus = tlv(0x02, b"\0" + b"\xc5" * 256)
    key = tlv(0x30, modulus, tlv(0x02, b"\x01\x00\x01"))
    return tlv(0x30, tlv(0x30, _oid("rsa"), tlv(0x05)), tlv(0x03, b"\0", key))


def _extension(name: str, value: bytes) -> bytes:
    return tlv(0x30, _oid(name), tlv(0x04, value))


def certificate(
    subject: dict[str, str],
    issuer: dict[str, str],
    *,
    signer: str,
    not_before: datetime = AT - timedelta(days=100),
    not_after: datetime = AT + timedelta(days=100),
    dns: tuple[str, ...] = (),
    authority: str = "",
    eku: tuple[str, ...] = (),
) -> Certificate:
    """A certificate signed with the key of the label `signer`; an `authority` has the key of that label."""
    extensions = []
    if authority:
        extensions.append(_extension("ca", tlv(0x30, tlv(0x01, b"\xff"))))
    if dns:
        extensions.append(_extension("san", tlv(0x30, *(tlv(0x82, name.encode()) for name in dns))))
    if eku:
        extensions.append(_extension("eku", tlv(0x30, *map(_oid, eku))))
    algorithm = tlv(0x30, _oid("ed25519"))
    tbs = tlv(
        0x30,
        tlv(0xA0, tlv(0x02, b"\x02")),
        tlv(0x02, b"\0\xa5\x5a"),
        algorithm,
        _name(issuer),
        tlv(0x30, _time(not_before), _time(not_after)),
        _name(subject),
        _authority_spki(authority) if authority else _rsa_spki(),
        *([tlv(0xA3, tlv(0x30, *extensions))] if extensions else []),
    )
    return Certificate(tlv(0x30, tbs, algorithm, tlv(0x03, b"\0", _key(signer).sign(tbs))))


ROOT_NAME = {"C": "US", "O": "Example Trust", "CN": "Example Public Root CA"}
ISSUING_NAME = {"C": "US", "O": "Example Trust", "CN": "Example Issuing CA 1"}
LEAF_NAME = {"C": "NL", "O": "Contoso, Ltd.", "CN": HOST}

ROOT = certificate(
    ROOT_NAME, ROOT_NAME, signer="root", authority="root",
    not_before=AT - timedelta(days=2000), not_after=AT + timedelta(days=5000),
)  # fmt: skip
ISSUING = certificate(
    ISSUING_NAME, ROOT_NAME, signer="root", authority="issuing", not_after=AT + timedelta(days=1500)
)
LEAF = certificate(
    LEAF_NAME,
    ISSUING_NAME,
    signer="issuing",
    dns=(HOST, "autodiscover.contoso.com"),
    eku=("server", "client"),
)
EXPIRED = certificate(
    LEAF_NAME, ISSUING_NAME, signer="issuing", dns=(HOST,), not_after=AT - timedelta(days=3), eku=("server",)
)
YOUNG = certificate(
    LEAF_NAME, ISSUING_NAME, signer="issuing", dns=(HOST,), not_before=AT + timedelta(hours=5)
)
INTERNAL_NAME = {"O": "Contoso", "CN": "Contoso Internal Root CA"}
INTERNAL_ROOT = certificate(INTERNAL_NAME, INTERNAL_NAME, signer="internal", authority="internal")
INTERNAL = certificate(
    LEAF_NAME, INTERNAL_NAME, signer="internal", dns=(HOST,), not_after=AT + timedelta(days=20)
)
SELF_SIGNED = certificate(
    {"CN": "EXCH01"},
    {"CN": "EXCH01"},
    signer="exch",
    authority="exch",
    dns=("EXCH01", "exch01.contoso.local"),
)

HOSTILE = "\x1b[31mred\x07 | a\nb\r <script>alert(1)</script> \"q\" 'q' \u202etxt\u202c \u2028 a=b;c \\ end"
HOSTILE_NAME = {"O": HOSTILE, "CN": HOSTILE}
HOSTILE_LEAF = certificate(HOSTILE_NAME, HOSTILE_NAME, signer="hostile", dns=(HOSTILE, HOST))


def element(
    cert: Certificate,
    status: ChainStatus = ChainStatus.NoError,
    source: ElementSource = ElementSource.PRESENTED,
) -> PathElement:
    return PathElement(certificate=cert, status=status, source=source)


def built(
    *elements: PathElement,
    status: ChainStatus = ChainStatus.NoError,
    root: RootVerdict | None = None,
    limits: tuple[str, ...] = (),
    unevaluated: tuple[str, ...] = (),
) -> BuiltPath:
    """A path whose status is that of its elements and `status`."""
    for one in elements:
        status |= one.status
    return BuiltPath(elements=elements, status=status, root=root, limits=limits, unevaluated=unevaluated)


def store(path: BuiltPath, name: str = "microsoft", dated: datetime | None = LISTED) -> StorePath:
    return StorePath(name=name, dated=dated, paths={Purpose.SERVER_AUTH: path})


TRUSTED = built(
    element(LEAF),
    element(ISSUING),
    element(ROOT, source=ElementSource.STORE),
    root=RootVerdict(RootState.TRUSTED),
)
SMTP = SmtpFacts(
    banner="220 mail.contoso.com Microsoft ESMTP MAIL Service ready",
    ehlo=("mail.contoso.com Hello [192.0.2.99]", "SIZE 37748736", "STARTTLS", "8BITMIME"),
    starttls_offered=True,
    transcript=(
        TranscriptLine(at_ms=2, speaker=Speaker.SERVER, text="220 mail.contoso.com Microsoft ESMTP MAIL Service ready"),
        TranscriptLine(at_ms=2, speaker=Speaker.CLIENT, text="EHLO probe.contoso.com"),
        TranscriptLine(at_ms=5, speaker=Speaker.SERVER, text="250-mail.contoso.com Hello [192.0.2.99]"),
        TranscriptLine(at_ms=5, speaker=Speaker.SERVER, text="250-SIZE 37748736"),
        TranscriptLine(at_ms=5, speaker=Speaker.SERVER, text="250-STARTTLS"),
        TranscriptLine(at_ms=5, speaker=Speaker.SERVER, text="250 8BITMIME"),
        TranscriptLine(at_ms=6, speaker=Speaker.CLIENT, text="STARTTLS"),
        TranscriptLine(at_ms=8, speaker=Speaker.SERVER, text="220 2.0.0 SMTP server ready"),
    ),
)  # fmt: skip
TLS = TlsFacts(
    version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", group="X25519", client_certificate_requested=True
)


def capture(*certificates: Certificate, how: How = ORDINARY, extra: tuple[bytes, ...] = ()) -> Capture:
    """A clean observation of these certificates."""
    return Capture(
        host=HOST,
        address="192.0.2.1",
        port=25,
        smtp=SMTP,
        tls=TLS,
        presented=PresentedChain.from_der((*(c.der for c in certificates), *extra)),
        how=how,
    )


def prediction(
    outcome: Outcome,
    rule: str | None = None,
    *,
    reply: str | None = None,
    direction: Direction = Direction.TO_EOP,
    confidence: Confidence = Confidence.INFERRED,
    basis: Basis = Basis.RECEIVE_CONNECTOR,
) -> Prediction:
    return Prediction(
        direction=direction, outcome=outcome, reply=reply, rule=rule, confidence=confidence, basis=basis
    )


def assess(
    observed: Capture,
    made: Prediction,
    *stores: StorePath,
    findings: tuple[Finding, ...] = (),
    observations: tuple[Observation, ...] = (),
    at: datetime = AT,
    target: str = HOST,
    mx_preference: int | None = None,
    forecast: tuple[Turn, ...] = (),
) -> Assessment:
    """An assessment that took 312 ms, started at AT."""
    return Assessment(
        target=target,
        started_at=AT,
        elapsed_ms=312,
        outcome=made.outcome,
        predictions=(made,),
        findings=findings,
        evidence=Evidence(
            direction=made.direction,
            basis=made.basis,
            capture=observed,
            stores=stores,
            at=at,
            settings=Settings(expected_name=HOST),
            observations=observations,
        ),
        mx_preference=mx_preference,
        forecast=forecast,
    )


def report(*assessments: Assessment) -> Report:
    return Report(generated_at=AT, version="1.2.3", assessments=assessments)


def accepted() -> Assessment:
    """A healthy chain, its root not sent; Mozilla agrees."""
    return assess(
        capture(LEAF, ISSUING),
        prediction(Outcome.ACCEPTED),
        store(TRUSTED),
        store(TRUSTED, "mozilla", datetime(2025, 8, 3, tzinfo=UTC)),
        forecast=(
            Turn(AT + timedelta(days=70), Outcome.AT_RISK, "expires-soon", f"{HOST} has 30 days left"),
            Turn(AT + timedelta(days=100), Outcome.REJECTED, "expired", f"{HOST} expires"),
        ),
    )


def missing_intermediate() -> Assessment:
    """Only the end certificate was sent."""
    finding = Finding(
        rule="missing-intermediate",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        summary="The server does not send the certificate of its issuing CA, and Exchange Online fetches none.",
        detail="Exchange Online builds the path from what is sent and its own roots. Windows and browsers fetch the "
        "missing link by themselves, which is why everything looks fine from there.",
        remedy=(
            "Fetch the missing issuer's certificate, CN=Example Issuing CA 1, O=Example Trust, C=US.",
            *powershell.IMPORT_INTERMEDIATE,
            "Run this check again.",
        ),
        references=("https://learn.microsoft.com/exchange/fix-error-code-4-4-317",),
        reply=REFUSED,
    )
    path = built(element(LEAF), status=ChainStatus.PartialChain)
    return assess(
        capture(LEAF),
        prediction(Outcome.REJECTED, finding.rule, reply=REFUSED, confidence=Confidence.DOCUMENTED),
        store(path),
        store(path, "mozilla"),
        findings=(finding,),
    )


def on_postfix() -> Assessment:
    """The same seen on a server that looks like Postfix, with what its rule says to do there."""
    found = missing_intermediate()
    banner = "220 mail.contoso.com ESMTP Postfix"
    evidence = replace(found.evidence, capture=replace(found.capture, smtp=replace(SMTP, banner=banner)))
    remedy = remedies.import_intermediate(LEAF, LEAF, evidence)
    return replace(found, evidence=evidence, findings=(replace(found.findings[0], remedy=remedy),))


def untrusted_root() -> Assessment:
    """An internal CA, its root sent along; the certificate expires soon too."""
    root = element(INTERNAL_ROOT, ChainStatus.UntrustedRoot)
    path = built(element(INTERNAL), root, root=RootVerdict(RootState.ABSENT))
    return assess(
        capture(INTERNAL, INTERNAL_ROOT),
        prediction(Outcome.REJECTED, "untrusted-root", reply=REFUSED, confidence=Confidence.DOCUMENTED),
        store(path),
        store(path, "mozilla", None),
        findings=(
            Finding(
                rule="untrusted-root",
                severity=Severity.REJECT,
                confidence=Confidence.DOCUMENTED,
                summary="The chain ends in Contoso Internal Root CA, which is not in Microsoft's list of roots.",
                detail="First paragraph.\nSecond paragraph.",
                remedy=(
                    *powershell.enable_for_smtp(),
                    *powershell.name_on_connector(),
                ),
                references=("Microsoft KB 2888788 (mail flow stops, event 2004)",),
                reply=REFUSED,
            ),
            Finding(
                rule="expires-soon",
                severity=Severity.RISK,
                confidence=Confidence.INFERRED,
                summary="The certificate of mail.contoso.com expires in 20 days.",
                remedy=("Renew it.",),
            ),
            Finding(
                rule="root-sent",
                severity=Severity.INFO,
                confidence=Confidence.INFERRED,
                summary="The root was sent along, which is harmless and useless.",
                detail="Detail of a note, shown on demand.",
                remedy=("Leave it out.",),
            ),
        ),
    )  # fmt: skip


def self_signed() -> Assessment:
    """Exchange's own self-signed certificate, seen from Exchange Online's side."""
    reply = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]"
    path = built(element(SELF_SIGNED, ChainStatus.UntrustedRoot), root=RootVerdict(RootState.ABSENT))
    return assess(
        capture(SELF_SIGNED),
        prediction(
            Outcome.REJECTED,
            "self-signed",
            reply=reply,
            direction=Direction.FROM_EOP,
            confidence=Confidence.DOCUMENTED,
        ),
        store(path),
        findings=(
            Finding(
                rule="self-signed",
                severity=Severity.REJECT,
                confidence=Confidence.DOCUMENTED,
                summary="The certificate is signed by itself: no public CA vouches for it.",
                reply=reply,
            ),
        ),
    )


def expired() -> Assessment:
    """Expired three days ago; which reply Exchange Online gives is not known."""
    late = element(EXPIRED, ChainStatus.NotTimeValid)
    path = built(
        late, element(ISSUING), element(ROOT, source=ElementSource.STORE), root=RootVerdict(RootState.TRUSTED)
    )
    return assess(
        capture(EXPIRED, ISSUING),
        prediction(Outcome.REJECTED, "expired"),
        store(path),
        findings=(
            Finding(
                rule="expired",
                severity=Severity.REJECT,
                confidence=Confidence.INFERRED,
                summary="The certificate expired on 2026-11-18.",
            ),
        ),
    )


def fault(kind: FaultKind, phase: Phase, message: str, server_text: str | None = None) -> Assessment:
    """An endpoint that showed no certificate."""
    observed = Capture(
        host=HOST,
        address="192.0.2.1",
        port=25,
        smtp=None if phase is Phase.CONNECT else SMTP,
        fault=Fault(phase=phase, kind=kind, message=message, server_text=server_text),
    )
    finding = Finding(
        rule=kind.value,
        severity=Severity.RISK,
        confidence=Confidence.DOCUMENTED,
        summary=f"{message}.",
        remedy=("Check the firewall and the address:", Command("nc -vz 192.0.2.1 25", Shell.ANY)),
        references=("RFC 5321",),
    )
    return assess(observed, prediction(Outcome.UNKNOWN, kind.value), findings=(finding,))


def unreachable() -> Assessment:
    return fault(FaultKind.UNREACHABLE, Phase.CONNECT, "Connection refused by 192.0.2.1 port 25")


def starttls_refused() -> Assessment:
    return fault(
        FaultKind.STARTTLS_REFUSED,
        Phase.SMTP,
        "The server offers STARTTLS but refused to begin it",
        "454 4.7.0 TLS not available due to local problem",
    )


def mixed() -> Assessment:
    """Two certificates take turns (KB 2888788); an MX record led here; the worse decides."""
    worse, good = (
        capture(INTERNAL, how=How(key_type="ecdsa")),
        capture(LEAF, ISSUING, how=How(key_type="rsa")),
    )
    root = built(element(INTERNAL), status=ChainStatus.PartialChain)
    return assess(
        worse,
        prediction(Outcome.REJECTED, "untrusted-root", reply=REFUSED),
        store(root),
        findings=(
            Finding(
                rule="untrusted-root",
                severity=Severity.REJECT,
                confidence=Confidence.DOCUMENTED,
                summary="The chain ends in an internal CA.",
                reply=REFUSED,
            ),
            Finding(
                rule="mixed-certificates",
                severity=Severity.RISK,
                confidence=Confidence.REPORTED,
                summary="Two certificates take turns.",
            ),
        ),
        observations=(
            Observation(worse, Outcome.REJECTED),
            Observation(good, Outcome.ACCEPTED),
            Observation(good, Outcome.ACCEPTED),
        ),
        target="mx:contoso.com",
        mx_preference=10,
    )


def awkward() -> Assessment:
    """Everything at once: sent in the wrong order, unreadable, dropped, restricted, unevaluated, as of another time."""
    presented = PresentedChain.from_der((LEAF.der, b"\x30\x03junk", ROOT.der, ISSUING.der))
    observed = Capture(
        host="2001:db8::25",
        address="2001:db8::25",
        port=587,
        smtp=SMTP,
        tls=TlsFacts(
            version="TLSv1.2", cipher="ECDHE-RSA-AES256-SHA", group=None, client_certificate_requested=False
        ),
        presented=PresentedChain(entries=presented.entries, dropped=3),
        fault=Fault(
            phase=Phase.TLS,
            kind=FaultKind.CONNECTION_CLOSED,
            message="The server closed the connection after the handshake",
        ),
    )
    path = built(
        element(LEAF),
        element(ISSUING, ChainStatus.NotSignatureValid | ChainStatus.InvalidBasicConstraints),
        element(ROOT, ChainStatus.UntrustedRoot, ElementSource.STORE),
        status=ChainStatus.Cyclic,
        root=RootVerdict(RootState.DISABLED, datetime(2024, 5, 1, tzinfo=UTC)),
        limits=("no more than 64 paths were tried",),
        unevaluated=("a signature made with 1.2.3.4",),
    )
    return assess(
        observed,
        prediction(
            Outcome.AT_RISK, "chain-order", direction=Direction.FROM_EOP, confidence=Confidence.REPORTED
        ),
        store(path, "roots.pem", None),
        findings=(
            Finding(
                rule="chain-order",
                severity=Severity.RISK,
                confidence=Confidence.REPORTED,
                summary="The certificates are sent in the wrong order.",
            ),
        ),
        at=AT + timedelta(days=60),
        target="[2001:db8::25]:587",
    )


def hostile() -> Assessment:
    """Every text a peer controls is hostile, escaped once as the border does."""
    text = printable(HOSTILE)
    path = built(element(HOSTILE_LEAF, ChainStatus.UntrustedRoot), root=RootVerdict(RootState.ABSENT))
    observed = Capture(
        host=text,
        address=None,
        port=25,
        smtp=SmtpFacts(
            banner=text,
            ehlo=(text,),
            starttls_offered=True,
            transcript=(TranscriptLine(at_ms=1, speaker=Speaker.SERVER, text=text),),
            plaintext_after_starttls=text,
        ),
        tls=TLS,
        presented=PresentedChain.from_der((HOSTILE_LEAF.der, b"\x1b[31m")),
        fault=Fault(phase=Phase.SMTP, kind=FaultKind.NOT_SMTP, message=text, server_text=text),
        how=How(key_type="rsa"),
    )
    return assess(
        observed,
        prediction(Outcome.REJECTED, "self-signed", reply=REFUSED),
        store(path),
        findings=(
            Finding(
                rule="self-signed",
                severity=Severity.REJECT,
                confidence=Confidence.DOCUMENTED,
                summary=f"The certificate of {text} is signed by itself.",
                detail=text,
                remedy=(f"Replace {text}.", Command(f"Get-ExchangeCertificate {quoted(text)}")),
                references=("https://example.com/?a=1&b=2",),
                reply=REFUSED,
            ),
        ),
        observations=(Observation(observed, Outcome.REJECTED),),
        target=text,
    )
