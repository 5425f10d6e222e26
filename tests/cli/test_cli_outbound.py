"""``check mx:DOMAIN --direction from-eop``: a domain's DANE in each format, its options, and a fleet's keys."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from probe.net.resolver import MAX_EXCHANGERS
from probe.pki.certificate import Certificate
from tests.authority import Issued
from tests.cli.running import HEALTHY, LEAF, SELF, SELF_SIGNED, Cli, Ran
from tests.net.scripted import Script, ScriptedServer
from tests.net.validating import Reply, ValidatingServer

DOMAIN = "contoso.test"
HOSTS = ("mail.contoso.test", "mx2.contoso.test")


def digest(of: Issued) -> str:
    return sha256(Certificate(of.der).spki).hexdigest()


RIGHT, WRONG = f"3 1 1 {digest(LEAF)}", f"3 1 1 {'ab' * 32}"


class Asked:
    """Runs the check of a domain with two exchangers on loopback."""

    def __init__(self, cli: Cli, port: int, resolver: str) -> None:
        self._cli, self.port, self.resolver = cli, port, resolver

    def __call__(self, *arguments: str, direction: str = "from-eop", dnssec: bool = True) -> Ran:
        own = ["--dnssec-resolver", self.resolver] if dnssec else []
        lists = ["--store", "microsoft", "--stand-in", self._cli.store]
        options = ["--direction", direction, "--resolver", self.resolver, *own, *lists]
        return self._cli("check", f"mx:{DOMAIN}:{self.port}", *options, *arguments)

    def document(
        self, *arguments: str, direction: str = "from-eop", dnssec: bool = True
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self(*arguments, "--format", "json", direction=direction, dnssec=dnssec).out
        )["assessments"]
        return found


@contextmanager
def domain(cli: Cli, *tlsa: str, script: Script = HEALTHY) -> Iterator[Asked]:
    replies = {(DOMAIN, "MX"): Reply(*(f"10 {host}." for host in HOSTS))}
    for number, (host, record) in enumerate(zip(HOSTS, tlsa, strict=True), 1):
        replies |= {(host, "A"): Reply(f"127.9.1.{number}"), (host, "AAAA"): Reply()}
        replies |= {(f"_25._tcp.{host}", "TLSA"): Reply(record)} if record else {}
    with ScriptedServer(script, host="0.0.0.0") as mail, ValidatingServer(replies) as dns:
        yield Asked(cli, mail.port, dns.address)


def test_a_page_ends_with_what_becomes_of_the_mail(cli: Cli) -> None:
    with domain(cli, WRONG, RIGHT) as asked:
        ran = asked()
    assert ran.code == 1
    words = " ".join(ran.out.split())
    goes_on = f"Mail to {DOMAIN} goes on over {HOSTS[1]}; Exchange Online does not deliver over {HOSTS[0]}."
    assert words.count(f"Mail {goes_on}") == 1
    assert ran.out.index("mx2.contoso.test") < ran.out.rindex("Mail       ")
    # The record to publish stands on one line, to be pasted.
    assert f"_25._tcp.mail.contoso.test. IN TLSA 3 1 1 {digest(LEAF)}" in ran.out.replace("\n", " \n")


def test_mail_that_is_blocked(cli: Cli) -> None:
    with domain(cli, WRONG, WRONG) as asked:
        ran = asked()
    assert ran.code == 2
    words = " ".join(ran.out.split())
    assert "reply 4.7.323 tlsa-invalid: The domain failed DANE validation." in words
    assert (
        "It tries again after 15 minutes, after another 15, then hourly for 24 hours; then the sender gets an NDR."
        in words
    )


def test_every_format_tells_it(cli: Cli) -> None:
    goes_on = "goes on over mx2.contoso.test"
    with domain(cli, WRONG, RIGHT) as asked:
        found = {name: asked("--format", name).out for name in ("nagios", "junit", "html")}
        first, second = asked.document()
        lines = [json.loads(line) for line in asked("--format", "jsonl").out.splitlines()]
    assert {name: goes_on in text for name, text in found.items()} == dict.fromkeys(found, True)
    assert found["nagios"].count(goes_on) >= 1
    assert first["outbound"] == {
        "domain": DOMAIN,
        "connector_mode": "opportunistic",
        "mail": "goes-on",
        "decision": f"Mail to {DOMAIN} {goes_on}; Exchange Online does not deliver over {HOSTS[0]}.",
        "resolver": asked.resolver,
        "mx_dnssec": "secure",
        "failure": None,
        "host": {
            "delivers": False,
            "by": "dane",
            "refusal": "tlsa-invalid",
            "address_dnssec": "secure",
            "tlsa_dnssec": "secure",
            "tlsa": [WRONG],
            "tlsa_unreadable": [],
        },
        "mta_sts": {"id": None, "mode": None, "max_age": None, "mx": [], "fault": None, "problem": None},
    }
    assert second["outbound"]["host"] | {"tlsa": []} == first["outbound"]["host"] | {
        "delivers": True,
        "refusal": None,
        "tlsa": [],
    }
    assert [each["outbound"]["mail"] for each in lines] == ["goes-on"] * 2


def test_a_self_signed_certificate_is_good_for_usage_3(cli: Cli) -> None:
    own = f"3 1 1 {digest(SELF_SIGNED)}"
    with domain(cli, own, own, script=SELF) as asked:
        found = asked.document()
    assert {each["outbound"]["host"]["delivers"] for each in found} == {True}
    # What a connector that validates certificates makes of it beside DANE is stated nowhere.
    made = [each["predictions"][0] for each in found]
    assert [(each["outcome"], each["rule"], each["confidence"], each["reply"]) for each in made] == [
        ("at-risk", "self-signed", "inferred", None)
    ] * 2
    with domain(cli, own, own, script=SELF) as asked:
        named = asked.document("--tls-domain", "mail.contoso.test")
        nothing = asked.document("--connector-mode", "none")
    assert [each["outcome"] for each in (*named, *nothing)] == ["rejected"] * 4
    note = next(each for each in found[0]["findings"] if each["rule"] == "dane-valid")
    assert "for an outbound connector that validates certificates" in note["detail"]


def test_without_a_resolver_it_says_so_once(cli: Cli) -> None:
    with domain(cli, WRONG, WRONG) as asked:
        ran, found = asked(dnssec=False), asked.document(dnssec=False)
    assert ran.out.count("outbound-unknown (inferred): ") == 1
    assert "are not known: no resolver that validates was named (--dnssec-resolver)." in " ".join(
        ran.out.split()
    )
    assert "as far as is known" in " ".join(ran.out.split())
    assert [each["outcome"] for each in found] == ["accepted", "at-risk"]  # the second host's name is another


def test_the_modes_of_a_connector(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with domain(cli, WRONG, "") as asked:
        mandatory = asked.document("--connector-mode", "mandatory")
        none = asked.document("--connector-mode", "none")
        monkeypatch.setenv("EOP_PROBE_CONNECTOR_MODE", "mandatory")
        from_environment = asked.document()
    refused = ["tlsa-invalid", "dane-missing"]
    assert [each["outbound"]["host"]["refusal"] for each in mandatory] == refused
    assert [each["outbound"]["host"]["refusal"] for each in from_environment] == refused
    assert ["outbound" in each for each in none] == [False, False]


def test_nothing_of_it_is_said_of_mail_to_exchange_online(cli: Cli) -> None:
    with domain(cli, WRONG, WRONG) as asked:
        found = asked.document(direction="to-eop", dnssec=False)
    assert ["outbound" in each for each in found] == [False, False]


@pytest.mark.parametrize("option", [("--dnssec-resolver", "127.0.0.1"), ("--connector-mode", "mandatory")])
@pytest.mark.parametrize("words", [("mx:contoso.test",), ("127.9.1.1:1", "--direction", "from-eop")])
def test_where_nothing_is_looked_at_the_options_for_it_are_refused(
    cli: Cli, option: tuple[str, str], words: tuple[str, ...]
) -> None:
    ran = cli("check", *words, *option)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert f"{option[0]} is for mx:DOMAIN targets with --direction from-eop" in ran.err


def test_in_the_environment_they_are_for_other_runs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOP_PROBE_DNSSEC_RESOLVER", "127.0.0.1")
    ran = cli("check", "127.9.1.1:1", "--format", "nagios")
    assert (ran.err, "Connection refused" in ran.out) == ("", True)


def test_the_first_sentence_is_about_delivery(cli: Cli) -> None:
    """Which roots stand in for Microsoft's list, or whose list decides, is nothing to a TLSA record."""
    said = "Exchange Online would not deliver over this server"
    with domain(cli, WRONG, RIGHT) as asked:
        out = asked("--format", "nagios").out
    assert (out.count(said), out.count(f"{said}; it would over another of the domain.")) == (1, 1)
    assert out.count("if Microsoft's list held") == 1  # of the other host, whose chain is judged
    with domain(cli, WRONG, WRONG) as asked:
        out = asked("--format", "nagios").out
        by_another_list = asked("--format", "nagios", "--store", str(cli.store)).out
    assert out.count(f"{said}, nor over any other of the domain.") == 2
    assert by_another_list.count(said) == 2


