"""The examiner alone: what it remembers, what it makes of sessions that went wrong, and what its log lines say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from probe.capture import FaultKind, TlsFacts
from probe.cli.listen.command import _Run
from probe.cli.listen.inputs import End
from probe.cli.listen.output import Reporter
from probe.cli.output import Format, ReportOutput
from probe.eop.vocabulary import Outcome
from probe.listen.examiner import (
    CHAIN_SECONDS,
    CHAINS_KEPT,
    SENDERS_KEPT,
    Examiner,
    ListenOptions,
    worth_judging,
)
from probe.listen.words import log_line
from probe.net.server_session import Ending, SessionRecord, SessionRefusal
from probe.net.tls_engine import TlsFailure, TlsFailureKind
from probe.pki.certificate import Certificate, parse
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore, ListRole, RootVerdict, TrustStore
from probe.report.assessment import Assessment
from probe.smtp.reply import Reply
from probe.smtp.server_values import EnvelopeCommand, Violation, ViolationKind
from tests.authority import Issued
from tests.listen.senders import CA, HEALTHY, ISSUING, NOW, ROOT

TLS13 = TlsFacts(
    version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", group="X25519", client_certificate_requested=True
)


def anchor(issued: Issued) -> Certificate:
    certificate = parse(issued.der)
    assert isinstance(certificate, Certificate)
    return certificate


class CountingStore(AnchorStore):
    """The test's root, and how often it was asked for a root's verdict."""

    def __init__(self) -> None:
        super().__init__("counting", [anchor(ROOT)], role=ListRole.MICROSOFT)
        self.asked = 0

    def verdict(
        self, root: Certificate, purpose: Purpose, leaf_not_before: datetime, at: datetime
    ) -> RootVerdict:
        self.asked += 1
        return super().verdict(root, purpose, leaf_not_before, at)


def record(*chain: Issued, **changes: object) -> SessionRecord:
    """A healthy session with this chain."""
    usual = SessionRecord(
        number=7,
        peer_address="192.0.2.1",
        peer_port=4711,
        elapsed_ms=20,
        ending=Ending.QUIT,
        client_name="sender.contoso.com",
        server_name=None,
        tls=TLS13,
        tls_established=True,
        tls_failure=None,
        presented=tuple(each.der for each in chain),
        sender="a@contoso.com",
        recipients=("b@fabrikam.com",),
        content_bytes=0,
        refusal=None,
        violation=None,
        transcript=(),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def failed(failure: TlsFailure, **changes: object) -> SessionRecord:
    chosen: dict[str, object] = {
        "tls": None,
        "tls_established": False,
        "tls_failure": failure,
        "sender": None,
        "recipients": (),
        "ending": Ending.TLS_FAILED,
    }
    return record(**(chosen | changes))


def examiner(stores: Sequence[TrustStore] | None = None, **options: object) -> Examiner:
    chosen = [AnchorStore("roots", [anchor(ROOT)], role=ListRole.MICROSOFT)] if stores is None else stores
    return Examiner(ListenOptions(stores=lambda: chosen, at=NOW, **options))  # type: ignore[arg-type]


def assessed(of: SessionRecord, by: Examiner | None = None) -> Assessment:
    assessment = (by or examiner()).assess(of)
    assert assessment is not None
    return assessment


def test_a_chain_is_judged_once() -> None:
    store = CountingStore()
    judging = examiner([store])
    first = assessed(record(HEALTHY, ISSUING), judging)
    asked = store.asked
    assert asked
    again = assessed(record(HEALTHY, ISSUING, number=8, elapsed_ms=3), judging)
    assert store.asked == asked
    assert (first.outcome, again.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
    assert (first.elapsed_ms, again.elapsed_ms) == (20, 3)
    assessed(record(HEALTHY), judging)
    assessed(record(HEALTHY, ISSUING, ISSUING), judging)
    assert store.asked > asked


def test_a_judgement_serves_a_minute() -> None:
    store = CountingStore()
    judging = examiner([store])
    assessed(record(HEALTHY, ISSUING), judging)
    asked = store.asked
    for judged in judging._chains.values():
        judged.made -= CHAIN_SECONDS
    assessed(record(HEALTHY, ISSUING), judging)
    assert store.asked > asked


def test_what_is_remembered_is_bounded() -> None:
    judging = examiner()
    for number in range(CHAINS_KEPT + 10):
        assessed(record(presented=(b"not a certificate %d" % number,)), judging)
    assert len(judging._chains) == CHAINS_KEPT


def test_unreadable_certificates_are_evidence() -> None:
    assessment = assessed(record(presented=(b"junk", ISSUING.der)))
    assert assessment.outcome is Outcome.UNKNOWN
    assert "unreadable-certificate" in [finding.rule for finding in assessment.findings]


def test_without_stores_there_is_a_chain_but_no_verdict() -> None:
    assessment = assessed(record(HEALTHY, ISSUING), examiner([]))
    assert assessment.outcome is Outcome.UNKNOWN
    assert assessment.forecast == ()


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        (
            TlsFailure(
                TlsFailureKind.ALERT, "the peer ended the TLS handshake with the alert unknown_ca", 48
            ),
            FaultKind.TLS_FAILED,
            (
                "The sender ended the TLS handshake with the alert unknown_ca. "
                "It does not trust the listener's own certificate."
            ),
        ),
        (
            TlsFailure(TlsFailureKind.CLOSED, "the connection was closed during the TLS handshake"),
            FaultKind.TLS_FAILED,
            "The connection was closed during the TLS handshake.",
        ),
        (
            TlsFailure(TlsFailureKind.PROTOCOL, "the TLS handshake failed: unsupported protocol"),
            FaultKind.OLD_TLS,
            "The sender offers nothing newer than TLS 1.1.",
        ),
    ],
)
def test_handshakes_that_fail(failure: TlsFailure, kind: FaultKind, message: str) -> None:
    assessment = assessed(failed(failure))
    assert assessment.error is not None
    assert (assessment.error.kind, assessment.error.message) == (kind, message)
    assert assessment.predictions[0].rule == kind.value
    assert assessment.capture.tls is None


def test_a_chain_that_was_shown_before_the_handshake_failed_is_judged() -> None:
    failure = TlsFailure(TlsFailureKind.PROTOCOL, "the TLS handshake failed: bad signature")
    assessment = assessed(failed(failure, presented=(HEALTHY.der, ISSUING.der), tls=TLS13))
    assert assessment.evidence.leaf is not None
    assert assessment.predictions[0].rule == "tls-failed"
    assert assessment.outcome is Outcome.AT_RISK


def test_who_is_worth_judging() -> None:
    visitor = record(tls=None, tls_established=False, sender=None, recipients=())
    assert not worth_judging(visitor)
    assert examiner().assess(visitor) is None
    assert worth_judging(replace(visitor, sender=""))
    assert worth_judging(replace(visitor, left=True))
    assert worth_judging(replace(visitor, hello_awaited=True))
    assert worth_judging(replace(visitor, tls=TLS13, tls_established=True))


def test_senders_without_tls_are_remembered_within_bounds() -> None:
    judging = examiner()
    plain = record(tls=None, tls_established=False)
    for number in range(SENDERS_KEPT + 1):
        assessed(replace(plain, sender=None, left=True, peer_address=f"192.0.2.{number}"), judging)
    first, second = (
        assessed(replace(plain, peer_address=f"192.0.2.{number}"), judging).findings[0].detail
        for number in (0, 1)
    )
    assert "earlier session" not in first
    assert "earlier session" in second


def _line(of: SessionRecord) -> str:
    return log_line(of, examiner().assess(of))


def test_log_lines() -> None:
    assert _line(record(HEALTHY, ISSUING)) == (
        f"session 7: 192.0.2.1:4711 (sender.contoso.com) TLSv1.3, 2 certificates sent ({HEALTHY.sha1.upper()}), "
        "accepted; ended: quit"
    )
    refusal = SessionRefusal(EnvelopeCommand.RCPT, Reply(code=454, lines=("4.7.0 no",)), "b@fabrikam.com")
    assert _line(record(HEALTHY, refusal=refusal, peer_address="2001:db8::1", client_name=None)) == (
        f"session 7: [2001:db8::1]:4711 TLSv1.3, 1 certificate sent ({HEALTHY.sha1.upper()}), "
        "rejected by missing-intermediate; said at RCPT: 454 4.7.0 no; ended: quit"
    )
    violation = Violation(kind=ViolationKind.LINE_TOO_LONG, detail="a line of 1000 bytes or more")
    visitor = record(
        tls=None, tls_established=False, sender=None, violation=violation, ending=Ending.VIOLATION
    )
    assert _line(visitor).endswith(
        "neither began TLS nor offered mail; ended: violation (a line of 1000 bytes or more)"
    )
    closed = TlsFailure(TlsFailureKind.NOT_TLS, "the peer does not speak TLS", None, "GET /")
    assert "no certificates sent, unknown by tls-failed; ended: tls-failed" in _line(failed(closed))


def test_a_judgement_grows_old() -> None:
    store = CountingStore()
    judging = examiner([store])
    assessed(record(HEALTHY, ISSUING), judging)
    asked = store.asked
    [held] = judging._chains.values()
    held.made -= 3600
    assessed(record(HEALTHY, ISSUING), judging)
    assert store.asked > asked


def test_a_leaf_that_ends_today_is_at_risk_and_says_when_it_turns() -> None:
    leaf = CA.leaf(
        ISSUING, "hybrid.contoso.com", not_after=NOW + (NOW - HEALTHY.certificate.not_valid_before_utc) / 90
    )
    assessment = assessed(record(leaf, ISSUING))
    assert assessment.outcome is Outcome.AT_RISK
    assert assessment.forecast[-1].outcome is Outcome.REJECTED


class BrokenStore(AnchorStore):
    """A store with a defect, as our own code may have one."""

    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        raise RuntimeError(subject.hex())


def test_a_defect_of_ours_costs_one_verdict_and_not_the_listener(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(ReportOutput(Format.JSONL)) as reporter:
        broken = examiner([BrokenStore("broken", [])])
        run = _Run(broken, reporter, lambda one, *_: one, End(once=True))
        run.note(record(HEALTHY, ISSUING))
        run.note(record(HEALTHY, ISSUING))  # over: --once ends with this one's report, too
    assert run.outcome is Outcome.UNKNOWN
    said = capsys.readouterr()
    [line] = said.out.splitlines()
    [finding] = json.loads(line)["findings"]
    assert finding["rule"] == "assessment-failed"
    assert f"RuntimeError: {anchor(HEALTHY).issuer.der.hex()}" in finding["summary"]
    assert "Traceback" not in said.err
