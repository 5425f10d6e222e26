"""`eop-probe certificate`: files before they are installed, passwords that never leak, and swaps."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12 as library_pkcs12

from tests.authority import Issued, chain_pem, pkcs7, pkcs12, raw_extension
from tests.cli.running import (
    CA,
    HEALTHY,
    HOST,
    ISSUING,
    LEAF,
    NOW,
    ROOT,
    SOON,
    Cli,
    Ran,
    command,
    environment,
    serving,
)
from tests.net.scripted import Peer
from tests.rootlist import oid, tlv
from tests.schemas import validate

SECRET = "correct horse battery"
CA_URL = "http://ca.fabrikam.test/issuing.crt"
PRIVATE = CA.leaf(CA.root("Contoso Internal CA"), HOST)
#: Names the place where its issuer's certificate is published (RFC 5280 4.2.2.1).
PUBLISHED = CA.leaf(
    ISSUING,
    HOST,
    extra=(
        raw_extension(
            "1.3.6.1.5.5.7.1.1",
            tlv(0x30, tlv(0x30, oid("1.3.6.1.5.5.7.48.2"), tlv(0x86, CA_URL.encode()))),
        ),
    ),
)
RENEWED = CA.leaf(ISSUING, HOST)
#: A common name, and no subject alternative name.
NAMELESS = CA.leaf(ISSUING, HOST, names=())
KEYLESS = library_pkcs12.serialize_key_and_certificates(
    None, None, LEAF.certificate, [ISSUING.certificate], serialization.NoEncryption()
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def put(folder: Path, name: str, data: bytes | str) -> str:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def report(ran: Ran) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(ran.out)
    validate(parsed)
    return parsed


def rules(assessment: dict[str, Any]) -> list[str]:
    """All but the note that the lab's root stands in, which every one of these reports holds."""
    return [finding["rule"] for finding in assessment["findings"] if finding["rule"] != "stand-in"]