def test_the_reply_to_a_host_is_told_where_mail_goes_on(cli: Cli) -> None:
    reply = "4.7.323 tlsa-invalid: The domain failed DANE validation."
    with domain(cli, WRONG, RIGHT) as asked:
        page, table = asked().out, list(csv.DictReader(asked("--format", "csv").out.splitlines()))
        first, second = asked.document()
    assert f"reply       {reply}" in page
    assert [each["outcome"] for each in table] == ["at-risk"] * 2  # the second host's name is another
    assert [each["reply"] for each in table] == [reply, ""]
    assert [each["predictions"][0]["reply"] for each in (first, second)] == [reply, None]


@pytest.mark.parametrize("resolver", ["dns.contoso.test", "mx:contoso.test", "192.0.2.1:0", ""])
def test_a_resolver_that_is_none_is_refused_first(cli: Cli, resolver: str) -> None:
    ran = cli("check", f"mx:{DOMAIN}", "--direction", "from-eop", "--dnssec-resolver", resolver)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)


def test_a_fleet_has_both_as_keys(cli: Cli, tmp_path: Path) -> None:
    with domain(cli, WRONG, RIGHT) as asked:
        fleet = tmp_path / "fleet.toml"
        text = (
            f'[defaults]\ndirection = "from-eop"\ndnssec-resolver = "{asked.resolver}"\n'
            f'[[target]]\nmx = "{DOMAIN}"\nport = {asked.port}\n'
            '[[target]]\nhost = "127.9.1.1"\ndirection = "to-eop"\n'
        )
        fleet.write_text(text, "utf-8")
        assert cli("fleet", "check-config", str(fleet)).code == 0
        wrong = text.replace('to-eop"\n', 'to-eop"\nconnector-mode = "none"\n').replace(
            asked.resolver, "dns.test"
        )
        fleet.write_text(wrong, "utf-8")
        ran = cli("fleet", "check-config", str(fleet))
    assert ran.code == 3
    assert "not a name server" in ran.out + ran.err or "IP address" in ran.out + ran.err
    assert "this is for the direction from-eop" in (ran.out + ran.err).lower()


