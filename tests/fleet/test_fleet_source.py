"""What a fleet holds: the same keys from TOML, JSON lines, CSV and plain lines, what is inherited, which are meant."""

from __future__ import annotations

import io
import json
import tomllib
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import msgspec
import pytest

from probe.check.options import CheckOptions
from probe.eop.settings import Settings
from probe.errors import ConfigurationError
from probe.fleet import source
from probe.fleet.entries import Entry, Judges
from probe.fleet.example import EXAMPLE
from probe.fleet.keys import KEYS, AlarmKeys, FleetFile, Group, MaintenanceKeys, Options, TargetKeys
from probe.fleet.selection import selection
from probe.fleet.source import Fleet
from probe.net.request import KeyType
from tests.schemas import SCHEMAS

BASE = CheckOptions(stores=tuple)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fleet(name: str, text: str | bytes) -> Fleet:
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    return Fleet(name, Judges(lambda names: lambda: names))  # type: ignore[arg-type, return-value]


def texts(found: Iterator[Entry]) -> list[str]:
    return [entry.target.text for entry in found]


ALIKE = {
    "fleet.toml": '[[target]]\nhost = "Mail.contoso.com"\nport = 2525\ntimeout = 5\nimplicit-tls = true\n'
    'addresses = ["192.0.2.1", "2001:db8::1"]\nlabels = { site = "berlin" }\n[target.expect]\nissuer = "A, B"\n',
    "t.jsonl": '{"host": "Mail.contoso.com", "port": 2525, "timeout": 5, "implicit-tls": true, "labels": {"site": '
    '"berlin"}, "addresses": ["192.0.2.1", "2001:db8::1"], "expect": {"issuer": "A, B"}, "mx": null}\n',
    "t.csv": "# targets\nhost,port,timeout,implicit-tls,addresses,labels.site,expect.issuer,mx\n"
    'Mail.contoso.com,2525,5,true,192.0.2.1 2001:db8::1,berlin,"A, B",\n',
    "semicolons.csv": "host;port;timeout;implicit-tls;addresses;labels.site;expect.issuer\n"
    "Mail.contoso.com;2525;5;true;192.0.2.1 2001:db8::1;berlin;A, B\n",
}


LIKE_CHECK = {
    "resolver": "192.0.2.53", "force-ip": 6, "key-type": "ecdsa", "revocation": True, "revocation-allow-private": True,
    "expiring-share": 0.5, "total-timeout": 90.0, "thorough": False,
}  # fmt: skip
OF_KEYS = {
    "fleet.toml": "[defaults]\n"
    + "".join(f"{key} = {json.dumps(value)}\n" for key, value in LIKE_CHECK.items())
    + '[[target]]\nhost = "a.test"\n',
    "t.jsonl": json.dumps(LIKE_CHECK | {"host": "a.test"}) + "\n",
    "t.csv": f"host,{','.join(LIKE_CHECK)}\na.test,{','.join(str(each).lower() for each in LIKE_CHECK.values())}\n",
}


@pytest.mark.parametrize("name", OF_KEYS)
def test_what_a_check_can_be_told_a_target_can_say(name: str) -> None:
    [entry] = fleet(name, OF_KEYS[name]).entries()
    options = entry.job(1, BASE).options
    assert (options.nameserver, options.ip_version, options.key_type) == ("192.0.2.53", 6, KeyType.ECDSA)
    assert (options.revocation, options.revocation_allow_private, options.total_s) == (True, True, 90)
    assert options.settings.expiring_fraction == 0.5
    [plain] = fleet("plain.txt", "a.test\n").entries()
    assert plain.job(1, BASE).options == replace(BASE, stores=plain.stores)
    assert plain.job(1, replace(BASE, nameserver="192.0.2.1")).options.nameserver == "192.0.2.1"


def test_no_option_of_a_check_is_without_a_key() -> None:
    """But for the instant, which is the run's, and what --resolve says, for which there are `addresses`."""
    named = {"nameserver": "resolver", "ehlo_name": "ehlo", "timeout_s": "timeout", "total_s": "total-timeout",
             "ip_version": "force-ip", "expiring_fraction": "expiring-share"}  # fmt: skip
    none = {"at", "overrides", "public_only", "settings", "expected_name", "expected_thumbprints"}
    fields = {*CheckOptions.__slots__, *Settings.__slots__} - none
    assert {named.get(each, each.replace("_", "-")) for each in fields} <= KEYS[TargetKeys].keys()


