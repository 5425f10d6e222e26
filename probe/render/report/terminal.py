"""The report for a person at a terminal: the verdict first, then the chain, the reasons, and what to do."""

from __future__ import annotations

from probe.capture import Capture, How, KeyAnswer
from probe.eop.connections import connections_words, how_words, key_words
from probe.eop.evidence import StorePath
from probe.eop.finding import Finding
from probe.eop.verdict import Prediction
from probe.eop.vocabulary import Basis, Outcome, Severity
from probe.render.page.closing import add_closing
from probe.render.page.options import RenderOptions
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.render.report.facts import (
    day,
    deciding_finding,
    instant,
    label,
    prediction,
    tally,
    worst_first,
)
from probe.render.report.terminal_chain import add_chain
from probe.render.report.wording import (
    basis_words,
    confidence_words,
    next_steps,
    revocation_words,
    turn_words,
    verdict_sentence,
)
from probe.report.assessment import Assessment, Report
from probe.smtp.transcript import Speaker
from probe.text import counted

_MARKS = {
    Severity.REJECT: ("✗", Style.BAD),
    Severity.RISK: ("!", Style.WARNING),
    Severity.INFO: ("·", Style.FAINT),
}
#: Changes to come that are shown of an accepted target.
MAX_TURNS = 3
#: Seconds between a judgement's instant and the observation from which on it is worth a line.
_OTHER_TIME_SECONDS = 3600


def render(report: Report, options: RenderOptions) -> str:
    """Render the assessments one after the other, and a table of the outcomes where there are several."""
    page = Page(options)
    for assessment in report.assessments:
        page.blank()
        section = _Section(page, assessment, verbose=options.verbose)
        section.add_brief() if options.brief else section.add(alone=len(report.assessments) == 1)
    if not options.brief and (rest := next_steps(report)):
        page.blank()
        page.steps(rest, indent=0, bullet="·")
    if len(report.assessments) != 1:
        _add_summary(page, report)
    return page.text


