"""Every mistake a description of a fleet can hold: its file, its line, its key, and a sentence."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from probe.errors import StoreError
from probe.fleet import entries, keys, reader, streams
from probe.fleet.entries import Judges
from probe.fleet.mistakes import MAX_MISTAKES, FleetError
from probe.fleet.source import Fleet


def judges() -> Judges:
    """Knows microsoft and mozilla and no file."""

    def loader(names: tuple[str, ...]) -> entries.Load:
        def load() -> tuple[()]:
            for name in names:
                if name not in {"microsoft", "mozilla"}:
                    raise StoreError(f"there is neither a store nor a file called '{name}'")
            return ()

        return load

    return Judges(loader)


def told(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is wrong with a fleet, a line each; none for one that is right."""
    monkeypatch.chdir(folder)
    try:
        Fleet(name, judges())
    except FleetError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []


class Case(NamedTuple):
    """A description, and what is said of it."""

    text: str
    said: tuple[str, ...]
    name: str = "fleet.toml"


def toml(text: str, *said: str) -> Case:
    """What is said stands behind the name of the file."""
    return Case(text, tuple(f"fleet.toml:{one}" for one in said))


def target(line: str, *said: str) -> Case:
    """One target with a line of its own under its host; what is said begins with its key."""
    text = f'[[target]]\nhost = "mail.contoso.com"\n{line}\n'
    return toml(text, *(f"3: target[0].{one}" for one in said))


def alarms(line: str, *said: str) -> Case:
    """A line of [alarms], and a target."""
    return toml(f'[alarms]\n{line}\n[[target]]\nhost = "a.test"\n', *said)


def channel(lines: str, *said: str) -> Case:
    """A channel, and a target."""
    return toml(f'[[channel]]\n{lines}\n[[target]]\nhost = "a.test"\n', *said)


HOOK = '[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "https://a.test/"\n'
MAIL = 'name = "x"\ntype = "email"\nhost = "h.test"\nfrom = "a@b.test"\n'
PORT = "but it takes a port, a number from 1 to 65535."
OF_LABELS = "but it takes a table of texts whose names are letters, digits and underscores."
SHA = "but it takes a list of SHA-256 thumbprints (64 hex digits), one of which the certificate has."
MARK = "00" * 32

