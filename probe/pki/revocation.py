"""Judging OCSP responses (RFC 6960) and CRLs (RFC 5280 5) by their bytes; pure, nothing is fetched here.

An answer counts only if it is about this very certificate, signed by its issuer (or, for OCSP, by a
responder the issuer certified for that), and valid at the instant. Whatever falls short is UNKNOWN
with the reason; a forged answer can so neither clear nor condemn a certificate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from probe.pki import algorithms, der
from probe.pki.certificate import Certificate, parse, verify
from probe.pki.crypto_errors import REFUSALS
from probe.pki.revocation_status import Answer, Standing
from probe.pki.signature import Signature, verify_bytes
from probe.text import printable

#: Clocks differ: how far an answer's dates may lie beyond the instant.
SKEW = timedelta(minutes=5)
#: How long an answer without a nextUpdate counts; RFC 6960 4.2.2.1 leaves it to the reader.
MAX_AGE = timedelta(days=7)
#: Certificates of one OCSP response that are looked at, to find the responder's.
MAX_RESPONDERS = 8

_OCSP = "1.3.6.1.5.5.7.48.1"
_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
_CRL_POINTS = "2.5.29.31"
_URI = 0x86


def ocsp_urls(certificate: Certificate) -> tuple[str, ...]:
    """Where the issuer answers OCSP requests (RFC 5280 4.2.2.1), escaped."""
    return certificate.access_locations(_OCSP)


def crl_urls(certificate: Certificate) -> tuple[str, ...]:
    """Where the issuer publishes its CRL (RFC 5280 4.2.1.13), escaped; points with other names are left out."""
    return tuple(certificate.extension(_CRL_POINTS, _point_urls) or ())


def _point_urls(value: bytes) -> Iterator[str]:
    try:
        for point in der.whole(value, der.SEQUENCE, "CRL distribution points").children():
            for name in (part for part in point.children() if part.tag == 0xA0):
                for full in (part for part in name.children() if part.tag == 0xA0):
                    yield from (printable(uri.content) for uri in full.children() if uri.tag == _URI)
    except der.DerError:
        return


def ocsp_request(certificate: Certificate, issuer: Certificate) -> bytes | None:
    """An OCSP request for `certificate`, DER; None where its serial number or the issuer's key is none."""
    try:
        # SHA-1 names the issuer here and protects nothing: many responders know no other (RFC 5019 2.1.1).
        name, key = _issuer_hashes(issuer, "sha1")
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            name,
            key,
            certificate.serial,
            hashes.SHA1(),  # noqa: S303 - see above
        )
        return builder.build().public_bytes(Encoding.DER)
    except REFUSALS:
        return None


def _issuer_hashes(issuer: Certificate, algorithm: str) -> tuple[bytes, bytes]:
    """The hashes of an issuer's name and key (RFC 6960 4.1.1)."""
    key = der.bits(der.read(issuer.spki).children()[1])
    return hashlib.new(algorithm, issuer.subject.der).digest(), hashlib.new(algorithm, key).digest()


def judge_ocsp(data: bytes, certificate: Certificate, issuer: Certificate, at: datetime) -> Answer:
    """What an OCSP response says of `certificate` at `at`; never raises for its bytes."""
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return _unknown(f"the responder answers {response.response_status.name.lower()}")
        single = next((each for each in response.responses if _is_about(each, certificate, issuer)), None)
        if single is None:
            return _unknown("the response is about another certificate")
        if not _signed_by_responder(data, issuer, at):
            return _unknown("the response is signed neither by the issuer nor by a responder it certified")
        return _single(single, at)
    except REFUSALS:
        return _unknown("the response cannot be read")


def _is_about(single: ocsp.OCSPSingleResponse, certificate: Certificate, issuer: Certificate) -> bool:
    """Whether name, key and serial are those of the certificate (RFC 6960 4.1.1)."""
    named = (single.issuer_name_hash, single.issuer_key_hash)
    algorithm = single.hash_algorithm.name.replace("-", "")
    return single.serial_number == certificate.serial and named == _issuer_hashes(issuer, algorithm)


def _single(single: ocsp.OCSPSingleResponse, at: datetime) -> Answer:
    stale = _out_of_time(single.this_update_utc, single.next_update_utc, at)
    if stale:
        return _unknown(f"the response is {stale}")
    match single.certificate_status:
        case ocsp.OCSPCertStatus.GOOD:
            return Answer(Standing.GOOD)
        case ocsp.OCSPCertStatus.REVOKED:
            return _revoked(single.revocation_time_utc, single.revocation_reason, at)
        case _:
            return _unknown("the responder does not know the certificate")