class TestFiles:
    @pytest.mark.parametrize("direction", ["to-eop", "from-eop"])
    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("chain.pem", chain_pem(LEAF, ISSUING).encode()),
            ("turned.pem", chain_pem(ISSUING, LEAF).encode()),
            ("chain.p7b", pkcs7(LEAF, ISSUING)),
            ("chain.pfx", pkcs12(LEAF, ISSUING)),
        ],
    )
    def test_a_whole_chain(self, cli: Cli, folder: Path, name: str, data: bytes, direction: str) -> None:
        ran = cli(
            "certificate",
            put(folder, name, data),
            "--store",
            "microsoft",
            "--stand-in",
            cli.store,
            "--direction",
            direction,
            "--format",
            "json",
        )
        [found] = report(ran)["assessments"]
        assert (ran.code, found["outcome"], found["port"], found["address"]) == (0, "accepted", None, None)
        [prediction] = found["predictions"]
        assert (prediction["direction"], prediction["basis"]) == (direction, "file")
        assert [entry["sha256"] for entry in found["presented_chain"]] == [LEAF.sha256, ISSUING.sha256]
        assert [turn["rule"] for turn in found["forecast"]] == ["expires-soon", "expired"]

    def test_a_missing_intermediate_is_named_with_the_place_it_is_published(
        self, cli: Cli, folder: Path
    ) -> None:
        lonely = put(folder, "cert.cer", PUBLISHED.der)
        ran = cli("certificate", lonely, "--store", "microsoft", "--stand-in", cli.store, "--format", "json")
        [found] = report(ran)["assessments"]
        assert ran.code == 2
        [missing] = [each for each in found["findings"] if each["rule"] == "missing-intermediate"]
        assert "Fabrikam Public TLS CA 1" in missing["summary"]
        assert CA_URL in missing["remedy"][0]
        # Negative control: with --chain it is there, be it in another file, and twice does no harm.
        extra = put(folder, "ca.p7b", pkcs7(ISSUING))
        mended = cli(
            "certificate",
            lonely,
            "--chain",
            extra,
            "--chain",
            extra,
            "--store",
            "microsoft",
            "--stand-in",
            cli.store,
            "--format",
            "json",
        )
        assert mended.code == 0
        assert rules(report(mended)["assessments"][0]) == []

    def test_several_files_are_judged_each_and_the_worst_decides(self, cli: Cli, folder: Path) -> None:
        names = [
            put(folder, "good.pem", chain_pem(LEAF, ISSUING)),
            put(folder, "soon.pem", chain_pem(SOON, ISSUING)),
            put(folder, "internal.cer", PRIVATE.der),
        ]
        ran = cli("certificate", *names, "--store", "microsoft", "--stand-in", cli.store, "--format", "json")
        assert [each["outcome"] for each in report(ran)["assessments"]] == ["accepted", "at-risk", "rejected"]
        assert [each["target"] for each in report(ran)["assessments"]] == names
        assert ran.code == 2
        assert cli("certificate", *names[:2], "--store", "microsoft", "--stand-in", cli.store).code == 1

    def test_as_of_an_instant(self, cli: Cli, folder: Path) -> None:
        name = put(folder, "good.pem", chain_pem(LEAF, ISSUING))
        late = LEAF.certificate.not_valid_after_utc.replace(
            year=LEAF.certificate.not_valid_after_utc.year + 1
        )
        ran = cli(
            "certificate",
            name,
            "--store",
            "microsoft",
            "--stand-in",
            cli.store,
            "--at",
            late.isoformat(),
            "--format",
            "json",
        )
        assert report(ran)["assessments"][0]["predictions"][0]["rule"] == "expired"

    def test_the_connectors_names_are_judged_too(self, cli: Cli, folder: Path) -> None:
        name = put(folder, "good.pem", chain_pem(LEAF, ISSUING))
        options = ("--store", "microsoft", "--stand-in", cli.store, "--tls-sender-certificate-name")
        assert cli("certificate", name, *options, HOST).code == 0
        refused = cli("certificate", name, *options, "hybrid.fabrikam.test")
        assert refused.code == 2
        assert "550 5.7.64" in refused.out

    def test_the_key_of_another_certificate(self, cli: Cli, folder: Path) -> None:
        name = put(folder, "mixed.pem", RENEWED.key_pem + chain_pem(LEAF, ISSUING))
        ran = cli("certificate", name, "--store", "microsoft", "--stand-in", cli.store, "--format", "json")
        [found] = report(ran)["assessments"]
        assert (ran.code, found["outcome"], rules(found)) == (1, "at-risk", ["key-mismatch"])
        right = put(folder, "right.pem", LEAF.key_pem + chain_pem(LEAF, ISSUING))
        assert cli("certificate", right, "--store", "microsoft", "--stand-in", cli.store).code == 0
        page = cli("certificate", name, "--store", "microsoft", "--stand-in", cli.store).out
        assert page.startswith("AT-RISK")
        assert "The private key in the file belongs to none of its certificates." in page
        assert found["predictions"][0]["outcome"] == "at-risk"

    @pytest.mark.parametrize(
        ("name", "data", "rule"),
        [
            ("keyless.pfx", KEYLESS, "no-private-key"),
            ("issuing.pem", chain_pem(ISSUING), "not-an-end-certificate"),
            ("root.pem", chain_pem(ROOT), "not-an-end-certificate"),
            ("nameless.pem", chain_pem(NAMELESS, ISSUING), "no-dns-name"),
        ],
    )
    def test_what_no_server_can_or_should_present_is_at_risk(
        self, cli: Cli, folder: Path, name: str, data: bytes, rule: str
    ) -> None:
        ran = cli("certificate", put(folder, name, data), "--stand-in", cli.store, "--format", "json")
        [found] = report(ran)["assessments"]
        assert (ran.code, found["outcome"], found["predictions"][0]["rule"]) == (1, "at-risk", rule)
        assert found["predictions"][0]["outcome"] == "at-risk"
        whole = put(folder, "whole.pfx", pkcs12(LEAF, ISSUING))
        assert cli("certificate", whole, "--stand-in", cli.store).code == 0

    @pytest.mark.parametrize(
        ("data", "words"),
        [(b"", "is empty"), (b"hello", "is neither PEM, DER, PKCS#7 nor PKCS#12")],
    )
    def test_a_file_that_is_none(self, cli: Cli, folder: Path, data: bytes, words: str) -> None:
        ran = cli(
            "certificate", put(folder, "odd.pem", data), "--store", "microsoft", "--stand-in", cli.store
        )
        assert (ran.code, ran.out) == (3, "")
        assert words in ran.err
        assert ran.err.count("\n") == 1

    @pytest.mark.parametrize("option", [(), ("--chain",), ("--password-file",)])
    def test_a_file_that_is_not_there(self, cli: Cli, folder: Path, option: tuple[str, ...]) -> None:
        good = put(folder, "good.pem", chain_pem(LEAF, ISSUING))
        absent = str(folder / "absent\x1b[31m")
        ran = cli(
            "certificate",
            *((good, *option, absent) if option else (absent,)),
            "--store",
            "microsoft",
            "--stand-in",
            cli.store,
        )
        assert ran.code == 3
        assert ran.err == (f"eop-probe: {folder}/absent\\x1b[31m cannot be read: No such file or directory\n")


