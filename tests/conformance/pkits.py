"""Runs the engine over the NIST PKITS certificates: the file name of an end certificate is the verdict.

The suite comes with the package cryptography_vectors. What needs revocation is told by the test's
name and left out; so are the tests whose names give no verdict, for it depends on the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from probe.pki.certificate import Certificate
from probe.pki.names import folded_rdns
from probe.pki.path import BuiltPath, build
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore

#: The suite's certificates are valid from 2010 to 2030.
INSTANT = datetime(2020, 1, 1, tzinfo=UTC)
ANCHOR = "TrustAnchorRootCertificate.crt"
#: Sections by what the test names hold, in the order they are tried (PKITS 1.0.1, section 4).
SECTIONS = {
    "needs revocation": "CRL|Revoked|IDP|issuingDistribution|onlyContains|onlySomeReasons|istributionPoint|cRLIssuer"
    # The certificates of these are sound: they are invalid for being revoked.
    "|CertificateandCRLKeys|cRLSign|InvalidBasicSelfIssued|Invalid(Long|Negative)SerialNumber",
    "signatures": "Signature|ValidCertificatePath|DSAParameter",
    "validity": "not(Before|After)Date",
    "name chaining": "NameChaining|NameUIDs|AttributeTypes|UTF8String|PrintableString",
    "serial numbers": "SerialNumber",
    "self-issued": "BasicSelfIssued",
    "basic constraints": "asicConstraints|cAFalse|pathLen",
    "key usage": "keyUsage",
    "explicit policy": "requireExplicitPolicy",
    "inhibit policy mapping": "inhibitPolicyMapping",
    "inhibit any policy": "inhibitAnyPolicy",
    "policy mapping": "PolicyMapping|anyPolicy",
    "name constraints": "nameConstraints",
    "critical extensions": "UnknownCritical|UnknownNotCritical",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One end certificate: what its name wants, and the path the engine built."""

    name: str
    section: str
    wanted: bool
    built: BuiltPath

    @property
    def agrees(self) -> bool:
        return self.wanted == self.built.trusted


def folder() -> Path:
    """Where the installed package keeps the certificates; LookupError where it is not installed."""
    spec = find_spec("cryptography_vectors")
    if spec is None or spec.origin is None:
        raise LookupError("cryptography_vectors is not installed; it is in the test dependencies")
    return Path(spec.origin).parent / "x509" / "PKITS_data" / "certs"


def section(name: str) -> str:
    """The section a test belongs to; LookupError for a name of none."""
    for title, pattern in SECTIONS.items():
        if re.search(pattern, name):
            return title
    raise LookupError(f"no section of PKITS has a test named {name}")


def outcomes() -> list[Outcome]:
    """Judge every end certificate whose name begins with its verdict, apart from what needs more."""
    files = folder()
    anchor = Certificate((files / ANCHOR).read_bytes())
    store = AnchorStore("pkits", [anchor])
    authorities: dict[object, list[Certificate]] = {}
    for path in sorted(files.glob("*.crt")):
        if not path.name.endswith("EE.crt"):
            certificate = Certificate(path.read_bytes())
            authorities.setdefault(folded_rdns(certificate.subject.rdns), []).append(certificate)
    found = []
    for path in sorted(files.glob("*EE.crt")):
        name = path.name.removesuffix("EE.crt")
        if name.startswith(("Valid", "Invalid")) and not section(name).startswith("needs"):
            chain = _with_issuers(Certificate(path.read_bytes()), authorities)
            found.append(
                Outcome(
                    name=name,
                    section=section(name),
                    wanted=name.startswith("Valid"),
                    built=build(chain, store, Purpose.SERVER_AUTH, INSTANT),
                )
            )
    return found


def _with_issuers(leaf: Certificate, authorities: dict[object, list[Certificate]]) -> list[Certificate]:
    """What a server would send: the leaf and every certificate named, however spelt, like an issuer above."""
    chain = [leaf]
    for certificate in chain:
        for issuer in authorities.get(folded_rdns(certificate.issuer.rdns), []):
            if issuer not in chain:
                chain.append(issuer)
    return chain
