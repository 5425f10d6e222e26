"""TLSA records against chains as sent: what each record stands for, and why it does not authenticate a chain."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from probe.pki.certificate import parse
from probe.pki.chain import PresentedChain
from probe.pki.dane import DaneResult, RecordResult, Standing, TlsaRecord, authenticate
from probe.pki.search import MAX_DEPTH
from tests.authority import CLIENT_AUTH, Issued
from tests.pki.judging import DAY, HOST, NOW, Lab

LAB = Lab("dane")
ROOT, ISSUING = LAB.root, LAB.issuing
LEAF = LAB.leaf()
STRANGER = Lab("stranger").leaf()
CHAIN = (LEAF, ISSUING, ROOT)


def tlsa(usage: int, selector: int, matching: int, of: Issued) -> TlsaRecord:
    """The record that a zone would have for that certificate."""
    public = of.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    octets = public if selector else of.der
    digest = {1: hashlib.sha256, 2: hashlib.sha512}.get(matching)
    data = digest(octets).digest() if digest else octets
    return TlsaRecord(usage=usage, selector=selector, matching=matching, data=data)


def result(
    *records: TlsaRecord, chain: Sequence[Issued] = CHAIN, names: Sequence[str] = (HOST,)
) -> DaneResult:
    return authenticate(records, PresentedChain.from_der(each.der for each in chain), names, NOW)


def only(record: TlsaRecord, chain: Sequence[Issued] = CHAIN, names: Sequence[str] = (HOST,)) -> RecordResult:
    return result(record, chain=chain, names=names).results[0]


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
class TestEveryKind:
    def test_of_the_end_certificate(self, selector: int, matching: int) -> None:
        found = only(tlsa(3, selector, matching, LEAF))
        assert (found.standing, found.why, found.element) == (Standing.MATCHES, "", 0)
        assert only(tlsa(3, selector, matching, STRANGER)).standing is Standing.UNMATCHED

    @pytest.mark.parametrize(("anchor", "place"), [(ISSUING, 1), (ROOT, 2)], ids=["issuing", "root"])
    def test_of_an_anchor_that_was_sent(
        self, selector: int, matching: int, anchor: Issued, place: int
    ) -> None:
        found = only(tlsa(2, selector, matching, anchor))
        assert (found.standing, found.element) == (Standing.MATCHES, place)

    def test_of_an_anchor_that_was_not(self, selector: int, matching: int) -> None:
        """A digest says nothing of a root nobody sent; a record may be the anchor itself (RFC 6698 2.1.1)."""
        found = only(tlsa(2, selector, matching, ROOT), (LEAF, ISSUING))
        assert found.standing is (Standing.UNMATCHED if matching else Standing.MATCHES)
        assert found.element is None

    def test_of_a_usage_for_the_web(self, selector: int, matching: int) -> None:
        for usage in (0, 1):
            found = only(tlsa(usage, selector, matching, LEAF))
            assert (found.standing, found.why) == (Standing.UNUSABLE, f"usage {usage} is not for SMTP")

    def test_one_octet_less(self, selector: int, matching: int) -> None:
        right = tlsa(3, selector, matching, LEAF)
        short = TlsaRecord(usage=3, selector=selector, matching=matching, data=right.data[:-1])
        assert only(short).standing is Standing.UNUSABLE


class TestEndEntity:
    def test_neither_names_nor_dates_count(self) -> None:
        old = LAB.leaf(None, "internal.contoso.lan", not_before=NOW - 9 * DAY, not_after=NOW - DAY)
        assert only(tlsa(3, 1, 1, old), (old,)).standing is Standing.MATCHES

    def test_nor_who_issued_it(self) -> None:
        own = LAB.authority.self_signed(HOST)
        assert only(tlsa(3, 1, 1, own), (own,)).standing is Standing.MATCHES

    def test_of_an_issuer_is_the_wrong_usage(self) -> None:
        found = only(tlsa(3, 1, 1, ISSUING))
        assert (found.standing, found.element) == (Standing.UNMATCHED, 1)
        assert found.why.endswith("for one above it: usage 2 is for that")

    def test_a_key_is_taken_as_it_was_sent(self, tmp_path: object) -> None:
        """RSASSA-PSS: the library writes such a key as an ordinary one of RSA."""
        made = [
            "openssl",
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "rsa-pss",
            "-subj",
            f"/CN={HOST}",
            "-keyout",
            "-",
        ]
        der = subprocess.run([*made, "-outform", "DER"], capture_output=True, check=True, cwd=tmp_path).stdout
        der = der[der.index(b"\x30\x82", der.rindex(b"-----END")) :] if b"-----END" in der else der
        certificate = parse(der)
        chain = PresentedChain.from_der([der])
        as_sent = TlsaRecord(usage=3, selector=1, matching=0, data=certificate.spki)
        anew = certificate.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        encoded_anew = TlsaRecord(usage=3, selector=1, matching=0, data=anew)
        found = authenticate([as_sent, encoded_anew], chain, [HOST], NOW).results
        assert [each.standing for each in found] == [Standing.MATCHES, Standing.UNMATCHED]


class TestAnchor:
    def standing(self, *chain: Issued, of: Issued = ROOT, names: Sequence[str] = (HOST,)) -> Standing:
        return only(tlsa(2, 0, 1, of), chain, names).standing

    def test_any_of_the_names_will_do(self) -> None:
        assert self.standing(*CHAIN, names=("contoso.test", HOST)) is Standing.MATCHES
        assert self.standing(*CHAIN, names=("contoso.test", "mx.contoso.test")) is Standing.OTHER_NAME

    def test_why_names_the_names(self) -> None:
        assert (
            only(tlsa(2, 0, 1, ROOT), names=("a.test", "b.test")).why
            == "the certificate is not for a.test or b.test"
        )

    def test_dates_count_along_the_path(self) -> None:
        old = LAB.leaf(not_before=NOW - 9 * DAY, not_after=NOW - DAY)
        new = LAB.leaf(not_before=NOW + DAY)
        ran_out = LAB.authority.intermediate(ROOT, "Ran Out", not_after=NOW - DAY)
        assert self.standing(old, ISSUING, ROOT) is Standing.EXPIRED
        assert self.standing(new, ISSUING, ROOT) is Standing.NOT_YET_VALID
        assert self.standing(LAB.leaf(ran_out), ran_out, ROOT) is Standing.EXPIRED

    def test_an_expired_certificate_beside_the_path_does_not(self) -> None:
        ran_out = LAB.authority.intermediate(ROOT, "Ran Out", not_after=NOW - DAY)
        assert self.standing(LEAF, ran_out, ISSUING, of=ISSUING) is Standing.MATCHES

    def test_order_does_not_count(self) -> None:
        assert self.standing(LEAF, ROOT, ISSUING) is Standing.MATCHES

    def test_a_gap_is_no_path(self) -> None:
        assert self.standing(LEAF, ROOT) is Standing.NO_PATH

    def test_one_issuer_suffices(self) -> None:
        assert self.standing(LEAF, ISSUING, of=ISSUING) is Standing.MATCHES

    def test_a_forged_signature_is_no_path(self) -> None:
        forged = LAB.leaf(broken_signature=True)
        assert self.standing(forged, ISSUING, ROOT) is Standing.NO_PATH

    @pytest.mark.parametrize(
        ("overrides", "flag"),
        [
            ({"ca": False, "path_length": None}, "InvalidBasicConstraints"),
            ({"key_usage": ("digital_signature",)}, "NotValidForUsage"),
            ({"eku": (CLIENT_AUTH,)}, "NotValidForUsage"),
            ({"permitted": ("fabrikam.test",)}, "HasNotPermittedNameConstraint"),
        ],
    )
    def test_a_path_that_breaks_rules(self, overrides: dict[str, object], flag: str) -> None:
        bad = LAB.authority.intermediate(ROOT, "Bad", **overrides)
        found = only(tlsa(2, 0, 1, ROOT), (LAB.leaf(bad), bad, ROOT))
        assert found.standing is Standing.INVALID_PATH
        assert flag in found.why

    def test_md5_is_no_signature_but_an_anchors_own_does_not_count(self) -> None:
        old = LAB.authority.root("Old", key="rsa-2048", signature="md5")
        assert self.standing(LAB.leaf(old), old, of=old) is Standing.MATCHES
        assert self.standing(LAB.leaf(old, signature="md5"), old, of=old) is Standing.INVALID_PATH

    def test_a_path_that_is_too_long(self) -> None:
        short = LAB.authority.root("Short", path_length=0)
        below = LAB.authority.intermediate(short, "Below")
        assert self.standing(LAB.leaf(below), below, short, of=short) is Standing.INVALID_PATH
        assert self.standing(LAB.leaf(short), short, of=short) is Standing.MATCHES

    def test_of_two_paths_the_good_one_counts(self) -> None:
        """One key, certified twice: once out of date."""
        key = ISSUING.key
        ran_out = LAB.authority.intermediate(ROOT, "dane issuing", key=key, not_after=NOW - DAY)
        assert self.standing(LEAF, ran_out, ISSUING, ROOT) is Standing.MATCHES
        assert self.standing(LEAF, ran_out, ROOT) is Standing.EXPIRED

    def test_the_end_certificate_is_no_anchor(self) -> None:
        own = LAB.authority.self_signed(HOST)
        found = only(tlsa(2, 0, 1, own), (own,))
        assert (found.standing, found.element) == (Standing.UNMATCHED, 0)
        assert found.why.endswith("for the end certificate: usage 3 is for that")

    def test_an_issuer_without_its_name_is_none(self) -> None:
        twin = LAB.authority.intermediate(ROOT, "Of Another Name", key=ISSUING.key)
        assert self.standing(LEAF, twin, of=twin) is Standing.NO_PATH


class TestAnchorInTheRecord:
    @pytest.mark.parametrize("selector", [0, 1])
    def test_above_the_end_certificate_itself(self, selector: int) -> None:
        assert only(tlsa(2, selector, 0, ISSUING), (LEAF,)).standing is Standing.MATCHES
        assert only(tlsa(2, selector, 0, ROOT), (LEAF,)).standing is Standing.NO_PATH

    @pytest.mark.parametrize("selector", [0, 1])
    def test_names_and_dates_count(self, selector: int) -> None:
        old = LAB.leaf(not_before=NOW - 9 * DAY, not_after=NOW - DAY)
        assert only(tlsa(2, selector, 0, ISSUING), (old,)).standing is Standing.EXPIRED
        assert only(tlsa(2, selector, 0, ISSUING), (LEAF,), ("a.test",)).standing is Standing.OTHER_NAME

    @pytest.mark.parametrize("selector", [0, 1])
    def test_dates_of_an_anchor_count_of_a_root_alone(self, selector: int) -> None:
        """RFC 5280 6.1 has no dates for anchors; OpenSSL looks at those of roots. A key has none."""
        for old in (
            LAB.authority.root("Old", not_after=NOW - DAY),
            LAB.authority.intermediate(ROOT, path_length=None, not_after=NOW - DAY),
        ):
            issuing = LAB.authority.intermediate(old, path_length=None)
            expected = Standing.MATCHES if selector or old.issuer else Standing.EXPIRED
            for chain in (LAB.leaf(old),), (LAB.leaf(issuing), issuing):
                assert only(tlsa(2, selector, 0, old), chain).standing is expected

    def test_dates_below_a_key_count(self) -> None:
        ran_out = LAB.authority.intermediate(ROOT, "Ran Out", not_after=NOW - DAY)
        assert only(tlsa(2, 1, 0, ROOT), (LAB.leaf(ran_out), ran_out)).standing is Standing.EXPIRED

    def test_its_name_has_to_be_the_issuers(self) -> None:
        twin = LAB.authority.intermediate(ROOT, "Of Another Name", key=ISSUING.key)
        assert only(tlsa(2, 0, 0, twin), (LEAF,)).standing is Standing.NO_PATH

    @pytest.mark.parametrize(
        ("selector", "data"), [(0, b"\x30\x03\x02\x01\x00"), (1, b"\x02\x01\x00"), (1, b"\x30\x00"), (0, b"")]
    )
    def test_that_cannot_be_read(self, selector: int, data: bytes) -> None:
        for usage in (2, 3):
            found = only(TlsaRecord(usage=usage, selector=selector, matching=0, data=data))
            assert (found.standing, found.why) == (Standing.UNUSABLE, "its data cannot be read")

    def test_a_key_of_no_known_kind(self) -> None:
        odd = TlsaRecord(usage=2, selector=1, matching=0, data=b"\x30\x08\x30\x04\x06\x02\x2a\x03\x03\x00")
        assert only(odd).standing is Standing.NO_PATH


class TestText:
    def test_a_digest_is_shown_whole(self) -> None:
        for matching in (1, 2):
            assert tlsa(3, 1, matching, LEAF).short == tlsa(3, 1, matching, LEAF).text

    def test_a_certificate_in_part(self) -> None:
        whole = tlsa(3, 0, 0, LEAF)
        shown, _, more = whole.short.partition("...")
        assert shown == f"3 0 0 {LEAF.der[:64].hex()}"
        assert more == f"({len(LEAF.der) - 64} bytes more)"


class TestUnusable:
    @pytest.mark.parametrize(
        ("parameters", "why"),
        [
            ((4, 1, 1), "the usage 4 is unknown"),
            ((255, 1, 1), "the usage 255 is unknown"),
            ((3, 2, 1), "the selector 2 is unknown"),
            ((3, 1, 3), "the matching type 3 is unknown"),
            ((3, 1, 2), "a sha512 digest has 64 bytes, and it has 32"),
        ],
    )
    def test_is_named(self, parameters: tuple[int, int, int], why: str) -> None:
        usage, selector, matching = parameters
        found = only(TlsaRecord(usage=usage, selector=selector, matching=matching, data=bytes(32)))
        assert (found.standing, found.why) == (Standing.UNUSABLE, why)

    def test_alone_decides_nothing(self) -> None:
        alone = result(tlsa(1, 1, 1, LEAF))
        assert alone.decisive is None
        assert not alone.authenticated

    def test_takes_nothing_from_the_others(self) -> None:
        both = result(tlsa(1, 1, 1, LEAF), tlsa(3, 1, 1, LEAF))
        assert both.authenticated
        assert result(tlsa(1, 1, 1, LEAF), tlsa(3, 1, 1, STRANGER)).decisive.standing is Standing.UNMATCHED


class TestSeveral:
    def test_one_that_matches_suffices(self) -> None:
        both = result(tlsa(3, 1, 1, STRANGER), tlsa(2, 0, 1, ISSUING))
        assert both.authenticated
        assert both.decisive.record.usage == 2

    def test_the_nearest_to_success_decides(self) -> None:
        both = result(tlsa(3, 1, 1, STRANGER), tlsa(2, 0, 1, ISSUING), names=("a.test",))
        assert not both.authenticated
        assert both.decisive.standing is Standing.OTHER_NAME

    def test_a_weaker_digest_gives_way(self) -> None:
        """RFC 7671 9: within one usage and selector the strongest digest counts alone."""
        both = result(tlsa(3, 1, 1, LEAF), tlsa(3, 1, 2, STRANGER))
        assert not both.authenticated
        assert (both.decisive.standing, both.decisive.element) == (Standing.WEAKER, 0)

    @pytest.mark.parametrize("other", [(3, 0, 2), (2, 1, 2), (3, 1, 0)])
    def test_but_to_its_own_kind_only(self, other: tuple[int, int, int]) -> None:
        assert result(tlsa(3, 1, 1, LEAF), tlsa(*other, STRANGER)).authenticated

    def test_nor_to_one_that_is_unusable(self) -> None:
        broken = TlsaRecord(usage=3, selector=1, matching=2, data=bytes(63))
        assert result(tlsa(3, 1, 1, LEAF), broken).authenticated

    def test_none_at_all(self) -> None:
        assert result().decisive is None


class TestHostileChains:
    def test_nothing_was_sent(self) -> None:
        for record in (tlsa(3, 1, 1, LEAF), tlsa(2, 1, 1, ROOT), tlsa(2, 0, 0, ROOT)):
            assert only(record, ()).standing is Standing.UNMATCHED

    def test_an_end_certificate_that_is_none(self) -> None:
        chain = PresentedChain.from_der([b"\x30\x00", LEAF.der, ISSUING.der])
        records = [tlsa(3, 1, 1, LEAF), tlsa(2, 1, 1, ISSUING), tlsa(2, 1, 0, ISSUING)]
        found = authenticate(records, chain, [HOST], NOW).results
        assert [each.standing for each in found] == [Standing.UNMATCHED] * 3

    @pytest.mark.parametrize("one_key", [False, True])
    def test_cross_signatures_are_followed_so_far(self, one_key: bool) -> None:
        """A mesh of one name: of many keys too many signatures, of one too many ways."""
        first = LAB.authority.root("mesh")
        mesh = [
            LAB.authority.intermediate(first, "mesh", serial=n, **({"key": first.key} if one_key else {}))
            for n in range(10, 24)
        ]
        mesh += [LAB.authority.intermediate(each, "mesh", key=first.key, serial=99) for each in mesh]
        found = result(tlsa(2, 0, 1, ROOT), chain=(LAB.leaf(first), *mesh, first, ROOT))
        assert found.given_up
        assert found.decisive.standing is Standing.NO_PATH

    @pytest.mark.parametrize("length", [MAX_DEPTH - 1, MAX_DEPTH])
    def test_a_way_has_so_many_certificates(self, length: int) -> None:
        above = [LAB.authority.root("deep")]
        for number in range(length - 1):
            above.insert(0, LAB.authority.intermediate(above[0], f"deep {number}", path_length=None))
        found = result(tlsa(2, 0, 1, above[-1]), chain=(LAB.leaf(above[0]), *above))
        assert (found.authenticated, found.given_up) == (length < MAX_DEPTH, length == MAX_DEPTH)

    def test_names_without_end_are_said_to_be_left_out(self) -> None:
        bound = LAB.authority.intermediate(
            ROOT, "Bound", permitted=(*(f"n{number}.test" for number in range(1000)), "contoso.test")
        )
        leaf = LAB.leaf(bound, *(f"{number}.contoso.test" for number in range(200)))
        found = result(tlsa(2, 0, 1, ROOT), chain=(leaf, bound, ROOT), names=("1.contoso.test",))
        assert found.given_up


KINDS = st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 3))


@given(
    st.lists(st.tuples(KINDS, st.sampled_from([LEAF, ISSUING, ROOT, STRANGER])), max_size=5),
    st.integers(0, 3),
)
def test_a_record_more_takes_nothing_away_but_a_weaker_digest(
    described: list[tuple[tuple[int, int, int], Issued]], sent: int
) -> None:
    records = [tlsa(*kind, of) for kind, of in described]
    found = result(*records, chain=CHAIN[:sent])
    assert [each.record for each in found.results] == records
    alone = [only(each, CHAIN[:sent]) for each in records]
    for together, by_itself in zip(found.results, alone, strict=True):
        assert together == by_itself or together.standing is Standing.WEAKER
    assert found.authenticated == any(each.standing is Standing.MATCHES for each in found.results)


@given(st.binary(max_size=200), KINDS)
def test_any_octets_have_a_standing(data: bytes, kind: tuple[int, int, int]) -> None:
    usage, selector, matching = kind
    record = TlsaRecord(usage=usage, selector=selector, matching=matching, data=data)
    assert not result(record).authenticated
    assert record.text == f"{usage} {selector} {matching} {data.hex()}"
