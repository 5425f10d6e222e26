"""``eop-probe exchange select``: which certificate Exchange will choose, and what a planned change does to that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from probe.cli import options as shared
from probe.cli.declare import option
from probe.cli.exchange import common
from probe.cli.exit_codes import finish
from probe.cli.output import PageOutput, warn
from probe.errors import ConfigurationError, InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.eop.outlook import ChainJudge
    from probe.eop.vocabulary import Outcome
    from probe.evidence_files import EvidenceFiles
    from probe.exchange.exports.joining import Gathered
    from probe.exchange.exports.wizard_log import HcwChange
    from probe.exchange.inventory import Inventory
    from probe.exchange.selection.planned import ConnectorT, Transition
    from probe.exchange.selection.servers import ServerComparison
    from probe.pki.certificate import Certificate
    from probe.render.exchange.select import Row, SelectReport


class Planned(NamedTuple):
    """A planned change: what is as if it were already so."""

    with_file: Annotated[
        list[Path] | None,
        option(
            "--with FILE",
            "As if this certificate (PFX, PEM, ...) were installed and enabled for SMTP. Repeatable.",
        ),
    ] = None
    without: Annotated[
        list[str] | None,
        option("--without THUMBPRINT", "As if this certificate were removed. Repeatable."),
    ] = None
    set_tls_certificate_name: Annotated[
        list[str] | None,
        option(
            "--set-tls-certificate-name NAME=STRING",
            "As if the connector had this TlsCertificateName: <I>issuer<S>subject, a thumbprint whose issuer "
            "and subject to take, or nothing to unset it. Repeatable.",
        ),
    ] = None

    def changes(
        self, gathered: Gathered, password_file: Path | None, servers: tuple[str, ...]
    ) -> tuple[_Change, ...]:
        """Its parts; raises ConfigurationError, InputError."""
        return (
            *(_added(path, password_file, servers) for path in self.with_file or ()),
            *(_removed(gathered, thumbprint, servers) for thumbprint in self.without or ()),
            *(_pinned(gathered, pair) for pair in self.set_tls_certificate_name or ()),
        )


def select(
    files: common.Files,
    server: common.Server = None,
    *,
    connector: str | None = option("--connector NAME", "Only this connector, even if disabled."),
    planned: Planned,
    chain: common.Chain = None,
    ip: common.Address = None,
    stores: shared.Stores,
    at: shared.At = None,
    password_file: common.PasswordFile = None,
    output: PageOutput,
    verbose: bool = option("--verbose -v", "All certificates, not only the fitting.", default=False),
) -> None:
    """Say which certificate Exchange chooses for each connector, and what Exchange Online says to it.

    Exit codes: 0 accepted, 1 ambiguous or at risk, 2 refused, 3 unknown, the worst of the enabled Send
    connectors to Exchange Online. With a planned change: 0 safe, 1 risky, 2 it breaks mail; of one without
    effect what holds without it.
    """
    from probe.eop.outlook import ChainJudge
    from probe.net import clock
    from probe.render.exchange import select as page

    found, gathered = common.gather_files(files, server)
    changes = planned.changes(gathered, password_file, (server,) if server else ())
    load = stores.loader()
    brought = (one for change in changes for one in change.issuers)
    extra = (*common.issuers(found, chain or (), password_file), *brought)
    simulation = _Simulation(
        gathered,
        server,
        connector,
        shared.parse_instant(at) or clock.now(),
        lambda inventory, at: ChainJudge(inventory, extra, load(), at),
        shared.parse_address(ip),
    )
    report = simulation.report(found, changes)
    output.deliver(page, report, verbose=verbose)
    finish(report.exit_code)


class _Change(NamedTuple):
    """One part of a planned change: what it is in words, how it is made, and the issuers it brings."""

    words: str
    make: Callable[[Gathered], Gathered]
    issuers: tuple[Certificate, ...] = ()


def _added(path: Path, password_file: Path | None, servers: tuple[str, ...]) -> _Change:
    from probe.cli.passwords import Passwords
    from probe.exchange.selection.planned import with_certificates
    from probe.pki.certificate import Certificate

    name, held = printable(str(path)), Passwords(password_file).open(path)
    leaf = held.leaf
    if not held.keys:
        warn(f"{name} holds no private key; it is taken to be installed with its key")
    return _Change(
        f"with {leaf.sha1.upper()} of {name}, enabled for SMTP",
        lambda it: replace(it, inventory=with_certificates(it.inventory, (leaf,), servers)),
        tuple(one for one in held.entries if isinstance(one, Certificate) and one != leaf),
    )


def _removed(gathered: Gathered, thumbprint: str, servers: tuple[str, ...]) -> _Change:
    from probe.exchange.selection.planned import without

    name = printable(thumbprint, 60)
    if not gathered.inventory.find(thumbprint):
        raise ConfigurationError(f"--without: {name} is in no file given")
    return _Change(
        f"without {name.upper()}",
        lambda it: replace(it, inventory=without(it.inventory, thumbprint, servers)),
    )


def _pinned(gathered: Gathered, pair: str) -> _Change:
    from probe.exchange.selection.planned import pin_for, set_tls_certificate_name

    name, equals, text = pair.partition("=")
    names = {one.name.lower() for one in gathered.send_connectors}
    names |= {one.name.lower() for one in gathered.receive_connectors}
    if not equals or name.lower() not in names:
        raise ConfigurationError(
            f'--set-tls-certificate-name: "{printable(pair, 100)}" is not NAME=STRING with the name of a Send '
            "or Receive connector in the files given"
        )
    known = gathered.inventory.find(text)
    to = pin_for(known[0]) if known else text
    if not known and text and "<" not in text:
        raise ConfigurationError(f"--set-tls-certificate-name: {printable(text, 60)} is in no file given")

    def pinned(one: ConnectorT) -> ConnectorT:
        return set_tls_certificate_name(one, to) if one.name.lower() == name.lower() else one

    return _Change(
        f"'{name}' with TlsCertificateName {to or 'unset'}",
        lambda it: replace(
            it,
            send_connectors=tuple(map(pinned, it.send_connectors)),
            receive_connectors=tuple(map(pinned, it.receive_connectors)),
        ),
    )


class _Simulation(NamedTuple):
    """The selections of every connector asked for, on every server, at one instant."""

    gathered: Gathered
    server: str | None
    connector: str | None
    at: datetime
    judge: Callable[[Inventory, datetime], ChainJudge]
    address: str | None

    def report(self, found: EvidenceFiles, changes: Sequence[_Change]) -> SelectReport:
        from probe.exchange.selection.hybrid import check_hybrid
        from probe.render.exchange.select import SelectReport

        before = after = self.gathered
        for change in changes:
            after = change.make(after)
        rows, earlier = self._rows(after), self._rows(before) if changes else ()
        if not rows:
            which = f"connector '{printable(self.connector)}'" if self.connector else "enabled connector"
            raise InputError(f"the files hold no {which}; export them as `eop-probe exchange export` says")
        return SelectReport(
            at=self.at,
            rows=rows,
            comparisons=self._comparisons(rows, after),
            deviations=check_hybrid(
                (
                    *after.send_connectors,
                    *after.receive_connectors,
                    *after.inbound_connectors,
                    *after.outbound_connectors,
                )
            ),
            wizard=_wizard(found),
            change=tuple(change.words for change in changes),
            steps=self._steps(earlier, rows, after),
            before=_outcome(earlier) if changes else None,
            outcome=_outcome(rows),
            problems=(*found.problems, *before.problems),
        )

    def _wanted(self, name: str, *, enabled: bool | None) -> bool:
        if self.connector is not None:
            return name.lower() == self.connector.lower()
        return enabled is not False

    def _rows(self, gathered: Gathered) -> tuple[Row, ...]:
        from probe.eop.outlook import Tenant, outlook, sends_to_exchange_online
        from probe.exchange.selection.choose import select_for_receive, select_on_sources
        from probe.render.exchange.select import Row

        judge = self.judge(gathered.inventory, self.at)
        tenant = Tenant(gathered.inbound_connectors, gathered.accepted_domains, self.address)
        rows: list[Row] = []
        for send in gathered.send_connectors:
            if not self._wanted(send.name, enabled=send.enabled):
                continue
            eop = sends_to_exchange_online(send)
            selections = select_on_sources(send, gathered.inventory, self.at, self.server)
            for one in selections:
                made = outlook(send, one, judge, tenant) if eop is not False else None
                rows.append(Row(one, eop, made))
        for receive in gathered.receive_connectors:
            if self._wanted(receive.name, enabled=receive.enabled):
                one = select_for_receive(receive, gathered.inventory, self.server, self.at)
                rows.append(Row(one, eop=False, outlook=None))
        return tuple(rows)

    def _comparisons(self, rows: Sequence[Row], gathered: Gathered) -> tuple[ServerComparison, ...]:
        from probe.exchange.selection.servers import compare_servers

        judge = self.judge(gathered.inventory, self.at)
        found = []
        for name in dict.fromkeys(row.selection.connector for row in rows if row.selection.sends):
            mine = [row for row in rows if row.selection.sends and row.selection.connector == name]
            if len(mine) > 1:
                refused = judge.refused if mine[0].outlook is not None else _never
                found.append(compare_servers([row.selection for row in mine], refused))
        return tuple(found)

    def _steps(
        self, before: Sequence[Row], after: Sequence[Row], gathered: Gathered
    ) -> tuple[Transition, ...]:
        """Compare; what Exchange Online thinks of a root counts only for connectors that lead there."""
        if not before:
            return ()
        from probe.exchange.selection.planned import plan

        judge = self.judge(gathered.inventory, self.at)
        steps: list[Transition] = []
        for to_eop in (True, False):
            old, new = (
                [row.selection for row in rows if (row.outlook is not None) is to_eop]
                for rows in (before, after)
            )
            steps += plan(old, new, judge.refused if to_eop else _never)
        return tuple(steps)


def _outcome(rows: Sequence[Row]) -> Outcome:
    from probe.eop.vocabulary import Outcome

    return Outcome.worst(tuple(row.outlook.outcome for row in rows if row.outlook is not None))


def _never(_record: object) -> bool | None:
    return False


def _wizard(found: EvidenceFiles) -> tuple[HcwChange, ...]:
    from probe.exchange.exports.wizard_log import changes, scan

    # In a listing each connector has its own value: none of them was changed into the next one's.
    listings = {one.name for one in found.exports if one.send_connectors or one.inbound_connectors}
    values = (value for text in found.texts for value in scan(text.name, text.text))
    return changes(
        one for one in values if one.file not in listings or not one.proof.startswith(one.parameter)
    )
