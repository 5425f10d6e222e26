"""``fleet init`` and ``fleet check-config`` as they are typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from probe.fleet.example import EXAMPLE
from tests.cli.running import Cli

pytest_plugins = ("tests.cli.conftest",)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestInit:
    def test_it_writes_the_example(self, cli: Cli) -> None:
        ran = cli("fleet", "init")
        assert (ran.code, ran.err) == (0, "")
        assert "eop-probe fleet check-config fleet.toml" in ran.out
        assert Path("fleet.toml").read_text("utf-8") == EXAMPLE

    def test_it_never_writes_over_a_file(self, cli: Cli) -> None:
        Path("fleet.toml").write_text("mine")
        ran = cli("fleet", "init")
        assert (ran.code, ran.out) == (3, "")
        assert ran.err == "eop-probe: fleet.toml is there already and stays as it is; name another file\n"
        assert Path("fleet.toml").read_text("utf-8") == "mine"

    def test_where_there_is_no_folder(self, cli: Cli) -> None:
        ran = cli("fleet", "init", "no/fleet.toml")
        assert (ran.code, ran.err) == (
            3,
            "eop-probe: cannot write the report to no/fleet.toml: No such file or directory\n",
        )


class TestCheckConfig:
    def test_the_example(self, cli: Cli) -> None:
        Path("fleet.toml").write_text(EXAMPLE)
        ran = cli("fleet", "check-config")
        assert (ran.code, ran.err) == (0, "")
        words = " ".join(ran.out.split())
        assert "Would probe 3 targets mail.contoso.com, to-eop, group=berlin" in words
        assert (
            "connections 2 to addresses that are given; at least one to each of 1 host name and 1 mail domain"
            in words
        )
        assert "takes 0:00:01 at least at these rates, 0:00:31 where nobody answers" in words
        assert "No connection was opened, and no name was looked up." in words

    def test_no_address_is_given(self, cli: Cli) -> None:
        Path("t.txt").write_text("a.test\n")
        words = " ".join(cli("fleet", "check-config", "t.txt").out.split())
        assert "connections at least one to each of 1 host name, as many as DNS has addresses" in words

    def test_the_rates_tell_how_long(self, cli: Cli) -> None:
        hosts = "".join(f"192.0.2.{n}\n" for n in range(1, 201))
        Path("t.txt").write_text(hosts + "198.51.100.1\n")
        ran = cli("fleet", "check-config", "t.txt", "--rate", "2", "--concurrency", "10")
        words = " ".join(ran.out.split())
        assert "and 181 more" in words
        assert "takes 0:01:40 at least at these rates, 0:11:43 where nobody answers" in words

    def test_only_those_that_are_meant(self, cli: Cli) -> None:
        Path("fleet.toml").write_text(EXAMPLE)
        ran = cli("fleet", "check-config", "--only", "customer=contoso", "--output", "plan.txt")
        assert (ran.code, ran.out) == (0, "")
        assert "1 target\n" in Path("plan.txt").read_text()

    def test_mistakes(self, cli: Cli) -> None:
        Path("fleet.toml").write_text('[[target]]\nhots = "a.test"\nport = 0\n')
        ran = cli("fleet", "check-config")
        assert (ran.code, ran.out) == (3, "")
        assert ran.err == (
            "eop-probe: 2 mistakes in the description of the fleet; nothing was probed\n"
            "  fleet.toml:2: target[0].hots: There is no such key here; did you mean host?\n"
            "  fleet.toml:3: target[0].port: This is 0, but it takes a port, a number from 1 to 65535.\n"
        )

    def test_a_list_of_roots_that_is_none(self, cli: Cli) -> None:
        Path("fleet.toml").write_text('[defaults]\nstores = ["roots.pem"]\n[[target]]\nhost = "a.test"\n')
        ran = cli("fleet", "check-config")
        assert ran.code == 3
        assert (
            "fleet.toml:2: defaults.stores: There is neither a store nor a file called 'roots.pem'" in ran.err
        )
        assert ran.err.count("\n") == 2

    def test_no_file(self, cli: Cli) -> None:
        ran = cli("fleet", "check-config")
        assert ran.code == 3
        assert "eop-probe fleet init writes an example" in ran.err
        Path("fleet.toml").mkdir()
        ran = cli("fleet", "check-config")
        assert ran.err.endswith('"fleet.toml" cannot be read: Is a directory.\n')

    def test_standard_input(self, cli: Cli) -> None:
        ran = cli.fed(b'{"host": "a.test"}\n{"host": 3}\n', "fleet", "check-config", "-")
        assert (ran.code, ran.out) == (3, "")
        assert "standard input:2: host: This is 3" in ran.err

    def test_it_opens_no_connection(self) -> None:
        """Whatever the process does with sockets, Python tells a hook of."""
        Path("fleet.toml").write_text(EXAMPLE)
        code = (
            "import sys\nfrom probe.cli.exit_codes import run_to_exit\n"
            "def refuse(event, arguments):\n    assert not event.startswith('socket.'), event\n"
            "sys.addaudithook(refuse)\nrun_to_exit(['fleet', 'check-config'])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Would probe" in done.stdout
