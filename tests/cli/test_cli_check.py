"""`eop-probe check` from its arguments to its exit code, in process, against real servers on loopback."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from pathlib import Path

import pytest
from OpenSSL import SSL

from probe.cli.files import MAX_TARGETS, MAX_TEXT_BYTES
from tests.authority import chain_pem
from tests.cli.running import (
    EXPIRING,
    HEALTHY,
    HOST,
    ISSUING,
    LEAF,
    LONELY,
    NOW,
    ROOT,
    SELF,
    SELF_SIGNED,
    Cli,
    Ran,
    hold,
    serving,
)
from tests.net.scripted import CAPABILITIES, GO_AHEAD, GREETING, Peer, Script, ScriptedServer, tls_context
from tests.net.test_net_resolver import NameServer

REPLY = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"


def no_starttls(peer: Peer) -> None:
    peer.say(GREETING)
    peer.hear()
    peer.say(b"250 mail.contoso.test\r\n")
    peer.hold()


def refusing(peer: Peer) -> None:
    peer.say(b"554 5.7.1 \x1b[31mgo away\x1b[0m\r\n")
    peer.hold()


class TestOutcome:
    @pytest.mark.parametrize(
        ("script", "direction", "code", "outcome", "rule"),
        [
            (HEALTHY, "to-eop", 0, "accepted", None),
            (HEALTHY, "from-eop", 0, "accepted", None),
            (EXPIRING, "to-eop", 1, "at-risk", "expires-soon"),
            (SELF, "to-eop", 2, "rejected", "self-signed"),
            (LONELY, "from-eop", 2, "rejected", "missing-intermediate"),
            (no_starttls, "to-eop", 3, "unknown", "no-starttls"),
            (no_starttls, "from-eop", 2, "rejected", "no-starttls"),
            (refusing, "to-eop", 3, "unknown", "smtp-refused"),
        ],
    )
    def test_exit_code_and_json(
        self, cli: Cli, script: Script, direction: str, code: int, outcome: str, rule: str | None
    ) -> None:
        with serving(script) as port:
            ran = cli.check(port, "--direction", direction, "--format", "json")
        report = json.loads(ran.out)
        assert (ran.code, ran.err) == (code, "")
        assert (report["schema"], report["outcome"]) == ("eop-probe/report/1", outcome)
        [assessment] = report["assessments"]
        [prediction] = assessment["predictions"]
        assert (prediction["rule"], prediction["direction"]) == (rule, direction)
        assert (assessment["target"], assessment["host"], assessment["address"], assessment["port"]) == (
            f"{HOST}:{port}",
            HOST,
            "127.0.0.1",
            port,
        )

    @pytest.mark.parametrize(
        ("software", "fits"), [(b"Postfix", True), (b"Microsoft ESMTP MAIL Service", False)]
    )
    def test_what_to_do_fits_the_server_that_was_met(self, cli: Cli, software: bytes, *, fits: bool) -> None:
        def script(peer: Peer) -> None:
            peer.say(b"220 mail.contoso.test ESMTP " + software + b"\r\n")
            peer.hear()
            peer.say(CAPABILITIES)
            peer.hear()
            peer.say(GO_AHEAD)
            peer.serve_tls(tls_context(LEAF))

        with serving(script) as port:
            out = " ".join(cli.check(port, "--direction", "from-eop").out.split())
        assert ("The server looks like Postfix: append it, as PEM, to the certificate" in out) is fits
        assert ("Import-Certificate -FilePath" in out) is not fits

    def test_the_reply_is_verbatim(self, cli: Cli) -> None:
        with serving(SELF) as port:
            ran = cli.check(port)
        assert ran.code == 2
        assert ran.out.startswith("REJECTED")
        assert REPLY in " ".join(ran.out.split())
        assert SELF_SIGNED.sha1.upper() in ran.out

    def test_the_worst_target_decides(self, cli: Cli) -> None:
        with serving(HEALTHY) as good, serving(SELF) as bad:
            both = (
                "--resolve",
                f"{HOST}=127.0.0.1",
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
                "--format",
                "json",
            )
            ran = cli("check", f"{HOST}:{good}", f"{HOST}:{bad}", *both)
            fine = cli("check", f"{HOST}:{good}", f"{HOST}:{good}", *both)
        assert ran.code == 2
        # In the order they were given, whichever answers first.
        assert [a["port"] for a in json.loads(ran.out)["assessments"]] == [good, bad]
        assert fine.code == 0

    def test_one_of_several_cannot_be_resolved(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "nowhere.invalid", "--format", "json")
        report = json.loads(ran.out)
        assert (ran.code, report["outcome"]) == (3, "unknown")
        assert [a["outcome"] for a in report["assessments"]] == ["accepted", "unknown"]
        assert report["assessments"][1]["error"]["phase"] == "resolve"

    def test_refused(self, cli: Cli) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        ran = cli.check(port, "--format", "json")
        [assessment] = json.loads(ran.out)["assessments"]
        assert (ran.code, ran.err, assessment["outcome"]) == (3, "", "unknown")
        assert assessment["error"]["phase"] == "connect"
        assert assessment["presented_chain"] == []

    def test_unknown_host(self, cli: Cli) -> None:
        ran = cli("check", "nowhere.invalid", "--store", "microsoft", "--stand-in", cli.store)
        assert (ran.code, ran.err) == (3, "")
        assert "nowhere.invalid" in ran.out

    def test_silence_ends_in_time(self, cli: Cli) -> None:
        with serving(hold) as port:
            ran = cli.check(port, "--timeout", "0.2", "--format", "json")
        [assessment] = json.loads(ran.out)["assessments"]
        assert (ran.code, assessment["error"]["phase"]) == (3, "timeout")
        assert 200 <= assessment["elapsed_ms"] < 25_000

    def test_faults_are_whole_sentences(self, cli: Cli) -> None:
        for script in (hold, no_starttls, refusing):
            with serving(script) as port:
                ran = cli.check(port, "--timeout", "0.2", "--format", "json")
            [assessment] = json.loads(ran.out)["assessments"]
            message = assessment["error"]["message"]
            assert message[0].isupper()
            assert message.endswith(".")
            assert assessment["findings"][0]["summary"].startswith(message)


class TestOptions:
    def test_at(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            late = cli.check(port, "--at", "2099-01-01", "--format", "nagios")
            fine = cli.check(port, "--at", NOW.isoformat(), "--format", "nagios")
        assert (late.code, fine.code) == (2, 0)
        assert "expired" in late.out

    def test_stores_in_order(self, cli: Cli, tmp_path: Path) -> None:
        other = tmp_path / "other.pem"
        other.write_text(SELF_SIGNED.pem, encoding="ascii")
        with serving(HEALTHY) as port:
            second = cli.check(port, "--store", str(other), "--format", "json")
            first = cli(
                "check",
                f"127.0.0.1:{port}",
                "--store",
                str(other),
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
                "--format",
                "json",
            )
        assert (second.code, first.code) == (0, 2)
        # Another list speaks for itself: no reply of Exchange Online's is named.
        assert json.loads(first.out)["assessments"][0]["predictions"][0]["reply"] is None
        stores = json.loads(second.out)["assessments"][0]["stores"]
        assert [(each["name"], each["trusted"]) for each in stores] == [
            ("microsoft+root.pem", True),
            ("other.pem", False),
        ]

    def test_the_default_stores(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli("check", f"127.0.0.1:{port}", "--format", "json")
        [assessment] = json.loads(ran.out)["assessments"]
        assert ran.code == 2
        assert [each["name"] for each in assessment["stores"]] == ["microsoft", "mozilla"]
        assert assessment["predictions"][0]["rule"] == "missing-intermediate"

    def test_a_store_named_twice_is_one(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--store", "microsoft", "--stand-in", cli.store, "--format", "json")
        assert len(json.loads(ran.out)["assessments"][0]["stores"]) == 1

    def test_port_ehlo_and_transcript(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli(
                "check",
                "127.0.0.1",
                "--port",
                str(port),
                "--ehlo",
                "probe.contoso.test",
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
                "-v",
            )
        assert ran.code == 0
        assert "EHLO probe.contoso.test" in ran.out

    def test_output(self, cli: Cli, tmp_path: Path) -> None:
        target = tmp_path / "report.json"
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--format", "json", "--output", str(target))
        assert (ran.code, ran.out, ran.err) == (0, "", "")
        assert json.loads(target.read_text(encoding="utf-8"))["outcome"] == "accepted"

    @pytest.mark.parametrize("fmt", ["terminal", "json", "jsonl", "nagios", "prometheus", "junit", "html"])
    def test_every_format(self, cli: Cli, fmt: str) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--format", fmt)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.endswith("\n")
        assert str(port) in ran.out
        assert "root.pem" in ran.out  # no output conceals that roots stand in for Microsoft's list

    @pytest.mark.parametrize("direction", ["to-eop", "from-eop"])
    def test_a_private_root_does_not_speak_for_exchange_online(self, cli: Cli, direction: str) -> None:
        with serving(HEALTHY) as port:
            target = ("check", f"{HOST}:{port}", "--resolve", f"{HOST}=127.0.0.1", "--direction", direction)
            own = cli(*target, "--store", cli.store, "--format", "json")
            shown = cli(*target, "--store", cli.store)
            nagios = cli(*target, "--store", cli.store, "--format", "nagios")
        [assessment] = json.loads(own.out)["assessments"]
        assert (own.code, assessment["predictions"][0]["rule"]) == (1, "other-list-decides")
        # Microsoft's list has its say all the same.
        assert [(s["name"], s["role"], s["trusted"]) for s in assessment["stores"]] == [
            ("root.pem", "other", True),
            ("microsoft", "microsoft", False),
        ]
        assert "By the list root.pem this chain would do. Exchange Online goes by Microsoft's." in shown.out
        assert nagios.out.startswith("EOP-PROBE WARNING - ")

    @pytest.mark.parametrize("fmt", ["terminal", "json", "nagios", "prometheus", "junit", "html"])
    def test_escapes_of_a_server_never_come_out(self, cli: Cli, fmt: str) -> None:
        with serving(refusing) as port:
            ran = cli.check(port, "--format", fmt, "-v")
        assert ran.code == 3
        assert "\x1b" not in ran.out

    def test_tenant_options(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            wrong = cli.check(port, "--tls-sender-certificate-name", "relay.contoso.test", "--format", "json")
            right = cli.check(
                port, "--tls-sender-certificate-name", "*.contoso.test", "--accepted-domain", "contoso.test"
            )
            strange = cli.check(port, "--accepted-domain", "a.test", "--accepted-domain", "b.test")
            domain = cli.check(port, "--direction", "from-eop", "--tls-domain", "other.test")
        reply = json.loads(wrong.out)["assessments"][0]["predictions"][0]["reply"]
        assert reply == "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
        assert [ran.code for ran in (wrong, right, strange, domain)] == [2, 0, 1, 2]
        assert "SubjectMismatch" in domain.out

    def test_thresholds(self, cli: Cli) -> None:
        with serving(EXPIRING) as port:
            assert cli.check(port, "--expiring-days", "1").code == 0
            assert cli.check(port, "--expiring-share", "0").code == 0
            assert cli.check(port).code == 1

    def test_few_days_are_critical_whatever_the_outcome(self, cli: Cli) -> None:
        with serving(EXPIRING) as port:
            report = json.loads(cli.check(port, "--critical-days", "3650", "--format", "json").out)
            critical = cli.check(port, "--critical-days", "3650", "--format", "nagios")
            enough = cli.check(port, "--critical-days", "1", "--format", "nagios")
        assert report["outcome"] == "at-risk"
        assert "--critical-days" in report["assessments"][0]["findings"][0]["detail"]
        assert (critical.code, critical.out[:22], enough.code, enough.out[:21]) == (
            2, "EOP-PROBE CRITICAL - m", 1, "EOP-PROBE WARNING - m",
        )  # fmt: skip
        assert "expires in" in critical.out.splitlines()[0]
        assert ";3650:;3650:;;" in critical.out
        assert ";1:;;" in enough.out

    @pytest.mark.parametrize(("sni", "name"), [("none", HOST), ("other.contoso.test", "other.contoso.test")])
    def test_the_certificate_ought_to_bear_the_name(self, cli: Cli, sni: str, name: str) -> None:
        """Without SNI the host's own name is still expected, else the one that was asked for."""
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--sni", sni, "--direction", "from-eop", "--format", "json")
        findings = json.loads(ran.out)["assessments"][0]["findings"]
        assert [f["rule"] for f in findings] == [*(() if name == HOST else ("name-mismatch",)), "stand-in"]


