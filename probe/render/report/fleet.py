"""The table of a fleet: a row for each endpoint, the worst first, the same in a report and on a server's pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from probe.eop.forecast import Turn, soonest
from probe.eop.vocabulary import WORST_FIRST
from probe.render.report.facts import day, deciding_rule, label, path_certificates, reply, soonest_expiry
from probe.render.report.wording import verdict_sentence
from probe.report.assessment import Assessment

#: Rows of a table that a browser lays out at once; its script shows more when asked to.
AT_ONCE = 100

#: What stands in every table of a fleet, and what a server knows besides.
HEADS = ("Outcome", "Endpoint", "Why", "Expires", "Next change")


class Row(NamedTuple):
    """One endpoint: `link` leads to all of it, `brief` tells it where there is no more; `cells` follow its name."""

    outcome: str
    name: str
    link: str
    cells: tuple[str, ...]
    brief: tuple[str, ...] = ()


class Table(NamedTuple):
    """What a fleet's table is filled from; `counts` are of each outcome, the worst first."""

    heads: tuple[str, ...]
    rows: list[Row]
    counts: list[tuple[str, int]]

    @property
    def parts(self) -> list[list[Row]]:
        """The rows that are shown first, and the others."""
        return [part for part in (self.rows[:AT_ONCE], self.rows[AT_ONCE:]) if part]


def table(rows: list[Row], heads: tuple[str, ...] = HEADS) -> Table:
    """The table of these rows."""
    found = Counter(row.outcome for row in rows)
    return Table(heads, rows, [(each.value, found[each.value]) for each in WORST_FIRST if found[each.value]])


def row(assessment: Assessment, anchor: str) -> Row:
    """The row of one assessment, which is told in full at the anchor, or else in brief."""
    expires = soonest_expiry(path_certificates(assessment))
    why = deciding_rule(assessment) or ""
    return Row(
        assessment.outcome.value,
        label(assessment),
        anchor and f"#{anchor}",
        (why, dated(expires), turn_words(soonest(assessment.forecast))),
        () if anchor else tuple(_brief(assessment)),
    )


def dated(moment: datetime | None) -> str:
    """A day, or nothing."""
    return day(moment) if moment else ""


def turn_words(turn: Turn | None) -> str:
    """``2026-12-24 rejected (expired)``."""
    if turn is None:
        return ""
    return f"{day(turn.at)} {turn.outcome.value}" + (f" ({turn.rule})" if turn.rule else "")


def _brief(assessment: Assessment) -> Iterable[str]:
    """What matters most of an endpoint, in a few lines."""
    decided, error, leaf = assessment.deciding_finding, assessment.error, assessment.evidence.leaf
    yield verdict_sentence(assessment)
    if decided:
        yield decided.summary
    if said := reply(assessment):
        yield said
    if error:
        yield f"{error.message} ({error.phase.value})"
    if leaf:
        names = f"{leaf.subject.short}, issued by {leaf.issuer.short}"
        yield f"{names}, {day(leaf.not_before)} to {day(leaf.not_after)}, thumbprint {leaf.sha1.upper()}"
