"""TLS reports for a person: the verdict, each domain's policies, what the failures mean, and whose word it is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from probe.eop.vocabulary import WORST_FIRST, Outcome
from probe.exchange.tlsrpt import kinds
from probe.exchange.tlsrpt.report import MICROSOFT, PolicyType
from probe.render.exchange.parts import problems, statements, title
from probe.render.page.options import RenderOptions
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.render.tlsrpt.words import NOT_ADDED, POLICIES, domain, meanings, total, whole
from probe.report.tlsrpt import PolicyDay, Series, TlsReports, kinds_of
from probe.text import counted, listed

#: Failures of one day, and reports of one kind, that are shown without --verbose; the other formats have all.
MAX_SHOWN = 3


def render(reports: TlsReports, options: RenderOptions) -> str:
    page = Page(options)
    outcome, mark = reports.outcome.value, OUTCOME_STYLES[reports.outcome]
    page.add(_told(reports), first=f"{outcome.upper()}  ", mark=mark)
    for name, found in groupby(reports.series, lambda one: one.domain):
        title(page, domain(name))
        _add_domain(page, tuple(found), options)
    _add_meanings(page, reports)
    _add_reports(page, reports, options)
    problems(page, reports.problems)
    return page.text


def _told(reports: TlsReports) -> str:
    found = sorted(reports.series, key=lambda one: WORST_FIRST.index(one.outcome))
    bad = [one for one in found if one.outcome in (Outcome.REJECTED, Outcome.AT_RISK)]
    told = "on the newest day of every policy no session failed" if found else ""
    if bad:
        worst, more = bad[0], f"; {len(bad) - 1} more below" if len(bad) > 1 else ""
        where = f"{domain(worst.domain)}, {POLICIES[worst.policy]}"
        told = f"{where}: {_count(worst.newest)} from {worst.sender} failed {_when(worst)}{more}"
    if reports.outcome is not Outcome.UNKNOWN:
        return told
    unread = f"{counted(reports.unread, 'report')} could not be read"
    return "; ".join(filter(None, (unread, told))) if reports.unread else "no sessions are told of"


def _when(series: Series) -> str:
    return f"on {series.newest[0].day}" if series.newest[0].day else "on a day not told"


def _count(days: Sequence[PolicyDay]) -> str:
    sessions, failed = total(days)
    if not failed:
        return "sessions, how many is not told,"
    if not whole(days):
        return f"{counted(failed, 'session')}, of how many is not told,"
    if failed == sessions:
        return "the only session" if sessions == 1 else f"all {sessions:,} sessions"
    return f"{failed:,} of {counted(sessions, 'session')}"


def _add_domain(page: Page, found: Sequence[Series], options: RenderOptions) -> None:
    for series in found:
        mode = next((one.policy.mode for one in reversed(series.days) if one.policy.mode), "")
        name = f"{series.sender}, {POLICIES[series.policy]}{f' ({mode})' if mode else ''}"
        proof = "proven by Microsoft" if series.proven else "supplied"
        page.add(f"{series.outcome.value}, {proof}", first=f"  {name}  ", mark=OUTCOME_STYLES[series.outcome])
        sessions, failed = total(series.days)
        if len(series.days) > 1:
            none = f"{failed:,} failed" if failed else "none failed" if sessions else "no sessions"
            so_far = "" if whole(series.days) else ", as far as is told"
            page.add(f"{_days(series)}: {counted(sessions, 'session')}, {none}{so_far}", first="    ")
        every = options.verbose or len(series.days) == 1
        shown = [one for one in series.days if every or one.policy.failed or one.policy.failures]
        for one in shown:
            _add_day(page, one, options)
        if shown and series.outcome is Outcome.ACCEPTED and failed:
            page.add(f"{_when(series)} none failed".capitalize(), first="    ")
    if {PolicyType.TLSA, PolicyType.STS} <= {one.policy for one in found}:
        page.add(NOT_ADDED, first="  ", style=Style.FAINT)


def _days(series: Series) -> str:
    days = sorted({one.day for one in series.days if one.day})
    if not days:
        return "on a day not told"
    return f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}, {counted(len(days), 'day')}"


def _add_day(page: Page, one: PolicyDay, options: RenderOptions) -> None:
    met = ", ".join(
        f"{kind} {sessions:,}" if sessions else kind for kind, sessions in kinds_of([one]).items()
    )
    failed = f"{_count([one])} failed" if one.policy.failed else _good(one)
    said = f"{failed}: {met}" if met else failed
    page.add(said, first=f"    {one.day or 'day not told'}  ", style=Style.PLAIN if not met else Style.STRONG)
    told = [one for one in one.policy.failures if one.host or one.address or one.reason or one.more]
    for failure in told if options.verbose else told[:MAX_SHOWN]:
        place = " ".join(filter(None, (failure.host, f"({failure.address})" if failure.address else "")))
        words = "; ".join(filter(None, (failure.reason, failure.more)))
        page.add(": ".join(filter(None, (place, failure.kind, words))), first="      ", rest="        ")
    if len(told) > MAX_SHOWN and not options.verbose:
        page.add(f"{len(told) - MAX_SHOWN} more; --verbose shows them", first="      ", style=Style.FAINT)


def _good(one: PolicyDay) -> str:
    policy = one.policy
    if policy.succeeded is None:
        return "sessions not told"
    good = counted(policy.succeeded, "session")
    if policy.failed is None:
        return f"{good} succeeded, how many failed is not told"
    own = ", by the report's own sum" if policy.failures else ""
    return f"{good}, none failed{own}"


def _add_meanings(page: Page, reports: TlsReports) -> None:
    found = tuple(meanings(reports))
    if found:
        title(page, "What the failures mean")
    for one in found:
        where = listed([domain(name) for name in one.domains])
        page.add(f"{POLICIES[one.policy]}, {where}", first=f"  {one.kind}  ", mark=Style.STRONG)
        statements(page, one.meaning)
        page.steps(one.remedy, indent=4)
    page.steps(
        kinds.checks(dict.fromkeys(name for one in found for name in one.domains)), indent=2, bullet="·"
    )


def _add_reports(page: Page, reports: TlsReports, options: RenderOptions) -> None:
    proven = sum(one.proof.proven for one in reports.received)
    count = counted(len(reports.received), "report")
    title(
        page,
        "Reports",
        f"{count}: {proven} proven by Microsoft's signature, {len(reports.received) - proven} supplied",
    )
    doubted = [
        f"{one.places[0]}: supplied. {one.proof.reason}"
        for one in reports.received
        if one.report.organization == MICROSOFT and not one.proof.proven
    ]
    again = [
        f"{listed(one.places[1:])}: the same report as {one.places[0]}, counted once"
        for one in reports.received
        if len(one.places) > 1
    ]
    for told in (doubted, again):
        for text in told if options.verbose else told[:MAX_SHOWN]:
            page.add(text, first="  · ")
        if len(told) > MAX_SHOWN and not options.verbose:
            page.add(f"{len(told) - MAX_SHOWN} more like this; --verbose shows them", first="  · ")
    if reports.others:
        page.add(f"{counted(reports.others, 'other')} held no report", first="  · ")
