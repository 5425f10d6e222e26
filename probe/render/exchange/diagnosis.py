"""The diagnosis for a person and for a program: each story from what happens to how to verify the repair."""

from __future__ import annotations

from typing import Any

from probe.eop.vocabulary import Outcome
from probe.render.exchange.parts import (
    iso,
    problem_json,
    problems,
    stamp,
    statement_json,
    statements,
    steps,
    title,
)
from probe.render.page.options import RenderOptions
from probe.render.page.text import Page, Style
from probe.render.report.facts import counted
from probe.report.diagnosis import Diagnosis, Story

SCHEMA = "eop-probe/exchange-diagnosis/1"

#: Characters of a log's line that the page shows; the document has the whole.
_MAX_LINE = 400

_OUTCOMES = {
    Outcome.ACCEPTED: Style.GOOD,
    Outcome.AT_RISK: Style.WARNING,
    Outcome.REJECTED: Style.BAD,
    Outcome.UNKNOWN: Style.WARNING,
}


def render(diagnosis: Diagnosis, options: RenderOptions) -> str:
    """The page."""
    page = Page(options)
    seen = sum(story.seen for story in diagnosis.stories)
    told = counted(seen, "fault") + " proven"
    if len(diagnosis.stories) > seen:
        told += f", {len(diagnosis.stories) - seen} predicted from the exports as of {stamp(diagnosis.at)}"
    if not diagnosis.stories:
        told = "no fault found in the evidence given"
    page.add(told, first=f"{diagnosis.outcome.value.upper()}  ", mark=_OUTCOMES[diagnosis.outcome])
    for number, story in enumerate(diagnosis.stories, start=1):
        _add_story(page, number, story)
    if diagnosis.notes:
        title(page, "Also known")
        statements(page, diagnosis.notes, indent=2)
    problems(page, diagnosis.problems)
    return page.text


def _add_story(page: Page, number: int, story: Story) -> None:
    page.blank()
    page.add(story.title, first=f"{number}. ", style=Style.STRONG, mark=_OUTCOMES[story.outcome])
    lead = "what happened" if story.seen else "predicted, not seen"
    where = f", Send connector '{story.connector}'" if story.connector else ""
    page.add(f"{story.outcome.value}: {lead}{where}", first="   ")
    if story.thumbprint:
        page.verbatim(story.thumbprint, first="   certificate  ")
    if story.reply:
        page.verbatim(story.reply, first="   reply        ", style=Style.BAD)
    _add_part(page, "What happens")
    statements(page, story.happens)
    _add_part(page, "The proof")
    for proof in story.proof:
        page.add(proof.text, first="    · ", rest="      ")
        for place, line in proof.quotes:
            page.add(place, first="      ", style=Style.FAINT)
            page.verbatim(line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]} ...", first="        ")
    _add_part(page, "The cause")
    statements(page, story.cause)
    _add_part(page, "The remedy, in order")
    steps(page, story.remedy, indent=4)
    _add_part(page, "How to verify it")
    steps(page, story.verify, indent=4)


def _add_part(page: Page, heading: str) -> None:
    page.add("", first=f"   {heading}", mark=Style.STRONG)


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The JSON document."""
    return {
        "schema": SCHEMA,
        "outcome": diagnosis.outcome.value,
        "at": iso(diagnosis.at),
        "stories": [_story_json(story) for story in diagnosis.stories],
        "notes": [statement_json(one) for one in diagnosis.notes],
        "problems": [problem_json(one) for one in diagnosis.problems],
    }


def _story_json(story: Story) -> dict[str, Any]:
    return {
        "id": story.id,
        "title": story.title,
        "outcome": story.outcome.value,
        "seen": story.seen,
        "connector": story.connector,
        "thumbprint": story.thumbprint.lower() if story.thumbprint else None,
        "reply": story.reply,
        "happens": [statement_json(one) for one in story.happens],
        "proof": [
            {"text": one.text, "quotes": [{"place": place, "line": line} for place, line in one.quotes]}
            for one in story.proof
        ],
        "cause": [statement_json(one) for one in story.cause],
        "remedy": list(story.remedy),
        "verify": list(story.verify),
    }
