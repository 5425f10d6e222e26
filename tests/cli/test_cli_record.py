"""``check --record``: what is kept, where it waits while it cannot be, and what is refused before anybody is asked."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.cli import early
from probe.history.database import Database
from probe.history.read import spans
from probe.report.record import Span
from tests.cli.running import HEALTHY, HOST, SELF, Cli, Ran, command, environment, spawn, unmeasured
from tests.net.scripted import ScriptedServer
from tests.schemas import validate


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of this user; it is not there yet. What is wrong with a history is told at once."""
    monkeypatch.setattr("probe.history.recorder.OPEN_S", 60.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "eop-probe"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(HEALTHY) as healthy:
        yield healthy


def kept(history: Path) -> list[Span]:
    database = Database(str(history))
    found = database.run(lambda connection: list(spans(connection)))
    database.close()
    return found


class TestKept:
    def test_in_this_users_own_history(self, cli: Cli, state: Path, server: ScriptedServer) -> None:
        own = state / "history.sqlite"
        for _ in range(2):
            ran = cli.check(server.port, "--record")
            assert (ran.code, ran.err) == (0, f"eop-probe: 1 result recorded in {own}\n")
        [span] = kept(own)
        assert (span.looks, span.endpoint.host, span.endpoint.address) == (2, HOST, "127.0.0.1")
        assert span.endpoint[4:] == ("receive-connector", "", "")
        assert state.stat().st_mode & 0o777 == 0o700
        assert cli.check(server.port).err == ""  # the control
        assert kept(own)[0].looks == 2

    def test_a_server_that_refuses_to_talk_says_nothing_of_starttls(self, cli: Cli, state: Path) -> None:
        greetings = (lambda peer: peer.say(b"554 5.7.1 no\r\n"), lambda peer: peer.say(b"220"), HEALTHY)
        for greeting in greetings:
            with ScriptedServer(greeting) as server:
                cli.check(server.port, "--record")
        found = [span.state for span in kept(state / "history.sqlite")]
        assert [state.starttls for state in found] == [None, None, True]

    def test_by_variables(
        self, cli: Cli, tmp_path: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "here.sqlite"
        monkeypatch.setenv("EOP_PROBE_HISTORY", str(file))
        monkeypatch.setenv("EOP_PROBE_VANTAGE", "berlin")
        assert cli.check(server.port).err == ""  # they are of use to other commands, and ask for nothing
        assert not file.exists()
        monkeypatch.setenv("EOP_PROBE_RECORD", "1")
        assert cli.check(server.port).err == f"eop-probe: 1 result recorded in {file}\n"
        assert [span.endpoint.vantage for span in kept(file)] == ["berlin"]

    def test_from_elsewhere_something_else_is_shown(self, cli: Cli) -> None:
        with ScriptedServer(HEALTHY, HEALTHY, SELF) as server:
            ran = cli.check(server.port, "--record", "--vantage", "berlin", "--format", "json")
            assert [one["vantage"] for one in json.loads(ran.out)["assessments"]] == ["berlin"]
            cli.check(server.port, "--record", "--vantage", "oslo")
            assert "vantage-points" not in cli("history", "show", HOST).out
            cli.check(server.port, "--record", "--vantage", "oslo")
        page = " ".join(cli("history", "show", HOST).out.split())
        assert re.search(r"vantage-points-differ since [-\d: ]+: from berlin accepted, mail.contoso", page)
        assert "; from oslo rejected (self-signed), mail.contoso" in page
        document = json.loads(cli("history", "show", HOST, "--format", "json").out)
        validate(document)
        [one] = document["differing"]
        assert (one["rule"], one["over"], one["silent"]) == ("vantage-points-differ", None, None)
        assert one["endpoint"]["address"] is None
        assert [(each["vantage"], each["outcome"]) for each in one["vantages"]] == [
            ("berlin", "accepted"), ("oslo", "rejected"),
        ]  # fmt: skip
        changes = json.loads(
            cli("history", "changes", "--kind", "vantage-points-differ", "--format", "json").out
        )
        validate(changes)
        assert [each["kind"] for each in changes["changes"]] == ["vantage-points-differ"]
        assert len(changes["certificates"]) == 2

    def test_what_is_asked_otherwise_is_another_endpoint(
        self, cli: Cli, state: Path, server: ScriptedServer
    ) -> None:
        for words in (
            (),
            ("--sni", HOST),
            ("--sni", "other.contoso.test"),
            ("--sni", "none"),
            ("--key-type", "rsa"),
        ):
            cli.check(server.port, "--record", *words)
        found = {span.endpoint.variant: span.looks for span in kept(state / "history.sqlite")}
        assert found == {"": 2, "sni=other.contoso.test": 1, "sni=none": 1, "key-type=rsa": 1}

    def test_each_of_many(self, cli: Cli, state: Path) -> None:
        with ScriptedServer(HEALTHY) as one, ScriptedServer(SELF) as other:
            ran = cli.check(one.port, "--record", f"127.0.0.1:{other.port}", "127.0.0.1:1")
        assert ran.code == 2
        assert ran.err == f"eop-probe: 3 results recorded in {state / 'history.sqlite'}\n"
        outcomes = {span.state.outcome.value for span in kept(state / "history.sqlite")}
        assert outcomes == {"accepted", "rejected", "unknown"}


class TestRefused:
    """Before anybody is asked, in one sentence."""

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--history", "h.sqlite"), "--history is of no use without --record"),
            (
                ("--record", "--vantage", "a\tb"),
                "--vantage: a name of at most 64 characters that can be printed",
            ),
            (
                ("--vantage", "berlin "),
                "--vantage: a name of at most 64 characters that can be printed, without blanks around it",
            ),
            (
                ("--record", "--vantage", "b" * 65),
                "--vantage: a name of at most 64 characters that can be printed",
            ),
            (("--record", "--at", "2027-01-01"), "--at asks what would be; --record keeps what is"),
            (
                ("--record", "--history", "no/folder/h"),
                "no history can be kept in no/folder/h: there is no such",
            ),
            (("--record", "--history", "."), "no history can be kept in ."),
            (("--record", "--history", "mysql://root:secret@db/x"), "SQLite or PostgreSQL, not in mysql"),
        ],
    )
    def test_words(self, cli: Cli, server: ScriptedServer, words: tuple[str, ...], said: str) -> None:
        ran = cli.check(server.port, *words)
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert said in ran.err
        assert "secret" not in ran.err
        assert server.peers == []

    def test_a_state_directory_that_cannot_be_made(
        self, cli: Cli, state: Path, server: ScriptedServer
    ) -> None:
        state.parent.write_text("a file")
        ran = cli.check(server.port, "--record")
        assert (ran.code, ran.out, server.peers) == (3, "", [])
        assert ran.err == f"eop-probe: no history can be kept in {state}: File exists\n"

    def test_what_is_no_database(self, cli: Cli, tmp_path: Path, server: ScriptedServer) -> None:
        file, pipe, empty = tmp_path / "report.json", tmp_path / "pipe", tmp_path / "empty"
        file.write_text('{"schema": "eop-probe/report/1"}')
        os.mkfifo(pipe)
        empty.touch()  # the control
        for name, said in ((file, "it is another kind of file"), (pipe, "it is a pipe, not a file")):
            ran = cli.check(server.port, "--record", "--history", name)
            assert (ran.code, ran.out) == (3, "")
            assert ran.err == f"eop-probe: no history can be kept in {name}: {said}\n"
        assert cli.check(server.port, "--record", "--history", empty).code == 0
        assert len(server.peers) == 1

    def test_a_newer_history(self, cli: Cli, state: Path, server: ScriptedServer) -> None:
        cli.check(server.port, "--record")
        with sqlite3.connect(state / "history.sqlite") as connection:
            connection.execute("UPDATE meta SET value = '999'")
        connection.close()
        asked = len(server.peers)
        ran = cli.check(server.port, "--record")
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert "newer eop-probe" in ran.err
        assert len(server.peers) == asked

    def test_the_report_is_not_written_over_the_history(
        self, cli: Cli, tmp_path: Path, server: ScriptedServer
    ) -> None:
        file = tmp_path / "h.sqlite"
        cli.check(server.port, "--record", "--history", file)
        ran = cli.check(server.port, "--record", "--history", file, "--output", file)
        assert (ran.code, "would write over" in ran.err) == (3, True)
        assert len(kept(file)) == 1