class TestPasswords:
    @pytest.fixture
    def pfx(self, folder: Path) -> str:
        return put(folder, "new.pfx", pkcs12(LEAF, ISSUING, password=SECRET.encode()))

    def test_from_a_file(self, cli: Cli, folder: Path, pfx: str) -> None:
        password = put(folder, "password", f"{SECRET}\r\nanother line\n")
        assert (
            cli(
                "certificate",
                pfx,
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
                "--password-file",
                password,
            ).code
            == 0
        )
        wrong = put(folder, "wrong", "")
        ran = cli(
            "certificate", pfx, "--store", "microsoft", "--stand-in", cli.store, "--password-file", wrong
        )
        assert ran.code == 3
        assert "has another password" in ran.err

    def test_bytes_that_are_no_utf8(self, cli: Cli, folder: Path) -> None:
        secret = "größer".encode("latin-1")
        key = LEAF.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(secret),
        )
        pem = put(folder, "latin.pem", key + chain_pem(LEAF, ISSUING).encode())
        password = put(folder, "password", secret)
        assert (
            cli(
                "certificate",
                pem,
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
                "--password-file",
                password,
            ).code
            == 0
        )
        pfx = put(folder, "new.pfx", pkcs12(LEAF, ISSUING, password=SECRET.encode()))
        assert (
            cli(
                "certificate",
                pfx,
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
                "--password-file",
                password,
            ).code
            == 3
        )

    @pytest.mark.parametrize("form", ["json", "terminal", "html", "nagios"])
    def test_from_the_environment_and_nowhere_in_what_is_said(
        self, cli: Cli, pfx: str, form: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options = ("--store", "microsoft", "--stand-in", cli.store, "--format", form)
        monkeypatch.setenv("EOP_PROBE_PASSWORD", SECRET)
        ran = cli("certificate", pfx, *options)
        assert ran.code == 0
        assert SECRET not in ran.out + ran.err
        assert "PRIVATE KEY" not in ran.out
        monkeypatch.setenv("EOP_PROBE_PASSWORD", SECRET + "!")
        wrong = cli("certificate", pfx, *options)
        assert wrong.code == 3
        assert SECRET not in wrong.out + wrong.err

    def test_there_is_no_option_that_others_could_read(self, cli: Cli, pfx: str) -> None:
        ran = cli("certificate", pfx, "--password", SECRET)
        assert ran.code == 3
        assert "No such option" in ran.err

    def test_nobody_is_asked_where_nobody_can_answer(self, pfx: str, store: Path) -> None:
        done = subprocess.run(
            command("certificate", pfx, "--store", "microsoft", "--stand-in", str(store)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment(),
            start_new_session=True,
        )
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.endswith(
            "is a PFX that is damaged or needs a password; give --password-file or $EOP_PROBE_PASSWORD\n"
        )

    @pytest.mark.parametrize(("answer", "code"), [(SECRET + "\n", 0), ("wrong\n", 3), ("\x04", 3)])
    def test_at_a_terminal_one_is_asked_and_sees_no_echo(
        self, pfx: str, store: Path, answer: str, code: int
    ) -> None:
        status, screen = at_a_terminal(
            command("certificate", pfx, "--store", "microsoft", "--stand-in", str(store)), answer
        )
        assert f"Password for {pfx}: " in screen
        assert SECRET not in screen
        assert (status, "Traceback" in screen) == (code, False)
        assert ("ACCEPTED" in screen) == (code == 0)

    def test_a_file_without_a_password_asks_for_none(self, folder: Path, store: Path) -> None:
        plain = put(folder, "plain.pfx", pkcs12(LEAF, ISSUING))
        status, screen = at_a_terminal(
            command("certificate", plain, "--store", "microsoft", "--stand-in", str(store)), ""
        )
        assert status == 0
        assert "Password" not in screen


def at_a_terminal(arguments: list[str], answer: str) -> tuple[int, str]:
    """Run at a terminal of its own and answer the first prompt; exit code and everything on the screen."""
    child, screen = pty.fork()
    if child == 0:
        os.execve(arguments[0], arguments, environment(TERM="dumb"))  # noqa: S606 - our own command
    seen, answered, deadline = b"", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([screen], [], [], 60)[0]:
            break
        try:
            data = os.read(screen, 65_536)
        except OSError:  # Linux's way of saying that the other end is closed
            break
        seen += data
        if b"Password" in seen and seen.endswith(b": ") and not answered:
            os.write(screen, answer.encode())
            answered = True
        if not data:
            break
    _, status = os.waitpid(child, 0)
    os.close(screen)
    return os.waitstatus_to_exitcode(status), seen.decode("utf-8", "replace")


class TestSwap:
    @staticmethod
    def against(cli: Cli, port: int, *names: str, form: str = "json") -> Ran:
        options = (
            "--resolve",
            f"{HOST}=127.0.0.1",
            "--store",
            "microsoft",
            "--stand-in",
            cli.store,
            "--format",
            form,
        )
        return cli("certificate", *names, "--against", f"{HOST}:{port}", *options)

    def swap(self, cli: Cli, folder: Path, *new: Issued) -> tuple[int, list[str]]:
        name = put(folder, "new.pem", chain_pem(*new))
        with serving(HEALTHY) as port:
            ran = self.against(cli, port, name)
        return ran.code, rules(report(ran)["assessments"][0])

    def test_a_renewal_is_safe(self, cli: Cli, folder: Path) -> None:
        code, found = self.swap(cli, folder, RENEWED, ISSUING)
        assert (code, found) == (0, ["swap-safe", "swap-same-pin", "swap-new-key"])

    def test_the_same_certificate(self, cli: Cli, folder: Path) -> None:
        assert self.swap(cli, folder, LEAF, ISSUING) == (0, ["swap-same-certificate"])

    def test_an_internal_ca_in_place_of_a_public_one(self, cli: Cli, folder: Path) -> None:
        code, found = self.swap(cli, folder, PRIVATE)
        assert code == 2
        assert "swap-stale-pin" in found
        assert "swap-safe" not in found

    def test_another_issuer_and_fewer_names(self, cli: Cli, folder: Path) -> None:
        code, found = self.swap(cli, folder, CA.leaf(ROOT, "smtp.contoso.test"))
        assert code == 1
        assert [rule for rule in found if rule.startswith("swap")] == [
            "swap-stale-pin",
            "swap-names-lost",
            "swap-new-key",
        ]

    def test_the_endpoints_name_is_the_one_to_bear(self, cli: Cli, folder: Path) -> None:
        name = put(folder, "new.pem", chain_pem(CA.leaf(ISSUING, "other.contoso.test"), ISSUING))
        with serving(HEALTHY) as port:
            ran = self.against(cli, port, name)
        assert "name-mismatch" in rules(report(ran)["assessments"][0])
        alone = cli("certificate", name, "--store", "microsoft", "--stand-in", cli.store, "--format", "json")
        assert "name-mismatch" not in rules(report(alone)["assessments"][0])

    def test_one_look_serves_several_files(self, cli: Cli, folder: Path) -> None:
        names = [put(folder, f"{n}.pem", chain_pem(RENEWED, ISSUING)) for n in range(3)]
        with serving(HEALTHY, self.refuse) as port:
            assert self.against(cli, port, *names).code == 0

    @staticmethod
    def refuse(peer: Peer) -> None:
        peer.reset()

    def test_an_endpoint_that_is_down_leaves_it_unknown(self, cli: Cli, folder: Path) -> None:
        name = put(folder, "new.pem", chain_pem(RENEWED, ISSUING))
        ran = self.against(cli, 1, name)
        [found] = report(ran)["assessments"]
        assert (ran.code, found["outcome"], rules(found)) == (3, "unknown", ["swap-not-compared"])
        assert found["predictions"][0]["outcome"] == "accepted"
        page = self.against(cli, 1, name, form="terminal").out
        assert page.startswith("UNKNOWN")
        assert "No verdict on the swap. By itself: If a Send connector" in page
        assert f"{HOST}:1 shows no certificate to compare with: Connection refused" in page

    def test_a_certificate_that_is_refused_stays_so_where_nothing_answers(
        self, cli: Cli, folder: Path
    ) -> None:
        ran = self.against(cli, 1, put(folder, "internal.pem", chain_pem(PRIVATE)))
        assert ran.code == 2

    def test_one_of_two_addresses_is_down(self, cli: Cli, folder: Path) -> None:
        name = put(folder, "new.pem", chain_pem(RENEWED, ISSUING))
        with serving(HEALTHY) as port:
            options = ("--resolve", f"{HOST}=127.0.0.1", "--resolve", f"{HOST}=127.0.0.77")
            ran = cli(
                "certificate",
                name,
                "--against",
                f"{HOST}:{port}",
                *options,
                "--store",
                "microsoft",
                "--stand-in",
                cli.store,
            )
        assert ran.code == 0
        assert f"not every address of {HOST}:{port} shows a certificate: Connection refused" in ran.err

    def test_a_place_that_cannot_be_one(self, cli: Cli, folder: Path) -> None:
        name = put(folder, "new.pem", chain_pem(RENEWED, ISSUING))
        assert cli("certificate", name, "--against", "bad target:x").code == 3


@pytest.mark.parametrize(
    "rule",
    [
        "key-mismatch",
        "no-private-key",
        "not-an-end-certificate",
        "no-dns-name",
        "swap-stale-pin",
        "swap-safe",
    ],
)
def test_every_rule_about_files_is_explained(cli: Cli, rule: str) -> None:
    ran = cli("explain", rule)
    assert ran.code == 0
    assert ran.out.startswith(f"{rule}: ")


def test_now_is_the_clock(cli: Cli, folder: Path) -> None:
    ran = cli(
        "certificate",
        put(folder, "a.cer", LEAF.der),
        "--store",
        "microsoft",
        "--stand-in",
        cli.store,
        "--format",
        "json",
    )
    assert report(ran)["assessments"][0]["judged_at"][:4] >= str(NOW.year)
