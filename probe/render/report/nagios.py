"""Output of a monitoring plugin: one status line with performance data, then the detail.

Format: Nagios plugin development guidelines and plugin API 3 (text|perfdata, long text lines).
The exit code is the report's outcome; here are only the words.
"""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256

from probe.eop.connections import connections_words
from probe.eop.forecast import soonest
from probe.eop.rules.leaf import threshold
from probe.eop.vocabulary import Outcome, Severity
from probe.render.page.options import RenderOptions
from probe.render.report.facts import (
    days_between,
    label,
    path_certificates,
    place,
    soonest_expiry,
    tally,
    worst_first,
)
from probe.render.report.wording import reason, turn_words, verdict_sentence
from probe.report.assessment import Assessment, Report

#: Characters of one text in the output; Nagios keeps 8 KiB of a plugin's whole output by default.
MAX_TEXT = 400
#: Characters of the detail under the status line, so that a long run is not cut in the middle of a line.
MAX_DETAIL = 6000

#: ``|`` starts performance data in any line; web pages of monitoring show the rest as HTML unless told otherwise.
_ESCAPES = str.maketrans({c: f"\\x{ord(c):02x}" for c in "|<>\n\r"})


def render(report: Report, options: RenderOptions) -> str:  # noqa: ARG001 - every renderer is called alike
    """Render the status line of the worst assessment, performance data of all, and the detail lines."""
    ordered = sorted(worst_first(report), key=lambda assessment: not assessment.critical)
    state = _state(ordered[0]) if ordered and not _undone_decides(report) else report.outcome.nagios_state
    status = f"EOP-PROBE {state} - {_status(report, ordered)}"
    # A target that is given twice has one label; the worse counts.
    data = " ".join({_where(each): _perfdata(each) for each in reversed(ordered)}.values())
    first = f"{status} | {data}" if data else status
    return "\n".join((first, *_detail(ordered))) + "\n"


def _undone_decides(report: Report) -> bool:
    return bool(report.interrupted) and report.exit_code == Outcome.UNKNOWN.exit_code


def _status(report: Report, ordered: list[Assessment]) -> str:
    if not ordered:
        return report.interrupted or "nothing was probed"
    worst = ordered[0]
    text = f"{_clean(label(worst))}: {_clean(_summary(worst))}"
    return text if len(ordered) == 1 and not report.interrupted else f"{tally(report)}; {text}"


def _state(assessment: Assessment) -> str:
    return (Outcome.REJECTED if assessment.critical else assessment.outcome).nagios_state


def _summary(assessment: Assessment) -> str:
    if assessment.critical and assessment.outcome is not Outcome.REJECTED:
        soon = (f.summary for f in assessment.findings if f.rule == "expires-soon")
        return next(soon, reason(assessment))
    return verdict_sentence(assessment) if assessment.outcome is Outcome.UNKNOWN else reason(assessment)


def _where(assessment: Assessment) -> str:
    return f"{place(assessment.capture)} {assessment.evidence.direction.value}"


def _perfdata(assessment: Assessment) -> str:
    """``'label'=value[unit];warn;crit;min;max``; a range ``30:`` alerts below 30.

    A label is the same for one target and for many, and its first 19 characters tell it from all others: RRDtool
    keeps no more (rrdcreate, DS).
    """
    where = _where(assessment)
    mark = sha256(where.encode()).hexdigest()[:9]
    # Quotes and `=` would end a label.
    named = re.sub(r"[^A-Za-z0-9.:\[\]-]", "_", where)
    seconds = f"'{mark}_seconds_{named}'={assessment.elapsed_ms / 1000:.3f}s;;;0;"
    certificates = path_certificates(assessment)
    expiry = soonest_expiry(certificates)
    if expiry is None:
        return seconds
    left = days_between(assessment.evidence.at, expiry)
    # Below how many days the rule `expires-soon` speaks up for the end certificate.
    warning = round(threshold(certificates[0], assessment.evidence) / timedelta(days=1), 2)
    critical = assessment.evidence.settings.critical_days
    return f"'{mark}_days_left_{named}'={left:.2f};{warning:g}:;{critical}:;; {seconds}"


def _detail(ordered: list[Assessment]) -> list[str]:
    kept: list[str] = []
    room = MAX_DETAIL
    for line in (line for assessment in ordered for line in _lines(assessment)):
        room -= len(line) + 1
        if room < 0:
            return [*kept, "(more was found: run eop-probe check for all of it)"]
        kept.append(line)
    return kept


def _lines(assessment: Assessment) -> list[str]:
    """What was found, a line each. No commands: a pipe sign in them would be taken for performance data."""
    lines = [f"[{_state(assessment)}] {label(assessment)}: {verdict_sentence(assessment)}"]
    if words := connections_words(assessment.evidence):
        lines.append(f"  {words}")
    made = assessment.prediction
    if made and made.reply:
        lines.append(f"  predicted reply ({made.confidence.value}): {made.reply}")
    lines.extend(
        f"  {finding.rule} ({finding.severity.value}, {finding.confidence.value}): {finding.summary}"
        for finding in assessment.findings
        if finding.severity is not Severity.INFO
    )
    if assessment.error and assessment.error.server_text:
        lines.append(f"  the server said: {assessment.error.server_text}")
    turn = soonest(assessment.forecast)
    if turn:
        lines.append(f"  next change: {' '.join(turn_words(turn).split())}")
    for store in assessment.stores:
        flags = ", ".join(store.best().faults)
        lines.append(f"  {store.name}: {'trusted' if store.trusted else flags}")
    if (outbound := assessment.evidence.outbound) and outbound.last:
        lines.append(f"  {outbound.domain.words}")
    return [_clean(line) for line in lines]


def _clean(text: str) -> str:
    text = text.translate(_ESCAPES)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}..."