def _signed_by_responder(data: bytes, issuer: Certificate, at: datetime) -> bool:
    """Whether the issuer's key made the signature, or one it certified for OCSP (RFC 6960 4.2.2.2)."""
    # OCSPResponse { status, [0] { type, OCTET STRING { BasicOCSPResponse } } }, RFC 6960 4.2.1
    wrapped = der.read(data).children()[1].children()[0].children()[1]
    basic = der.read(wrapped.content).children()
    signed, algorithm, signature = basic[0].encoded, algorithms.read(basic[1]), der.bits(basic[2])
    keys = [issuer.spki]
    for element in basic[3].children()[0].children()[:MAX_RESPONDERS] if len(basic) > 3 else ():
        responder = parse(element.encoded)
        if isinstance(responder, Certificate) and _may_respond(responder, issuer, at):
            keys.append(responder.spki)
    return any(verify_bytes(key, algorithm, signature, signed) is Signature.VALID for key in keys)


def _may_respond(responder: Certificate, issuer: Certificate, at: datetime) -> bool:
    return (
        responder.issuer == issuer.subject
        and _OCSP_SIGNING in (responder.extended_key_usage or ())
        and responder.not_before - at <= SKEW
        and at - responder.not_after <= SKEW
        and verify(responder, issuer) is Signature.VALID
    )


def judge_crl(data: bytes, certificate: Certificate, issuer: Certificate, at: datetime) -> Answer:
    """What a CRL, DER or PEM, says of `certificate` at `at`; never raises for its bytes."""
    try:
        pem = data.lstrip().startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
        if unfit := _unfit(crl, certificate, issuer, at):
            return _unknown(unfit)
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial)
        if entry is None:
            return Answer(Standing.GOOD)
        if strange := _not_understood(entry.extensions):
            return _unknown(f"its entry has a critical extension that is not understood ({strange})")
        reasons = [each.value.reason for each in entry.extensions if isinstance(each.value, x509.CRLReason)]
        return _revoked(entry.revocation_date_utc, reasons[0] if reasons else None, at)
    except REFUSALS:
        return _unknown("the list cannot be read")


def _unfit(
    crl: x509.CertificateRevocationList, certificate: Certificate, issuer: Certificate, at: datetime
) -> str | None:
    """Why a list says nothing of the certificate, if it does not."""
    signed, algorithm, signature = der.read(crl.public_bytes(Encoding.DER)).children()
    made = verify_bytes(issuer.spki, algorithms.read(algorithm), der.bits(signature), signed.encoded)
    if made is not Signature.VALID or crl.issuer.public_bytes() != issuer.subject.der:
        return "the list is not signed by the issuer"
    if strange := _not_understood(crl.extensions):
        return f"the list has a critical extension that is not understood ({strange})"
    if not _covers(crl, certificate):
        return "the list is not one of all revoked certificates of this kind"
    stale = _out_of_time(crl.last_update_utc, crl.next_update_utc, at)
    return f"the list is {stale}" if stale else None


def _not_understood(extensions: x509.Extensions) -> str | None:
    """The first critical extension nobody here knows: whoever cannot process it may not rely on the rest."""
    strange = (each for each in extensions if isinstance(each.value, x509.UnrecognizedExtension))
    return next((each.oid.dotted_string for each in strange if each.critical), None)  # RFC 5280 5.2, 5.3


def _covers(crl: x509.CertificateRevocationList, certificate: Certificate) -> bool:
    """Whether a missing entry means something: no delta, no part, no list of another issuer's (RFC 5280 5.2)."""
    for extension in crl.extensions:
        match extension.value:
            case x509.DeltaCRLIndicator():
                return False
            case x509.IssuingDistributionPoint() as scope:
                only = (scope.only_contains_ca_certs, scope.only_contains_user_certs)
                wrong_kind = only[certificate.is_ca]
                other = scope.indirect_crl or scope.only_contains_attribute_certs or scope.only_some_reasons
                if wrong_kind or other:
                    return False
    return True


def _revoked(since: datetime | None, reason: x509.ReasonFlags | None, at: datetime) -> Answer:
    standing = (
        Standing.GOOD if since is not None and since > at else Standing.REVOKED
    )  # not yet, at that instant
    return Answer(standing, f"reason: {reason.value}" if reason else "no reason given", since)


def _out_of_time(begins: datetime, ends: datetime | None, at: datetime) -> str | None:
    # Differences, not sums: an instant may lie at either end of time.
    if begins - at > SKEW:
        return "from the future"
    if at - (ends or begins) > (SKEW if ends else MAX_AGE + SKEW):
        return "out of date"
    return None


def _unknown(detail: str) -> Answer:
    return Answer(Standing.UNKNOWN, detail)