@pytest.mark.slow
class TestAway:
    def test_it_waits_and_the_verdict_stays(self, cli: Cli, state: Path, server: ScriptedServer) -> None:
        with socket.socket() as closed:  # bound, and nobody listens
            closed.bind(("127.0.0.1", 0))
            url = f"postgresql://probe:secret@127.0.0.1:{closed.getsockname()[1]}/history"
            for looks in (1, 2):
                ran = cli.check(server.port, "--record", "--history", url)
                waiting = list((state / "spool").glob("*/*.jsonl"))
                assert (ran.code, len(waiting)) == (0, looks)
        away, last = ran.err.splitlines()
        assert "cannot be used" in away
        assert last.startswith("eop-probe: 0 results recorded in postgresql")
        assert f"; 1 waits in {waiting[0].parent} for the next run that reaches it" in last
        assert "secret" not in ran.err
        assert str(waiting[0].stat().st_mode & 0o777) == str(0o600)

    def test_one_that_hangs_changes_no_result(self, state: Path) -> None:
        with ScriptedServer(HEALTHY) as server, socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/history"
            words = ("check", f"127.0.0.1:{server.port}", "--format", "jsonl", "--record", "--history", url)
            with subprocess.Popen(
                command(*words), text=True, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process:
                assert process.stdout is not None
                assert process.stdout.readline().startswith("{")
                _, said = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "; 1 waits in" in said
        assert len(list((state / "spool").glob("*/*.jsonl"))) == 1

    def test_a_full_disk(self, state: Path) -> None:
        """No file can grow: neither the database nor the spool takes anything, and that is said."""
        with ScriptedServer(HEALTHY) as server:
            words = command("check", f"127.0.0.1:{server.port}", "--record")
            limited = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *words]
            done = subprocess.run(
                limited, capture_output=True, text=True, env=unmeasured(), timeout=60, check=False
            )
            control = spawn(*words[3:])
        assert done.returncode == control.code == 2
        assert "eop-probe: results are lost: File too large\n" in done.stderr
        assert done.stderr.endswith(f"eop-probe: 0 results recorded in {state / 'history.sqlite'}; 1 lost\n")
        assert control.err == f"eop-probe: 1 result recorded in {state / 'history.sqlite'}\n"


