"""Reports as they came in: each counted once, however often it was given, and the proven one where two differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from probe.exchange.problem import Problem, quoted
from probe.exchange.tlsrpt.report import Proof, TlsReport
from probe.values import value


@value
class Received:
    """A report, whose it is proven to be, and every place where it was found."""

    report: TlsReport
    proof: Proof
    places: tuple[str, ...]


#: How far a report's day may lie ahead: some count from their own midnight.
AHEAD = timedelta(days=1)


def once(found: Iterable[Received], now: datetime) -> tuple[tuple[Received, ...], tuple[Problem, ...]]:
    """Every report once, with the best proof there is of it, in the order of the first place each was found at.

    Of reports that bear one id and differ the proven ones count; where none is proven all do. Of one whose day has not
    come the day does not count: it would stand before all that was really seen. All of that is told.
    """
    same: dict[TlsReport, Received] = {}
    for one in found:
        before = same.get(one.report)
        if before is None:
            same[one.report] = one
        else:
            proof = before.proof if before.proof.proven else one.proof if one.proof.proven else before.proof
            same[one.report] = replace(before, proof=proof, places=(*before.places, *one.places))
    kept, problems = _agreeing(tuple(same.values()))
    early = {one.places[0]: one.report.day for one in kept if _early(one.report, now)}
    told = tuple(
        Problem(place, None, "date-range", f"is of {day}, which has not come yet; its day does not count.")
        for place, day in early.items()
    )
    return tuple(map(partial(_dated, now), kept)), (*problems, *told)


def _early(report: TlsReport, now: datetime) -> bool:
    return report.day is not None and report.day > (now + AHEAD).date()


def _dated(now: datetime, one: Received) -> Received:
    return replace(one, report=replace(one.report, begin=None, end=None)) if _early(one.report, now) else one


def _agreeing(found: tuple[Received, ...]) -> tuple[tuple[Received, ...], tuple[Problem, ...]]:
    proven = {_name(one) for one in found if one.proof.proven}
    first: dict[tuple[str, str], Received] = {}
    kept: list[Received] = []
    problems: list[Problem] = []
    for one in found:
        name = _name(one)
        other = first.setdefault(name, one)
        contradicts = bool(one.report.id) and not one.proof.proven and (name in proven or other is not one)
        if contradicts:
            told = (
                "that is proven, and was left out" if name in proven else f"in {other.places[0]}; both count"
            )
            said = f"{quoted(one.report.id)} is the id of another report {told}."
            problems.append(Problem(one.places[0], None, "report-id", said))
        if not contradicts or name not in proven:
            kept.append(one)
    return tuple(kept), tuple(problems)


def _name(one: Received) -> tuple[str, str]:
    return one.report.organization.lower(), one.report.id
