"""The report for a person at a terminal: the verdict first, then the chain, the reasons, and what to do."""

from __future__ import annotations

from probe.eop.connections import connections_words, key_words
from probe.eop.evidence import StorePath
from probe.eop.finding import Finding
from probe.eop.verdict import Prediction
from probe.eop.vocabulary import Basis, Outcome, Severity
from probe.render.page.options import RenderOptions
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.render.report.facts import (
    day,
    deciding_rule,
    instant,
    label,
    reply,
    tally,
    worst_first,
)
from probe.render.report.samples import not_asked, not_held, samples
from probe.render.report.terminal_chain import add_chain
from probe.render.report.wording import (
    NO_REPLY,
    basis_words,
    besides,
    confidence_words,
    next_steps,
    reason,
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
    if len(report.assessments) != 1 or report.interrupted:
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
        self._add_lists()
        if words := key_words(self._assessment.evidence):
            self._fact("keys", words)
        if self._assessment.stores:
            words = revocation_words(self._assessment.evidence)
            self._page.add(words, first="revocation ", mark=Style.STRONG)
        # Where all is well the next few changes will do.
        turns = self._assessment.forecast
        for number, turn in enumerate(turns[: None if self._in_full else MAX_TURNS]):
            self._fact("" if number else "forecast", turn_words(turn))
        if len(turns) > MAX_TURNS and not self._in_full:
            self._fact("", f"and {counted(len(turns) - MAX_TURNS, 'later change')}; --verbose shows them")
        self._add_reasons()
        self._add_remedies()
        if self._verbose:
            self._add_transcript()
        outbound = self._assessment.evidence.outbound
        if outbound and outbound.last:
            self._page.blank()
            self._page.add(outbound.domain.words, first="Mail       ", mark=Style.STRONG)
        if alone:
            self._add_closing(since)

    def _fact(self, name: str, text: str) -> None:
        self._page.add(text, first=f"{name:<9}  ", mark=Style.STRONG)

    def _add_closing(self, since: int) -> None:
        assessment, decided = self._assessment, self._assessment.deciding_finding
        said = f"{label(assessment)}: {reason(assessment)}"
        mark, steps = OUTCOME_STYLES[assessment.outcome], decided.remedy if decided else ()
        self._page.closing(since, said, assessment.outcome.value, mark, reply(assessment), steps)

    def _add_verdict(self) -> None:
        assessment = self._assessment
        word, mark = assessment.outcome.value.upper(), OUTCOME_STYLES[assessment.outcome]
        self._page.add(label(assessment), first=f"{word}  ", style=Style.STRONG, mark=mark)
        self._page.add(verdict_sentence(assessment))
        if why := besides(assessment)[0]:
            self._page.add(why, style=Style.STRONG)
        if len({each.outcome for each in assessment.evidence.connections}) > 1:
            self._page.add(connections_words(assessment.evidence) or "", style=Style.STRONG)
        made = assessment.prediction
        if made:
            self._add_prediction(made)
        if assessment.confirmed:
            self._page.add(assessment.confirmed, first="  Microsoft   ")
        if abs((assessment.evidence.at - assessment.started_at).total_seconds()) > _OTHER_TIME_SECONDS:
            self._page.add(f"judged as of {instant(assessment.evidence.at)}", first="  time        ")

    def _add_prediction(self, made: Prediction) -> None:
        if made.reply:
            self._page.verbatim(made.reply, first="  reply       ", style=Style.BAD)
        elif made.outcome is Outcome.REJECTED:
            self._page.add(NO_REPLY, first="  reply       ")
        if made.outcome is not Outcome.UNKNOWN:
            rule = f" (rule {made.rule})" if made.rule else ""
            self._page.add(confidence_words(made) + rule, first="  confidence  ")
            self._page.add(basis_words(made, self._assessment.capture), first="  basis       ")
        for other in self._assessment.predictions:
            if other is not made:
                because = f" ({other.rule})" if other.rule else ""
                self._page.add(f"{other.outcome.value}{because}", first=f"  {other.direction.value:<10}  ")

    def _add_server_text(self) -> None:
        if ended := besides(self._assessment)[1]:
            self._page.add(ended, first="  !  ", mark=Style.WARNING)
        error = self._assessment.error
        if error and error.server_text:
            self._page.add("The server's own words:")
            self._page.verbatim(error.server_text, first="  ")

    def _add_samples(self) -> None:
        """Which certificates were seen how often, and what came of each, where several connections were made."""
        evidence = self._assessment.evidence
        groups, unasked = samples(evidence), not_asked(evidence)
        if len(groups) < 2 and not unasked and not (self._verbose and evidence.observations):
            return
        self._page.blank()
        made = counted(len(evidence.connections), "connection")
        self._page.add(
            f"{made}, {counted(len(groups), 'different result')}", first="Samples    ", mark=Style.STRONG
        )
        for each in groups:
            first = f"  {each.outcome.value:<8}  "
            self._page.add(
                f"{len(each.hows)}x {each.shown}{each.told}", first=first, mark=OUTCOME_STYLES[each.outcome]
            )
        for words in not_held(evidence):
            self._page.add(words, first="  -         ")
        for words in unasked:
            self._page.add(words, first="  not asked ", mark=Style.WARNING)

    def _add_lists(self) -> None:
        """What each list of roots says, the deciding one first, and the TLS connection."""
        if not self._in_full:
            said = [
                f"{store.name} {_store_words(store)} ({day(store.dated) if store.dated else 'no date'})"
                for store in self._assessment.stores
            ]
            self._fact("roots", "; ".join(said))
            return
        if self._assessment.capture.tls or self._assessment.stores:
            self._page.blank()
        for store in self._assessment.stores:
            dated = f"list of {day(store.dated)}" if store.dated else "list without a date"
            self._fact(store.name, f"{_store_words(store)} ({dated})")
        tls = self._assessment.capture.tls
        if tls:
            asked = "" if tls.client_certificate_requested else "no "
            group = f", {tls.group}" if tls.group and self._verbose else ""
            self._fact("tls", f"{tls.version}, {tls.cipher}{group}; {asked}client certificate asked for")

    def _add_reasons(self) -> None:
        decided = self._assessment.deciding_finding
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
        said = f"({finding.confidence.value}){summary}"
        self._page.add(said, first=f"  {mark} {finding.rule} ", rest="    ", mark=style)
        if finding.severity is Severity.INFO and not self._verbose:
            return
        for paragraph in finding.detail.split("\n"):
            if paragraph:
                self._page.add(paragraph, first="    ")
        if decided or self._verbose:
            for reference in finding.references:
                # A link stays whole; the name of an article is text like any other.
                add = self._page.verbatim if "://" in reference else self._page.add
                add(reference, first="    see ", style=Style.FAINT)

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


def _add_summary(page: Page, report: Report) -> None:
    """The outcome of the run, and a line for each assessment, the worst first."""
    page.blank()
    text = f"{counted(len(report.assessments), 'endpoint')}: {tally(report) or 'nothing to judge'}"
    word, mark = report.outcome.value.upper(), OUTCOME_STYLES[report.outcome]
    page.add(text, first=f"{word}  ", mark=mark, style=Style.STRONG)
    # The rule that decided, else what kind of fault kept it from being judged, else nothing.
    rows = [(a, deciding_rule(a) or (a.error.kind.value if a.error else "")) for a in worst_first(report)]
    width = max((len(why) for _, why in rows), default=0)
    for assessment, why in rows:
        text = f"{why:<{width}}  {label(assessment)}" if width else label(assessment)
        mark = OUTCOME_STYLES[assessment.outcome]
        page.add(text, first=f"  {assessment.outcome.value:<8}  ", mark=mark)
