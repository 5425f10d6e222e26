"""``fleet run`` on real servers: outcomes, expectations, formats, signals, and what hostile and dead servers cost."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.running import (
    CA,
    EXPIRING,
    HEALTHY,
    HOST,
    ISSUING,
    LONELY,
    NOW,
    SELF,
    Cli,
    command,
    environment,
    hold,
)  # fmt: skip
from tests.eop.weighing import raw_name
from tests.net.scripted import GREETING, Peer, Script, ScriptedServer, starttls, tls_context
from tests.schemas import SCHEMAS

pytest_plugins = ("tests.cli.conftest",)

ELEMENT = jsonschema.Draft202012Validator(
    {"$ref": "#/$defs/assessment", "$defs": SCHEMAS["eop-probe/report/1"]["$defs"]}
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextlib.contextmanager
def servers(*scripts: Script) -> Iterator[list[dict[str, Any]]]:
    """A server of each script, on a loopback address of its own, as targets."""
    with contextlib.ExitStack() as stack:
        yield [
            {
                "host": HOST,
                "addresses": [host],
                "port": stack.enter_context(ScriptedServer(script, host=host)).port,
            }
            for number, script in enumerate(scripts, start=1)
            for host in [f"127.0.{7 + number // 250}.{number % 250 + 1}"]
        ]


def written(targets: Sequence[dict[str, Any]]) -> str:
    Path("t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in targets))
    return "t.jsonl"


def run(cli: Cli, targets: Sequence[dict[str, Any]], *options: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and every assessment, in the order of the targets."""
    ran = cli("fleet", "run", written(targets), "--stand-in", cli.store, "--format", "jsonl", *options)
    assert ran.err == ""
    found = [json.loads(line) for line in ran.out.splitlines()]
    for one in found:
        ELEMENT.validate(one)
    # Ports of servers on different addresses may well be the same.
    addresses = [one["addresses"][0] for one in targets]
    return ran.code, sorted(found, key=lambda one: addresses.index(one["address"]))


def test_each_target_has_its_outcome(cli: Cli) -> None:
    with servers(
        HEALTHY, LONELY, SELF, EXPIRING, starttls(tls_context(CA.leaf(ISSUING, HOST, not_after=NOW)))
    ) as targets:
        code, found = run(cli, targets)
    assert [one["outcome"] for one in found] == ["accepted", "rejected", "rejected", "at-risk", "rejected"]
    assert code == 2


def test_a_fleet_that_is_healthy_ends_with_0(cli: Cli) -> None:
    """The control."""
    with servers(HEALTHY, HEALTHY) as targets:
        code, found = run(cli, targets)
    assert (code, [one["outcome"] for one in found]) == (0, ["accepted", "accepted"])


class TestExpectations:
    PINNED = (
        ({"sha256": ["00" * 32]}, "unexpected-certificate"),
        ({"issuer": "CN=Contoso CA"}, "unexpected-issuer"),
        ({"names": [HOST, "other.contoso.test"]}, "unexpected-names"),
        ({"outcome": "rejected"}, "unexpected-outcome"),
    )

    def test_what_is_missed_is_a_finding(self, cli: Cli) -> None:
        with servers(*[HEALTHY] * len(self.PINNED)) as targets:
            for one, (pinned, _) in zip(targets, self.PINNED, strict=True):
                one["expect"] = pinned
            code, found = run(cli, targets)
        for one, (_, rule) in zip(found, self.PINNED, strict=True):
            assert one["outcome"] == "at-risk"
            assert one["findings"][0]["rule"] == rule
        assert code == 1

    def test_what_is_met_is_none(self, cli: Cli) -> None:
        with servers(HEALTHY, HEALTHY, SELF) as targets:
            _, [first, *_] = run(cli, targets)
            leaf = first["presented_chain"][0]
            mark = ":".join(leaf["sha256"][n : n + 2] for n in range(0, 64, 2)).upper()
            targets[0]["expect"] = {
                "sha256": ["11" * 32, mark],
                "issuer": leaf["issuer"],
                "names": [HOST.upper()],
            }
            targets[1]["expect"] = {"issuer": "fabrikam  public TLS CA 1", "outcome": "accepted"}
            targets[2]["expect"] = {"outcome": "rejected"}
            code, found = run(cli, targets)
        assert not [f for one in found for f in one["findings"] if f["rule"].startswith("unexpected")]
        assert code == 2

    def test_nothing_is_said_of_a_certificate_that_was_not_seen(self, cli: Cli) -> None:
        target = {
            "host": HOST,
            "addresses": ["127.0.0.1"],
            "port": 1,
            "expect": {"sha256": ["00" * 32], "names": ["a"]},
        }
        code, [one] = run(cli, [target])
        assert (code, one["outcome"]) == (3, "unknown")
        assert not [f for f in one["findings"] if f["rule"].startswith("unexpected")]


