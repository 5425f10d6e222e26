"""TLS reports of many senders: the forms that are met, what is wrong with some, and any text at all."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.problem import Problems
from probe.exchange.tlsrpt import read
from probe.exchange.tlsrpt.kinds import RESULT_TYPES, checks, meaning, remedy
from probe.exchange.tlsrpt.packed import MAX_MEMBERS, PackedError, unpacked
from probe.exchange.tlsrpt.read import MAX_REPORT_BYTES, looks_like_report, read_reports
from probe.exchange.tlsrpt.received import Received, once
from probe.exchange.tlsrpt.report import (
    MICROSOFT,
    NOT_TOLD,
    SUCCESS,
    Failure,
    Policy,
    PolicyType,
    Proof,
    TlsReport,
    observed,
)
from tests.tlsrpt.mailing import SAMPLES

DANE, STS = PolicyType.TLSA, PolicyType.STS
NAMES = sorted(path.stem for path in SAMPLES.glob("*.json"))
DAY = date(2026, 11, 19)


def said(data: bytes, domain: str = "") -> tuple[tuple[TlsReport, ...], list[str]]:
    problems = Problems("a.json")
    assert looks_like_report(data)
    return read_reports(data, problems, domain), [one.sentence for one in problems.found]


def sample(name: str) -> TlsReport:
    (report,), problems = said((SAMPLES / f"{name}.json").read_bytes())
    assert bool(problems) == (name == "wrong-counts")
    return report


def counts(report: TlsReport) -> list[tuple[Any, ...]]:
    return [(one.type, one.domain, one.succeeded, one.failed, len(one.failures)) for one in report.policies]


COUNTS = {
    "microsoft": (MICROSOFT, [(STS, "contoso.com", 58, 2, 1), (DANE, "contoso.com", 60, 0, 0)]),
    "google": ("Google Inc.", [(STS, "contoso.com", 211, 3, 1)]),
    "postfix-reporter": ("Fabrikam", [(PolicyType.NONE, "contoso.com", 4, 1, 1), (DANE, "contoso.com", 9, 0, 0)]),
    "mail.ru": ("Mail.ru", [(STS, "contoso.com", 17, 1, 1)]),
    "contact-null": ("Northwind Traders", [(DANE, "contoso.com", 12, 0, 0)]),
    "older-names": ("Tailspin Toys", [(STS, "contoso.com", 0, 6, 1)]),
    "marked-and-text": ("Wingtip Mail", [(STS, "contoso.com", 40, 2, 1)]),
    "wrong-counts": ("Zava Post", [(STS, "contoso.com", None, None, 1), (DANE, "contoso.com", 7, 0, 0)]),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_a_senders_form(name: str) -> None:
    sender, expected = COUNTS[name]
    report = sample(name)
    assert (report.organization, counts(report), report.day) == (sender, expected, DAY)


def test_microsofts_records_stand_in_one_text() -> None:
    _, dane = sample("microsoft").policies
    assert [one[:12] for one in dane.strings] == ["3 1 1 8D2A6F", "2 1 1 41B7C0"]
    assert dane.mx_hosts == ()
    assert dane.enforced


def test_a_line_that_begins_like_an_array_and_is_none_is_a_line() -> None:
    text = (SAMPLES / "google.json").read_text().replace("version: STSv1", "[version: STSv1")
    (report,), _ = said(text.encode())
    assert report.policies[0].strings[0] == "[version: STSv1"


def test_a_policys_hosts_are_those_of_mx_host_or_of_its_own_lines() -> None:
    mx = ("mx1.contoso.com", "mx2.contoso.com")
    assert sample("microsoft").policies[0].mx_hosts == mx
    assert sample("google").policies[0].mx_hosts == mx
    assert sample("mail.ru").policies[0].mx_hosts == mx[:1]
    older = sample("older-names").policies[0]
    assert (older.mx_hosts, older.mode, older.enforced) == (("*.contoso.com",), "testing", False)
    assert len(older.strings) == 4


def test_what_a_failure_tells() -> None:
    (failure,) = sample("mail.ru").policies[0].failures
    assert (failure.kind, failure.host, failure.address) == (
        "certificate-not-trusted",
        "mx1.contoso.com",
        "192.0.2.11",
    )
    assert failure.reason.startswith("Certificate verification failed: unable")
    (failure,) = sample("older-names").policies[0].failures
    assert (failure.more, failure.reason) == ("https://tailspin.example/tls", "X509_V_ERR_HOSTNAME_MISMATCH")


@pytest.mark.parametrize(("others", "domain"), [(("a.test",), "a.test"), (("a.test", "b.test"), "")])
def test_a_policy_without_a_domain_is_about_the_only_other_one(others: tuple[str, ...], domain: str) -> None:
    policies = [{"policy": {"policy-type": "sts", "policy-domain": one}} for one in others]
    none = {"policy": {"policy-type": "no-policy-found"}}
    ((report,), _) = said(json.dumps({"policies": [*policies, none]}).encode())
    assert [one.domain for one in report.policies] == [*others, domain]


def test_a_period_that_ends_before_it_begins_is_no_day() -> None:
    period = {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-19T00:00:00Z"}
    (report,), told = said(json.dumps({"policies": [], "date-range": period}).encode())
    assert report.day is None
    assert any("ends before it begins" in one for one in told)


@pytest.mark.parametrize(("days", "counts"), [(-400, True), (0, True), (1, True), (2, False)])
def test_a_day_that_has_not_come_does_not_count(days: int, counts: bool) -> None:
    now = datetime(2026, 7, 1, 12, tzinfo=UTC)
    report = TlsReport(
        organization="Contoso", contact="", id="1", begin=now + timedelta(days), end=None, policies=()
    )
    (one,), told = once([Received(report=report, proof=Proof(), places=("a.json",))], now)
    assert (one.report.day is not None, len(told)) == (counts, int(not counts))


def test_a_policy_without_a_domain_is_about_that_of_the_mail() -> None:
    text = b'{"report-id": "1", "policies": [{"policy": {"policy-type": "no-policy-found"}, "summary": {}}]}'
    (report,), problems = said(text, "contoso.com")
    assert report.policies[0].domain == "contoso.com"
    assert (report.day, report.organization) == (None, "(sender not named)")
    assert problems == ["is not given; it is not counted."] * 2 + ["is not given."] * 2


#: By what is put into a report's place: what is told, and what is left of it.
DOUBTS: dict[str, tuple[str, Any, str]] = {
    "a negative count": ("summary", {"total-successful-session-count": -1}, "'-1' is no number of sessions"),
    "a vast count": ("summary", {"total-successful-session-count": 10**13}, "is no number of sessions"),
    "digits without end": ("summary", {"total-successful-session-count": "9" * 5000}, "is no number of sessions"),
    "no count": ("summary", None, "is not given"),
    "a type nobody knows": ("policy", {"policy-type": "spf", "policy-domain": "contoso.com"}, "'spf' is no type"),
    "a policy that is a text": ("policy", "sts", "'' is no type of policy"),
}  # fmt: skip


@pytest.mark.parametrize(("key", "value", "told"), DOUBTS.values(), ids=DOUBTS)
def test_what_cannot_be_read_costs_itself_alone(key: str, value: object, told: str) -> None:
    text = json.loads((SAMPLES / "microsoft.json").read_bytes())
    text["policies"][0][key] = value
    (report,), problems = said(json.dumps(text).encode())
    assert any(told in one for one in problems)
    assert counts(report)[1] == (DANE, "contoso.com", 60, 0, 0)
    assert len(report.policies) == 2


@pytest.mark.parametrize("moment", ["", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "now"])
def test_an_instant_that_is_none(moment: str) -> None:
    text = (SAMPLES / "google.json").read_text().replace("2026-11-19T00:00:00Z", moment, 1)
    (report,), problems = said(text.encode())
    assert (report.begin, report.day, len(problems)) == (None, DAY, 1)


BROKEN = {
    "cut off": (b'{"policies": [{"policy": {', "is no JSON (Expecting property name"),
    "nested": (b'{"policies": ' + b"[" * 200_000, "is nested more deeply than any report"),
    "none": (b'{"report-id": "1"}', "is no TLS report (RFC 8460): it has no policies."),
    "empty": (b'{"policies": []}', "names no policy."),
    "null": (b'{"policies": null}', "names no policy."),
    "nothing": (b'{"policies": ["a"]}', "has a policy that cannot be read"),
    "a list": (b'[{"policies": []}, 5]', "names no policy."),
}  # fmt: skip


@pytest.mark.parametrize(("data", "told"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_report(data: bytes, told: str) -> None:
    assert said(data)[1][0].startswith(told)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings_of_other_programs(encoding: str) -> None:
    (report,), problems = said((SAMPLES / "google.json").read_text().encode(encoding))
    assert (report.organization, problems) == ("Google Inc.", [])


GOOGLES = (SAMPLES / "google.json").read_bytes()
#: Reports of one text: how many there are, and what is told.
TOGETHER = {
    "line by line": (GOOGLES.strip() + b"\n" + GOOGLES, 2, []),
    "a mark before the second": (GOOGLES + b"\xef\xbb\xbf" + GOOGLES, 2, []),
    "a list and one more": (b"[" + GOOGLES + b"," + GOOGLES + b"]" + GOOGLES, 3, []),
    "a scanner's footer": (GOOGLES.strip() + b"\n--\nscanned", 1, ["goes on with what is no JSON (line 2)"]),
    "the second cut off": (GOOGLES.strip() + b"\n" + GOOGLES[:99], 1, ["goes on with what is no JSON (line 2)"]),
}  # fmt: skip


@pytest.mark.parametrize(("data", "number", "told"), TOGETHER.values(), ids=TOGETHER)
def test_reports_one_after_the_other(data: bytes, number: int, told: list[str]) -> None:
    reports, problems = said(data)
    assert [one.organization for one in reports] == ["Google Inc."] * number
    assert [one.partition(",")[0] for one in problems] == told


def test_one_domain_has_one_name() -> None:
    for name in ("b\u00fccher.example", "XN--BCHER-KVA.Example.", "xn--bcher-kva.example"):
        text = json.loads(GOOGLES)
        text["policies"][0]["policy"]["policy-domain"] = name
        ((report,), _) = said(json.dumps(text).encode())
        assert report.policies[0].domain == "xn--bcher-kva.example"
        none = {"policies": [{"policy": {"policy-type": "no-policy-found"}}]}
        ((report,), _) = said(json.dumps(none).encode(), name)
        assert report.policies[0].domain == "xn--bcher-kva.example"


def test_a_name_that_dns_cannot_have_stays() -> None:
    text = json.loads(GOOGLES)
    text["policies"][0]["policy"]["policy-domain"] = "\u00fc" * 99
    ((report,), _) = said(json.dumps(text).encode())
    assert report.policies[0].domain == "\u00fc" * 99


#: By the kinds of ten sessions that failed, of ten: whether mail waits.
WAITS = [
    (["sts-policy-fetch-error"], False),
    (["sts-policy-invalid", "sts-webpki-invalid"], False),
    (["sts-policy-fetch-error", "certificate-expired"], True),
    (["validation-failure"], True),
    ([], True),
]


@pytest.mark.parametrize(("kinds", "waits"), WAITS)
def test_a_policy_that_cannot_be_had_keeps_no_mail(kinds: list[str], *, waits: bool) -> None:
    failures = tuple(Failure(kind=one, sessions=10 // len(kinds)) for one in kinds)
    policy = Policy(type=STS, domain="contoso.com", succeeded=0, failed=10, failures=failures)
    assert policy.keeps_mail is waits
    assert not replace(policy, succeeded=1).keeps_mail
    half = tuple(replace(one, sessions=1) for one in failures)
    assert replace(policy, failures=half).keeps_mail  # of the others no kind is told
    uncounted = tuple(replace(one, sessions=None) for one in policy.failures)
    assert (
        replace(policy, failures=uncounted).keeps_mail is waits
    )  # how many there were of a kind is all that is not


@pytest.mark.parametrize("sender", [MICROSOFT, "Google Inc."])
def test_that_mail_goes_on_is_said(sender: str) -> None:
    told = {kind: [one.source for one in meaning(kind, STS, sender)] for kind in RESULT_TYPES}
    assert [kind for kind, sources in told.items() if "RFC 8461 3.3" in sources] == [
        "sts-policy-fetch-error",
        "sts-policy-invalid",
        "sts-webpki-invalid",
    ]


def test_texts_of_a_sender_are_escaped() -> None:
    text = (SAMPLES / "mail.ru.json").read_text().replace("unable", "\\u001b[31m\\u202e")
    (report,), _ = said(text.encode())
    assert "\\x1b[31m\\u202e" in report.policies[0].failures[0].reason


def test_lines_of_a_policy_are_escaped() -> None:
    policy = {"policy": {"policy-type": "sts", "policy-string": ["mx: \x1b[31m\u202e.test"]}}
    ((report,), _) = said(json.dumps({"policies": [policy]}).encode())
    assert report.policies[0].strings == ("mx: \\x1b[31m\\u202e.test",)


KEYS = st.sampled_from((
    "policies", "policy", "policy-type", "policy-string", "policy-domain", "mx-host", "summary", "failure-details",
    "result-type", "date-range", "start-datetime", "report-id", "total-successful-session-count",
    "failed-session-count",
))  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(policies=JSON, more=st.dictionaries(KEYS, JSON, max_size=3))
def test_any_json_at_all_is_read_or_told(policies: object, more: dict[str, object]) -> None:
    reports, problems = said(json.dumps({"policies": policies} | more).encode())
    assert reports or problems
    for report in reports:
        assert all((one.sessions or 0) >= 0 for one in observed(report, Proof()))
        assert hash(report) == hash(report)


@given(data=st.binary(max_size=60))
def test_any_bytes_at_all(data: bytes) -> None:
    read_reports(b'{"policies"' + data, Problems("x"))
    looks_like_report(data)


class TestBounds:
    """Each is reached, and passed once."""

    def policies(self, number: int, **more: object) -> bytes:
        policy = {"policy": {"policy-type": "sts", "policy-domain": "a.test"}, **more}
        return json.dumps({"policies": [policy] * number}).encode()

    def test_bytes(self) -> None:
        text = b'{"policies": []}'
        assert said(text.ljust(MAX_REPORT_BYTES))[1][0] == "names no policy."
        assert said(text.ljust(MAX_REPORT_BYTES + 1))[1][0].startswith("is larger than")

    def test_reports(self) -> None:
        one = b'{"policies": []}'
        assert len(said(b"[" + b",".join([one] * read.MAX_REPORTS) + b"]")[0]) == read.MAX_REPORTS
        reports, problems = said(b"[" + b",".join([one] * (read.MAX_REPORTS + 1)) + b"]")
        assert (len(reports), problems[0]) == (
            read.MAX_REPORTS,
            "holds more than 100 reports; the others were left out.",
        )
        assert said(one + b"[]" * read.MAX_REPORTS)[1][0] == problems[0]

    def test_policies(self) -> None:
        (report,), _ = said(self.policies(read.MAX_POLICIES))
        assert len(report.policies) == read.MAX_POLICIES
        (report,), problems = said(self.policies(read.MAX_POLICIES + 1))
        assert len(report.policies) == read.MAX_POLICIES
        assert problems[0] == "has more than 1000 policies; the others were left out."

    def test_failures(self) -> None:
        one = {"result-type": "certificate-expired", "failed-session-count": 1}
        text = self.policies(1, **{"failure-details": [one] * (read.MAX_FAILURES + 1)})
        (report,), problems = said(text)
        assert len(report.policies[0].failures) == read.MAX_FAILURES
        assert "has more than 10000; the others were left out." in problems
        details = {"failure-details": [one] * (read.MAX_FAILURES // 4)}
        four, without = self.policies(4, **details), self.policies(1)
        assert not any("has more than" in one for one in said(b"[" + four + b"," + without + b"]")[1])
        reports, problems = said(b"[" + four + b"," + self.policies(2, **details) + b"]")
        counts = [[len(policy.failures) for policy in report.policies] for report in reports]
        assert counts == [[read.MAX_FAILURES // 4] * 4, [0, 0]]
        assert problems.count("has more than 10000; the others were left out.") == 2

    def test_lines_and_hosts(self) -> None:
        policy = {"policy-type": "sts", "policy-string": ["mx: a"] * 200, "mx-host": ["a.test"] * 200}
        (report,), problems = said(json.dumps({"policies": [{"policy": policy}]}).encode())
        assert len(report.policies[0].strings) == len(report.policies[0].hosts) == read.MAX_STRINGS
        told = [
            "has more than 100 lines; the others were left out.",
            "has more than 100 hosts; the others were left out.",
        ]
        assert problems[:2] == told
        policy["mx-host"] = ["a.test"] * read.MAX_STRINGS
        for lines in ("mx: a\n" * 200, [json.dumps(["3 1 1 AA"] * 200)]):
            policy["policy-string"] = lines
            (report,), problems = said(json.dumps({"policies": [{"policy": policy}]}).encode())
            assert (len(report.policies[0].strings), problems[:1]) == (read.MAX_STRINGS, told[:1])
            assert told[1] not in problems
        policy["policy-string"] = ["mx: a"] * read.MAX_STRINGS
        assert told[0] not in said(json.dumps({"policies": [{"policy": policy}]}).encode())[1]
        for before, lines in ((49_990, 1), (50_000, 0)):
            policy["policy-string"] = "\n" * before + "mx: a"
            (report,), _ = said(json.dumps({"policies": [{"policy": policy}]}).encode())
            assert len(report.policies[0].strings) == lines

    def test_words(self) -> None:
        text = json.dumps({"organization-name": "x" * 9_999, "policies": []}).encode()
        (report,), _ = said(text)
        assert report.organization == "x" * read.MAX_WORDS + "...(9499 more)"

    def test_sessions(self) -> None:
        for number, kept in ((read.MAX_SESSIONS, read.MAX_SESSIONS), (read.MAX_SESSIONS + 1, None)):
            summary = {"total-successful-session-count": number, "total-failure-session-count": 0}
            (report,), _ = said(self.policies(1, summary=summary))
            assert report.policies[0].succeeded == kept

    def test_members_of_gzip(self) -> None:
        one = gzip.compress(b"a")
        assert unpacked(one * MAX_MEMBERS + b"\r\n", 1_000) == b"a" * MAX_MEMBERS
        with pytest.raises(PackedError, match="more than 64 pieces"):
            unpacked(one * (MAX_MEMBERS + 1), 1_000)

    def test_what_gzip_unpacks_to(self) -> None:
        assert len(unpacked(gzip.compress(bytes(1_000)), 1_000)) == 1_000
        for packed in (gzip.compress(bytes(1_001)), gzip.compress(bytes(600)) * 2):
            with pytest.raises(PackedError, match="more than 1,000 bytes"):
                unpacked(packed, 1_000)


def test_single_values_for_later_questions() -> None:
    proof = Proof(proven=True, domain="microsoft.com")
    found = [*observed(sample("microsoft"), proof)]
    sts = [(one.mx_host, one.result, one.sessions) for one in found if one.policy is STS]
    assert sts == [
        ("mx1.contoso.com", SUCCESS, 58), ("mx2.contoso.com", SUCCESS, 58),
        ("mx1.contoso.com", "validation-failure", 2), ("mx2.contoso.com", "validation-failure", 2),
    ]  # fmt: skip
    (dane,) = (one for one in found if one.policy is DANE)
    assert dane[:7] == ("contoso.com", "", DAY, DANE, SUCCESS, 60, True)
    assert dane[7:] == (MICROSOFT, "134080000000000000+contoso.com")


def test_single_values_of_hosts_that_are_named_and_of_what_is_not_told() -> None:
    kind = "certificate-expired"
    failures = (Failure(kind=kind, sessions=1, host="b.test"), Failure(kind=kind, sessions=2, host="b.test"))
    unread = Failure(kind="x", sessions=None)
    policy = Policy(type=DANE, domain="a.test", succeeded=1, failed=5, failures=(*failures, unread, unread))
    report = TlsReport(organization="", contact="", id="", begin=None, end=None, policies=(policy,))
    found = {(one.mx_host, one.result): one.sessions for one in observed(report, Proof())}
    assert found == {("", SUCCESS): 1, ("b.test", kind): 3, ("", "x"): None, ("", NOT_TOLD): 2}


@pytest.mark.parametrize("kind", [*RESULT_TYPES, NOT_TOLD, "nobody's"])
@pytest.mark.parametrize("policy", PolicyType)
def test_every_kind_has_a_meaning_under_every_policy(kind: str, policy: PolicyType) -> None:
    ours, others = meaning(kind, policy, MICROSOFT), meaning(kind, policy, "Google Inc.")
    assert others == ours[: len(others)]
    known = kind in RESULT_TYPES
    assert (others[0].source == "RFC 8460 4.3") == known
    assert bool(remedy(kind, policy, ["contoso.com"])) == known
    assert "DOMAIN" not in "".join(map(str, remedy(kind, policy, ["contoso.com"])))


def test_a_remedy_names_one_domain_or_none() -> None:
    """What one domain has to do is not told of two."""
    said = {
        len(domains): str(remedy("sts-policy-invalid", PolicyType.STS, domains))
        for domains in (["contoso.com"], ["contoso.com", "fabrikam.com"], [])
    }
    assert ["mta-sts.contoso.com" in said[n] for n in (1, 2, 0)] == [True, False, False]
    assert ["mta-sts.DOMAIN" in said[n] for n in (1, 2, 0)] == [False, True, True]


def test_what_exchange_online_says_of_a_kind_elsewhere() -> None:
    def codes(kind: str, policy: PolicyType) -> list[str]:
        return [
            str(one) for one in meaning(kind, policy, MICROSOFT) if "code" in one.text and "NDR" in one.text
        ]

    (said,) = codes("certificate-expired", DANE)
    assert "4.7.322 or 5.7.322" in said
    assert "(documented: " in said
    (said,) = codes("certificate-not-trusted", STS)
    assert "4.7.5 or 5.7.5" in said
    assert "(inferred: " in said
    assert codes("certificate-expired", STS) == codes("sts-policy-invalid", STS) == []


def test_domains_whose_command_is_left_out_are_counted() -> None:
    first, *commands = checks(f"d{number}.test" for number in range(6))
    assert (first, len(commands)) == (
        "See what Exchange Online would see at every MX host (and of 2 more domains):",
        4,
    )
    assert checks(["a.test"])[0] == "See what Exchange Online would see at every MX host:"