class TestTargetsOfAFile:
    TEXT = "# our servers\r\n\r\n{0}:{1}   # the first\r\n  {0}:{1}\r\n"

    def targets(self, ran: Ran) -> list[str]:
        return [each["target"] for each in json.loads(ran.out)["assessments"]]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_one_a_line_with_comments(self, cli: Cli, tmp_path: Path, encoding: str) -> None:
        """Also as Windows PowerShell writes a file."""
        with serving(HEALTHY) as port:
            (tmp_path / "targets").write_bytes(self.TEXT.format(HOST, port).encode(encoding))
            ran = cli.check(port, f"@{tmp_path / 'targets'}", "--format", "json")
        assert (ran.code, self.targets(ran)) == (0, [f"{HOST}:{port}"] * 3)

    def test_standard_input(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            text = self.TEXT.format("127.0.0.1", port)
            options = ("--store", "microsoft", "--stand-in", cli.store, "--format", "json")
            ran = cli.fed(text.encode(), "check", "-", *options)
        assert self.targets(ran) == [f"127.0.0.1:{port}"] * 2

    def test_a_mistake_is_told_with_its_line(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "targets"
        file.write_text("mail.contoso.test\n\nmail.contoso.test:x\n", "utf-8")
        ran = cli("check", f"@{file}")
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert ran.err.startswith(f"eop-probe: {file}, line 3: a port is a number")

    def test_too_many(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "targets"
        file.write_text("a.test\n" * (MAX_TARGETS + 1), "utf-8")
        assert (
            cli("check", f"@{file}").err
            == f"eop-probe: {file} holds more than 10000 targets; give a part of them\n"
        )
        file.write_text("#" * (MAX_TEXT_BYTES + 1), "utf-8")
        assert "more than 10000" in cli("check", f"@{file}").err


class TestSamples:
    def test_a_balancer(self, cli: Cli) -> None:
        with serving(HEALTHY, SELF, HEALTHY) as port:
            ran = cli.check(port, "--samples", "3", "--format", "json")
        assert ran.code == 2
        findings = {f["rule"]: f for f in json.loads(ran.out)["assessments"][0]["findings"]}
        assert "2 of 3 connections: accepted" in findings["mixed-certificates"]["detail"]
        assert "self-signed" in findings

    def test_one_node_lacks_the_intermediate(self, cli: Cli) -> None:
        with serving(HEALTHY, LONELY) as port:
            ran = cli.check(port, "--samples", "2", "--format", "json")
        findings = {f["rule"]: f["summary"] for f in json.loads(ran.out)["assessments"][0]["findings"]}
        assert ran.code == 2
        assert findings["mixed-certificates"].startswith("One certificate is sent with 2 different chains")

    def test_thorough_on_a_healthy_server_finds_nothing(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--thorough", "--format", "json")
        found = [finding["rule"] for finding in json.loads(ran.out)["assessments"][0]["findings"]]
        assert (ran.code, found) == (0, ["stand-in"])

    def test_thorough_of_an_address_asks_for_no_name(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli(
                "check", f"127.0.0.1:{port}", "--thorough", "--store", "microsoft", "--stand-in", cli.store
            )
        assert ran.code == 0


class TestSaveChain:
    def test_what_was_sent_is_saved_as_sent(self, cli: Cli, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "chains"
        with serving(HEALTHY, LONELY) as port:
            ran = cli.check(port, "--save-chain", str(folder), "--samples", "2")
        assert ran.code == 2
        assert sorted(path.name for path in folder.iterdir()) == [
            f"{HOST}_127.0.0.1_{port}_sample-1.pem",
            f"{HOST}_127.0.0.1_{port}_sample-2.pem",
        ]
        first = folder / f"{HOST}_127.0.0.1_{port}_sample-1.pem"
        assert first.read_text(encoding="ascii") == chain_pem(LEAF, ISSUING)

    def test_nothing_presented_saves_nothing(self, cli: Cli, tmp_path: Path) -> None:
        with serving(refusing) as port:
            ran = cli.check(port, "--save-chain", str(tmp_path / "chains"))
        assert (ran.code, list((tmp_path / "chains").iterdir())) == (3, [])

    def test_a_name_is_no_option_and_no_path(self, cli: Cli, tmp_path: Path) -> None:
        with serving(HEALTHY) as port:
            ran = cli(
                "check",
                f"127.0.0.1:{port}",
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
                "--save-chain",
                str(tmp_path / "c"),
            )
        assert ran.code == 0
        assert [path.name for path in (tmp_path / "c").iterdir()] == [f"127.0.0.1_127.0.0.1_{port}.pem"]

    def test_what_cannot_be_saved_takes_no_report_away(self, cli: Cli, tmp_path: Path) -> None:
        folder = tmp_path / "chains"

        def removing(peer: Peer) -> None:
            folder.rmdir()
            HEALTHY(peer)

        with serving(removing) as port:
            ran = cli.check(port, "--save-chain", str(folder))
        assert (ran.code, ran.err) == (
            3, f"eop-probe: cannot save chains in {folder}: No such file or directory\n",
        )  # fmt: skip
        assert ran.out.startswith("ACCEPTED")

    def test_a_name_that_is_taken_gets_a_number(self, cli: Cli, tmp_path: Path) -> None:
        """Also by a folder and by a link; the same chain is not saved twice."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_text(chain_pem(LEAF, ISSUING), "ascii")
        folder = tmp_path / "chains"
        folder.mkdir()
        with serving(LONELY, HEALTHY, HEALTHY, LONELY) as port:
            stem = f"{HOST}_127.0.0.1_{port}"
            (folder / f"{stem}.pem").mkdir()
            (folder / f"{stem}-2.pem").symlink_to(elsewhere)
            for _ in range(4):
                cli.check(port, "--save-chain", str(folder))
        assert {path.name: path.read_text("ascii") for path in folder.iterdir() if path.is_file()} == {
            f"{stem}-2.pem": elsewhere.read_text("ascii"),
            f"{stem}-3.pem": chain_pem(LEAF),
            f"{stem}-4.pem": chain_pem(LEAF, ISSUING),
        }

    def test_a_long_name_is_cut(self, cli: Cli, tmp_path: Path) -> None:
        name = ".".join(["a" * 60] * 4)
        with serving(HEALTHY) as port:
            cli(
                "check", f"{name}:{port}", "--resolve", f"{name}=127.0.0.1", "--store", "microsoft",
                "--stand-in", cli.store,
                "--save-chain", str(tmp_path / "c"),
            )  # fmt: skip
        assert [len(path.name) for path in (tmp_path / "c").iterdir()] == [204]

    def test_an_ipv6_address_is_no_option(self, cli: Cli, tmp_path: Path) -> None:
        """A file called -1_-1 would be one to other tools."""
        with ScriptedServer(HEALTHY, host="::1") as server:
            ran = cli(
                "check",
                f"[::1]:{server.port}",
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
                "--save-chain",
                str(tmp_path / "c"),
            )
        assert ran.code == 0
        assert [path.name for path in (tmp_path / "c").iterdir()] == [f"1_-1_{server.port}.pem"]

    def test_a_folder_nobody_may_write_to(self, cli: Cli) -> None:
        ran = cli("check", "192.0.2.1", "--save-chain", "/proc/self")
        assert (ran.code, ran.out) == (3, "")
        assert ran.err == "eop-probe: cannot save chains in /proc/self: nothing can be written there\n"

    def test_a_file_in_the_way_is_told_before_probing(self, cli: Cli) -> None:
        ran = cli("check", "192.0.2.1", "--save-chain", cli.store)
        assert (ran.code, ran.out) == (3, "")
        assert re.fullmatch(r"eop-probe: cannot save chains in .*: it is no folder\n", ran.err)


class TestErrors:
    """Whatever cannot be asked: one line on standard error, nothing on standard output, exit 3."""

    def test_a_file_without_targets(self, cli: Cli, tmp_path: Path) -> None:
        empty = tmp_path / "targets.txt"
        empty.write_text("# none yet\n\n", encoding="ascii")
        ran = cli("check", f"@{empty}")
        assert (ran.code, ran.out) == (3, "")
        assert "holds no target" in ran.err

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["check"], "TARGET"),
            (["check", "mail.contoso.test:99999"], "1 to 65535"),
            (["check", "a", "--port", "0"], "--port"),
            (["check", "a", "--port", "x"], "--port"),
            (["check", "a", "--bogus"], "--bogus"),
            (["check", "a", "--format", "yaml"], "yaml"),
            (["check", "a", "--direction", "up"], "up"),
            (["check", "a", "--timeout", "0"], "--timeout"),
            (["check", "a", "--timeout", "nan"], "--timeout"),
            (["check", "a", "--timeout", "inf"], "--timeout"),
            (["check", "a", "--expiring-share", "nan"], "--expiring-share"),
            (["check", "a", "--samples", "0"], "--samples"),
            (["check", "a", "--at", "yesterday"], '"yesterday" is no instant'),
            (["check", "a", "--at", "0001-01-01T00:00:00+14:00"], "is no instant"),
            (["check", "a", "--at", "2026-13-01"], "is no instant"),
            (["check", "a", "--resolve", "nonsense"], "HOST=IP"),
            (["check", "a", "--resolve", "a=b"], "HOST=IP"),
            (["check", "a", "--resolve", "=127.0.0.1"], "host name"),
            (["check", "a", "--ehlo", "two words"], "--ehlo"),
            (["check", "a", "--ehlo", "x\r\nRCPT TO:<a>"], "--ehlo"),
            (["check", "a", "--sni", "127.0.0.1"], "--sni"),
            (["check", "a", "--sni", "bad name"], "host name"),
            (["check", "a.test", "--resolver", "not an address"], "name server"),
            (["check", "127.0.0.1:1", "--store", "/nonexistent/roots.pem"], "neither a store nor a file"),
            (["check", "127.0.0.1:1", "--store", ""], "neither a store"),
            (["check", "127.0.0.1:1", "--store", "/"], "cannot be read"),
            (["check", "127.0.0.1:1", "--authroot-stl", "/nonexistent.stl"], "cannot be read"),
            (["check", "a", "--output", "/nonexistent/folder/report"], "cannot write the report"),
            (["check", "a", "--output", "/"], "cannot write the report"),
            (["check", "a", "--output", "x" * 300], "cannot write the report"),
            (["check", "http://mail.contoso.test/"], "URL"),
            (["check", "x\x1b[31m"], "control"),
            (["check", "a", "--force-ip", "5"], "--force-ip"),
            (["check", "a", "--tls-domain", "b.test"], "--tls-domain is for --direction from-eop; this is to-eop"),
            (["certificate", "a", "--tls-domain", "b.test"], "--tls-domain is for --direction from-eop"),
            (["check", "a", "--direction", "from-eop", "--accepted-domain", "b"], "--accepted-domain is for"),
            (["check", "a", "--direction=from-eop", "--tls-sender-certificate-name=b"], "is for --direction to-eop"),
            (["check", "@/nonexistent/targets"], "cannot be read"),
            (["check", "@/dev/null"], "it is a device, not a file"),
            (["nonsense"], "nonsense"),
            (["chekc"], "No such command 'chekc'. Did you mean 'check'? (see: eop-probe --help)\n"),
            (["mail.contoso.test"], "Did you mean: eop-probe check mail.contoso.test\n"),
            (["192.0.2.1:25"], "Did you mean: eop-probe check '192.0.2.1:25'\n"),
            (["mx:contoso.test"], "Did you mean: eop-probe check mx:contoso.test\n"),
            (["README.md"], "Did you mean: eop-probe certificate README.md\n"),
            (["x.\x1b[31m;rm"], "Did you mean: eop-probe check"),
            (["exchange", "diganose"], "Did you mean 'diagnose'?"),
            (["explain"], "nothing to explain"),
            (["explain", "no-such-rule"], "untrusted-root"),
            (["explain", ""], "nothing to explain"),
            (["--bogus"], "--bogus"),
        ],
    )  # fmt: skip
    def test_one_line(self, cli: Cli, arguments: list[str], words: str) -> None:
        ran = cli(*arguments)
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.count("\n") == 1
        assert ran.err.startswith("eop-probe: ")
        assert words in ran.err
        assert ran.err[:-1].isprintable()

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "empty"),
            (b"hello", "no PEM certificate"),
            (LEAF.pem.encode(), "holds no root certificate"),
            (ROOT.key_pem.encode(), "private key"),
            (ROOT.der, "DER"),
        ],
    )
    def test_unusable_stores(self, cli: Cli, tmp_path: Path, content: bytes, words: str) -> None:
        store = tmp_path / "store.pem"
        store.write_bytes(content)
        ran = cli("check", "127.0.0.1:1", "--store", "microsoft", "--stand-in", str(store))
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert words in ran.err

    def test_a_bad_store_ends_a_run_of_many(self, cli: Cli) -> None:
        with serving(hold) as silent:
            ran = cli("check", f"127.0.0.1:{silent}", f"127.0.0.2:{silent}", "--store", "/nonexistent.pem")
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)

    def test_a_report_that_cannot_be_written(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--output", "/dev/full")
        assert (ran.code, ran.err) == (
            3,
            "eop-probe: cannot write the report to /dev/full: No space left on device\n",
        )

    def test_a_fault_of_ours_is_unknown_too(self, cli: Cli) -> None:
        ran = cli("check", object())  # type: ignore[arg-type]
        assert ran.code == 3
        assert "Traceback" in ran.err

    def test_no_arguments_show_the_help(self, cli: Cli) -> None:
        ran = cli()
        assert (ran.code, ran.out) == (3, "")
        assert "check" in ran.err


def test_the_demo_says_what_to_do_once(cli: Cli) -> None:
    ran = cli("demo")
    assert (ran.code, ran.out.count("What to do"), ran.out.count("\nREJECTED")) == (0, 1, 5)


class TestExplain:
    def test_a_rule(self, cli: Cli) -> None:
        ran = cli("explain", " Untrusted-Root ")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("untrusted-root: The chain ends at a root that is not trusted\n")
        assert "Confidence: documented." in ran.out
        assert "KB 2888788" in ran.out
        assert max(map(len, ran.out.splitlines())) <= 80

    def test_commands_are_not_wrapped(self, cli: Cli) -> None:
        ran = cli("explain", "no-starttls")
        assert "    Get-ExchangeCertificate | fl Thumbprint,Services,NotAfter,CertificateDomains\n" in ran.out

    def test_version(self, cli: Cli) -> None:
        assert cli("--version") == (0, "eop-probe 0.1.0\n", "")

    def test_help(self, cli: Cli) -> None:
        ran = cli("--help")
        assert (ran.code, ran.err) == (0, "")
        for name in ("check", "certificate", "explain", "stores", "demo"):
            assert f"\n  {name}" in ran.out


def test_implicit_tls(cli: Cli) -> None:
    context = tls_context(LEAF, ISSUING)

    def script(peer: Peer) -> None:
        tls = peer.shake_hands(context)
        tls.sendall(GREETING)
        tls.recv(1000)
        tls.sendall(CAPABILITIES)
        with contextlib.suppress(SSL.Error):
            while tls.recv(1000):
                pass

    with serving(script) as port:
        ran = cli.check(port, "--implicit-tls", "--format", "json")
    assert (ran.code, json.loads(ran.out)["outcome"]) == (0, "accepted")


class TestMailExchangers:
    def test_every_exchanger_in_its_order(self, cli: Cli) -> None:
        with NameServer() as names, serving(HEALTHY) as port:
            ran = cli(
                "check", f"mx:contoso.test:{port}", "--resolver", f"127.0.0.1:{names.port}", "--store", "microsoft",
                "--stand-in", cli.store,
                "--resolve", "mail.contoso.test=127.0.0.1", "--resolve", "backup.contoso.test=127.0.0.2",
                "--format", "json",
            )  # fmt: skip
        found = json.loads(ran.out)["assessments"]
        assert [(a["host"], a["address"], a["outcome"]) for a in found] == [
            ("mail.contoso.test", "127.0.0.1", "accepted"),
            ("backup.contoso.test", "127.0.0.2", "unknown"),
        ]
        assert {a["target"] for a in found} == {f"mx:contoso.test:{port}"}
        assert ran.code == 3

    def test_a_domain_without_mail(self, cli: Cli) -> None:
        with NameServer() as names:
            ran = cli(
                "check",
                "mx:null.contoso.test",
                "--resolver",
                f"127.0.0.1:{names.port}",
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
            )
        assert (ran.code, ran.err) == (3, "")
        assert "takes no mail" in ran.out

    @pytest.mark.parametrize(("version", "found"), [("4", ["127.0.0.1"]), ("6", ["::1"])])
    def test_one_version_of_ip(self, cli: Cli, version: str, found: list[str]) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--resolve", f"{HOST}=::1", "--force-ip", version, "--format", "json")
        assert [a["address"] for a in json.loads(ran.out)["assessments"]] == found

    def test_no_address_of_that_version(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--force-ip", "6", "--format", "json")
        [assessment] = json.loads(ran.out)["assessments"]
        assert (ran.code, assessment["error"]["message"]) == (3, f"The host {HOST} has no IPv6 address.")

    def test_every_address_of_a_host(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--resolve", f"{HOST}=127.0.0.2", "--format", "json")
        assert [a["address"] for a in json.loads(ran.out)["assessments"]] == ["127.0.0.1", "127.0.0.2"]
        assert ran.code == 3