class TestWhichEnd:
    @pytest.mark.parametrize(
        ("script", "fail_on", "code"),
        [
            (EXPIRING, "at-risk", 1),
            (EXPIRING, "rejected", 0),
            (SELF, "rejected", 2),
            (HEALTHY, "rejected", 0),
        ],
    )
    def test_fail_on(self, cli: Cli, script: Script, fail_on: str, code: int) -> None:
        with servers(script) as targets:
            assert run(cli, targets, "--fail-on", fail_on)[0] == code

    def test_critical_days(self, cli: Cli) -> None:
        with servers(EXPIRING) as targets:
            targets[0]["critical-days"] = 300
            assert run(cli, targets, "--fail-on", "rejected")[0] == 2

    def test_only_and_shard(self, cli: Cli) -> None:
        with servers(*[HEALTHY] * 8) as targets:
            for number, one in enumerate(targets):
                one["labels"] = {"n": str(number % 2)}
            _, ones = run(cli, targets, "--only", "n=1")
            shares = [run(cli, targets, "--shard", f"{n}/2")[1] for n in (1, 2)]
        assert [one["labels"] for one in ones] == [{"n": "1"}] * 4
        assert sum(map(len, shares)) == 8
        ran = cli("fleet", "run", "t.jsonl", "--only", "n=7")
        assert (ran.code, ran.out, ran.err) == (3, "", "eop-probe: no target has n=7\n")

    def test_a_shard_without_targets(self, cli: Cli) -> None:
        target = {"host": HOST, "addresses": ["127.0.0.1"], "port": 1}
        ran = [cli("fleet", "run", written([target]), "--shard", f"{n}/2", "--format", "csv") for n in (1, 2)]
        assert sorted(one.code for one in ran) == [0, 3]
        [empty] = [one for one in ran if one.code == 0]
        assert empty.err == "eop-probe: no target in this share\n"

    def test_a_shard_without_targets_of_a_label(self, cli: Cli) -> None:
        target = {"host": HOST, "addresses": ["127.0.0.1"], "port": 1, "labels": {"n": "1"}}
        arguments = ("fleet", "run", written([target]), "--format", "csv", "--only")
        ran = [cli(*arguments, "n=1", "--shard", f"{n}/2") for n in (1, 2)]
        assert sorted((one.code, one.err) for one in ran) == [
            (0, "eop-probe: no target in this share\n"),
            (3, ""),
        ]
        nowhere = cli(*arguments, "n=2", "--shard", "1/2")
        assert (nowhere.code, nowhere.err) == (3, "eop-probe: no target has n=2\n")

    @pytest.mark.parametrize("word", ["nan", "inf", "-inf"])
    def test_a_rate_is_a_number(self, cli: Cli, word: str) -> None:
        ran = cli("fleet", "run", written([{"host": HOST}]), f"--rate={word}")
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert "Invalid value for '--rate'" in ran.err

    def test_a_file_of_targets_is_not_written_over(self, cli: Cli) -> None:
        """Nor one that is included; the control is another name."""
        target = {"host": HOST, "addresses": ["127.0.0.1"], "port": 1}
        before = Path(written([target])).read_text()
        Path("fleet.toml").write_text('include = ["t.jsonl"]\n')
        for file in ("t.jsonl", "@t.jsonl", "fleet.toml"):
            ran = cli("fleet", "run", file, "--output", "./t.jsonl")
            assert (ran.code, ran.out) == (3, "")
            assert ran.err.startswith("eop-probe: --output would write over ")
            assert ran.err.endswith("t.jsonl, which is read; name another file\n")
            assert Path("t.jsonl").read_text() == before
        assert cli("fleet", "run", "--output", "u.jsonl").err == ""
        assert "UNKNOWN" in Path("u.jsonl").read_text()

    def test_mistakes_of_standard_input_count_as_unknown(self, cli: Cli) -> None:
        with servers(HEALTHY) as targets:
            target = json.dumps(targets[0])
            ran = cli.fed(f"{target}\n{{}}\n".encode(), "fleet", "run", "-", "--format", "jsonl")
        assert ran.out.count("\n") == 1
        assert ran.err == "eop-probe: standard input:2: A target has either a host or an mx.\n"


