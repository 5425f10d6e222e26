"""Message traces and reports of Exchange Online, as pages and documents tell what they say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from probe.exchange.traces.groups import TraceGroup, grouped, told
from probe.exchange.traces.report import Traces
from probe.render.exchange.documents import picked
from probe.render.exchange.parts import statements, title
from probe.render.page.text import Page

HEADING = "Message traces and reports"


def add_traces(page: Page, traces: Iterable[Traces]) -> None:
    """Add what each file says."""
    for number, one in enumerate(traces):
        if number == 0:
            title(page, HEADING)
        first, *others = told(one)
        statements(page, (first,), indent=2)
        statements(page, others)


def traces_json(traces: Iterable[Traces]) -> list[dict[str, Any]]:
    return [
        {
            **picked(one, "source kind", rows=one.number),
            "groups": [_group_json(group) for group in grouped(one.rows)],
            "columns": [
                {
                    "name": column.name,
                    "values": [{"value": said, "rows": rows} for said, rows in column.values],
                    "others": column.others,
                }
                for column in one.columns
            ],
            **picked(one, "", statements=tuple(told(one))),
        }
        for one in traces
    ]


def _group_json(group: TraceGroup) -> dict[str, Any]:
    row = group.example
    return {
        **picked(row, "status said direction tls=tls reply title=found.entry.title text"),
        **picked(group, "messages rows first last recipient_domains hosts"),
        "example": picked(row, "line=source.line at message_id sender recipient from_address to_address"),
    }
