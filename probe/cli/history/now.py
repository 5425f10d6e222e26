"""``history diff``, ``history certificates`` and ``history export``: what was shown then and is shown now."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.history.common import TARGET, Reading, age, moment
from probe.cli.output import Output, write_to
from probe.cli.recording import History
from probe.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from probe.pki.certificate import Certificate, Unreadable
    from probe.report.changes import Certificates
    from probe.report.periods import Held
    from probe.report.record import Span

Target = Annotated[str | None, typer.Argument(metavar="[TARGET]", help=f"Only endpoints of {TARGET}.")]
_NEVER = datetime.max.replace(tzinfo=UTC)


class ExportFormat(enum.StrEnum):
    """How spans are written for other programs."""

    JSON = "json"
    CSV = "csv"


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="An instant, or 12h, 7d, 2w ago.")],
    after: Annotated[str, typer.Argument(metavar="B", help="A later one, or now.")] = "now",
    target: Target = None,
    *,
    reading: Reading,
) -> None:
    """Say what every endpoint showed at the instant A where that was otherwise at the instant B.

    As after an outage: diff "2026-11-20 17:00" now mail.contoso.com. What was repaired in between is no difference;
    `changes` tells it. An endpoint that is no longer looked at stays as it was last seen.
    """
    from probe.history.query import around
    from probe.net import clock
    from probe.render.history import diff as page
    from probe.render.history import documents
    from probe.report.periods import differences

    now = clock.now()
    begin, end = moment(before, "A", now), moment(after, "B", now)
    if begin >= end:
        raise ConfigurationError("A has to be before B")

    def read(connection: Connection) -> tuple[page.Diff, Certificates]:
        lives = around(connection, begin, target)
        found = page.Diff(begin, end, len(lives), tuple(differences(lives, begin, end)))
        sides = (side for one in found.found for side in (one.before, one.after) if side)
        return found, _held(connection, (leaf for side in sides for leaf in side.leaves))

    found, certificates = reading.read(read)
    reading.deliver(
        lambda: documents.diff(found, certificates),
        lambda: page.csv(found.found),
        lambda options: page.render(found, certificates, options),
    )
    finish(0)


def certificates(
    target: Target = None,
    *,
    expiring: Annotated[
        str | None, option("--expiring TIME", "Only what expires within it, as 30d; expired ones, too.")
    ] = None,
    seen: Annotated[
        str, option("--seen TIME", "Only of endpoints looked at within it before the history's last look.")
    ] = "7d",
    reading: Reading,
) -> None:
    """List the certificates that are shown now, each once with the endpoints that show it, the soonest to expire first.

    Those sent behind end certificates are listed, too. An endpoint in an outage counts with what it showed last.
    """
    from probe.net import clock
    from probe.render.history import certificates as page
    from probe.render.history import documents

    now = clock.now()
    until = now + age(expiring, "--expiring") if expiring is not None else _NEVER
    within = age(seen, "--seen")

    def read(connection: Connection) -> tuple[list[Held], Certificates]:
        from probe.history.query import around
        from probe.report.periods import held

        lives = around(connection, now, target)
        newest = max((life.periods[-1].last for life in lives), default=now)
        found = held(life for life in lives if newest - life.periods[-1].last <= within)
        known = _held(connection, (one.sha256 for one in found))
        placed = ((*_expiry(known(one.sha256)), one.sha256, one) for one in found)
        return [one for expiry, *_, one in sorted(placed) if expiry <= until], known

    found, known = reading.read(read)
    reading.deliver(
        lambda: documents.held(found, known),
        lambda: page.csv(found, known),
        lambda options: page.render(found, known, now, options),
    )
    finish(0)


def _expiry(certificate: Certificate | Unreadable | None) -> tuple[datetime, str]:
    """By what certificates are ordered: when it expires, and whose it is."""
    subject = getattr(certificate, "subject", None)
    return getattr(certificate, "not_after", _NEVER), subject.short if subject else ""


def _held(connection: Connection, leaves: Iterator[str]) -> Certificates:
    from probe.history.query import held

    return held(connection, leaves)


def export(
    target: Target = None,
    *,
    history: History = None,
    output_format: Annotated[
        ExportFormat,
        option(
            "--format",
            "json: JSON lines, certificates among them; csv: spans.",
            variable="HISTORY_EXPORT_FORMAT",
        ),
    ] = ExportFormat.JSON,
    since: Annotated[
        str | None, option("--since TIME", "Only what was seen since then: an instant, or 12h, 7d, 2w ago.")
    ] = None,
    output: Output = None,
) -> None:
    """Write what the history holds: a JSON line for each certificate, and for each span of looks that were alike."""
    from probe.history.query import endpoints_called, held, seen_since
    from probe.history.read import spans
    from probe.net import clock
    from probe.render.history.export import csv, lines

    begin = moment(since, "--since", clock.now()) if since is not None else None

    def read(connection: Connection) -> tuple[list[Span], Certificates]:
        where = [endpoints_called(connection, target)] if target else []
        found = list(spans(connection, *where, *([seen_since(begin)] if begin else [])))
        return found, held(connection, (sha for one in found for chain in one.state.chains for sha in chain))

    found, known = Reading(history).read(read)
    write_to(output, csv(found) if output_format is ExportFormat.CSV else lines(found, known))
    finish(0)