def test_who_is_asked_for_two_kinds_of_key_is_no_target_twice() -> None:
    texts_of = [
        f'[[target]]\nhost = "a.test"\n{more}' for more in ("", 'key-type = "rsa"\n', "force-ip = 6\n")
    ]
    assert len({entry.identity for entry in fleet("fleet.toml", "".join(texts_of)).entries()}) == 3
    with pytest.raises(ConfigurationError, match="the same target"):
        fleet("fleet.toml", texts_of[0] + texts_of[0] + 'key-type = "any"\n')


@pytest.mark.parametrize("name", ALIKE)
def test_the_same_target_however_it_is_written(name: str) -> None:
    [entry] = fleet(name, ALIKE[name]).entries()
    job = entry.job(7, BASE)
    assert job.target == ("mail.contoso.com:2525", "mail.contoso.com", 2525, False)
    assert job.addresses == ("192.0.2.1", "2001:db8::1")
    assert (job.options.timeout_s, job.options.implicit_tls) == (5.0, True)
    assert (entry.labels, entry.keys.expect.issuer) == ({"site": "berlin"}, "A, B")  # type: ignore[union-attr]


def test_a_file_as_powershell_writes_it() -> None:
    found = fleet("t.csv", '#TYPE Selected\r\n"host","mx"\r\n"a.test",""\r\n"","b.test"\r\n'.encode("utf-16"))
    assert texts(found.entries()) == ["a.test", "mx:b.test"]


def test_plain_lines() -> None:
    found = fleet("t.txt", "a.test:25 # one\nmx:b.test\n[2001:db8::1]:2525\n192.0.2.1\n")
    assert texts(found.entries()) == ["a.test:25", "mx:b.test", "[2001:db8::1]:2525", "192.0.2.1"]
    assert found.count == 4


def test_what_is_inherited() -> None:
    Path("inner").mkdir()
    Path("inner/more.toml").write_text(
        '[defaults]\ntimeout = 9\n[[target]]\nhost = "c.test"\nstores = ["roots.pem"]\n[[target]]\nhost = "d.test"\n'
        'group = "berlin"\ndirection = "to-eop"\n'
    )
    found = fleet(
        "fleet.toml",
        'include = ["inner/more.toml"]\n[defaults]\ntimeout = 3\nport = 26\ntls-domain = "x.test"\n'
        'direction = "from-eop"\nlabels = { site = "none", kind = "mail" }\n[[group]]\nname = "berlin"\nport = 27\n'
        'labels = { site = "berlin" }\n[[target]]\nhost = "a.test"\ngroup = "berlin"\nlabels = { customer = "c" }\n'
        '[[target]]\nhost = "b.test"\nport = 28\n',
    )
    a, b, c, d = found.entries()
    assert a.labels == {"group": "berlin", "site": "berlin", "kind": "mail", "customer": "c"}
    assert [one.target.port for one in (a, b, c, d)] == [27, 28, 26, 27]
    assert [one.job(0, BASE).options.timeout_s for one in (a, b, c, d)] == [3, 3, 9, 9]
    assert c.stores() == (str(Path("inner/roots.pem")),)
    # What is inherited for one direction is no mistake of a target in the other.
    settings = [one.job(0, BASE).options.settings.tls_domain for one in (a, b, c, d)]
    assert settings == ["x.test", "x.test", "x.test", None]


class TestStandardInput:
    def test_it_is_read_as_it_is_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"host": "b.test"}\n{"host": 1}\n')))
        found = fleet("fleet.toml", 'include = ["-"]\n[defaults]\nport = 26\n[[target]]\nhost = "a.test"\n')
        assert found.count is None
        assert texts(found.entries()) == ["a.test:26", "b.test:26"]
        assert found.mistakes.lines[0].startswith("standard input:2: host: This is 1")

    def test_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"host,group\nb.test,any\n")))
        [entry] = Fleet("-", Judges(lambda _: tuple)).entries()
        assert entry.labels == {"group": "any"}


def test_a_file_that_vanishes_is_told_of() -> None:
    found = fleet("t.csv", "host\na.test\n")
    Path("t.csv").unlink()
    assert list(found.entries()) == []
    assert found.mistakes.lines == ['t.csv: "t.csv" cannot be read: No such file or directory.']