MISTAKES = {
    # the syntax, and what stands around the targets
    "no toml": toml("[[target]]\nhost = mail\n", "2: This is not TOML: Invalid value."),
    "text not closed": toml('[[target]]\nhost = "mail', "2: This is not TOML: Unterminated string."),
    "key twice": toml(
        '[[target]]\nhost = "a.test"\nhost = "b.test"\n', "3: This is not TOML: Cannot overwrite a value."
    ),
    "nothing": toml("# nothing\n", " It holds no target."),
    "key at the top": toml(
        'colour = 1\n[[target]]\nhost = "a.test"\n', "1: colour: There is no such key here."
    ),
    "one table": toml(
        '[target]\nhost = "a.test"\n',
        "1: target: This is a table, but it takes a list of tables, [[target]].",
    ),
    "no tables": toml('target = ["a.test"]\n', '1: target[0]: This is "a.test", but it takes a table.'),
    "defaults are no table": toml(
        'defaults = 3\n[[target]]\nhost = "a.test"\n',
        "1: defaults: This is 3, but it takes a table, [defaults].",
    ),
    "host in defaults": toml(
        '[defaults]\nhost = "a.test"\n[[target]]\nhost = "b.test"\n',
        "2: defaults.host: This is a key of a [[target]] only.",
    ),
    "group without a name": toml(
        '[[group]]\nport = 25\n[[target]]\nhost = "b.test"\n', "1: group[0]: A group needs a name."
    ),
    "group twice": toml(
        '[[group]]\nname = "x"\n[[group]]\nname = "x"\n[[target]]\nhost = "b.test"\n',
        '4: group[1].name: There is a group "x" already.',
    ),
    "group unknown": toml(
        '[[group]]\nname = "berlin"\n[[target]]\nhost = "b.test"\ngroup = "berln"\n',
        '5: target[0].group: There is no [[group]] "berln"; did you mean berlin?',
    ),
    # who is told
    "alarms are no table": toml(
        '[[alarms]]\n[[target]]\nhost = "a.test"\n',
        "1: alarms: This is a list, but it takes a table, [alarms].",
    ),
    "an alarm's key": alarms(
        "fail_after = 2", "2: alarms.fail_after: There is no such key here; did you mean fail-after?"
    ),
    "looks": alarms(
        "fail-after = 0", "2: alarms.fail-after: This is 0, but it takes a number of looks from 1 to 100."
    ),
    "repeat": alarms(
        'repeat = "daily"',
        '2: alarms.repeat: This is "daily", but it takes a number with s, m, h or d behind it, such as "6h", '
        'or "never".',
    ),
    "hours": alarms(
        'quiet-hours = ["22:00-07:00", "22-7"]',
        '2: alarms.quiet-hours[1]: "22-7" are no hours such as "22:00-07:00" or "Sat-Sun 00:00-24:00".',
    ),
    "zone": alarms(
        'time-zone = "Mars/Olympus"', '2: alarms.time-zone: There is no time zone "Mars/Olympus" here.'
    ),
    "page": alarms(
        'page-url = "javascript:x"',
        '2: alarms.page-url: This is "javascript:x", but it takes the URL of a page, http or https.',
    ),
    "channel without a name": channel(
        "port = 25", "1: channel[0]: A channel needs a name and a type: email, webhook or apprise."
    ),
    "channel twice": toml(
        f'{HOOK}{HOOK}[[target]]\nhost = "a.test"\n', '6: channel[1].name: There is a channel "hook" already.'
    ),
    "channel of another type": channel(
        'name = "x"\ntype = "pigeon"',
        '3: channel[0].type: This is "pigeon", but it takes "email", "webhook" or "apprise".',
    ),
    "mail without a server": channel(
        'name = "x"\ntype = "email"\nfrom = "a@b.test"\nto = ["c@d.test"]',
        "1: channel[0]: A channel of the type email needs host.",
    ),
    "mail to nobody": channel(
        f'{MAIL}to = ["a b@c.test", "nobody"]',
        '6: channel[0].to: "a b@c.test" is no mail address.',
        '6: channel[0].to: "nobody" is no mail address.',
    ),
    "a password of a channel": channel(
        f'{MAIL}to = ["c@d.test"]\npassword = "x"',
        "7: channel[0].password: No secret belongs in this file; name what holds it: a variable or a file, as "
        "password-env has it.",
    ),
    "a password without a user": channel(
        f'{MAIL}to = ["c@d.test"]\npassword-env = "X"',
        "1: channel[0]: User goes with password-env or password-file, and they with it.",
    ),
    "a password without TLS": channel(
        f'{MAIL}to = ["c@d.test"]\ntls = "none"\nuser = "u"\npassword-env = "X"',
        "7: channel[0].tls: Without TLS no password is sent.",
    ),
    "two secrets": channel(
        'name = "x"\ntype = "webhook"\nurl = "https://a.test/"\nsecret-env = "X"\nsecret-file = "x"',
        "1: channel[0]: Secret-env and secret-file name the same; one of them is enough.",
    ),
    "webhook without a URL": channel(
        'name = "x"\ntype = "webhook"',
        "1: channel[0]: A channel of this type needs one of url, url-env and url-file.",
    ),
    "webhook in clear": channel(
        'name = "x"\ntype = "webhook"\nurl = "http://a.test/"',
        "4: channel[0].url: A webhook is asked by https; by http on this machine only.",
    ),
    "webhook with a password": channel(
        'name = "x"\ntype = "webhook"\nurl = "https://u:p@a.test/"',
        "4: channel[0].url: A URL holds no user and no password here.",
    ),
    "webhook without a host": channel(
        'name = "x"\ntype = "webhook"\nurl = "https://[x/"', "4: channel[0].url: This is no URL."
    ),
    "apprise": channel(
        'name = "x"\ntype = "apprise"\nurl = "json://a.test/"\nurl-env = "X"\nhost = "a.test"',
        "6: channel[0].host: A channel of the type apprise has no such key.",
        "4: channel[0].url: A channel of the type apprise has no such key; its URL is a secret: url-env or url-file.",
        "1: channel[0]: A channel of this type needs one of url, url-env and url-file.",
    ),
    "maintenance without a time": toml(
        '[[maintenance]]\nhosts = ["a.test"]\n[[target]]\nhost = "a.test"\n',
        "1: maintenance[0]: A maintenance needs a time: from and to, or weekly.",
    ),
    "maintenance without an offset": toml(
        '[[maintenance]]\nfrom = 2026-12-01T22:00:00\n[[target]]\nhost = "a.test"\n',
        "2: maintenance[0].from: This is a date or a time, but it takes a date and time with an offset, such as "
        "2026-12-01T22:00:00+01:00.",
    ),
    "maintenance that ends before": toml(
        "[[maintenance]]\nfrom = 2026-12-01T22:00:00Z\nto = 2026-12-01T21:00:00Z\n"
        '[[target]]\nhost = "a.test"\n',
        "3: maintenance[0].to: This is not after from.",
    ),
    # what is probed
    "key mistyped": toml(
        '[[target]]\nhots = "a.test"\n', "2: target[0].hots: There is no such key here; did you mean host?"
    ),
    "underscore": target(
        'tls_domain = "x"', "tls_domain: There is no such key here; did you mean tls-domain?"
    ),
    "no host": toml("[[target]]\nport = 25\n", "1: target[0]: A target has either a host or an mx."),
    "host and mx": toml(
        '[[target]]\nhost = "a.test"\nmx = "b.test"\n',
        "1: target[0]: A target has either a host or an mx, not both.",
    ),
    "host with a port": toml(
        '[[target]]\nhost = "a.test:25"\n',
        '2: target[0].host: "a.test:25" is more than a name; port and mx are keys of their own.',
    ),
    "no host name": toml(
        '[[target]]\nhost = "a b"\n',
        '2: target[0].host: A target has no blanks or control characters: "a b".',
    ),
    "an escape in it": toml(
        '[[target]]\nhost = "a\\u001b[31m"\n',
        '2: target[0].host: A target has no blanks or control characters: "a\\x1b[31m".',
    ),
    "an address has no mx": toml(
        '[[target]]\nmx = "192.0.2.1"\n',
        '2: target[0].mx: "mx:192.0.2.1": an address has no mail exchangers; give it without mx:.',
    ),
    "port too high": target("port = 99999", f"port: This is 99999, {PORT}"),
    "port as text": target('port = "25"', f'port: This is "25", {PORT}'),
    "port of a thousand digits": target(
        f"port = 1{'0' * 999}", f"port: This is a number of that size, {PORT}"
    ),
    "no address": target('addresses = ["192.0.2.300"]', 'addresses[0]: "192.0.2.300" is no IP address.'),
    "one address": target(
        'addresses = "192.0.2.3"',
        'addresses: This is "192.0.2.3", but it takes a list of IP addresses to probe instead of asking DNS.',
    ),
    "addresses of an address": toml(
        '[[target]]\nhost = "192.0.2.1"\naddresses = ["192.0.2.2"]\n',
        "3: target[0].addresses: Addresses take the place of DNS for a host's name only.",
    ),
    "twice": toml(
        '[[target]]\nhost = "a.test"\n[[target]]\nhost = "A.test."\n',
        "3: target[1]: This is the same target as target[0] (line 1).",
    ),
    # how, and by what it is judged
    "sni": target(
        'sni = "192.0.2.1"', "sni: 192.0.2.1 is an address; TLS asks for host names only (or none)."
    ),
    "ehlo": target('ehlo = "a b"', "ehlo: Not a domain name or IP address to say EHLO with: 'a b'."),
    "direction": target(
        'direction = "out"', 'direction: This is "out", but it takes "to-eop" or "from-eop".'
    ),
    "of the other direction": target(
        'tls-domain = "x.test"', "tls-domain: This is for the direction from-eop, and the target's is to-eop."
    ),
    "implicit tls": target(
        "implicit-tls = 1",
        "implicit-tls: This is 1, but it takes true (TLS from the first byte) or false (STARTTLS).",
    ),
    "no such store": target(
        'stores = ["mozila"]', "stores: There is neither a store nor a file called 'mozila'."
    ),
    "days": target(
        "expiring-days = -1", "expiring-days: This is -1, but it takes whole days from 0 to 3650."
    ),
    "days as a fraction": target(
        "critical-days = 1.5", "critical-days: This is 1.5, but it takes whole days from 0 to 3650."
    ),
    "a share": target(
        "expiring-share = 1.5", "expiring-share: This is 1.5, but it takes a share from 0 to 1."
    ),
    "a version of IP": target(
        "force-ip = 5", "force-ip: This is 5, but it takes 4 or 6: only addresses of that version."
    ),
    "a kind of key": target(
        'key-type = "dsa"',
        'key-type: This is "dsa", but it takes "any", "rsa", "ecdsa", "eddsa" or "ml-dsa".',
    ),
    "every kind of key": Case(
        '[[target]]\nhost = "a.test"\nthorough = true\nkey-type = "rsa"\n',
        ("fleet.toml:4: target[0].key-type: Thorough asks for each kind of key: one of the two has to go.",),
    ),
    "revocation": target(
        'revocation = "yes"',
        'revocation: This is "yes", but it takes true (issuers are asked whether certificates are revoked) or false.',
    ),
    "a name as a resolver": target(
        'resolver = "dns.test"', 'resolver: A name server is given by its IP address, not as "dns.test".'
    ),
    "total timeout": target(
        "total-timeout = 0", "total-timeout: This is 0, but it takes seconds from 0.1 to 86400."
    ),
    "timeout": target("timeout = 0", "timeout: This is 0, but it takes seconds from 0.1 to 3600."),
    "no number": target("timeout = nan", "timeout: This is nan, but it takes seconds from 0.1 to 3600."),
    "a date": target(
        "timeout = 2026-11-28", "timeout: This is a date or a time, but it takes seconds from 0.1 to 3600."
    ),
    "interval": target(
        'interval = "6 hours"',
        'interval: This is "6 hours", but it takes a number with s, m, h or d behind it, such as "6h".',
    ),
    "label": target("labels = { customer = 3 }", f"labels.customer: This is 3, {OF_LABELS}"),
    "name of a label": target('labels = { "a b" = "x" }', f'labels.a b: This is "x", {OF_LABELS}'),
    "a password": target(
        'password = "hunter2"',
        "password: No secret belongs in a file of targets, and no key takes one.",
    ),
    # how it is watched
    "no key of a watch": toml(
        '[watch]\nrecheck = "60s"\n[[target]]\nhost = "a.test"\n',
        "2: watch.recheck: There is no such key here; did you mean recheck-after?",
    ),
    "a watch without a unit": toml(
        '[watch]\nrecheck-after = "60"\n[[target]]\nhost = "a.test"\n',
        '2: watch.recheck-after: This is "60", but it takes a number with s, m, h or d behind it, such as "60s".',
    ),
    "never fails": toml(
        '[watch]\nfail-after = 0\n[[target]]\nhost = "a.test"\n',
        "2: watch.fail-after: There is no such key here.",
    ),
    "a ping whose URL is shown to nobody": toml(
        '[watch]\nping.url = "ftp://hc.example/secret"\n[[target]]\nhost = "a.test"\n',
        "2: watch.ping.url: This is something else, but it takes an http or https URL that is asked for after each "
        "round.",
    ),
    "a watch is no table": toml(
        'watch = true\n[[target]]\nhost = "a.test"\n',
        "1: watch: This is true, but it takes a table, [watch].",
    ),
    # what is expected
    "expect nothing known": target(
        "expect = { thumbprint = 1 }", "expect.thumbprint: There is no such key here."
    ),
    "a short thumbprint": target(
        'expect = { sha256 = ["00ff"] }', f'expect.sha256[0]: This is "00ff", {SHA}'
    ),
    "two of three": target(
        f'[target.expect]\nsha256 = [3, "{MARK}", "zz"]',
        f"expect.sha256[0]: This is 3, {SHA}",
        f'expect.sha256[2]: This is "zz", {SHA}',
    ),
    "an outcome": target(
        'expect = { outcome = "ok" }',
        'expect.outcome: This is "ok", but it takes one of accepted, at-risk, rejected, unknown.',
    ),
    # other files
    "include": toml(
        'include = ["nix.toml"]\n', '1: include[0]: "nix.toml" cannot be read: No such file or directory.'
    ),
    "included csv": toml(
        'include = ["a.csv", "b.jsonl"]\nport = 3\n',
        "2: port: There is no such key here.",
        '1: include[0]: "a.csv" cannot be read: No such file or directory.',
        '1: include[1]: "b.jsonl" cannot be read: No such file or directory.',
    ),
    "itself": toml('include = ["fleet.toml"]\n', '1: include[0]: "fleet.toml" includes itself.'),
    # lines of targets
    "no json": Case(
        '{"host": "a.test"}\n{"host": \n',
        ("t.jsonl:2: This is no line of JSON: Input data was truncated.",),
        "t.jsonl",
    ),
    "a line's key": Case(
        '{"host": "a.test", "port": "25"}\n', (f't.jsonl:1: port: This is "25", {PORT}',), "t.jsonl"
    ),
    "no object": Case(
        '{"host": "a.test"}\n[1]\n', ("t.jsonl:2: This is a list, but it takes a table.",), "t.jsonl"
    ),
    "a key twice in a line": Case(
        '{"host": "a.test", "port": 1, "port": 2, "labels": {"a": "x", "a": "y"}}\n{"host": "::1"}\n',
        ("t.jsonl:1: a: This key stands twice.", "t.jsonl:1: port: This key stands twice."),
        "t.jsonl",
    ),
    "a column twice": Case(
        "host,port,port\na.test,1,2\n", ("t.csv:1: port: This column stands twice.",), "t.csv"
    ),
    "another header": Case(
        "# ours\nServer;Port\na.test;25\nb.test;25\n",
        ("t.csv:2: This looks like CSV, but its header has no host or mx.",),
        "t.csv",
    ),
    "a column": Case(
        "host,colour\na.test,red\nb.test,blue\n", ("t.csv:1: colour: There is no such key here.",), "t.csv"
    ),
    "a column too many": Case(
        "host,port\na.test,25,x\n", ("t.csv:2: The header has 2 columns, this row 3.",), "t.csv"
    ),
    "a cell": Case("host,port\na.test,\nb.test,x\n", (f't.csv:3: port: This is "x", {PORT}',), "t.csv"),
    "a quote left open": Case(
        'host,port\n"a.test,25\n', ("t.csv:2: This is not CSV: unexpected end of data.",), "t.csv"
    ),
    "a plain line": Case(
        "a.test # the first\nhttps://b.test/\n",
        ('t.txt:2: "https://b.test/" is a URL; give "b.test" alone.',),
        "t.txt",
    ),
    "no line": Case("\n# none\n", ("t.csv: It holds no target.",), "t.csv"),
}


