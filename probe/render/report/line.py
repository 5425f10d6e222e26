"""One endpoint in a line or two, for lists that are longer than a person reads in full."""

from __future__ import annotations

from dataclasses import replace

from probe.eop.vocabulary import Outcome
from probe.render.page.options import RenderOptions
from probe.render.page.text import OUTCOME_STYLES, Page
from probe.render.report.facts import day, label, path_certificates, soonest_expiry
from probe.render.report.wording import verdict_sentence
from probe.report.assessment import Assessment

_MORE = " ..."


def render(assessment: Assessment, options: RenderOptions, *, cut: bool = False) -> str:
    """Outcome, endpoint, and why; of an accepted one until when. `cut`: in one line, whatever is left out."""
    page = Page(options)
    word, place = f"{assessment.outcome.value.upper():<8}  ", label(assessment)
    page.add(f"{place}: {_why(assessment)}", first=word, mark=OUTCOME_STYLES[assessment.outcome])
    if cut and page.height > 1:
        narrow = replace(options, width=options.width - len(_MORE))
        return render(assessment, narrow).partition("\n")[0] + _MORE + "\n"
    return page.text


def _why(assessment: Assessment) -> str:
    expiry = soonest_expiry(path_certificates(assessment))
    if assessment.outcome is Outcome.ACCEPTED and expiry is not None:
        return f"until {day(expiry)}"
    decided = None if assessment.outcome is Outcome.UNKNOWN else assessment.deciding_finding
    return decided.summary if decided else verdict_sentence(assessment)
