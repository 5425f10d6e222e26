"""What protocol logs say: a page, a document, and a row for each session."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from probe.exchange.logs.certificate import Cut, LogCertificate
from probe.exchange.logs.session import LogSession
from probe.exchange.logs.summary import CertificateChange, Group, LogSummary, Refused
from probe.exchange.problem import Problem
from probe.exchange.replies.catalogue import by_id
from probe.exchange.replies.entry import Entry
from probe.powershell import CONNECTOR, filled
from probe.render.exchange.documents import picked, plain
from probe.render.exchange.parts import fact, problems, stamp, title
from probe.render.page.options import RenderOptions
from probe.render.page.table import cell
from probe.render.page.text import Page, Style
from probe.render.report.facts import day, instant
from probe.text import counted

SCHEMA = "eop-probe/exchange-log/1"

#: The columns of the row that each session makes, which are the keys of its JSON line.
COLUMNS = (
    "started", "ended", "connector", "session", "server", "remote", "thumbprint", "subject", "issuer", "names",
    "tls", "delivered", "outcome", "reason", "reply", "file",
)  # fmt: skip

_CUTS = {
    Cut.FIELDS: "",
    Cut.INVENTORY: "",
    Cut.INFERRED: " (where the subject ends is inferred)",
    Cut.UNKNOWN: " (where the subject ends is not known: give --inventory)",
}


class LogReport(NamedTuple):
    """What the logs add up to, the files read, and what could not be read."""

    summary: LogSummary
    files: tuple[str, ...]
    problems: tuple[Problem, ...]


def render(report: LogReport, options: RenderOptions) -> str:
    """The page: a block for each connector and certificate, the changes, and what the refusals mean."""
    page = Page(options)
    summary = report.summary
    sessions = f"{counted(summary.sessions, 'session')} "
    page.add(f"in {counted(len(report.files), 'file')}", first=sessions, mark=Style.STRONG)
    for connector in dict.fromkeys(group.connector for group in summary.groups):
        title(page, f"Connector '{connector}'")
        for group in summary.groups:
            if group.connector == connector:
                _add_group(page, group)
    _add_changes(page, summary.changes)
    _add_meanings(page, summary)
    if summary.left_out:
        page.add(f"{summary.left_out} sessions more are not shown: too many certificates.", first="  ! ")
    problems(page, report.problems)
    return page.text


def _add_group(page: Page, group: Group) -> None:
    certificate = group.certificate
    thumbprint = certificate.thumbprint if certificate else None
    shown = thumbprint.upper() if thumbprint else "no certificate logged"
    figures = [counted(group.sessions, "session"), f"{counted(group.delivered, 'message')} delivered"]
    figures += [f"TLS failed in {group.tls_failed}"] if group.tls_failed else []
    figures += [f"{group.dropped} dropped"] if group.dropped else []
    style = Style.BAD if group.refused else Style.GOOD if group.delivered else Style.WARNING
    page.add(", ".join(figures), first=f"  {shown}  ", rest="    ", mark=style)
    if certificate is not None:
        _add_certificate(page, certificate, group)
    seen = stamp(group.first_seen)
    if group.last_seen != group.first_seen:
        seen = f"{seen} to {stamp(group.last_seen)}"
    fact(page, "seen", seen + (f", from {', '.join(group.servers)}" if group.servers else ""))
    for one in group.refused:
        _add_refused(page, one)


def _add_certificate(page: Page, certificate: LogCertificate, group: Group) -> None:
    fact(page, "subject", (certificate.subject or "not told apart from the issuer") + _CUTS[certificate.cut])
    fact(page, "issuer", certificate.issuer or "not told apart from the subject")
    if certificate.names:
        fact(page, "names", ", ".join(certificate.names))
    if certificate.not_before and certificate.not_after:
        fact(page, "valid", f"{day(certificate.not_before)} to {day(certificate.not_after)}")
    if group.listed is not None:
        fact(page, "inventory", "holds it" if group.listed else "does not hold it")


def _add_refused(page: Page, one: Refused) -> None:
    entry = by_id().get(one.reason)
    named = entry.title if entry else "a reply that the catalogue does not know"
    page.add(f"{counted(one.sessions, 'session')}: {named}", first="    ✗ ", mark=Style.BAD)
    page.verbatim(one.first.reply, first="      ", style=Style.BAD)
    first = f"first at {stamp(one.first.at)}, session {one.first.session}, {one.first.source}"
    page.add(first, first="      ")


def _add_changes(page: Page, changes: tuple[CertificateChange, ...]) -> None:
    if changes:
        title(page, "Changes of certificate")
    for one in changes:
        both = "; both are used in turns" if one.overlapping else ""
        where = f" on {one.server}" if one.server else ""
        text = f"'{one.connector}'{where}: {one.before.upper()} gave way to {one.after.upper()}{both}"
        page.add(text, first=f"  {stamp(one.at)}  ", rest="    ")


def _add_meanings(page: Page, summary: LogSummary) -> None:
    for entry in meanings(summary):
        title(page, "Meaning", entry.title)
        page.add(f"{entry.judge} ({entry.label.value})", first="  ")
        page.add(entry.meaning, first="  ")
        page.add("What to do:", first="  ")
        named = {
            group.connector for group in summary.groups if entry.id in (one.reason for one in group.refused)
        }
        page.steps(filled(entry.remedy, {CONNECTOR: named.pop() if len(named) == 1 else None}))
    if any(group.refused for group in summary.groups):
        page.blank()
        page.add(
            "With exports of certificates and connectors beside the logs, the command exchange diagnose "
            "tells the cause and the steps for your connector.",
            style=Style.FAINT,
        )


def meanings(summary: LogSummary) -> tuple[Entry, ...]:
    """The catalogue's entries of everything that was refused, in its order."""
    reasons = {one.reason for group in summary.groups for one in group.refused}
    return tuple(entry for name, entry in by_id().items() if name in reasons)


def document(report: LogReport) -> dict[str, Any]:
    change = "connector server at before after overlapping"
    return {
        "schema": SCHEMA,
        **picked(report, "files sessions=summary.sessions left_out=summary.left_out"),
        "groups": [_group_json(group) for group in report.summary.groups],
        "changes": [picked(one, change) for one in report.summary.changes],
        "problems": plain(report.problems),
    }


def _group_json(group: Group) -> dict[str, Any]:
    certificate = "thumbprint subject issuer serial names not_before not_after cut"
    refused = "reason sessions reply=first.reply session=first.session file=first.source at=first.at"
    return {
        "connector": group.connector,
        "certificate": picked(group.certificate, certificate) if group.certificate else None,
        **picked(group, "sessions delivered tls_failed dropped first_seen last_seen servers listed"),
        "refused": [picked(one, refused) for one in group.refused],
    }


def session_row(session: LogSession) -> dict[str, Any]:
    """One session as a flat row."""
    sent, reason = session.sent, session.reason
    tls = (session.tls.version or session.tls.error) if session.tls else None
    values = (
        instant(session.started), instant(session.ended), session.connector, session.id, session.local_endpoint,
        session.remote_endpoint, sent.thumbprint if sent else None, sent.subject if sent else None,
        sent.issuer if sent else None, ";".join(sent.names) if sent else None, tls, session.delivered,
        session.outcome.value, reason.reason if reason else None, reason.reply.text if reason else None,
        session.source,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The rows as CSV (RFC 4180), headings first; no cell is a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([cell(value) for value in row.values()])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