def test_a_fleet_asks_the_name_server_it_is_told(cli: Cli, tmp_path: Path) -> None:
    with domain(cli, WRONG, RIGHT) as asked:
        plain, described = tmp_path / "targets.txt", tmp_path / "fleet.toml"
        plain.write_text(f"{HOSTS[0]}:{asked.port}\n", "utf-8")
        text = f'[[target]]\nhost = "{HOSTS[0]}"\nport = {asked.port}\nresolver = "{asked.resolver}"\n'
        described.write_text(text, "utf-8")
        by_option = cli("fleet", "run", str(plain), "--resolver", asked.resolver, "--format", "csv")
        by_key = cli("fleet", "run", str(described), "--format", "csv")
        without = cli("fleet", "run", str(plain), "--format", "csv")
        wrong = cli("fleet", "run", str(plain), "--resolver", "dns.test")
    assert ["127.9.1.1" in ran.out for ran in (by_option, by_key, without)] == [True, True, False]
    assert (wrong.code, "a name server is given by its IP address" in wrong.err) == (3, True)


def test_a_history_keeps_what_holds_for_the_domain(cli: Cli, tmp_path: Path) -> None:
    """As everywhere else an endpoint is no rejected one where mail goes on over another."""
    history = str(tmp_path / "history.sqlite")
    with domain(cli, WRONG, RIGHT) as asked:
        assert asked("--record", "--history", history).code == 1
    shown = cli("history", "show", HOSTS[0], "--history", history)
    assert "dane-mismatch" in shown.out
    assert "AT-RISK" in shown.out
    assert "REJECTED" not in shown.out


def test_hosts_that_are_not_probed_are_told(cli: Cli) -> None:
    every = [f"mx{number:02}.{DOMAIN}" for number in range(1, MAX_EXCHANGERS + 3)]
    replies = {(DOMAIN, "MX"): Reply(*(f"{number} {host}." for number, host in enumerate(every)))}
    said = f"Of {MAX_EXCHANGERS + 2} MX hosts of {DOMAIN} {MAX_EXCHANGERS} are probed, the preferred ones; 2 are not."
    with ValidatingServer(replies) as dns:
        options = (f"mx:{DOMAIN}:1", "--resolver", dns.address, "--format")
        page, report, table, html = (
            cli("check", *options, each).out for each in ("terminal", "json", "csv", "html")
        )
    first, *more = json.loads(report)["assessments"]
    assert said in " ".join(page.split())
    assert first["left_out"] == [
        {"what": "MX host", "of": DOMAIN, "found": MAX_EXCHANGERS + 2, "names": every[-2:]}
    ]
    assert not any("left_out" in each for each in more)
    assert [each["left_out"] for each in csv.DictReader(table.splitlines())] == ["2", *[""] * len(more)]
    assert html.count("; 2 are not.") == 1
