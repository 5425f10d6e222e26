"""``fleet notify-test``: a message of no meaning through each channel, now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.fleet.description import FLEET_FILE
from probe.cli.output import write_out
from probe.errors import ConfigurationError
from probe.text import printable

if TYPE_CHECKING:
    from datetime import datetime

    from probe.alarms.channels.kinds import Channel
    from probe.alarms.document import Document

#: A channel that does not take a message ends like a refused certificate.
_NOT_SENT = 2


def notify_test(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="fleet.toml.")] = FLEET_FILE,
    *,
    channel: Annotated[
        list[str] | None, option("--channel NAME", "Only through this channel. Repeatable.")
    ] = None,
) -> None:
    """Send a test message through each channel of a fleet, and say what came of it.

    The exit code is 0 where all were sent, 2 where one was not, 3 where none could be tried.
    """
    from concurrent.futures import ThreadPoolExecutor

    from probe.alarms.channels.send import send
    from probe.net import clock

    channels = _channels(file, channel or [])
    document = _document(clock.now())
    with ThreadPoolExecutor(len(channels)) as pool:
        answers = list(pool.map(lambda one: send(one, document), channels))
    for one, answer in zip(channels, answers, strict=True):
        write_out(f"{printable(one.name)}: {'sent' if answer.sent else 'not sent'}: {answer.said}")
    finish(0 if all(answer.sent for answer in answers) else _NOT_SENT)


def _channels(file: str, names: list[str]) -> list[Channel]:
    """The channels that are meant; raises ConfigurationError."""
    from probe.cli.options import Stores
    from probe.fleet.entries import Judges
    from probe.fleet.source import Fleet

    judges = Judges(lambda stores: Stores(store=list(stores)).loader())
    alarms = Fleet(file, judges).alarms
    described = alarms.channels if alarms else ()
    known = [each.name for each in described]
    if not alarms or not described:
        raise ConfigurationError(f"{printable(file)} has no [[channel]]")
    for name in names:
        if name not in known:
            there = ", ".join(printable(str(each)) for each in known)
            raise ConfigurationError(f"there is no channel {printable(name)}; there are: {there}")
    return [alarms.channel(each, os.environ) for each in described if not names or each.name in names]


def _document(now: datetime) -> Document:
    from uuid import uuid4

    from probe.alarms.document import Document, Notice

    now = now.replace(microsecond=0)
    notice = Notice(
        event="test",
        alarm="test",
        target="test",
        direction="to-eop",
        outcome="accepted",
        verdict="This is a test of eop-probe: what it has to tell arrives here.",
        summary="Nothing is wrong.",
        since=now,
        endpoints=("no endpoint",),
    )
    return Document(id=uuid4().hex, at=now, notices=(notice,))
