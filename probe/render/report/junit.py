"""JUnit XML as build servers read it: a test case per endpoint.

Unknown is an error; what else ends the run with another code than 0 is a failure: rejected, critical, and at risk
unless that is tolerated.

Format: the ``testsuites`` schema shared by Jenkins, GitLab and Azure DevOps.
"""

from __future__ import annotations

from probe.eop.finding import Finding
from probe.eop.vocabulary import Outcome
from probe.powershell import Command
from probe.render.page.markup import escaped
from probe.render.page.options import RenderOptions
from probe.render.report.facts import deciding_rule, instant, label
from probe.render.report.wording import reason, verdict_sentence
from probe.report.assessment import Assessment, Report


def render(report: Report, options: RenderOptions) -> str:
    """Render one suite with a case per assessment, in their order."""
    elements = [_element(assessment, options) for assessment in report.assessments]
    elements += ["error"] if report.interrupted else []
    counts = (
        f'tests="{len(elements)}" failures="{elements.count("failure")}" '
        f'errors="{elements.count("error")}" skipped="0" '
        f'time="{sum(a.elapsed_ms for a in report.assessments) / 1000:.3f}"'
    )
    started = (instant(report.generated_at) or "").removesuffix("Z")  # the schema wants no time zone
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="eop-probe" {counts}>',
        f'  <testsuite name="eop-probe" {counts} timestamp="{started}">',
        *(line for assessment in report.assessments for line in _case(assessment, options)),
        *([_undone(report.interrupted)] if report.interrupted else []),
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _undone(words: str) -> str:
    error = f'<error type="interrupted" message="{escaped(words)}"/>'
    return f'    <testcase classname="eop-probe" name="{escaped(words)}" time="0.000">{error}</testcase>'


def _element(assessment: Assessment, options: RenderOptions) -> str:
    if assessment.outcome is Outcome.UNKNOWN:
        return "error"
    tolerated = (Outcome.ACCEPTED, Outcome.AT_RISK) if options.risk_tolerated else (Outcome.ACCEPTED,)
    return "failure" if assessment.critical or assessment.outcome not in tolerated else ""


def _case(assessment: Assessment, options: RenderOptions) -> list[str]:
    suite = f"eop-probe.{assessment.evidence.direction.value}"
    seconds = f"{assessment.elapsed_ms / 1000:.3f}"
    lines = [f'    <testcase classname="{suite}" name="{escaped(label(assessment))}" time="{seconds}">']
    body = escaped("\n".join(_words(assessment)))
    element = _element(assessment, options)
    if element:
        kind, message = deciding_rule(assessment) or assessment.outcome.value, reason(assessment)
        lines.append(
            f'      <{element} type="{escaped(kind)}" message="{escaped(message)}">{body}</{element}>'
        )
    else:
        lines.append(f"      <system-out>{body}</system-out>")
    return [*lines, "    </testcase>"]


def _words(assessment: Assessment) -> list[str]:
    made = assessment.prediction
    reply = [f"Predicted reply ({made.confidence.value}): {made.reply}"] if made and made.reply else []
    said = assessment.error.server_text if assessment.error else None
    server = [f"The server's own words: {said}"] if said else []
    findings = [line for finding in assessment.findings for line in _finding(finding)]
    outbound = assessment.evidence.outbound
    mail = [outbound.domain.words] if outbound else []
    return [verdict_sentence(assessment), *reply, *server, *findings, *mail]


def _finding(finding: Finding) -> list[str]:
    lines = [f"[{finding.severity.value}] {finding.rule} ({finding.confidence.value}): {finding.summary}"]
    for step in finding.remedy:
        said = (f"{step.shell.value}:", f"  {step.text}") if isinstance(step, Command) else (step,)
        lines += [f"  {line}" for line in said]
    return lines
