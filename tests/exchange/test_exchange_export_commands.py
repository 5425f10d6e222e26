"""The lines that `eop-probe exchange export` prints, and that the readers know every field in them."""

from __future__ import annotations

import re

import pytest

from probe.exchange.exports.commands import COMMANDS, ExportCommand
from probe.exchange.exports.read import ExportKind, read
from probe.exchange.traces.read import read_traces
from probe.exchange.traces.report import TraceKind
from probe.powershell import Shell

BY_KIND = {command.kind: command for command in COMMANDS}
READ_ONLY = {"Get-", "Select-Object", "ConvertTo-Json", "Set-Content"}


def test_there_is_one_line_for_each_kind_and_its_own_file() -> None:
    assert len(BY_KIND) == len(COMMANDS) == 9
    assert len({command.file for command in COMMANDS}) == 9
    assert [command.command.shell for command in COMMANDS] == [Shell.EXCHANGE] * 3 + [
        Shell.EXCHANGE_ONLINE
    ] * 6


def test_the_certificates_line_to_the_letter() -> None:
    assert BY_KIND[ExportKind.CERTIFICATES].command.text == (
        """Get-ExchangeCertificate | Select-Object @{n='Identity';e={"$($_.Identity)"}},FriendlyName,Thumbprint,"""
        """Subject,Issuer,SerialNumber,@{n='NotBefore';e={$_.NotBefore.ToUniversalTime().ToString('o')}},"""
        """@{n='NotAfter';e={$_.NotAfter.ToUniversalTime().ToString('o')}},@{n='Status';e={"$($_.Status)"}},"""
        """@{n='RootCAType';e={"$($_.RootCAType)"}},IsSelfSigned,HasPrivateKey,PublicKeySize,"""
        """@{n='Services';e={"$($_.Services)"}},@{n='CertificateDomains';e={$_.CertificateDomains -join ';'}},"""
        """@{n='RawData';e={[Convert]::ToBase64String($_.RawData)}} | ConvertTo-Json -Depth 4 """
        """| Set-Content -Encoding UTF8 "exchange-certificates-$env:COMPUTERNAME.json\""""
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind.value)
def test_a_line_only_reads_and_exports_no_key(command: ExportCommand) -> None:
    steps = [step.split()[0] for step in command.command.text.split(" | ")]
    assert steps[0].startswith("Get-")
    assert steps[-3:] == ["Select-Object", "ConvertTo-Json", "Set-Content"]
    assert steps[1:-3] == ["ForEach-Object"] * (command.kind is TraceKind.EVENTS)
    cmdlets = set(re.findall(r"\b[A-Z][a-z]+-[A-Z]\w+", command.command.text))
    assert {one for one in cmdlets if not one.startswith("Get-")} <= {*steps[1:]}
    assert not re.search(r"PrivateKey\b(?<!HasPrivateKey)|Password|Pfx", command.command.text)
    assert "\n" not in command.command.text


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind.value)
def test_the_readers_recognise_what_a_line_exports(command: ExportCommand) -> None:
    calculated = re.findall(r"n='(\w+)'", command.command.text)
    plain = re.findall(r"(?<=[ ,])([A-Z]\w+)(?=,| \|)", command.command.text)
    record = ",".join(f'"{name}": null' for name in [*calculated, *plain])
    record = record.replace('"Cmdlet": null', '"Cmdlet": "Get-OnPremServerReportInfo"')
    data = f'[{{"Name": "a", {record}}}]'.encode()
    found = read_traces(data, "x.json") or read("x.json", data)
    assert (found.kind, found.problems) == (command.kind, ())