class _Section:
    """One assessment on a page."""

    def __init__(self, page: Page, assessment: Assessment, *, verbose: bool) -> None:
        self._page = page
        self._assessment = assessment
        self._verbose = verbose
        self._in_full = verbose or assessment.outcome is not Outcome.ACCEPTED

    def add_brief(self) -> None:
        """The verdict and what it rests on, without reasons and steps."""
        self._add_verdict()
        self._add_server_text()
        add_chain(self._page, self._assessment, verbose=self._verbose)
        self._add_samples()

    def add(self, *, alone: bool) -> None:
        """Everything a person needs; where it stands `alone`, the verdict is at its end, too."""
        since = self._page.height
        self.add_brief()
        self._add_facts()
        if self._assessment.stores:
            words = revocation_words(self._assessment.evidence)
            self._page.add(words, first="revocation ", mark=Style.STRONG)
        self._add_forecast()
        self._add_reasons()
        self._add_remedies()
        if self._verbose:
            self._add_transcript()
        if alone:
            self._add_closing(since)

    def _add_closing(self, since: int) -> None:
        assessment = self._assessment
        decided, made = deciding_finding(assessment), prediction(assessment)
        said = decided.summary if decided else verdict_sentence(assessment)
        add_closing(
            self._page,
            since,
            f"{label(assessment)}: {said}",
            assessment.outcome.value,
            OUTCOME_STYLES[assessment.outcome],
            made.reply if made else None,
            decided.remedy if decided else (),
        )

    def _add_verdict(self) -> None:
        assessment = self._assessment
        outcome = assessment.outcome
        self._page.add(
            label(assessment),
            first=f"{outcome.value.upper()}  ",
            style=Style.STRONG,
            mark=OUTCOME_STYLES[outcome],
        )
        decided = deciding_finding(assessment)
        self._page.add(verdict_sentence(assessment))
        if decided and not _same(decided.summary, assessment):
            self._page.add(decided.summary, style=Style.STRONG)
        if len({each.outcome for each in assessment.evidence.connections}) > 1:
            self._page.add(connections_words(assessment.evidence) or "", style=Style.STRONG)
        made = prediction(assessment)
        if made:
            self._add_prediction(made)
        if abs((assessment.evidence.at - assessment.started_at).total_seconds()) > _OTHER_TIME_SECONDS:
            self._page.add(f"judged as of {instant(assessment.evidence.at)}", first="  time        ")

    def _add_prediction(self, made: Prediction) -> None:
        if made.reply:
            self._page.verbatim(made.reply, first="  reply       ", style=Style.BAD)
        elif made.outcome is Outcome.REJECTED:
            self._page.add("its wording for this fault is not known", first="  reply       ")
        if made.outcome is not Outcome.UNKNOWN:
            rule = f" (rule {made.rule})" if made.rule else ""
            self._page.add(confidence_words(made) + rule, first="  confidence  ")
            self._page.add(basis_words(made), first="  basis       ")
        for other in self._assessment.predictions:
            if other is not made:
                because = f" ({other.rule})" if other.rule else ""
                self._page.add(f"{other.outcome.value}{because}", first=f"  {other.direction.value:<10}  ")

    def _add_server_text(self) -> None:
        error = self._assessment.error
        if error is None:
            return
        said = any(finding.rule == error.kind.value for finding in self._assessment.findings)
        if (
            self._assessment.outcome is not Outcome.UNKNOWN and not said
        ):  # where it is unknown, it is the verdict
            self._page.add(error.message, first="  !  ", mark=Style.WARNING)
        if error.server_text:
            self._page.add("The server's own words:")
            self._page.verbatim(error.server_text, first="  ")

    def _add_samples(self) -> None:
        """Which certificates were seen how often, and what came of each, where several connections were made."""
        evidence = self._assessment.evidence
        groups: dict[tuple[str, Outcome], list[How]] = {}
        for each in evidence.connections:
            groups.setdefault((_shown(each.capture), each.outcome), []).append(each.capture.how)
        unasked = any(each.capture.answer is KeyAnswer.NOT_ASKED for each in evidence.observations)
        if len(groups) < 2 and not unasked and not (self._verbose and evidence.observations):
            return
        self._page.blank()
        made = counted(len(evidence.connections), "connection")
        self._page.add(
            f"{made}, {counted(len(groups), 'different result')}", first="Samples    ", mark=Style.STRONG
        )
        for (shown, outcome), hows in groups.items():
            text = f"{len(hows)}x {shown}{how_words(hows)}"
            self._page.add(text, first=f"  {outcome.value:<8}  ", mark=OUTCOME_STYLES[outcome])
        for capture in (each.capture for each in evidence.observations):
            if capture.answer is KeyAnswer.NOT_HELD:
                self._page.add(
                    f"the server holds no such certificate ({capture.how.label})", first="  -         "
                )
            elif capture.answer is KeyAnswer.NOT_ASKED:
                self._page.add(
                    f"{capture.how.label}: {capture.fault.message if capture.fault else 'no answer'}",
                    first="  not asked ",
                    mark=Style.WARNING,
                )

    def _add_facts(self) -> None:
        """What each list of roots says, the deciding one first, and the TLS connection, a line each."""
        self._add_lists()
        if words := key_words(self._assessment.evidence):
            self._page.add(words, first=f"{'keys':<9}  ", mark=Style.STRONG)

    def _add_lists(self) -> None:
        if not self._in_full:
            said = [
                f"{store.name} {_store_words(store)} ({day(store.dated) if store.dated else 'no date'})"
                for store in self._assessment.stores
            ]
            self._page.add("; ".join(said), first=f"{'roots':<9}  ", mark=Style.STRONG)
            return
        if self._assessment.capture.tls or self._assessment.stores:
            self._page.blank()
        for store in self._assessment.stores:
            text = f"{_store_words(store)} ({_list_words(store)})"
            self._page.add(text, first=f"{store.name:<9}  ", mark=Style.STRONG)
        tls = self._assessment.capture.tls
        if tls:
            asked = "" if tls.client_certificate_requested else "no "
            group = f", {tls.group}" if tls.group and self._verbose else ""
            text = f"{tls.version}, {tls.cipher}{group}; {asked}client certificate asked for"
            self._page.add(text, first=f"{'tls':<9}  ", mark=Style.STRONG)

    def _add_forecast(self) -> None:
        """A line for each change to come; where all is well the next few will do."""
        turns = self._assessment.forecast
        shown = turns if self._in_full else turns[:MAX_TURNS]
        for number, turn in enumerate(shown):
            lead = f"{'' if number else 'forecast':<9}  "
            self._page.add(turn_words(turn), first=lead, mark=Style.STRONG)

    def _add_reasons(self) -> None:
        decided = deciding_finding(self._assessment)
        # Where there is no verdict, the name of an RFC alone helps nobody.
        links = self._verbose or self._assessment.outcome is not Outcome.UNKNOWN
        worth = [
            f for f in self._assessment.findings if f is not decided or f.detail or (links and f.references)
        ]
        if not worth:
            return
        self._page.blank()
        self._page.add("", first="Findings", mark=Style.STRONG)
        for finding in worth:
            self._add_finding(finding, decided=finding is decided)

    def _add_finding(self, finding: Finding, *, decided: bool) -> None:
        """The verdict has said the deciding finding's summary; a note's detail is shown on demand only."""
        mark, style = _MARKS[finding.severity]
        summary = "" if decided else f": {finding.summary}"
        self._page.add(
            f"({finding.confidence.value}){summary}",
            first=f"  {mark} {finding.rule} ",
            rest="    ",
            mark=style,
        )
        if finding.severity is Severity.INFO and not self._verbose:
            return
        for paragraph in finding.detail.split("\n"):
            if paragraph:
                self._page.add(paragraph, first="    ")
        if decided or self._verbose:
            for reference in finding.references:
                _add_reference(self._page, reference)

    def _add_remedies(self) -> None:
        """Steps against what decides; against everything else on demand, so that the first thing comes first."""
        with_steps = [finding for finding in self._assessment.findings if finding.remedy]
        bar = Severity.REJECT if self._assessment.outcome is Outcome.REJECTED else Severity.RISK
        worth = [f for f in with_steps if self._verbose or f.severity is bar]
        for finding in worth:
            self._page.blank()
            about = f" about {finding.rule}" if len(worth) > 1 else ""
            self._page.add("", first=f"What to do{about}", mark=Style.STRONG)
            self._page.steps(finding.remedy)
        rest = [finding.rule for finding in with_steps if finding not in worth]
        if rest:
            self._page.blank()
            self._page.add(f"--verbose also says what to do about {', '.join(rest)}.", style=Style.FAINT)

    def _add_transcript(self) -> None:
        smtp = self._assessment.capture.smtp
        if smtp is None:
            return
        self._page.blank()
        listened = self._assessment.evidence.basis is Basis.LISTENER
        who = "C is the sender, S this program" if listened else "C is this program, S the server"
        self._page.add(f"{who}; milliseconds", first="Dialogue   ", mark=Style.STRONG)
        for line in smtp.transcript:
            who = "C" if line.speaker is Speaker.CLIENT else "S"
            self._page.verbatim(line.text, first=f"  {line.at_ms:>6} {who}: ")


