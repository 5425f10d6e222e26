"""How a history's database is, and what was removed from it."""

from __future__ import annotations

from typing import Any

from probe.render.exchange.documents import picked
from probe.render.exchange.parts import fact
from probe.render.history.words import minute
from probe.render.page.options import RenderOptions
from probe.render.page.table import csv_row
from probe.render.page.text import Page, Style
from probe.report.upkeep import Health, Pruned
from probe.text import counted

DOCTOR, PRUNE = "eop-probe/history-doctor/1", "eop-probe/history-prune/1"
_HEALTH = "name system schema size log free first last problems"
_PRUNED = "spans endpoints certificates before after note"


def doctor(health: Health) -> dict[str, Any]:
    """How it is."""
    return {"schema": DOCTOR, "sound": not health.problems} | _health(health)


def prune(pruned: Pruned) -> dict[str, Any]:
    """What was removed; sizes in bytes."""
    return {"schema": PRUNE} | picked(pruned, _PRUNED)


def _health(health: Health) -> dict[str, Any]:
    told = picked(health, _HEALTH)
    rows = [{"table": name, "rows": rows} for name, rows in health.rows.items()]
    return {key if key != "schema" else "version": value for key, value in told.items()} | {"tables": rows}


def doctor_csv(health: Health) -> str:
    """The header and one row."""
    told = _health(health) | {"problems": "; ".join(health.problems)}
    del told["tables"]
    return csv_row([*told, *health.rows]) + csv_row([*told.values(), *health.rows.values()])


def prune_csv(pruned: Pruned) -> str:
    """The header and one row."""
    told = picked(pruned, _PRUNED)
    return csv_row(told) + csv_row(told.values())


def doctor_page(health: Health, options: RenderOptions) -> str:
    """The facts, then each problem."""
    page = Page(options)
    word, style = ("SOUND", Style.GOOD) if not health.problems else ("PROBLEMS", Style.BAD)
    page.add(health.name, first=f"{word}  ", mark=style)
    fact(page, "database", f"{health.system}, schema {health.schema}", indent=2)
    log = f", {_megabytes(health.log)} of log" if health.log else ""
    free = f", {_megabytes(health.free)} free on the disk" if health.free is not None else ""
    fact(page, "size", f"{_megabytes(health.size)}{log}{free}", indent=2)
    if health.first and health.last:
        fact(page, "looks", f"{minute(health.first)} to {minute(health.last)} UTC", indent=2)
    rows = ", ".join(f"{rows:,} {name}" for name, rows in health.rows.items() if rows)
    fact(page, "rows", rows or "none", indent=2)
    for problem in health.problems:
        page.add(problem, first="  ! ", mark=Style.WARNING)
    return page.text


def prune_page(pruned: Pruned, options: RenderOptions) -> str:
    """One sentence, and why room is not given back."""
    page = Page(options)
    page.add(
        f"{counted(pruned.spans, 'span')}, {counted(pruned.endpoints, 'endpoint')} and "
        f"{counted(pruned.certificates, 'certificate')} removed: {_megabytes(pruned.before)} before, "
        f"{_megabytes(pruned.after)} after"
    )
    if pruned.note:
        page.add(pruned.note)
    return page.text


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
