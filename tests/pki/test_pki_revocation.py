"""OCSP responses and CRLs by their bytes: only a true, timely answer of the issuer counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from probe.pki.certificate import Certificate
from probe.pki.revocation import (
    MAX_AGE,
    crl_urls,
    judge_crl,
    judge_ocsp,
    ocsp_request,
    ocsp_urls,
)
from probe.pki.revocation_status import Answer, Standing
from tests.authority import DAY, Authority, Issued, raw_extension
from tests.revoking import HOUR, crl, ocsp_response, places

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = Authority(now=NOW, name="revocation")
ROOT = CA.root("Revocation Root")
ISSUING = CA.intermediate(ROOT, "Revocation CA")
LEAF = CA.leaf(ISSUING, "mail.contoso.test")
OTHER = CA.leaf(ISSUING, "other.contoso.test")
SIGNER_EKU = (x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING,)
SIGNER = CA.leaf(ISSUING, "Responder", names=(), eku=SIGNER_EKU)
REVOKED = ocsp.OCSPCertStatus.REVOKED


def read(issued: Issued) -> Certificate:
    return Certificate(issued.der)


def by_ocsp(data: bytes, certificate: Issued = LEAF, at: datetime = NOW) -> Answer:
    return judge_ocsp(data, read(certificate), read(ISSUING), at)


def by_crl(data: bytes, certificate: Issued = LEAF, at: datetime = NOW, issuer: Issued = ISSUING) -> Answer:
    return judge_crl(data, read(certificate), read(issuer), at)


def idp(**said: object) -> x509.IssuingDistributionPoint:
    nothing = dict.fromkeys(
        (
            "only_contains_user_certs",
            "only_contains_ca_certs",
            "indirect_crl",
            "only_contains_attribute_certs",
        ),
        False,
    )
    fields = {"full_name": None, "relative_name": None, "only_some_reasons": None} | nothing | said
    return x509.IssuingDistributionPoint(**fields)


class TestOcsp:
    def test_good_and_revoked(self) -> None:
        assert by_ocsp(ocsp_response(LEAF, ISSUING, NOW)) == Answer(Standing.GOOD)
        assert by_ocsp(ocsp_response(LEAF, ISSUING, NOW, status=REVOKED)) == Answer(
            Standing.REVOKED, "reason: keyCompromise", NOW - HOUR
        )

    def test_the_responder_does_not_know_it(self) -> None:
        data = ocsp_response(LEAF, ISSUING, NOW, status=ocsp.OCSPCertStatus.UNKNOWN)
        assert by_ocsp(data) == Answer(Standing.UNKNOWN, "the responder does not know the certificate")

    def test_a_revocation_to_come_is_none_yet(self) -> None:
        data = ocsp_response(LEAF, ISSUING, NOW, status=REVOKED, revoked_at=NOW + HOUR / 2)
        assert by_ocsp(data).standing is Standing.GOOD
        assert by_ocsp(data, at=NOW + HOUR / 2).standing is Standing.REVOKED

    def test_another_certificates_answer_counts_for_nothing(self) -> None:
        assert (
            by_ocsp(ocsp_response(OTHER, ISSUING, NOW)).detail == "the response is about another certificate"
        )
        twin = CA.intermediate(ROOT, "Another CA")
        same_serial = CA.leaf(twin, "x", serial=LEAF.certificate.serial_number)
        assert by_ocsp(ocsp_response(same_serial, twin, NOW)).standing is Standing.UNKNOWN

    @pytest.mark.parametrize(
        ("begins", "ends", "detail"),
        [
            (HOUR, 2 * HOUR, "the response is from the future"),
            (-2 * HOUR, -HOUR, "the response is out of date"),
            (-MAX_AGE - HOUR, None, "the response is out of date"),
            (-2 * HOUR, timedelta(minutes=-4), ""),
            (timedelta(minutes=4), HOUR, ""),
            (-MAX_AGE + HOUR, None, ""),
        ],
    )
    def test_its_time(self, begins: timedelta, ends: timedelta | None, detail: str) -> None:
        answer = by_ocsp(ocsp_response(LEAF, ISSUING, NOW, begins=begins, ends=ends))
        assert answer == Answer(Standing.UNKNOWN if detail else Standing.GOOD, detail)

    def test_a_responder_the_issuer_certified(self) -> None:
        data = ocsp_response(LEAF, ISSUING, NOW, status=REVOKED, signer=SIGNER, embedded=(SIGNER,))
        assert by_ocsp(data).standing is Standing.REVOKED

    @pytest.mark.parametrize(
        "signer",
        [
            CA.leaf(ISSUING, "Not for OCSP", names=()),
            CA.leaf(ISSUING, "Without usages", names=(), eku=None),
            CA.leaf(ROOT, "Of another issuer", names=(), eku=SIGNER_EKU),
            CA.leaf(ISSUING, "Forged", names=(), eku=SIGNER_EKU, broken_signature=True),
            CA.leaf(ISSUING, "Late", names=(), eku=SIGNER_EKU, not_after=NOW - DAY),
            CA.leaf(ISSUING, "Early", names=(), eku=SIGNER_EKU, not_before=NOW + DAY),
            CA.self_signed("Stranger", eku=SIGNER_EKU),
        ],
        ids=lambda signer: signer.subject.rfc4514_string(),
    )
    def test_nobody_else_may_clear_or_condemn(self, signer: Issued) -> None:
        for status in (REVOKED, ocsp.OCSPCertStatus.GOOD):
            data = ocsp_response(LEAF, ISSUING, NOW, status=status, signer=signer, embedded=(signer,))
            assert by_ocsp(data) == Answer(
                Standing.UNKNOWN,
                "the response is signed neither by the issuer nor by a responder it certified",
            )

    def test_a_signer_without_its_certificate(self) -> None:
        assert by_ocsp(ocsp_response(LEAF, ISSUING, NOW, signer=SIGNER)).standing is Standing.UNKNOWN

    def test_a_responder_that_refuses(self) -> None:
        refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
        assert by_ocsp(refusal.public_bytes(Encoding.DER)).detail == "the responder answers try_later"

    @given(at=st.integers(0, 2000), new=st.binary(min_size=1, max_size=4), cut=st.integers(0, 2000))
    def test_damage_never_clears_or_condemns(self, at: int, new: bytes, cut: int) -> None:
        data = ocsp_response(LEAF, ISSUING, NOW, status=REVOKED)
        damaged = (data[: at % len(data)] + new + data[at % len(data) + len(new) :])[: max(cut, 1)]
        answer = by_ocsp(damaged)
        assert answer.standing is not Standing.GOOD


class TestCrl:
    def test_listed_and_not_listed(self) -> None:
        assert by_crl(crl(ISSUING, NOW, OTHER)) == Answer(Standing.GOOD)
        assert by_crl(crl(ISSUING, NOW, LEAF)) == Answer(Standing.REVOKED, "no reason given", NOW - HOUR)
        superseded = crl(ISSUING, NOW, LEAF, reason=x509.ReasonFlags.superseded)
        assert by_crl(superseded).detail == "reason: superseded"

    def test_an_impossible_version_is_no_list(self) -> None:
        good = crl(ISSUING, NOW, OTHER)
        version = good.index(b"\x02\x01\x01")
        bad = good[:version] + b"\x02\x01\x00" + good[version + 3 :]
        assert (by_crl(good).standing, by_crl(bad).standing) == (Standing.GOOD, Standing.UNKNOWN)

    def test_in_pem(self) -> None:
        pem = x509.load_der_x509_crl(crl(ISSUING, NOW, LEAF)).public_bytes(Encoding.PEM)
        assert by_crl(pem).standing is Standing.REVOKED

    def test_a_revocation_to_come_is_none_yet(self) -> None:
        later = NOW + HOUR / 2
        data = crl(ISSUING, NOW, LEAF, revoked_at=later)
        assert by_crl(data) == Answer(Standing.GOOD, "no reason given", later)  # said all the same
        assert by_crl(data, at=later) == Answer(Standing.REVOKED, "no reason given", later)

    @pytest.mark.parametrize(
        "data",
        [crl(ISSUING, NOW, LEAF, signer=OTHER), crl(ROOT, NOW, LEAF, signer=ISSUING), crl(ROOT, NOW, LEAF)],
    )
    def test_a_list_that_is_not_the_issuers(self, data: bytes) -> None:
        assert by_crl(data) == Answer(Standing.UNKNOWN, "the list is not signed by the issuer")

    @pytest.mark.parametrize(
        ("begins", "ends", "detail"),
        [
            (HOUR, 2 * HOUR, "the list is from the future"),
            (-2 * HOUR, -HOUR, "the list is out of date"),
        ],
    )
    def test_its_time(self, begins: timedelta, ends: timedelta, detail: str) -> None:
        assert by_crl(crl(ISSUING, NOW, begins=begins, ends=ends)).detail == detail

    @pytest.mark.parametrize("ca", [True, False])
    def test_a_list_of_one_kind_says_nothing_of_the_other(self, ca: bool) -> None:
        scope = {"only_contains_ca_certs": ca, "only_contains_user_certs": not ca}
        data = crl(ROOT if ca else ISSUING, NOW, extensions=(idp(**scope),))
        of_ca = by_crl(data, ISSUING, issuer=ROOT) if ca else by_crl(data)
        assert of_ca.standing is Standing.GOOD
        wrong = crl(ISSUING if ca else ROOT, NOW, extensions=(idp(**scope),))
        answer = by_crl(wrong) if ca else by_crl(wrong, ISSUING, issuer=ROOT)
        assert answer.detail == "the list is not one of all revoked certificates of this kind"

    @pytest.mark.parametrize(
        "extension",
        [
            x509.DeltaCRLIndicator(1),
            idp(indirect_crl=True),
            idp(only_contains_attribute_certs=True),
            idp(only_some_reasons=frozenset([x509.ReasonFlags.superseded])),
        ],
        ids=["delta", "indirect", "attributes", "reasons"],
    )
    def test_a_part_is_not_the_whole(self, extension: x509.ExtensionType) -> None:
        assert by_crl(crl(ISSUING, NOW, extensions=(extension,))).standing is Standing.UNKNOWN

    def test_what_is_critical_and_not_understood_is_no_answer(self) -> None:
        """RFC 5280 5.2 for the list, 5.3 for an entry."""
        strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        words = "has a critical extension that is not understood (1.2.3.4)"
        listed = crl(ISSUING, NOW, OTHER, extensions=(strange,))
        assert by_crl(listed) == Answer(Standing.UNKNOWN, f"the list {words}")
        entry = crl(ISSUING, NOW, LEAF, of_entries=(strange,))
        assert by_crl(entry) == Answer(Standing.UNKNOWN, f"its entry {words}")
        assert by_crl(crl(ISSUING, NOW, LEAF)).standing is Standing.REVOKED
        assert by_crl(entry, OTHER).standing is Standing.GOOD

    @pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
    def test_the_ends_of_time_are_instants_like_others(self, at: datetime) -> None:
        detail = "from the future" if at < NOW else "out of date"
        assert by_crl(crl(ISSUING, NOW), at=at).detail == f"the list is {detail}"
        assert by_ocsp(ocsp_response(LEAF, ISSUING, NOW), at=at).detail == f"the response is {detail}"
        assert by_crl(crl(ISSUING, NOW)).standing is Standing.GOOD

    def test_other_extensions_do_no_harm(self) -> None:
        assert by_crl(crl(ISSUING, NOW, extensions=(x509.CRLNumber(7),))).standing is Standing.GOOD

    @given(at=st.integers(0, 2000), new=st.binary(min_size=1, max_size=4), cut=st.integers(0, 2000))
    def test_damage_never_clears(self, at: int, new: bytes, cut: int) -> None:
        data = crl(ISSUING, NOW, LEAF)
        damaged = (data[: at % len(data)] + new + data[at % len(data) + len(new) :])[: max(cut, 1)]
        assert by_crl(damaged).standing is not Standing.GOOD


class TestPlaces:
    def test_where_to_ask(self) -> None:
        leaf = read(CA.leaf(ISSUING, extra=places("http://o.test/", "http://c.test/a.crl")))
        assert (ocsp_urls(leaf), crl_urls(leaf)) == (("http://o.test/",), ("http://c.test/a.crl",))
        assert (ocsp_urls(read(LEAF)), crl_urls(read(LEAF))) == ((), ())

    def test_points_that_cannot_be_read(self) -> None:
        leaf = read(CA.leaf(ISSUING, extra=(raw_extension("2.5.29.31", b"\x30\x04\x30\x02\xa0\x05"),)))
        assert crl_urls(leaf) == ()

    def test_the_request_names_the_certificate(self) -> None:
        data = ocsp_request(read(LEAF), read(ISSUING))
        assert data is not None
        assert ocsp.load_der_ocsp_request(data).serial_number == LEAF.certificate.serial_number

    def test_no_request_for_a_serial_number_that_is_none(self) -> None:
        odd = CA.leaf(ISSUING, serial=1).der
        at = odd.index(b"\xa0\x03\x02\x01\x02\x02\x01\x01") + 7
        negative = Certificate(odd[:at] + b"\x81" + odd[at + 1 :])
        assert negative.serial < 0
        assert ocsp_request(negative, read(ISSUING)) is None
        assert ocsp_request(Certificate(odd), read(ISSUING)) is not None