def _store_words(store: StorePath) -> str:
    return "trusted" if store.trusted else f"not trusted: {', '.join(store.best().faults)}"


def _list_words(store: StorePath) -> str:
    return f"list of {day(store.dated)}" if store.dated else "list without a date"


def _same(summary: str, assessment: Assessment) -> bool:
    """Whether the verdict's sentence has just said it."""
    error = assessment.error if assessment.outcome is Outcome.UNKNOWN else None
    return error is not None and summary.rstrip(".") == error.message.rstrip(".")


def _shown(capture: Capture) -> str:
    if capture.leaf:
        return f"{capture.leaf.subject.windows} · {capture.leaf.sha1.upper()}"
    if capture.presented:
        return "a certificate that can't be read"
    return f"no certificate: {capture.fault.message}" if capture.fault else "no certificate"


def _add_reference(page: Page, reference: str) -> None:
    """A link stays whole; the name of an article is text like any other."""
    if "://" in reference:
        page.verbatim(reference, first="    see ", style=Style.FAINT)
    else:
        page.add(reference, first="    see ", style=Style.FAINT)


def _add_summary(page: Page, report: Report) -> None:
    """The outcome of the run, and a line for each assessment, the worst first."""
    page.blank()
    page.add(
        f"{counted(len(report.assessments), 'endpoint')}: {tally(report) or 'nothing to judge'}",
        first=f"{report.outcome.value.upper()}  ",
        mark=OUTCOME_STYLES[report.outcome],
        style=Style.STRONG,
    )
    rows = [(a, _reason(a)) for a in worst_first(report)]
    width = max((len(reason) for _, reason in rows), default=0)
    for assessment, reason in rows:
        lead = f"  {assessment.outcome.value:<8}  "
        page.add(
            f"{reason:<{width}}  {label(assessment)}" if width else label(assessment),
            first=lead,
            mark=OUTCOME_STYLES[assessment.outcome],
        )


def _reason(assessment: Assessment) -> str:
    """The rule that decided, else what kind of fault kept it from being judged, else nothing."""
    made = prediction(assessment)
    if made and made.rule:
        return made.rule
    return assessment.error.kind.value if assessment.error else ""