def test_there_are_enough_of_them() -> None:
    assert len(MISTAKES) >= 30


@pytest.mark.parametrize("case", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / case.name).write_text(case.text, "utf-8")
    assert told(tmp_path, case.name, monkeypatch) == list(case.said)


def test_all_of_them_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every target of the table that can stand beside the others: each mistake is told, none hides another."""
    several = [
        case for name, case in MISTAKES.items() if case.text.startswith("[[target]]") and name != "twice"
    ]
    whole = [case for case in several if "not TOML" not in case.said[0]]
    (tmp_path / "fleet.toml").write_text("".join(case.text for case in whole), "utf-8")
    expected = [said for case in whole for said in case.said]
    assert len(expected) >= 25
    assert bare(told(tmp_path, "fleet.toml", monkeypatch)) == bare(expected)


def bare(lines: list[str]) -> list[str]:
    """Without the number of the line and of the target."""
    return [re.sub(r":\d+: target\[\d+\]", "", line) for line in lines]


def test_a_right_one_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what the mistakes are made in is right without them."""
    (tmp_path / "plain.txt").write_text("d.test # one, two; three\n")
    (tmp_path / "more.csv").write_text("host,port,labels.site,expect.names\nc.test,25,berlin,c.test d.test\n")
    (tmp_path / "fleet.toml").write_text(
        'include = ["more.csv", "plain.txt"]\n'
        f'[defaults]\ntimeout = 5\n[[group]]\nname = "berlin"\n[[target]]\nhost = "a.test"\n'
        f'port = 25\naddresses = ["192.0.2.1", "2001:db8::1"]\ngroup = "berlin"\nsni = "none"\ninterval = "6h"\n'
        f'expect = {{ sha256 = ["{MARK}"], outcome = "accepted" }}\n[[target]]\nmx = "contoso.com"\n'
        'direction = "from-eop"\ntls-domain = "x.test"\n',
        "utf-8",
    )
    assert told(tmp_path, "fleet.toml", monkeypatch) == []