class TestFast:
    def test_the_connection_is_begun_first(self, state: Path) -> None:
        for words in (
            "--record",
            "--vantage berlin",
            "--record --vantage berlin",
            f"--record --history {state.parents[1] / 'h'}",
        ):
            assert early.plain_target(["check", "192.0.2.1", *words.split()], {}) is not None
        for words in (
            "--history h",
            "--vantage a\tb",
            "--record --history no/folder/h",
            "--record --vantage a\tb",
        ):
            assert early.plain_target(["check", "192.0.2.1", *words.split(" ")], {}) is None

    def test_one_connection(self, state: Path) -> None:
        with ScriptedServer(HEALTHY) as server:
            ran: Ran = spawn("check", f"127.0.0.1:{server.port}", "--record")
        assert ran.err == f"eop-probe: 1 result recorded in {state / 'history.sqlite'}\n"
        assert len(server.peers) == 1

    @pytest.mark.slow
    def test_without_it_nothing_of_it_is_loaded(self, server: ScriptedServer) -> None:
        code = (
            "import sys\nfrom probe.cli.exit_codes import run_to_exit\ntry: run_to_exit()\n"
            "finally: print(sorted({'sqlalchemy', 'sqlite3', 'msgspec'} & set(sys.modules)), file=sys.stderr)"
        )
        for more, loaded in (((), "[]"), (("--record",), "['sqlalchemy', 'sqlite3']")):
            words = ["check", f"127.0.0.1:{server.port}", *more]
            program = [command()[0], "-c", code, *words]
            done = subprocess.run(
                program, capture_output=True, text=True, env=unmeasured(), timeout=60, check=False
            )
            assert done.stderr.splitlines()[-1] == loaded