class TestFormats:
    def test_json_is_one_document_with_the_summary(self, cli: Cli) -> None:
        with servers(HEALTHY, SELF, HEALTHY) as targets:
            ran = cli("fleet", "run", written(targets), "--stand-in", cli.store, "--format", "json")
        report = json.loads(ran.out)
        assert (report["outcome"], len(report["assessments"])) == ("rejected", 3)
        end = report["summary"]
        assert end["outcomes"] == {"rejected": 1, "unknown": 0, "at-risk": 0, "accepted": 2}
        assert end["rules"] == {"self-signed": 1}
        [shared] = end["shared_certificates"]
        assert shared["endpoints"] == 2
        assert len(shared["first"]) == 2
        assert [one["endpoints"] for one in end["issuers"]] == [2, 1]
        assert len(end["next_expiries"]) == 2
        assert end["next_changes"][0]["change"].startswith("at-risk (expires-soon)")
        assert end["exact"] is True

    def test_json_of_nothing(self, cli: Cli) -> None:
        ran = cli(
            "fleet", "run", written([{"host": HOST, "port": 1}]), "--shard", "1/100000", "--format", "json"
        )
        assert json.loads(ran.out)["assessments"] == []

    def test_csv(self, cli: Cli) -> None:
        with servers(HEALTHY, SELF) as targets:
            targets[0]["labels"] = {"site": "=HYPERLINK(1)", "a": "b"}
            ran = cli("fleet", "run", written(targets), "--stand-in", cli.store, "--format", "csv")
        rows = {row["outcome"]: row for row in csv.DictReader(io.StringIO(ran.out))}
        assert rows["accepted"]["labels"] == "site==HYPERLINK(1) a=b"
        assert rows["rejected"]["rule"] == "self-signed"
        assert rows["rejected"]["reply"].startswith("454 4.7.0")

    @pytest.mark.parametrize("form", ["html", "junit", "nagios", "prometheus"])
    def test_what_is_one_document(self, cli: Cli, form: str) -> None:
        with servers(HEALTHY, SELF) as targets:
            ran = cli(
                "fleet", "run", written(targets), "--stand-in", cli.store, "--format", form, "--output", "out"
            )
        assert (ran.code, ran.out, ran.err) == (2, "", "")
        assert Path("out").read_text().count(f":{targets[1]['port']}") >= (1 if form != "prometheus" else 0)

    def test_a_page(self, cli: Cli) -> None:
        with servers(HEALTHY, SELF) as targets:
            ran = cli("fleet", "run", written(targets), "--stand-in", cli.store)
            whole = cli(
                "fleet", "run", written(targets), "--stand-in", cli.store, "--verbose", "--output", "page"
            )
        assert "ACCEPTED  mail.contoso.test 127.0.7.2:" in ran.out
        assert "REJECTED  2 endpoints of 2 targets: 1 rejected, 1 accepted\n" in ran.out
        assert whole.out == ""
        assert "What to do" in Path("page").read_text()

    def test_hostile_names_stay_text(self, cli: Cli) -> None:
        leaf = CA.leaf(
            ISSUING, HOST, subject=raw_name(("2.5.4.3", "=cmd|' /C calc'!A0\x1b[31m\u202e<script>"))
        )
        with servers(starttls(tls_context(leaf, ISSUING))) as targets:
            outs = {
                form: cli("fleet", "run", written(targets), "--stand-in", cli.store, "--format", form).out
                for form in ("terminal", "csv", "jsonl", "json", "html")
            }
        for form, out in outs.items():
            assert "\x1b" not in out, form
            assert "\u202e" not in out, form
        assert outs["html"].count("<script>") == 1  # the page's own
        [row] = csv.DictReader(io.StringIO(outs["csv"]))
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]

    def test_a_reader_that_has_gone_ends_the_run(self) -> None:
        with servers(*[HEALTHY] * 30) as targets:
            process = subprocess.Popen(
                command("fleet", "run", written(targets), "--format", "jsonl", "--concurrency", "1"),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
            )  # fmt: skip
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == b""
            assert process.wait() == 2
            process.stderr.close()


def shouting(peer: Peer) -> None:
    peer.say_in_pieces(b"220-" + b"A" * 500 + b"\r\n" for _ in range(10_000))


