"""What the commands on fleets share: the file, which of its targets are meant, and the pace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import typer

from probe.check.options import CheckOptions
from probe.check.pace import DEFAULT_PACE, Pace
from probe.cli import options as shared
from probe.cli.declare import finite, option, refuse_read
from probe.eop.vocabulary import ConnectorMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probe.fleet.entries import Entry
    from probe.fleet.selection import Selection
    from probe.fleet.source import Fleet

FleetWord = Annotated[
    str,
    typer.Argument(
        metavar="[FILE]",
        help="fleet.toml; a file of targets as CSV, JSON lines or a target a line; @FILE for one whatever its name; or "
        "- for standard input.",
        show_default=True,
    ),
]


class Wanted(NamedTuple):
    """Which targets, how fast, and how Exchange Online as the sender is asked after."""

    only: Annotated[
        list[str] | None,
        option("--only LABEL=VALUE", "Only targets with this label; `group` is one, too. Repeatable."),
    ] = None
    shard: Annotated[
        str | None, option("--shard I/N", "Only this share of the targets; each is always in the same one.")
    ] = None
    concurrency: Annotated[int, option("--concurrency N", "Connections open at once.", min=1, max=10_000)] = (
        DEFAULT_PACE.concurrency
    )
    rate: Annotated[
        float,
        option(
            "--rate N",
            "Connections begun a second to one network (/24, /64), or to one operator's mail exchangers.",
            callback=finite,
            min=0.001,
            max=10_000,
        ),
    ] = DEFAULT_PACE.per_network_rate
    resolver: shared.Resolver = None
    dnssec_resolver: shared.DnssecResolver = None
    connector_mode: shared.ConnectorModes = ConnectorMode.OPPORTUNISTIC

    def selection(self) -> Selection:
        """Which targets are meant; raises ConfigurationError."""
        from probe.fleet.selection import selection

        return selection(self.only or (), self.shard)

    def pace(self) -> Pace:
        """The pace of the run."""
        return Pace(self.concurrency, per_network_rate=self.rate, per_operator_rate=self.rate)


class Opened(NamedTuple):
    """A fleet that was read without a mistake, and what is common to its checks."""

    fleet: Fleet
    selection: Selection
    base: CheckOptions

    def entries(self, standard_input: BinaryIO | None = None) -> Iterator[Entry]:
        """The targets that are meant."""
        return self.selection.of(self.fleet.entries(standard_input))

    def whole(self) -> Opened:
        """The same, of every share."""
        return self._replace(selection=self.selection._replace(shard=None))

    def total(self) -> int | None:
        """How many they are; None where only the end of standard input will tell."""
        if self.fleet.count is None or not (self.selection.labels or self.selection.shard):
            return self.fleet.count
        return sum(1 for _ in self.entries())


def opened(
    word: str, wanted: Wanted, stores: shared.Stores, output: str | None, *, hold: bool = False
) -> Opened:
    """Read the fleet and its trust stores; raises ConfigurationError with every mistake, OutputError."""
    from probe.fleet.entries import Judges
    from probe.fleet.source import Fleet

    selection = wanted.selection()
    judges = Judges(lambda names: stores._replace(store=list(names) or stores.store).loader())
    plain = CheckOptions(stores=judges.of(()), nameserver=wanted.resolver)
    base = shared.Sender(wanted.dnssec_resolver, wanted.connector_mode).of(plain)
    fleet = Fleet(word, judges, hold=hold)
    refuse_read(output, fleet.files)
    return Opened(fleet, selection, base)
