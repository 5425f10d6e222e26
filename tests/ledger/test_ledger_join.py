"""One word beside what was predicted: what contradicts, what confirms, and why a word says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from probe.eop.vocabulary import Direction, Outcome
from probe.exchange.problem import Place, Problem
from probe.exchange.replies.recognise import explain_text
from probe.exchange.tlsrpt.received import Received
from probe.exchange.tlsrpt.report import Failure, Policy, PolicyType, Proof, TlsReport
from probe.exchange.traces.report import Status, Traced, TraceKind, Traces
from probe.report.ledger import replied
from probe.report.ledger.held import HOLDS, Timeline
from probe.report.ledger.join import join
from probe.report.ledger.predictions import of_history, with_reports
from probe.report.ledger.replied import of_logs, of_text, of_traces
from probe.report.ledger.reported import words_of
from probe.report.ledger.values import (
    Entry,
    Joined,
    Ledger,
    Prediction,
    Reading,
    Series,
    Source,
    Standing,
    Trust,
    Word,
)
from probe.report.reader import ReportedCapture
from probe.report.record import Endpoint, Span, State

DAY = datetime(2026, 11, 10, tzinfo=UTC)
ONE = timedelta(days=1)
GOOD, RISK, BAD, NONE = Outcome.ACCEPTED, Outcome.AT_RISK, Outcome.REJECTED, Outcome.UNKNOWN
CONTRADICTS, CONFIRMS, SILENT = Reading.CONTRADICTS, Reading.CONFIRMS, Reading.SILENT
ENFORCE = ("mode: enforce", "mx: mx1.a.test")


def told(
    outcome: Outcome = GOOD, *, begin: int = -5, end: int = 5, rule: str | None = None, leaf: str = "aa"
) -> Prediction:
    rule = rule or ("untrusted-root" if outcome is BAD else None)
    return Prediction(
        DAY + begin * ONE, DAY + end * ONE, outcome, rule, None, "", (leaf,), 9, "history", (f"1{leaf}",)
    )


def series(
    *predictions: Prediction, host: str = "mx1.a.test", address: str = "192.0.2.1", **more: object
) -> Series:
    target = more.pop("target", host)
    endpoint = Endpoint(host, address, more.pop("port", 25), more.pop("direction", "from-eop"), **more)
    return Series(target, endpoint, predictions or (told(),))


def word(*, accepted: bool = False, **more: object) -> Word:
    given = {
        "source": Source.TLSRPT, "trust": Trust.PROVEN, "direction": Direction.FROM_EOP, "begin": DAY, "end": DAY + ONE,
        "kind": "success" if accepted else "certificate-expired", "place": "a.eml", "hosts": ("mx1.a.test",),
        "domain": "a.test",
    }  # fmt: skip
    return Word(accepted=accepted, **given | more)


def read(one: Word, *of: Series) -> list[tuple[Reading, str]]:
    entries, _ = join(of, [one])
    found = {entry.series.endpoint: entry.joined for entry in entries}
    return [
        (joined.reading, joined.note.text[:20] if joined.note else "")
        for each in of
        for joined in found[each.endpoint]
    ]


def reported(
    *failures: Failure, policy: PolicyType = PolicyType.STS, good: int | None = 0, **more: object
) -> list[Word]:
    held = Policy(
        type=policy, domain="a.test", strings=more.pop("strings", ENFORCE), succeeded=good,
        failed=more.pop("failed", sum(one.sessions or 0 for one in failures)), failures=failures, **more,
    )  # fmt: skip
    report = TlsReport(
        organization="Microsoft Corporation", contact="", id="1", begin=DAY, end=DAY, policies=(held,)
    )
    return list(words_of(Received(report=report, proof=Proof(proven=True), places=("a.eml",)), Trust.PROVEN))


def failed(kind: str, sessions: int | None = 5, host: str = "") -> Failure:
    return Failure(kind=kind, sessions=sessions, host=host)


class TestOneEndpoint:
    @pytest.mark.parametrize(
        ("predicted", "accepted", "reading", "note"),
        [
            (told(GOOD), True, CONFIRMS, ""),
            (told(GOOD), False, CONTRADICTS, ""),
            (told(BAD), True, CONTRADICTS, ""),
            (told(BAD), False, CONFIRMS, ""),
            (told(RISK), True, CONFIRMS, ""),
            (told(RISK), False, SILENT, "The prediction was t"),
            (told(NONE), True, SILENT, "Nothing was predicte"),
            (told(NONE), False, SILENT, "Nothing was predicte"),
            (told(begin=2, end=9), False, SILENT, "Nothing was predicte"),  # later
            (told(begin=-30, end=-9), False, SILENT, "Nothing was predicte"),  # long before
            (told(begin=0, end=9)._replace(first=DAY + ONE / 2), False, SILENT, "Nothing was predicte"),  # from noon on
            (told(begin=-5, end=-6 + 7), False, CONTRADICTS, ""),
        ],
    )  # fmt: skip
    def test_each_prediction(
        self, predicted: Prediction, accepted: bool, reading: Reading, note: str
    ) -> None:
        assert read(word(accepted=accepted), series(predicted)) == [(reading, note)]

    def test_what_a_policy_does_not_judge_by(self) -> None:
        under = {"accepted": True, "policy": PolicyType.TLSA}
        seen = frozenset({"expired"})
        assert read(word(**under, sees=seen), series(told(BAD)))[0][0] is SILENT
        assert read(word(**under, sees=seen), series(told(BAD, rule="expired")))[0][0] is CONTRADICTS
        assert read(word(accepted=True, blind=seen), series(told(BAD, rule="expired")))[0][0] is SILENT
        # In testing it confirms at most.
        assert read(word(accepted=True, binding=False), series(told(BAD)))[0][0] is SILENT
        assert read(word(accepted=True, binding=False), series())[0][0] is CONFIRMS

    @pytest.mark.parametrize(
        ("rule", "reading"),
        [
            ("untrusted-root", CONTRADICTS),
            ("dane-missing", SILENT),
            ("name-mismatch", SILENT),
            ("dane-mismatch", SILENT),
        ],
    )
    def test_what_one_connector_demands(self, rule: str, reading: Reading) -> None:
        (one,) = reported(good=9)
        assert read(one, series(told(BAD, rule=rule)))[0][0] is reading

    def test_a_day_on_which_something_changed(self) -> None:
        before, after = told(end=0), told(begin=1, leaf="bb")
        assert read(word(), series(before, after)) == [(SILENT, "The certificate was ")]
        assert read(word(accepted=True), series(before, after)) == [(CONFIRMS, "")]
        # The same certificate before and after is no change.
        assert read(word(), series(before, after._replace(leaves=("aa",)))) == [(CONTRADICTS, "")]
        mended = told(BAD, end=0), told(begin=1)
        assert read(word(), series(*mended)) == [(SILENT, "The prediction chang")]
        assert read(word(accepted=True), series(*mended)) == [(SILENT, "The prediction chang")]

    def test_a_time_without_looks_between_is_not_covered(self) -> None:
        assert read(word(), series(told(begin=-40, end=-9), told(begin=1, end=5))) == [
            (SILENT, "Nothing was predicte")
        ]

    def test_another_direction_or_host_is_not_joined(self) -> None:
        _, nowhere = join([series(direction="to-eop")], [word(), word(hosts=(), domain=""), word(hosts=())])
        assert [why.text for _, why in nowhere] == [
            "Nothing is predicted of mx1.a.test, from-eop, at port 25.",
            "It names no endpoint.",
            "It names no host, and no prediction is of mx:a.test.",
        ]

    def test_an_instant(self) -> None:
        at = {"begin": DAY, "end": DAY}
        assert read(word(**at), series()) == [(CONTRADICTS, "")]
        assert read(word(**at), series(told(begin=-5, end=0))) == [(CONTRADICTS, "")]
        assert read(word(**at), series(told(begin=-9, end=-8)))[0][0] is SILENT


class TestSeveral:
    A, B = series(), series(host="mx2.a.test", address="192.0.2.2")
    BOTH = ("mx1.a.test", "mx2.a.test")

    def test_alike(self) -> None:
        assert [one for one, _ in read(word(hosts=self.BOTH, others=True), self.A, self.B)] == [
            CONTRADICTS
        ] * 2
        assert (
            read(word(accepted=True, hosts=self.BOTH), self.A, self.B)
            == [(CONFIRMS, "Counted for each of ")] * 2
        )

    def test_not_alike(self) -> None:
        bad = series(told(BAD), host="mx2.a.test", address="192.0.2.2")
        assert [one for one, _ in read(word(hosts=self.BOTH), self.A, bad)] == [SILENT, SILENT]
        assert [one for one, _ in read(word(accepted=True, hosts=self.BOTH), self.A, bad)] == [
            CONFIRMS,
            SILENT,
        ]

    def test_one_of_which_nothing_is_predicted(self) -> None:
        some, every = word(hosts=self.BOTH, others=True), word(hosts=self.BOTH)
        assert read(some, self.A) == [(SILENT, "The word names no ho")]
        assert read(every, self.A) == [(CONTRADICTS, "")]  # no session at all got through
        assert read(word(accepted=True, hosts=self.BOTH), series(told(BAD)))[0][0] is SILENT
        down = series(told(NONE), host="mx2.a.test", address="192.0.2.2")
        assert [one for one, _ in read(some, self.A, down)] == [SILENT, SILENT]

    def test_patterns_stand_for_one_label(self) -> None:
        wild = {"hosts": ("*.a.test",), "others": True}
        deep = series(host="x.mx1.a.test")
        assert read(word(**wild), deep) == []
        assert read(word(**wild), self.A)[0][0] is SILENT  # who knows of how many
        exchangers = series(target="mx:a.test")
        assert read(word(**wild), exchangers)[0][0] is CONTRADICTS
        assert read(word(hosts=(), others=True), exchangers)[0][0] is CONTRADICTS

    def test_a_host_that_two_domains_share_is_of_each(self) -> None:
        known, found = series(told(BAD)), []
        for targets in ((), ("mx:b.test:25",), ("mx:b.test", "MX:A.test")):
            shared = known._replace(target="mx:c.test", targets=targets)
            found.append([read(word(hosts=(), domain=f"{one}.test"), shared) != [] for one in "abc"])
        assert found == [[False, False, True], [False, True, True], [True, True, True]]

    @pytest.mark.parametrize(
        "name", ["mx:b\u00fccher.test", "mx:B\u00dcCHER.test.:25", "MX:xn--bcher-kva.test"]
    )
    def test_a_domain_has_one_name_however_it_was_typed(self, name: str) -> None:
        assert read(word(hosts=(), domain="xn--bcher-kva.test"), series(target=name)) == [(CONTRADICTS, "")]

    def test_addresses_of_a_host(self) -> None:
        other = series(told(BAD), address="192.0.2.9")
        assert [one for one, _ in read(word(others=True), self.A, other)] == [SILENT, SILENT]
        # Where the word tells the address it is that one's.
        assert read(word(address="192.0.2.1"), self.A, other) == [(CONTRADICTS, "")]
        assert read(word(hosts=("nobody.test",), address="192.0.2.1"), self.A) == [(CONTRADICTS, "")]
        assert read(word(hosts=(), domain="", address="192.0.2.1"), self.A) == [(CONTRADICTS, "")]

    @pytest.mark.parametrize("port", [465, 587, 2525])
    def test_another_port_is_met_by_no_mail(self, port: int) -> None:
        other = series(port=port, target="mx:a.test")
        words = (
            word(),
            word(hosts=("*.a.test",)),
            word(hosts=(), address="192.0.2.1"),
            word(hosts=()),
            *reported(good=5),
        )
        for one in words:
            assert read(one, other) == []
            assert read(one, other, series(target="mx:a.test"))[0][0] in {CONTRADICTS, CONFIRMS}
        # A certificate is the same at each, and a sender that a listener met has no port.
        sent = word(hosts=(), thumbprint="1aa", address="192.0.2.1")
        assert read(sent, other) == [(CONTRADICTS, "")]
        assert read(word(), series(port=0)) == [(CONTRADICTS, "")]

    def test_vantage_points_that_differ(self) -> None:
        far = series(told(BAD), vantage="far")
        assert [one for one, _ in read(word(), self.A, far)] == [SILENT, SILENT]

    def test_a_certificate_by_its_thumbprint(self) -> None:
        one = word(hosts=(), thumbprint="1aa")
        assert read(one, self.A) == [(CONTRADICTS, "")]
        assert read(one, series(told(end=-3), told(begin=-2, leaf="bb")))[0][0] is SILENT
        _, nowhere = join([self.A], [word(hosts=(), thumbprint="ff")])
        assert nowhere[0][1].text == "No prediction is of the certificate FF."


class TestReports:
    @pytest.mark.parametrize(
        ("words", "reading"),
        [
            (reported(failed("certificate-expired"), good=9), CONTRADICTS),
            (reported(failed("starttls-not-supported"), policy=PolicyType.TLSA), CONTRADICTS),
            (reported(failed("certificate-not-trusted")), CONTRADICTS),
            (reported(failed("validation-failure")), CONTRADICTS),
            (reported(failed("dane-required"), policy=PolicyType.TLSA), SILENT),
            (reported(failed("validation-failure"), good=9)[1:], SILENT),
            (reported(failed("validation-failure"), good=None), SILENT),
            (reported(failed("sts-webpki-invalid")), SILENT),
            (reported(failed=4), SILENT),  # no kind is told
            (reported(failed("certificate-expired"), strings=("mode: testing", "mx: mx1.a.test")), SILENT),
            (reported(good=5, strings=("mode: none", "mx: mx1.a.test")), SILENT),
            (reported(good=5, policy=PolicyType.NONE, strings=("mx: mx1.a.test",)), SILENT),
        ],
    )
    def test_what_each_result_is_to_a_good_prediction(self, words: list[Word], reading: Reading) -> None:
        assert read(words[-1], series()) == [
            (reading, words[-1].silent.text[:20] if words[-1].silent else "")
        ]

    @pytest.mark.parametrize("kind", ["tlsa-invalid", "dnssec-invalid", "certificate-not-trusted"])
    def test_what_is_of_dane_is_for_predictions_that_know_of_it(self, kind: str) -> None:
        [one] = reported(failed(kind), policy=PolicyType.TLSA)
        assert read(one, series()) == [(SILENT, "Microsoft did not ju")]
        assert read(one, series(told()._replace(holds=("dane-valid",)))) == [(CONTRADICTS, "")]
        assert read(one, series(told(BAD))) == [(SILENT, "Microsoft did not ju")]
        assert read(one, series(told(BAD, rule="dane-mismatch"))) == [(CONFIRMS, "")]
        if kind != "certificate-not-trusted":
            assert reported(failed(kind))[0].silent is not None

    def test_sessions_are_of_a_kind_and_a_host(self) -> None:
        words = reported(
            failed("certificate-expired", 2), failed("certificate-expired", 3), failed("certificate-expired", 0, "b"),
            failed("certificate-expired", None, "c.test"), failed("certificate-expired", 1, "c.test"), good=1,
        )  # fmt: skip
        assert [(one.kind, one.hosts, one.sessions) for one in words] == [
            ("success", ("mx1.a.test",), 1), ("certificate-expired", ("mx1.a.test",), 5),
            ("certificate-expired", ("c.test",), None),
        ]  # fmt: skip
        assert [one.others for one in words] == [True, True, True]

    def test_a_report_without_its_day(self) -> None:
        report = TlsReport(
            organization="Microsoft Corporation", contact="", id="1", begin=None, end=None, policies=()
        )
        assert not [*words_of(Received(report=report, proof=Proof(), places=("a",)), Trust.SUPPLIED)]


class TestPredictions:
    def test_windows(self) -> None:
        line = Timeline([told(begin=-30, end=-20), told(begin=-10, end=-8), told(begin=-3, end=0)])
        assert [(one.begin, one.end) for one in line.windows] == [
            (DAY - 30 * ONE, DAY - 20 * ONE + HOLDS), (DAY - 10 * ONE, DAY - 3 * ONE), (DAY - 8 * ONE, DAY + HOLDS),
        ]  # fmt: skip
        assert line.held(DAY - 12 * ONE, DAY - 11 * ONE).predictions == ()
        assert line.held(DAY - 12 * ONE, DAY - 9 * ONE).whole is False

    def test_looks_alike_are_one(self) -> None:
        def span(number: int, day: int, outcome: Outcome = GOOD) -> Span:
            return Span(
                number=number, target="a", endpoint=Endpoint("a", "", 25, "to-eop"), state=State(outcome=outcome),
                first=DAY + day * ONE, last=DAY + day * ONE, looks=2, elapsed_ms=1,
            )  # fmt: skip

        [found] = of_history([span(1, 0), span(2, 5), span(3, 20), span(4, 21, BAD)], "history")
        assert [(one.looks, one.last) for one in found.predictions] == [
            (4, DAY + 5 * ONE), (2, DAY + 20 * ONE), (2, DAY + 21 * ONE),
        ]  # fmt: skip

    def test_reports_beside_a_history(self) -> None:
        def capture(day: float, outcome: str = "accepted", **more: object) -> ReportedCapture:
            given = {
                "source": "r.json", "target": "mx1.a.test", "address": "192.0.2.1", "at": DAY + day * ONE,
                "reply": None, "basis": "receive-connector", "outcome": outcome, "rule": None, "thumbprints": ("1aa",),
                "subject": None, "host": "mx1.a.test", "port": 25, "direction": "from-eop", "leaves": ("aa",),
            }  # fmt: skip
            return ReportedCapture(**given | more)

        given = [
            capture(1), capture(-20), capture(2, "strange"), capture(1, at=None), capture(1, direction=""),
            capture(1, basis="file"), capture(1, basis="listener", port=4711),
        ]  # fmt: skip
        known, listened = with_reports([series()], given)
        assert [(one.source, one.outcome) for one in known.predictions] == [
            ("r.json", GOOD), ("history", GOOD), ("r.json", NONE),
        ]  # fmt: skip
        assert listened.endpoint.port == 0
        [of_domain] = with_reports([known], [capture(1, target="mx:a.test")])
        [still] = with_reports([of_domain], [capture(1)])
        assert (known.target, of_domain.target, still.target) == ("mx1.a.test", "mx:a.test", "mx:a.test")
        daily = [capture(-20 + day) for day in range(5)]
        [once] = with_reports([], daily)
        assert [(one.first, one.last, one.looks) for one in once.predictions] == [
            (daily[0].at, daily[-1].at, 5)
        ]
        [apart] = with_reports([], [*daily, capture(-18, "rejected"), capture(-5)])
        assert [one.looks for one in apart.predictions] == [3, 1, 2, 1]
        [of_both] = with_reports([still], [capture(1, target="mx:b.test"), capture(1, target="mx:a.test")])
        assert (of_both.target, of_both.domains) == ("mx:a.test", ("a.test", "b.test"))
        span = Span(number=1, target="mx:a.test", endpoint=known.endpoint, state=State(outcome=GOOD), first=DAY,
                    last=DAY, looks=1, elapsed_ms=1)  # fmt: skip
        [recorded] = of_history([span], "history", {known.endpoint: ("mx:a.test", "mx:b.test")})
        assert recorded.domains == ("a.test", "b.test")


class TestLedger:
    def test_the_newest_word_decides(self) -> None:
        def entry(*said: tuple[Reading, int, bool, Trust]) -> Entry:
            return Entry(
                series=series(),
                joined=tuple(
                    Joined(word(accepted=accepted, begin=DAY + day * ONE, trust=trust), reading)
                    for reading, day, accepted, trust in said
                ),
            )

        refused, wrong = (CONTRADICTS, 1, False, Trust.PROVEN), (CONTRADICTS, 1, False, Trust.SUPPLIED)
        well = (CONFIRMS, 2, True, Trust.SUPPLIED)
        assert entry().outcome is NONE
        assert entry(refused).outcome is BAD
        assert entry(wrong).outcome is RISK
        assert entry(refused, well).outcome is RISK
        assert entry(well).outcome is GOOD
        assert entry((CONFIRMS, 1, False, Trust.SUPPLIED)).outcome is BAD
        assert entry((SILENT, 1, False, Trust.PROVEN)).standing is Standing.UNCONFIRMED
        both = Ledger(at=DAY, entries=(entry(wrong), entry(refused)))
        assert [one.outcome for one in both.standing(Standing.CONTRADICTED)] == [BAD, RISK]
        many = Ledger(at=DAY, entries=(entry(well), entry()))
        assert (many.outcome, Ledger(at=DAY, entries=(entry(),)).outcome) == (GOOD, NONE)
        assert Ledger(at=DAY, entries=(entry(well),), unread=1).outcome is NONE


class TestReplies:
    def test_texts(self) -> None:
        def record(reply: str, at: str = "11/22/2026 6:00:00 PM", host: str = "mx1.a.test") -> str:
            return f"[{{LED={reply}}};{{MSG=}};{{FQDN={host}}};{{IP=}};{{LRT={at}}}]"

        bad, network = (
            "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]",
            "450 4.4.316 Connection refused",
        )
        [one] = of_text("a", record(bad))
        assert isinstance(one, Word)
        assert (one.end - one.begin, one.silent) == (timedelta(hours=28), None)
        [other] = of_text("a", record(network))
        assert isinstance(other, Word)
        assert other.silent is not None
        expired = "550 5.4.317 Message expired, cannot connect to remote server(UntrustedRoot)"
        assert [*of_text("a", f"{expired} {record(bad)}")] == [
            one
        ]  # of the same host, and no cause of its own
        [told_alone] = of_text("a", expired)
        assert expired[:40] in str(told_alone)
        for text in (record(bad, "3/4/2026 6:00:00 PM"), record(bad, host=""), bad):
            [problem] = of_text("a", text)
            assert "tells neither of which endpoint nor when" in str(problem)
        assert not [*of_text("a", "550 5.1.1 User unknown")]

    def test_rows_of_a_trace(self) -> None:
        def row(status: Status, text: str = "", **more: object) -> Traced:
            given = {
                "source": Place("t.csv"),
                "kind": TraceKind.EVENTS,
                "at": DAY,
                "text": text,
                "said": status.value,
            }
            found = next(iter(explain_text(text)), None)
            return Traced(status=status, found=found, **given | {"to_address": "192.0.2.1"} | more)

        bad = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]"
        rows = (
            row(Status.SENT), row(Status.SENT), row(Status.FAILED, bad),
            row(Status.DEFERRED, "451 4.7.500 Server busy"), row(Status.FAILED, bad, at=None),
            row(Status.FAILED, to_address=""), row(Status.OTHER),
        )  # fmt: skip
        words = [*of_traces([Traces(source="t.csv", kind=TraceKind.EVENTS, rows=rows)])]
        assert [(one.accepted, one.kind[:15], one.silent is None) for one in words] == [
            (False, "450 4.4.317 Can", True), (False, "451 4.7.500 Ser", False), (True, "sent", False),
        ]  # fmt: skip
        assert read(words[0], series()) == [(CONTRADICTS, "")]
        [untold] = of_traces([Traces(source="t.csv", kind=TraceKind.EVENTS, rows=(row(Status.FAILED),))])
        assert read(untold, series()) == [(SILENT, "It tells no reply th")]

    def test_of_logs_a_day_s_sessions_are_one_word_and_words_are_bounded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from probe.exchange.logs.reader import LogReader
        from tests.exchange.diagnosing import HEADER, OLD, RENEWED, UNTRUSTED, session

        rows = [session(OLD, ("<", UNTRUSTED), number=n) for n in (1, 2)] + [
            session(RENEWED, ("<", UNTRUSTED), number=3)
        ]
        rows += [
            session(OLD, ("<", UNTRUSTED), number=4, banner="220 mx.fabrikam.com"),
            session(None, number=5),
        ]

        def words() -> list[Word | Problem]:
            reader = LogReader()
            return [*of_logs([*reader.read("a.log", [(HEADER + "".join(rows)).encode()]), *reader.finish()])]

        found = [(one.thumbprint, one.sessions) for one in words() if isinstance(one, Word)]
        assert found == [(OLD.sha1, 2), (RENEWED.sha1, 1)] == [*found, *words()[2:]]
        monkeypatch.setattr(replied, "MAX_WORDS", 1)
        first, told = words()
        assert isinstance(first, Word)
        assert str(told) == "a.log: and what was read before it: 1 session beyond 1 kinds were left out."