def test_a_stream_is_not_held() -> None:
    Path("t.csv").write_text("host,port\n" + "".join(f"h{n}.contoso.test,25\n" for n in range(4_000)))
    found = Fleet("@t.csv", Judges(lambda _: tuple))
    tracemalloc.start()
    try:
        assert sum(1 for _ in found.entries()) == found.count == 4_000
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 1 << 19


class TestSelection:
    ROWS = '[[group]]\nname = "x"\n' + "".join(
        f'[[target]]\nhost = "h{n}.test"\nlabels = {{ n = "{n % 3}" }}\n' + "group = 'x'\n" * (n % 2)
        for n in range(60)
    )

    def test_by_label(self) -> None:
        found = fleet("fleet.toml", self.ROWS)
        assert len(list(selection(["n=0"], None).of(found.entries()))) == 20
        assert len(list(selection(["n=0", "n=1"], None).of(found.entries()))) == 40
        assert len(list(selection(["n=0", "group=x"], None).of(found.entries()))) == 10
        assert list(selection(["m=0"], None).of(found.entries())) == []

    def test_shards_part_the_fleet_and_each_target_stays_where_it_is(self) -> None:
        whole = fleet("fleet.toml", self.ROWS)
        shares = [texts(selection([], f"{n}/4").of(whole.entries())) for n in range(1, 5)]
        assert sorted(name for share in shares for name in share) == sorted(texts(whole.entries()))
        assert all(len(share) > 5 for share in shares)
        Path("t.txt").write_text("h7.test\nother.test\nh3.test\n")
        few = Fleet("t.txt", Judges(lambda _: tuple))
        for number, share in enumerate(shares, start=1):
            again = texts(selection([], f"{number}/4").of(few.entries()))
            assert [name for name in again if name in share] == [
                n for n in ("h7.test", "h3.test") if n in share
            ]

    @pytest.mark.parametrize(
        "shard",
        [
            "0/4",
            "5/4",
            "1",
            "a/b",
            "1/0",
            "-1/4",
            "1/4/4",
            "1/2147483648",
            "1_0/1_00",
            "\uff11/\uff13",
            " 1/3",
        ],
    )
    def test_what_is_no_shard(self, shard: str) -> None:
        with pytest.raises(ConfigurationError, match=r"is not I/N with I from 1 to N, N at most 999,999"):
            selection([], shard)

    def test_what_is_no_label(self) -> None:
        with pytest.raises(ConfigurationError, match="is not LABEL=VALUE"):
            selection(["berlin"], None)


class TestSchemas:
    FILE = jsonschema.Draft202012Validator(SCHEMAS["eop-probe/fleet/1"])
    LINE = jsonschema.Draft202012Validator(SCHEMAS["eop-probe/fleet-target/1"])

    def test_they_are_schemas(self) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMAS["eop-probe/fleet/1"])
        jsonschema.Draft202012Validator.check_schema(SCHEMAS["eop-probe/fleet-target/1"])

    def test_the_example_is_right_and_names_every_key(self) -> None:
        self.FILE.validate(tomllib.loads(EXAMPLE))
        assert len(list(fleet("fleet.toml", EXAMPLE).entries())) == 3
        for shape in (FleetFile, Options, Group, TargetKeys, AlarmKeys, MaintenanceKeys):
            for key in KEYS[shape]:
                assert f"{key} = " in EXAMPLE or f"[{key}]" in EXAMPLE or f".{key}]" in EXAMPLE, key

    def test_each_line_of_the_example_can_be_taken_in(self) -> None:
        whole = "".join(
            line.removeprefix("# ")
            if (line.startswith("# ") and " = " in line and "include" not in line) or line.startswith("# [")
            else line
            for line in EXAMPLE.splitlines(keepends=True)
        )
        assert len(list(fleet("fleet.toml", whole).entries())) == 3

    def test_lines(self) -> None:
        line = json.loads(ALIKE["t.jsonl"])
        self.LINE.validate(line)
        for wrong in ({"hots": "x"}, {"port": 0}, {"expect": {"outcome": "ok"}}, {"interval": "6 hours"}):
            assert not self.LINE.is_valid(line | wrong)

    def test_they_are_made_of_the_table(self) -> None:
        assert msgspec.json.schema(TargetKeys).items() <= SCHEMAS["eop-probe/fleet-target/1"].items()


def test_the_name_of_the_file_is_the_commands() -> None:
    from probe.cli.fleet.description import FLEET_FILE

    assert FLEET_FILE == source.DEFAULT_FILE
