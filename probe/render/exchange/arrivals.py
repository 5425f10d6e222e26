"""Messages that arrived, as pages and documents tell what their headers confirm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from probe.exchange.messages.arrival import Arrival
from probe.exchange.messages.confirmation import told
from probe.render.exchange.documents import picked
from probe.render.exchange.parts import statements, title
from probe.render.page.text import Page

HEADING = "Messages that arrived"


def add_arrivals(page: Page, arrivals: Iterable[Arrival]) -> None:
    """Add what each message confirms or does not."""
    for number, one in enumerate(arrivals):
        if number == 0:
            title(page, HEADING)
        statements(page, told(one), indent=2)


def arrivals_json(arrivals: Iterable[Arrival]) -> list[dict[str, Any]]:
    return [
        {
            "proof": "supplied",
            **picked(
                one, "source direction endpoint address host at tls_version cipher tenant tenants internal"
            ),
            **picked(one, "auth_as directionality hops_left_out confirmed", statements=tuple(told(one))),
        }
        for one in arrivals
    ]
