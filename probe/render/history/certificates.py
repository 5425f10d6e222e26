"""The certificates that are shown now: a page with each once and its endpoints, and a row for each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from probe.pki.certificate import Certificate
from probe.render.history.words import SHORT, place
from probe.render.page.options import RenderOptions
from probe.render.page.table import csv_row
from probe.render.page.text import Page, Style
from probe.render.report.facts import day, instant
from probe.report.changes import Certificates
from probe.report.periods import Held
from probe.text import counted, duration

COLUMNS = ("not_after", "sha256", "end", "subject", "issuer", "names", "endpoints")


def render(found: Sequence[Held], certificates: Certificates, now: datetime, options: RenderOptions) -> str:
    """A block for each certificate, the soonest to expire first."""
    page = Page(options)
    for held in found:
        certificate = certificates(held.sha256)
        if isinstance(certificate, Certificate):
            over = certificate.not_after < now
            left = now - certificate.not_after if over else certificate.not_after - now
            style = Style.BAD if over else Style.PLAIN
            when = f"{'expired' if over else 'expires'} {day(certificate.not_after)}"
            page.add(f"{duration(left)}{' ago' if over else ''}", first=f"{when}  ", mark=style)
            behind = "" if held.end else ", sent behind others"
            who, issuer = certificate.subject.short, certificate.issuer.short
            page.add(f"{who} from {issuer}{behind} ({held.sha256[:SHORT]})", first="  ", style=Style.STRONG)
        else:
            page.add(f"an unreadable certificate ({held.sha256[:SHORT]})")
        for endpoint in held.endpoints:
            page.add(place(endpoint), first="    ", rest="      ")
    page.blank()
    page.add(counted(len(found), "certificate") if found else "No certificate")
    return page.text


def csv(found: Sequence[Held], certificates: Certificates) -> str:
    """The header, and a row for each certificate."""
    return csv_row(COLUMNS) + "".join(csv_row(_cells(held, certificates(held.sha256))) for held in found)


def _cells(held: Held, certificate: object) -> tuple[object, ...]:
    endpoints = "; ".join(map(place, held.endpoints))
    end = "yes" if held.end else "no"
    if not isinstance(certificate, Certificate):
        return None, held.sha256, end, None, None, None, endpoints
    names = (certificate.subject.windows, certificate.issuer.windows, " ".join(certificate.dns_names))
    return instant(certificate.not_after), held.sha256, end, *names, endpoints