class TestBounds:
    def test_the_mistakes_that_are_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "t.csv").write_text("host\n" + "a b\n" * (MAX_MISTAKES + 5))
        lines = told(tmp_path, "t.csv", monkeypatch)
        assert len(lines) == MAX_MISTAKES + 1
        assert lines[-1] == "and 5 mistakes more"

    def test_bytes_of_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "fleet.toml").write_text('[[target]]\nhost = "a.test"\n' + "#" * reader.MAX_FILE_BYTES)
        [line] = told(tmp_path, "fleet.toml", monkeypatch)
        assert "at most 4,194,304 bytes" in line

    def test_targets_in_toml(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        text = "".join(f'[[target]]\nhost = "h{n}.test"\n' for n in range(reader.MAX_TARGETS + 2))
        (tmp_path / "fleet.toml").write_text(text)
        [line] = told(tmp_path, "fleet.toml", monkeypatch)
        assert line.startswith(
            f"fleet.toml:20001: target[{reader.MAX_TARGETS}]: A fleet has at most 10,000 targets"
        )

    def test_a_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "t.jsonl").write_text(
            '{"host": "a.test"}\n{"host": "' + "a" * streams.MAX_LINE + '"}\n{"host": 3}\n'
        )
        long, short = told(tmp_path, "t.jsonl", monkeypatch)
        assert long == "t.jsonl:2: A line has at most 65,536 characters."
        assert short.startswith("t.jsonl:3: host: ")

    def test_files_within_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(20):
            (tmp_path / f"f{number}.toml").write_text(f'include = ["f{number + 1}.toml"]\n')
        assert told(tmp_path, "f0.toml", monkeypatch) == [
            "f8.toml:1: include[0]: At most 8 files include one another."
        ]

    def test_a_loop(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a.toml").write_text('include = ["b.toml"]\n')
        (tmp_path / "b.toml").write_text('include = ["a.toml"]\n')
        assert told(tmp_path, "a.toml", monkeypatch) == ['b.toml:1: include[0]: "a.toml" includes itself.']

    def test_a_file_twice(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a.toml").write_text('include = ["t.csv", "t.csv"]\n')
        (tmp_path / "t.csv").write_text("host\na.test\n")
        assert told(tmp_path, "a.toml", monkeypatch) == ['a.toml:1: include[1]: "t.csv" is included already.']

    def test_many_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        names = [f"t{number}.csv" for number in range(reader.MAX_FILES)]
        for name in names:
            (tmp_path / name).write_text("host\na.test\n")
        (tmp_path / "a.toml").write_text(f"include = {names}\n")
        assert told(tmp_path, "a.toml", monkeypatch) == [
            "a.toml:1: include[99]: A fleet is at most 100 files."
        ]

    def test_lists_of_stores(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        lists = [["microsoft"] * n for n in range(1, entries.MAX_STORE_LISTS + 2)]
        (tmp_path / "t.jsonl").write_text(
            "".join(f'{{"host": "a.test", "stores": {x}}}\n'.replace("'", '"') for x in lists)
        )
        assert told(tmp_path, "t.jsonl", monkeypatch) == [
            "t.jsonl:33: stores: A fleet has at most 32 different lists of stores."
        ]

    def test_a_value(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for size, mistakes in ((keys.MAX_VALUE, 0), (keys.MAX_VALUE + 1, 1)):
            text = f'[[target]]\nhost = "a.test"\nlabels = {{ a = "{"x" * size}" }}\n'
            (tmp_path / "fleet.toml").write_text(text)
            assert len(told(tmp_path, "fleet.toml", monkeypatch)) == mistakes

    def test_labels(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        names = ", ".join(f'"{n}.test"' for n in range(keys.MAX_VALUES + 1))
        (tmp_path / "fleet.toml").write_text(f'[[target]]\nhost = "a.test"\naccepted-domains = [{names}]\n')
        [line] = told(tmp_path, "fleet.toml", monkeypatch)
        assert line.endswith(
            "accepted-domains: This is a list, but it takes a list of the tenant's accepted domains."
        )

    @pytest.mark.parametrize(
        "data", [b"\xff\xfe\x00\xd8", b'[[target]]\nhost = "\xe9"\n', b"\x00" * 10, b"[" * 100_000]
    )
    def test_what_is_no_text(self, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "fleet.toml").write_bytes(data)
        [line] = told(tmp_path, "fleet.toml", monkeypatch)
        assert line.startswith("fleet.toml")
        (tmp_path / "t.jsonl").write_bytes(data)
        assert told(tmp_path, "t.jsonl", monkeypatch) != []

    def test_what_is_no_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.mkfifo(tmp_path / "fleet.toml")
        assert "it is a pipe, not a file" in told(tmp_path, "fleet.toml", monkeypatch)[0]


def test_how_it_is_watched_stands_in_the_file_that_includes_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "more.toml").write_text('[watch]\nrecheck-after = "5m"\n')
    (tmp_path / "fleet.toml").write_text('include = ["more.toml"]\n[[target]]\nhost = "a.test"\n')
    assert told(tmp_path, "fleet.toml", monkeypatch) == [
        "more.toml:1: watch: This stands in the file that includes the others only."
    ]
