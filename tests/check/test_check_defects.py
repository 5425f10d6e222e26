"""A defect of ours costs one result: it is told in one line, and the others are reported."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from probe.check.file import assess_file
from probe.check.options import CheckOptions
from probe.check.run import Job, run_jobs
from probe.cli.output import Format, ReportOutput, report_of
from probe.eop.vocabulary import Outcome
from probe.errors import StoreError
from probe.evidence_files import read_evidence
from probe.net.target import parse_target
from probe.pki import containers
from probe.pki.certificate import Certificate, parse
from probe.pki.truststore import AnchorStore, ListRole, TrustStore
from probe.report.assessment import Assessment
from tests.net.scripted import ISSUING, LEAF, NOW, ROOT, ScriptedServer, starttls, tls_context
from tests.net.validating import Reply, ValidatingServer

SAMPLES = Path(__file__).parent.parent / "samples"


class BrokenStore(AnchorStore):
    """A store with a defect, as our own code may have one; its text has what no terminal should get."""

    def roots(self, _: bytes) -> tuple[Certificate, ...]:
        raise RuntimeError("\x1b[31m" + "long " * 1000)


def store(kind: type[AnchorStore]) -> TrustStore:
    root = parse(ROOT.der)
    assert isinstance(root, Certificate)
    return kind("roots", [root], role=ListRole.MICROSOFT)


def options(kind: type[AnchorStore] = AnchorStore) -> CheckOptions:
    return CheckOptions(stores=lambda: [store(kind)], at=NOW)


def no_stores() -> list[TrustStore]:
    raise LookupError("no list")


def no_usable_stores() -> list[TrustStore]:
    raise StoreError("the list is damaged")


def failure_of(assessment: Assessment) -> str:
    [finding] = assessment.findings
    assert (finding.rule, assessment.outcome) == ("assessment-failed", Outcome.UNKNOWN)
    return finding.summary


def test_one_endpoint_of_several() -> None:
    with ScriptedServer(starttls(tls_context(LEAF, ISSUING))) as server:
        target = parse_target(f"127.0.0.1:{server.port}")
        broken = CheckOptions(stores=no_stores, at=NOW)
        done = run_jobs(
            [Job(0, target, options(BrokenStore)), Job(1, target, options()), Job(2, target, broken)]
        )
        by_key = {each.job.key: each.assessment for each in done}
    told = failure_of(by_key[0])
    assert "RuntimeError: \\x1b[31mlong" in told
    assert len(told) < 500
    assert by_key[0].capture.leaf is not None  # what was seen is not thrown away
    assert by_key[1].outcome is Outcome.ACCEPTED
    assert "LookupError: no list" in failure_of(by_key[2])


class BrokenNames(dict[str, tuple[str, ...]]):
    """Addresses that cannot be had where names are looked up, as where no thread can be started any more."""

    def __contains__(self, _: object) -> bool:
        if threading.current_thread().name == "names":
            raise RuntimeError("can't start new thread")
        return False


def test_several_hosts_of_a_domain_are_one_result() -> None:
    exchangers = {("contoso.test", "MX"): Reply(*(f"{n} mx{n}.contoso.test." for n in range(1, 5)))}
    with ValidatingServer(exchangers) as dns, ScriptedServer(starttls(tls_context(LEAF, ISSUING))) as server:
        broken = replace(options(), nameserver=dns.address, overrides=BrokenNames(other=()))
        targets = {"mx:contoso.test": broken, f"127.0.0.1:{server.port}": options()}
        done = list(
            run_jobs(Job(n, parse_target(text), how) for n, (text, how) in enumerate(targets.items()))
        )
    first, second = sorted(done, key=lambda each: each.job.key)
    assert "RuntimeError: can't start new thread" in failure_of(first.assessment)
    assert (first.last, second.last, second.assessment.outcome) == (True, True, Outcome.ACCEPTED)


def test_what_is_raised_on_purpose_is_no_defect() -> None:
    job = Job(0, parse_target("127.0.0.1:1"), CheckOptions(stores=no_usable_stores, at=NOW))
    with pytest.raises(StoreError, match="the list is damaged"):
        list(run_jobs([job]))


def test_a_certificate_file() -> None:
    held = containers.read((LEAF.pem + ISSUING.pem).encode())
    [failed] = assess_file("leaf.pem", held, (), options(BrokenStore))
    [sound] = assess_file("leaf.pem", held, (), options())
    assert "RuntimeError" in failure_of(failed)
    assert failed.target == "leaf.pem"
    assert sound.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("kind", Format)
def test_an_assessment_that_cannot_be_rendered(kind: Format, tmp_path: Path) -> None:
    held = containers.read((LEAF.pem + ISSUING.pem).encode())
    [sound] = assess_file("leaf.pem", held, (), options())
    hostile = replace(sound, target="other.pem", findings=(None,))  # type: ignore[arg-type]
    file = tmp_path / "report"
    written = ReportOutput(kind, str(file)).deliver(report_of([sound, hostile]))
    assert [each.outcome for each in written.assessments] == [Outcome.ACCEPTED, Outcome.UNKNOWN]
    assert "AttributeError" in failure_of(written.assessments[1])
    assert written.exit_code == Outcome.UNKNOWN.exit_code
    text = file.read_text()
    assert "assessment-failed" in text or kind is Format.PROMETHEUS
    if kind is Format.JSON:
        assert [each["outcome"] for each in json.loads(text)["assessments"]] == ["accepted", "unknown"]


class BrokenPath(type(Path())):  # type: ignore[misc]
    """A file that fails as no operating system does."""

    def is_dir(self) -> bool:
        return False

    def exists(self) -> bool:
        return True

    def __fspath__(self) -> str:
        raise RuntimeError("no such path")


def test_an_evidence_file() -> None:
    log = SAMPLES / "send-log-singleline-2019.log"
    found = read_evidence([BrokenPath(SAMPLES / "get-exchangecertificate.json"), log])
    [problem] = found.problems
    assert "a defect of eop-probe; please report it: RuntimeError: no such path (" in problem.sentence
    assert found.logs == (log,)
