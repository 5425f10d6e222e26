"""The end of a run: counts by outcome, rule and issuer, what comes next, and what endpoints have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from probe.eop.forecast import soonest
from probe.eop.vocabulary import WORST_FIRST, Outcome, Severity
from probe.fleet.tally import MAX_PLACES, Common, Soonest, Tally
from probe.render.page.options import RenderOptions
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.render.report.facts import instant, label, path_certificates
from probe.report.assessment import Assessment
from probe.text import counted, printable

#: Issuers, and certificates, that are counted at once; beyond, those met most often stay.
MAX_ISSUERS = 1_000
MAX_CERTIFICATES = 4_096
#: Lines of each list.
MAX_LINES = 10


class Summary:
    """Takes assessments one by one; its memory does not grow with their number."""

    def __init__(self, total: int | None = None) -> None:
        self.targets, self.total = 0, total
        self.interrupted = ""
        """How far the run came, where it was cut short."""
        self.outcomes: Counter[Outcome] = Counter()
        self.critical = False
        self._rules: Counter[str] = Counter()
        self._issuers = Tally(MAX_ISSUERS)
        self._certificates = Tally(MAX_CERTIFICATES)
        self._expiries = Soonest(MAX_LINES)
        self._changes = Soonest(MAX_LINES)

    def add(self, assessment: Assessment, *, last: bool) -> None:
        """Count one endpoint in; `last`: no other of its target is to come."""
        place, at = label(assessment), assessment.evidence.at
        self.targets += last
        self.outcomes[assessment.outcome] += 1
        self.critical = self.critical or assessment.critical
        self._rules.update({f.rule for f in assessment.findings if f.severity is not Severity.INFO})
        if (leaf := assessment.evidence.leaf) is not None:
            self._issuers.add(leaf.issuer.windows, place)
            self._certificates.add(f"{leaf.subject.short} {leaf.sha1.upper()}", place)
        coming = [one for one in path_certificates(assessment) if one.not_after >= at]
        if coming:
            first = min(coming, key=lambda one: one.not_after)
            self._expiries.add(first.not_after, f"{first.subject.short} {first.sha1.upper()}", place)
        if (turn := soonest(assessment.forecast)) is not None:
            rule = f" ({turn.rule})" if turn.rule else ""
            self._changes.add(turn.at, f"{turn.outcome.value}{rule}: {turn.reason}", place)

    def unknown(self, number: int) -> None:
        """Count what could not even be read as unknown."""
        if number:
            self.outcomes[Outcome.UNKNOWN] += number

    @property
    def endpoints(self) -> int:
        """How many assessments there were."""
        return self.outcomes.total()

    @property
    def outcome(self) -> Outcome:
        """The worst outcome; unknown where there is none, and of what was not done."""
        return Outcome.worst((*self.outcomes, *((Outcome.UNKNOWN,) if self.interrupted else ())))

    def exit_code(self, tolerated: Outcome | None = None) -> int:
        """The worst outcome's, or rejected's where a certificate is critical; `tolerated` counts as accepted."""
        worst = Outcome.REJECTED if self.critical else self.outcome
        return (Outcome.ACCEPTED if worst is tolerated else worst).exit_code

    def counts(self) -> str:
        """How many of each outcome, the worst first."""
        return ", ".join(f"{self.outcomes[one]:,} {one.value}" for one in WORST_FIRST if self.outcomes[one])

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "targets": self.targets,
            "targets_total": self.total,
            "interrupted": bool(self.interrupted),
            "endpoints": self.endpoints,
            "outcomes": {one.value: self.outcomes[one] for one in WORST_FIRST},
            "rules": dict(self._rules.most_common()),
            "issuers": [_common("issuer", *pair) for pair in self._issuers.most(MAX_LINES)],
            "next_expiries": _coming("certificate", self._expiries),
            "next_changes": _coming("change", self._changes),
            "shared_certificates": [
                _common("certificate", *pair) for pair in self._certificates.most(MAX_LINES, least=2)
            ],
            "exact": self._issuers.exact and self._certificates.exact,
        }

    def page(self, options: RenderOptions) -> str:
        """The same for a person."""
        page = Page(options)
        page.blank()
        probed = f"{counted(self.endpoints, 'endpoint')} of {counted(self.targets, 'target')}"
        undone = f"; {self.interrupted}" if self.interrupted else ""
        page.add(
            f"{probed}: {self.counts() or 'nothing to judge'}{undone}",
            first=f"{self.outcome.value.upper()}  ",
            mark=OUTCOME_STYLES[self.outcome],
            style=Style.STRONG,
        )
        for title, lines in self._lists():
            if lines:
                page.blank()
                page.add("", first=title, mark=Style.STRONG)
                for first, text in lines:
                    page.add(text, first=f"  {first}  ")
        return page.text

    def _lists(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        about = _of(len(self._issuers)) if self._issuers.exact else f", of more than {MAX_ISSUERS:,}"
        rules = [(f"{count:>6,}", rule) for rule, count in self._rules.most_common(MAX_LINES)]
        yield f"Rules{_of(len(self._rules))}", rules
        yield f"Issuers{about}", [(f"{one.count:>6,}", name) for name, one in self._issuers.most(MAX_LINES)]
        yield "Next to expire", [(_day(at), _words(what, one)) for at, what, one in self._expiries.ordered()]
        yield "Next to change", [(_day(at), _words(what, one)) for at, what, one in self._changes.ordered()]
        about = (
            ""
            if self._certificates.exact
            else f" (of more than {MAX_CERTIFICATES:,} certificates; at least so many)"
        )
        shared = self._certificates.most(MAX_LINES, least=2)
        yield (
            f"Endpoints that share a certificate{about}",
            [(f"{one.count:>6,}", _words(name, one)) for name, one in shared],
        )


def _of(number: int) -> str:
    return f", {MAX_LINES} of {number:,}" if number > MAX_LINES else ""


def _common(kind: str, name: str, found: Common) -> dict[str, Any]:
    return {kind: name, "endpoints": found.count, "first": found.places}


def _coming(kind: str, found: Soonest) -> list[dict[str, Any]]:
    return [{"at": instant(at), **_common(kind, what, one)} for at, what, one in found.ordered()]


def _words(what: str, found: Common) -> str:
    # Fewer than are kept: all of them, some more than once.
    more = found.count - len(found.places) if len(found.places) == MAX_PLACES else 0
    return f"{what} · {', '.join(map(printable, found.places))}" + (f" and {more:,} more" if more else "")


def _day(at: datetime) -> str:
    return (instant(at) or "")[:10]
