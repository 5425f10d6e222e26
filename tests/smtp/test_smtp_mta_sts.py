"""MTA-STS: the TXT record and the policy's text, as RFC 8461 has them and as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.smtp.mta_sts import (
    MAX_DEVIATIONS,
    MAX_PATTERNS,
    Mode,
    Policy,
    Record,
    Unusable,
    read_policy,
    read_record,
)

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mail.contoso.com\r\nmx: *.contoso.net\r\nmax_age: 604800\r\n"


def policy(text: bytes) -> Policy:
    found = read_policy(text)
    assert isinstance(found, Policy), found
    return found


def refused(text: bytes) -> str:
    found = read_policy(text)
    assert isinstance(found, Unusable), found
    return found.reason.removeprefix("the text is no policy: ")


class TestRecord:
    @pytest.mark.parametrize(
        "text",
        [
            b"v=STSv1; id=20160831085700Z;",
            b"v=STSv1;id=20160831085700Z",
            b"v=STSv1; \tid=20160831085700Z ; ext=1",
        ],
    )
    def test_as_the_rfc_has_it(self, text: bytes) -> None:
        assert read_record([text]) == Record(id="20160831085700Z")

    def test_the_texts_of_others_beside_it_do_not_count(self) -> None:
        assert read_record([b"v=spf1 -all", b"v=STSv1; id=1;", b"google-site-verification=x"]) == Record(
            id="1"
        )
        assert read_record([b"v=spf1 -all"]) == read_record([]) == Record()

    def test_of_several_none_counts(self) -> None:
        found = read_record([b"v=STSv1; id=1", b"v=STSv1; id=1"])
        assert (found.id, found.fault) == (
            None,
            "there are 2 TXT records for MTA-STS, and senders take one only",
        )

    @pytest.mark.parametrize(
        "other", [b"v=STSv1", b"v=STSv10; id=2", b" v=STSv1; id=2", b"V=stsv1; id=2", b"v=STSv1\n"]
    )
    def test_what_does_not_begin_as_it_has_to_is_passed_over_and_told(self, other: bytes) -> None:
        found = read_record([other, b"v=STSv1; id=1"])
        assert (found.id, found.fault, len(found.deviations)) == ("1", "", 1)
        assert 'does not begin with "v=STSv1;"' in found.deviations[0]

    def test_a_lone_one_of_those_is_no_record_but_told(self) -> None:
        found = read_record([b"V=STSv1; id=2\x1b[31m"])
        assert found == Record(
            deviations=('the TXT record "V=STSv1; id=2\\x1b[31m" does not begin with "v=STSv1;"',)
        )

    def test_blanks_before_the_first_semicolon_are_told(self) -> None:
        found = read_record([b"v=STSv1 ; id=1"])
        assert (found.id, found.fault, len(found.deviations)) == ("1", "", 1)

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            (b"v=STSv1;", 'the TXT record has no "id"'),
            (b"v=STSv1", 'the TXT record has no "id"'),
            (b"v=STSv1; ID=1", 'the TXT record has no "id"'),
            (b"v=STSv1; id = 1", 'the TXT record has no "id"'),
            (b"v=STSv1; id=", 'the "id" of the TXT record has 1 to 32 letters and digits, not ""'),
            (
                b"v=STSv1; id=2026-01",
                'the "id" of the TXT record has 1 to 32 letters and digits, not "2026-01"',
            ),
            (b"v=STSv1; id=" + b"1" * 33, "letters and digits"),
            (b"v=STSv1; id=\xd9\xa1", "letters and digits"),
            (b"v=STSv1; id=1=id", 'letters and digits, not "1=id"'),
            (b"v=STSv1; id=1\x0b", 'letters and digits, not "1\\x0b"'),
        ],
    )
    def test_without_a_good_id_there_is_no_policy(self, text: bytes, fault: str) -> None:
        assert fault in read_record([text]).fault

    def test_without_an_id_the_rest_is_told_too(self) -> None:
        assert read_record([b"v=STSv1; x"]).deviations == ('in the TXT record "x" is no key with a value',)

    def test_the_first_of_two_ids_counts_and_empty_fields_are_told(self) -> None:
        found = read_record([b"v=STSv1; id=1; id=2;; =x; y"])
        assert (found.id, found.fault) == ("1", "")
        assert found.deviations == (
            'in the TXT record "" is no key with a value',
            'in the TXT record "=x" is no key with a value',
            'in the TXT record "y" is no key with a value',
            'of the TXT record\'s "id" the first one counts, no other',
        )


class TestPolicy:
    @pytest.mark.parametrize(
        "text", [GOOD, GOOD.replace(b"\r\n", b"\n"), GOOD[:-2], GOOD.replace(b": ", b":\t \t")]
    )
    def test_as_the_rfc_has_it(self, text: bytes) -> None:
        assert policy(text) == Policy(
            mode=Mode.ENFORCE, max_age=604_800, mx=("mail.contoso.com", "*.contoso.net")
        )

    def test_line_ends_may_be_mixed_and_blanks_stand_at_the_end(self) -> None:
        assert policy(GOOD.replace(b"enforce\r\n", b"testing \t\n")).mode is Mode.TESTING

    def test_mode_none_needs_no_mx(self) -> None:
        text = b"version: STSv1\nmode: none\nmax_age: 0\n"
        assert policy(text) == Policy(mode=Mode.NONE, max_age=0, mx=())
        assert refused(text.replace(b"none", b"testing")) == 'it has no "mx"'

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (b"version: STSv1\r\n", b"", 'it has no "version"'),
            (b"version", b"Version", 'it has no "version"'),
            (b"STSv1", b"STSv2", 'its "version" is "STSv2", not "STSv1"'),
            (b"STSv1", b"stsv1", 'its "version" is "stsv1", not "STSv1"'),
            (b"mode: enforce\r\n", b"", 'it has no "mode"'),
            (b"enforce", b"Enforce", 'its "mode" is "Enforce", not enforce, testing or none'),
            (b"enforce", b"", 'its "mode" is "", not enforce, testing or none'),
            (b"max_age", b"max-age", 'it has no "max_age"'),
            (b"604800", b"1_000", 'its "max_age" is "1_000", not a number of seconds of one to ten digits'),
            (b"604800", b"-1", 'its "max_age" is "-1"'),
            (b"604800", b"6\x0b", 'its "max_age" is "6\\x0b"'),
            (b"604800", b"6.5", 'its "max_age" is "6.5"'),
            (b"604800", b"\xd9\xa1", 'its "max_age" is "'),
            (b"604800", b"\xb2", 'its "max_age" is "\\xb2"'),
            (b"604800", b"1" * 11, 'its "max_age" is "11111111111"'),
            (b"\r\n", b"\r", 'its "version" is "STSv1\\x0dmode: enforce\\x0d'),
            (b"\r\n", "\u2028".encode(), 'its "version" is "STSv1\\u2028mode: '),
            (b"\r\n", b"\x0b", 'its "version" is "STSv1\\x0bmode: '),
            (b"\r\n", b"\x00", 'its "version" is "STSv1\\x00mode: '),
            (GOOD, b"<html>\n<p>mode</p>\n", "it has no line of one"),
            (GOOD, b"", "it has no line of one"),
        ],
    )
    def test_what_is_none(self, old: bytes, new: bytes, reason: str) -> None:
        assert refused(GOOD.replace(old, new)).startswith(reason)

    def test_everything_that_is_missing_is_told(self) -> None:
        assert refused(b"mx: a.test\n") == 'it has no "version", it has no "mode", it has no "max_age"'

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            (b"mode: ", b"\r\nmode: ", "line 2 is empty"),
            (b"mode: ", b"# by hand\r\nmode: ", 'line 2: "# by hand" is no key with a value'),
            (
                b"mode: ",
                b"Mode: ours\r\nmode: ",
                'line 2: the key "Mode" is not one of version, mode, max_age, mx, and is ignored',
            ),
            (b"mode: ", b"mode : ", 'line 2 has blanks beside the key "mode"'),
            (
                b"mode: enforce",
                b"mode: enforce\r\nmode: none",
                'line 3: of "mode" the first one counts, no other',
            ),
            (b"version", b"\xef\xbb\xbfversion", "the text begins with a byte order mark"),
            (
                b"604800",
                b"31557601",
                "max_age is 31557601, and 31557600 is the most that RFC 8461 3.2 allows",
            ),
            (b"604800", b"31557600", None),
            (b"604800", b"0000604800", None),
        ],
    )
    def test_what_a_strict_reader_would_object_to(self, old: bytes, new: bytes, told: str | None) -> None:
        found = policy(GOOD.replace(old, new, 1))
        assert found.deviations == ((told,) if told else ())
        assert (found.mode, found.mx) == (Mode.ENFORCE, ("mail.contoso.com", "*.contoso.net"))

    def test_the_version_may_stand_last(self) -> None:
        found = policy(GOOD.removeprefix(b"version: STSv1\r\n") + b"version: STSv1\r\nversion: STSv2")
        assert found.deviations == (
            'line 6: of "version" the first one counts, no other',
            '"version" is not the first line',
        )

    def test_patterns_are_lower_case_without_a_final_dot_each_once(self) -> None:
        found = policy(GOOD + b"mx: MAIL.Contoso.COM.\r\nmx: xn--mnchen-3ya.test")
        assert found.mx == ("mail.contoso.com", "*.contoso.net", "xn--mnchen-3ya.test")
        assert found.deviations == ('"MAIL.Contoso.COM." ends with a dot',)

    @pytest.mark.parametrize(
        "written",
        [".contoso.com", "*", "*.", "*.*.contoso.com", "a*.contoso.com", "mail.*.com", "a b", "a,b", "a..b",
         "m\u00fcnchen.test", "a" * 64 + ".test", "mail.contoso.com:25", "<mail.contoso.com>"],
    )  # fmt: skip
    def test_what_names_no_host_is_kept_and_told(self, written: str) -> None:
        found = policy(GOOD + b"mx: " + written.encode())
        assert found.mx[2:] == (written.removesuffix("."),)
        assert found.deviations == (
            f'"{written}" names no host, with or without "*." before it: no host matches it',
        )

    def test_an_empty_pattern_is_told_and_is_none(self) -> None:
        assert len(policy(GOOD + b"mx:\nmx: .").deviations) == 2
        assert refused(b"version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n") == 'it has no "mx"'

    def test_what_a_peer_wrote_is_escaped(self) -> None:
        found = policy(GOOD + b"mx: \x1b[31m\r\n\xe2\x80\xae\r\n\xff: 1")
        assert all(text.isascii() for text in (*found.mx, *found.deviations))

    def test_patterns_and_deviations_are_bounded(self) -> None:
        names = b"".join(b"mx: mx%d.contoso.com\n" % number for number in range(MAX_PATTERNS))
        short = GOOD.replace(b"mx: mail.contoso.com\r\nmx: *.contoso.net\r\n", b"")
        assert (len(policy(short + names).mx), policy(short + names).deviations) == (MAX_PATTERNS, ())
        found = policy(short + names + b"mx: one.contoso.com\n")
        assert len(found.mx) == MAX_PATTERNS
        assert found.deviations == (f"of {MAX_PATTERNS + 1} patterns the first {MAX_PATTERNS} are looked at",)
        told = policy(GOOD + b"x\n" * (MAX_DEVIATIONS + 3)).deviations
        assert (len(told), told[-1]) == (MAX_DEVIATIONS + 1, "and 3 deviations more")
        assert len(policy(GOOD + b"x\n" * MAX_DEVIATIONS).deviations) == MAX_DEVIATIONS


LINE = st.one_of(
    st.sampled_from([b"version: STSv1", b"mode: enforce", b"mode: none", b"mx: a.test", b"max_age: 5", b""]),
    st.binary(max_size=12),
)


@given(st.lists(LINE, max_size=8), st.sampled_from([b"\n", b"\r\n"]))
def test_whatever_is_served_is_a_policy_or_is_told(lines: list[bytes], end: bytes) -> None:
    found = read_policy(end.join(lines))
    assert all(text.isprintable() for text in found.deviations)
    if isinstance(found, Unusable):
        assert found.reason.isprintable()
        return
    assert all(pattern == pattern.lower() for pattern in found.mx)
    assert found.mx or found.mode is Mode.NONE
    assert b"version:" in end.join(lines).replace(b"\t", b"").replace(b" ", b"")


@given(
    st.lists(st.binary(max_size=30).map(lambda text: b"v=STSv1;" + text) | st.binary(max_size=12), max_size=3)
)
def test_whatever_stands_in_the_dns_is_read(texts: list[bytes]) -> None:
    found = read_record(texts)
    assert all(text.isprintable() for text in (found.id or "", found.fault, *found.deviations))
    ours = sum(text.startswith(b"v=STSv1;") for text in texts)
    assert ours != 1 or found.id is not None or found.fault
    assert ours < 2 or found.id is None
