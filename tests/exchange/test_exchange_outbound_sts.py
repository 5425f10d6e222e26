"""Which MX hosts a policy names, and which certificates will do, by RFC 8461 4."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.outbound.sts import Flaw, Judged, flaws, nearly, unnamed
from probe.pki.certificate import Certificate
from probe.pki.truststore import RootState
from probe.smtp.mta_sts import Mode, Policy
from tests.authority import CLIENT_AUTH, Issued
from tests.pki.judging import DAY, HOST, NOW, Lab, RuledStore

LAB = Lab("sts")


def policy(*mx: str, mode: Mode = Mode.ENFORCE) -> Policy:
    return Policy(mode=mode, max_age=86_400, mx=mx)


class TestHosts:
    @pytest.mark.parametrize(
        ("pattern", "host"),
        [
            ("mail.contoso.com", "mail.contoso.com"),
            ("mail.contoso.com", "MAIL.Contoso.com."),
            ("*.contoso.com", "mail.contoso.com"),
            ("*.mx.microsoft", "x.mx.microsoft"),
            ("*.h-v1.mx.microsoft", "x.h-v1.mx.microsoft"),
            ("xn--mnchen-3ya.test", "xn--mnchen-3ya.test"),
        ],
    )
    def test_named(self, pattern: str, host: str) -> None:
        assert unnamed(policy("other.test", pattern), [host]) == ()

    @pytest.mark.parametrize(
        ("pattern", "host"),
        [
            ("*.mx.microsoft", "x.h-v1.mx.microsoft"),
            ("*.contoso.com", "contoso.com"),
            ("*.contoso.com", "a.b.contoso.com"),
            ("contoso.com", "mail.contoso.com"),
            (".contoso.com", "mail.contoso.com"),
            ("*", "localhost"),
            ("m*.contoso.com", "mail.contoso.com"),
            ("*.*.com", "mail.contoso.com"),
            ("mail.contoso.com", "mail.contoso.com.evil.test"),
            ("m\u00fcnchen.test", "xn--mnchen-3ya.test"),
        ],
    )
    def test_not_named(self, pattern: str, host: str) -> None:
        assert unnamed(policy(pattern), ["mail.fabrikam.test", host]) == ("mail.fabrikam.test", host)

    def test_a_policy_of_mode_none_asks_nothing(self) -> None:
        assert unnamed(policy("a.test", mode=Mode.NONE), ["b.test"]) == ()
        assert unnamed(policy("a.test", mode=Mode.TESTING), ["b.test"]) == ("b.test",)

    def test_a_pattern_that_is_a_label_short(self) -> None:
        assert nearly(policy("a.test", "*.mx.microsoft"), "X.h-v1.mx.microsoft.") == "*.mx.microsoft"
        assert nearly(policy("*.mx.microsoft"), "x.h-v1.notmx.microsoft") is None
        assert nearly(policy("mx.microsoft"), "x.mx.microsoft") is None

    @given(st.lists(st.text("ab*-", min_size=1, max_size=3), min_size=1, max_size=4))
    def test_an_asterisk_is_one_label_at_the_left(self, labels: list[str]) -> None:
        host = ".".join(["x", *(label.replace("*", "s") for label in labels)])
        rest = host.partition(".")[2]
        assert unnamed(policy(f"*.{rest}"), [host]) == ()
        assert unnamed(policy(f"*.{rest}"), [f"y.{host}", rest]) == (f"y.{host}", rest)


def judged(
    *presented: Issued, host: str = HOST, at: datetime = NOW, store: RuledStore | list[Issued] | None = None
) -> tuple[Judged, ...]:
    path = LAB.judge(*presented, at=at, store=store)
    return flaws(Certificate(presented[0].der), path, host, at, "microsoft")


class TestCertificates:
    def test_one_that_will_do(self) -> None:
        assert judged(LAB.leaf(), LAB.issuing) == ()
        assert judged(LAB.leaf(None, "*.contoso.test"), LAB.issuing) == ()

    def test_none(self) -> None:
        [flaw] = flaws(None, LAB.judge(LAB.leaf()), HOST, NOW, "microsoft")
        assert flaw.flaw is Flaw.UNREADABLE

    @pytest.mark.parametrize(
        ("days", "flaw", "words"),
        [
            (-60, Flaw.NOT_YET_VALID, "is not valid before 2 October 2026"),
            (151, Flaw.EXPIRED, "expired on 20 April 2027"),
        ],
    )
    def test_the_time(self, days: int, flaw: Flaw, words: str) -> None:
        assert judged(LAB.leaf(), LAB.issuing, at=NOW + days * DAY) == (Judged(flaw, words),)

    def test_an_issuer_s_time(self) -> None:
        issuing = LAB.authority.intermediate(LAB.root, "Old CA", not_after=NOW - DAY)
        assert judged(LAB.leaf(issuing), issuing) == (
            Judged(Flaw.EXPIRED, "has an issuer, Old CA, that expired on 20 November 2026"),
        )

    def test_the_root(self) -> None:
        leaf = LAB.leaf()
        own = LAB.authority.self_signed(HOST)
        [unknown] = judged(leaf, LAB.issuing, LAB.root, store=[])
        assert unknown == (Flaw.UNTRUSTED_ROOT, "leads to sts root, which Microsoft's list does not trust")
        assert judged(own) == ((Flaw.SELF_SIGNED, "is self-signed; no authority vouches for it"),)
        [missing] = judged(leaf)
        assert missing == (
            Flaw.MISSING_INTERMEDIATE,
            f"came without sts issuing, the issuer of {HOST}, which is no root of Microsoft's list",
        )

    def test_another_flag_and_what_windows_does_not_evaluate(self) -> None:
        [usage] = judged(LAB.leaf(eku=(CLIENT_AUTH,)), LAB.issuing)
        assert usage == (Flaw.CHAIN, "has a chain with the status NotValidForUsage")
        [edwards] = judged(LAB.leaf(key="ed25519"), LAB.issuing)
        assert edwards == (Flaw.CHAIN, "has a chain with the status not evaluated")
        [ruled] = judged(LAB.leaf(), LAB.issuing, store=RuledStore([LAB.root], RootState.NOT_BEFORE))
        assert ruled.flaw is Flaw.CHAIN

    def test_what_a_bound_of_ours_leaves_open(self) -> None:
        chain = [LAB.authority.root("R")]
        for number in range(13):
            chain.insert(0, LAB.authority.intermediate(chain[0], f"CA {number}", path_length=None))
        leaf = LAB.leaf(chain[0])
        [left] = judged(leaf, *chain, store=[chain[-1]])
        assert left == (Flaw.UNDECIDED, "was not judged to the end: a path of more than 12 certificates")

    def test_names(self) -> None:
        other = LAB.leaf(None, "www.contoso.test", "contoso.test")
        assert judged(other, LAB.issuing) == (
            (Flaw.NAME, f"is not for {HOST} but for www.contoso.test, contoso.test"),
        )
        deep = LAB.leaf(None, "*.contoso.test")
        assert judged(deep, LAB.issuing, host="a.mail.contoso.test")[0].flaw is Flaw.NAME

    @pytest.mark.parametrize("common", [HOST, "*.contoso.test"])
    def test_the_common_name_alone_will_not_do(self, common: str) -> None:
        for names in ((), ("192.0.2.1",), ("other.test",)):
            bare = LAB.leaf(None, common, names=names)
            assert judged(bare, LAB.issuing) == (
                (Flaw.COMMON_NAME_ONLY, f"bears {HOST} as its CN only, and a DNS name is wanted"),
            )

    def test_everything_is_told(self) -> None:
        leaf = LAB.leaf(None, "other.test")
        found = judged(leaf, LAB.issuing, at=NOW + 151 * DAY, store=[])
        assert [each.flaw for each in found] == [Flaw.MISSING_INTERMEDIATE, Flaw.EXPIRED, Flaw.NAME]
