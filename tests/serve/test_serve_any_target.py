"""Targets that nobody configured: only mail ports of public addresses, whatever name or form leads to another."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from probe.check.endpoints import Host, endpoints
from probe.check.engine import Engine
from probe.check.options import CheckOptions
from probe.check.pace import Pace
from probe.check.run import Job
from probe.errors import TargetError
from probe.net.target import parse_target
from probe.report.assessment import Assessment
from probe.serve.any_target import SMTP_PORTS, public
from tests.check.test_check_engine import HEALTHY, OPTIONS
from tests.net.scripted import ScriptedServer
from tests.net.test_net_resolver import NameServer

PUBLIC = replace(OPTIONS, public_only=True)


def probed(target: str, options: CheckOptions) -> list[Assessment]:
    return [
        done.assessment
        for done in Engine([Job(0, parse_target(target), options)], Pace(), asyncio.SelectorEventLoop()).run()
    ]


#: Whatever `parse_target` takes, and what the resolver and a name server make of it.
INSIDE = [
    "127.0.0.1:{port}", "localhost:{port}", "[::ffff:127.0.0.1]:{port}", "[::ffff:7f00:1]:{port}", "0.0.0.0:{port}",
    "local.contoso.test:{port}", "LOCAL.contoso.test.:{port}", "inside-alias.contoso.test:{port}",
    "mx:inside.contoso.test:{port}",
]  # fmt: skip
ZONE = {
    ("inside-alias.contoso.test.", "CNAME"): ["local.contoso.test."],
    ("inside.contoso.test.", "MX"): ["10 local.contoso.test."],
}


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    for (name, kind), records in ZONE.items():
        monkeypatch.setitem(
            __import__("tests.net.test_net_resolver", fromlist=["ZONE"]).ZONE, (name, kind), records
        )


@pytest.mark.parametrize("target", INSIDE)
def test_nobody_inside_is_connected_to(target: str) -> None:
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server, NameServer() as names:
        text = target.format(port=server.port)
        asked = {"nameserver": f"127.0.0.1:{names.port}"} if "contoso" in target.lower() else {}
        found = probed(text, replace(PUBLIC, **asked))  # type: ignore[arg-type]
        assert server.peers == []
        assert {one.error.message for one in found if one.error} == {
            f"The host {found[0].capture.host} has an address that is not public, which is not probed."
        }
        assert len(probed(text, replace(OPTIONS, **asked))) >= 1  # type: ignore[arg-type]
        assert server.peers, "the control: without the bound there is a connection"


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "169.254.169.254", "fe80::1%eth0", "fd00::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
     "::1", "::", "224.0.0.1", "100.64.0.1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    found = endpoints(
        parse_target(f"[{address}]" if ":" in address else address), PUBLIC, Host(address), (address,)
    )
    assert [(one.address, one.failure is not None) for one in found] == [(None, True)]


def test_of_several_addresses_the_public_ones_are_probed_and_the_others_told() -> None:
    found = endpoints(
        parse_target("a.test"), PUBLIC, Host("a.test"), ("1.1.1.1", "10.0.0.1", "127.0.0.1", "9.9.9.9")
    )
    assert [one.address for one in found] == ["1.1.1.1", "9.9.9.9", None]
    assert [
        one.address for one in endpoints(parse_target("a.test"), OPTIONS, Host("a.test"), ("10.0.0.1",))
    ] == ["10.0.0.1"]


def test_ports_of_mail_alone() -> None:
    for port in SMTP_PORTS:
        assert public(parse_target(f"mail.contoso.test:{port}"), OPTIONS).public_only
    assert public(parse_target("mail.contoso.test"), OPTIONS).public_only
    with pytest.raises(
        TargetError, match="port 22 is not probed for everyone: 25, 465, 587, 2525 are, and what is"
    ):
        public(parse_target("mail.contoso.test:22"), OPTIONS)