def babbling(peer: Peer) -> None:
    peer.say(b"\x00\xff\x1b[2J\r\n" * 50)
    peer.hold()


def trickling(peer: Peer) -> None:
    peer.trickle()


def leaving(peer: Peer) -> None:
    peer.say(GREETING)
    peer.hear()


class TestOneInTen:
    """A tenth of the fleet is hostile and a tenth is dead."""

    def test_every_healthy_one_is_reported_and_nothing_is_late(self, cli: Cli) -> None:
        hostile = [shouting, babbling, trickling, leaving, Peer.reset]
        dead = [hold] * 5
        with servers(*hostile, *dead, *[HEALTHY] * 40) as targets:
            for one in targets[:10]:
                one["timeout"] = 3
            began = time.monotonic()
            code, found = run(cli, targets)
            took = time.monotonic() - began
        assert [one["outcome"] for one in found] == ["unknown"] * 10 + ["accepted"] * 40
        assert code == 3
        assert took < 28  # 3 on an idle machine; one after another they would take 30
        assert all(one["elapsed_ms"] < 3_000 + 7_000 for one in found[:10])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_loses_nothing_that_is_done(number: signal.Signals) -> None:
    """Half of the servers never answer: when the others are done, the run would go on for a minute."""
    with servers(*[SELF] * 12, *[hold] * 12) as targets:
        for one in targets:
            one["timeout"] = 60
        process = subprocess.Popen(
            command("fleet", "run", written(targets), "--format", "jsonl"), text=True, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(12)]
        process.send_signal(number)
        rest, said = process.communicate(timeout=60)
    assert [json.loads(line)["outcome"] for line in lines] == ["rejected"] * 12
    assert (process.returncode, rest) == (2, "")
    assert said == "eop-probe: interrupted: 12 of 24 targets are done\n"


def test_a_signal_before_anything_is_done() -> None:
    with servers(hold, hold) as targets:
        process = subprocess.Popen(
            command("fleet", "run", written(targets), "--format", "json"), text=True, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        while not _connected(process.pid):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (3, "eop-probe: interrupted: 0 of 2 targets are done\n")
    assert json.loads(out)["assessments"] == []


def _connected(pid: int) -> bool:
    """Whether a process has opened its second socket."""
    with contextlib.suppress(OSError):
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        return sum(link.startswith("socket:") for link in links) >= 2
    return False


class TestProgress:
    def test_a_terminal_sees_it_and_it_is_gone_at_the_end(self) -> None:
        with servers(*[HEALTHY] * 5, *[hold] * 2) as targets:
            for one in targets:
                one["timeout"] = 3
            shown = self._on_a_terminal(written(targets))
        assert "targets, " in shown
        last = shown.replace("\r\n", "\n").split("\r")[-1]
        assert "left" not in last
        assert "UNKNOWN  7 endpoints of 7 targets" in last or "REJECTED  7 endpoints" in last

    def test_a_pipe_sees_nothing(self, cli: Cli) -> None:
        with servers(HEALTHY, hold) as targets:
            targets[1]["timeout"] = 3
            assert cli("fleet", "run", written(targets), "--format", "csv").err == ""

    def test_a_long_reply_is_cut_on_a_terminal_only(self, cli: Cli) -> None:
        garbage = "Z" * 300
        with servers(lambda peer: peer.say(f"554 {garbage}\r\n".encode())) as targets:
            name = written(targets)
            piped = cli("fleet", "run", name).out
            ours, theirs = pty.openpty()
            with subprocess.Popen(
                command("fleet", "run", name), stdout=theirs, stderr=subprocess.DEVNULL,
                env=environment(COLUMNS="80", NO_COLOR="1"),
            ):  # fmt: skip
                os.close(theirs)
                lines = _all_of(ours).replace("\r\n", "\n").split("\n")
        assert lines[0].startswith("UNKNOWN ")
        assert (lines[0][-4:], lines[1]) == (" ...", "")
        assert len(lines[0]) <= 80
        assert piped.split("\n\n")[0].count("\n") >= 1

    @staticmethod
    def _on_a_terminal(name: str) -> str:
        """What `fleet run` writes to a terminal at its standard error."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            command("fleet", "run", name, "--format", "csv"),
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env=environment(),
        ):
            os.close(theirs)
            return _all_of(ours)


def _all_of(terminal: int) -> str:
    """What is written to a terminal until nobody has it open."""
    shown = b""
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 65_536):
            shown += data
    os.close(terminal)
    return shown.decode()
