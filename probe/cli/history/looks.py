"""``history show`` and ``history changes``: what was seen of an endpoint, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.history.common import TARGET, Reading, kinds, moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from probe.report.changes import Certificates, Change
    from probe.report.periods import Life


def show(
    target: Annotated[str, typer.Argument(help=f"Which endpoints: {TARGET}.")],
    *,
    since: Annotated[
        str | None, option("--since TIME", "Only what was seen since then: an instant, or 12h, 7d, 2w ago.")
    ] = None,
    reading: Reading,
) -> None:
    """Show the life of a target's endpoints: from when to when each showed which certificate, with which verdict.

    An outage in which single looks got through is one, and so is the time in which an address showed several
    certificates in turn.
    """
    from probe.history.query import endpoints_called, held, seen_since
    from probe.history.read import spans
    from probe.net import clock
    from probe.render.history import documents, timeline
    from probe.report.periods import lives

    window = [seen_since(moment(since, "--since", clock.now()))] if since is not None else []

    def read(connection: Connection) -> tuple[list[Life], Certificates]:
        found = lives(spans(connection, endpoints_called(connection, target), *window))
        leaves = (leaf for life in found for period in life.periods for leaf in period.leaves)
        return found, held(connection, leaves)

    found, certificates = reading.read(read)
    reading.deliver(
        lambda: documents.show(found, certificates),
        lambda: timeline.csv(found),
        lambda options: timeline.render(found, certificates, options),
    )
    finish(0)


def changes(
    target: Annotated[str | None, typer.Argument(help=f"Only endpoints of {TARGET}.")] = None,
    *,
    since: Annotated[str, option("--since TIME", "Since then: an instant, or 12h, 7d, 2w ago.")] = "7d",
    kind: Annotated[
        list[str] | None, option("--kind KIND", "Only changes of this kind, as renewed. Repeatable.")
    ] = None,
    reading: Reading,
) -> None:
    """Say what changed: each change once, with when it was first seen and when it was not yet.

    A swap is one change and its rollback another; an address that shows several certificates in turn is mixed, once.
    What is seen for the first time is no change.
    """
    from probe.history.query import changes_since, endpoints_called
    from probe.net import clock
    from probe.render.history import changes as page
    from probe.render.history import documents

    begin = moment(since, "--since", clock.now())
    wanted = kinds(kind)

    def read(connection: Connection) -> tuple[list[Change], Certificates]:
        where = [endpoints_called(connection, target)] if target else []
        found, known = changes_since(connection, begin, *where)
        return [one for one in found if one.kind in wanted], known

    found, certificates = reading.read(read)
    reading.deliver(
        lambda: documents.changes(found, begin, certificates),
        lambda: page.csv(found),
        lambda options: page.render(found, begin, certificates, options),
    )
    finish(0)
