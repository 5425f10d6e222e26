"""``eop-probe exchange select``: which certificate Exchange will choose, and what a planned change does to that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from probe.cli import options as shared
from probe.cli.declare import option
from probe.cli.exchange import common
from probe.cli.exit_codes import finish
from probe.cli.output import PlainOutput, warn
from probe.errors import ConfigurationError, InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.eop.outlook import ChainJudge
    from probe.evidence_files import EvidenceFiles
    from probe.exchange.exports.joining import Gathered
    from probe.exchange.exports.wizard_log import HcwChange
    from probe.exchange.inventory import Inventory
    from probe.exchange.selection.choose import Selection
    from probe.exchange.selection.planned import PlannedChange, Step
    from probe.exchange.selection.servers import ServerComparison
    from probe.pki.certificate import Certificate
    from probe.render.exchange.select import Row, SelectReport


def select(
    files: common.Files,
    server: common.Server = None,
    *,
    connector: Annotated[
        str | None, option("--connector NAME", "Only this connector, even if disabled.")
    ] = None,
    with_file: Annotated[
        list[Path] | None,
        option(
            "--with FILE",
            "As if this certificate (PFX, PEM, ...) were installed and enabled for SMTP. Repeatable.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        option("--without THUMBPRINT", "As if this certificate were removed. Repeatable."),
    ] = None,
    set_tls_certificate_name: Annotated[
        list[str] | None,
        option(
            "--set-tls-certificate-name NAME=STRING",
            "As if the connector had this TlsCertificateName: <I>issuer<S>subject, a thumbprint whose issuer "
            "and subject to take, or nothing to unset it. Repeatable.",
        ),
    ] = None,
    chain: common.Chain = None,
    ip: common.Address = None,
    stores: shared.Stores,
    at: shared.At = None,
    password_file: common.PasswordFile = None,
    output: PlainOutput,
    verbose: Annotated[bool, option("--verbose -v", "All certificates, not only the fitting.")] = False,
) -> None:
    """Say which certificate Exchange chooses for each connector, and what Exchange Online says to it.

    Exit codes: 0 accepted, 1 ambiguous or at risk, 2 refused, 3 unknown, the worst of the enabled Send
    connectors to Exchange Online. With a planned change: 0 safe, 1 risky, 2 it breaks mail.
    """
    from probe.eop.outlook import ChainJudge
    from probe.net import clock
    from probe.render.exchange import select as page

    found, gathered = common.gather_files(files, server)
    changes = _Changes(
        gathered, with_file or (), without or (), set_tls_certificate_name or (), password_file
    )
    load = stores.loader()
    extra = (*common.issuers(found, chain or (), password_file), *changes.issuers)
    simulation = _Simulation(
        gathered,
        server,
        connector,
        shared.parse_instant(at) or clock.now(),
        lambda inventory, at: ChainJudge(inventory, extra, load(), at),
        shared.parse_address(ip),
    )
    report = simulation.report(found, changes)
    output.deliver(page.document, page.render, report, verbose=verbose)
    finish(_code(report))


def _code(report: SelectReport) -> int:
    if report.plan is None:
        return report.outcome.exit_code
    from probe.exchange.selection.planned import PlanVerdict

    return tuple(PlanVerdict).index(report.plan.verdict)


class _Changes:
    """A planned change: what it is in words, and how it is made to what was gathered."""

    def __init__(
        self,
        gathered: Gathered,
        with_files: Sequence[Path],
        without: Sequence[str],
        pins: Sequence[str],
        password_file: Path | None,
    ) -> None:
        self.words: list[str] = []
        self.issuers: list[Certificate] = []
        self._steps: list[Callable[[Gathered], Gathered]] = []
        self._server: tuple[str, ...] = ()
        for path in with_files:
            self._add(path, password_file)
        for thumbprint in without:
            self._remove(gathered, thumbprint)
        for pair in pins:
            self._pin(gathered, pair)

    def made(self, gathered: Gathered, server: str | None) -> Gathered:
        """What is gathered after the change; `server` is the only one that it is made on."""
        self._server = (server,) if server else ()
        for step in self._steps:
            gathered = step(gathered)
        return gathered

    def _add(self, path: Path, password_file: Path | None) -> None:
        from probe.cli.passwords import Passwords
        from probe.exchange.selection.planned import with_certificates
        from probe.pki.certificate import Certificate

        name = printable(str(path))
        held = Passwords(password_file).open(path)
        leaf = held.leaf
        if leaf is None:
            raise InputError(f"{name} holds no certificate that can be read")
        if held.key is None:
            warn(f"{name} holds no private key; it is taken to be installed with its key")
        self.issuers += [one for one in held.entries if isinstance(one, Certificate) and one != leaf]
        self.words.append(f"with {leaf.sha1.upper()} of {name}, enabled for SMTP")
        self._steps.append(
            lambda gathered: replace(
                gathered, inventory=with_certificates(gathered.inventory, (leaf,), self._server)
            )
        )

    def _remove(self, gathered: Gathered, thumbprint: str) -> None:
        from probe.exchange.selection.planned import without

        if not gathered.inventory.find(thumbprint):
            raise ConfigurationError(f"--without: {printable(thumbprint, 60)} is in no file given")
        self.words.append(f"without {printable(thumbprint.upper(), 60)}")
        self._steps.append(
            lambda gathered: replace(
                gathered, inventory=without(gathered.inventory, thumbprint, self._server)
            )
        )

    def _pin(self, gathered: Gathered, pair: str) -> None:
        from probe.exchange.selection.planned import pin_for

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
        self.words.append(f"'{name}' with TlsCertificateName {to or 'unset'}")
        self._steps.append(lambda gathered: _pinned(gathered, name.lower(), to))


def _pinned(gathered: Gathered, name: str, to: str) -> Gathered:
    from probe.exchange.selection.planned import set_receive_tls_certificate_name, set_tls_certificate_name

    return replace(
        gathered,
        send_connectors=tuple(
            set_tls_certificate_name(one, to) if one.name.lower() == name else one
            for one in gathered.send_connectors
        ),
        receive_connectors=tuple(
            set_receive_tls_certificate_name(one, to) if one.name.lower() == name else one
            for one in gathered.receive_connectors
        ),
    )


class _Simulation:
    """The selections of every connector asked for, on every server, at one instant."""

    def __init__(
        self,
        gathered: Gathered,
        server: str | None,
        connector: str | None,
        at: datetime,
        judge: Callable[[Inventory, datetime], ChainJudge],
        address: str | None,
    ) -> None:
        self._gathered, self._server, self._connector, self._at = gathered, server, connector, at
        self._judge, self._address = judge, address

    def report(self, found: EvidenceFiles, changes: _Changes) -> SelectReport:
        from probe.eop.vocabulary import Outcome
        from probe.exchange.selection.hybrid import check_hybrid
        from probe.render.exchange.select import SelectReport

        before = self._gathered
        after = changes.made(before, self._server) if changes.words else before
        rows = self._rows(after)
        if not rows:
            asked = (
                f"no connector '{printable(self._connector)}'" if self._connector else "no enabled connector"
            )
            raise InputError(f"the files hold {asked}; export them as `eop-probe exchange export` says")
        outcomes = tuple(row.outlook.outcome for row in rows if row.outlook is not None)
        return SelectReport(
            at=self._at,
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
            change=tuple(changes.words),
            plan=self._plan(self._rows(before), rows, after) if changes.words else None,
            outcome=Outcome.worst(outcomes),
            problems=(*found.problems, *before.problems),
        )

    def _wanted(self, name: str, *, enabled: bool | None) -> bool:
        if self._connector is not None:
            return name.lower() == self._connector.lower()
        return enabled is not False

    def _rows(self, gathered: Gathered) -> tuple[Row, ...]:
        from probe.eop.outlook import Tenant, outlook, sends_to_exchange_online
        from probe.exchange.selection.choose import select_for_receive, select_for_send, select_on_sources
        from probe.render.exchange.select import Row

        judge = self._judge(gathered.inventory, self._at)
        tenant = Tenant(gathered.inbound_connectors, gathered.accepted_domains, self._address)
        rows: list[Row] = []
        for send in gathered.send_connectors:
            if not self._wanted(send.name, enabled=send.enabled):
                continue
            eop = sends_to_exchange_online(send)
            if self._server is not None:
                selections: tuple[Selection, ...] = (
                    select_for_send(send, gathered.inventory, self._server, self._at),
                )
            else:
                selections = select_on_sources(send, gathered.inventory, self._at)
            for one in selections:
                made = outlook(send, one, judge, tenant) if eop is not False else None
                rows.append(Row(one, eop, made))
        for receive in gathered.receive_connectors:
            if self._wanted(receive.name, enabled=receive.enabled):
                one = select_for_receive(receive, gathered.inventory, self._server, self._at)
                rows.append(Row(one, eop=False, outlook=None))
        return tuple(rows)

    def _comparisons(self, rows: Sequence[Row], gathered: Gathered) -> tuple[ServerComparison, ...]:
        from probe.exchange.selection.servers import compare_servers

        judge = self._judge(gathered.inventory, self._at)
        found = []
        for name in dict.fromkeys(row.selection.connector for row in rows if row.selection.sends):
            mine = [row for row in rows if row.selection.sends and row.selection.connector == name]
            if len(mine) > 1:
                refused = judge.refused if mine[0].outlook is not None else _never
                found.append(compare_servers([row.selection for row in mine], refused))
        return tuple(found)

    def _plan(self, before: Sequence[Row], after: Sequence[Row], gathered: Gathered) -> PlannedChange:
        """Compare; what Exchange Online thinks of a root counts only for connectors that lead there."""
        from probe.exchange.selection.planned import PlannedChange, plan

        judge = self._judge(gathered.inventory, self._at)
        steps: list[Step] = []
        for to_eop in (True, False):
            parts = [
                [row.selection for row in rows if (row.outlook is not None) is to_eop]
                for rows in (before, after)
            ]
            steps += plan(parts[0], parts[1], judge.refused if to_eop else _never).steps
        return PlannedChange(steps=tuple(steps))


def _never(_record: object) -> bool | None:
    return False


def _wizard(found: EvidenceFiles) -> tuple[HcwChange, ...]:
    from probe.exchange.exports.wizard_log import changes, scan

    return changes(value for text in found.texts for value in scan(text.name, text.text.splitlines()))
