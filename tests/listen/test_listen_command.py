"""`eop-probe listen` end to end: a real sender on loopback, what it is told, what is reported, and the exit code."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from OpenSSL import SSL

from probe.cli.listen.output import MAX_REPORTED, Reporter
from probe.cli.output import Format, ReportOutput
from probe.errors import OutputError
from probe.listen.examiner import Examiner, ListenOptions
from tests.authority import Issued, chain_pem, pkcs12
from tests.listen.senders import (
    EXPIRED,
    HEALTHY,
    HEALTHY_RSA,
    INTERNAL,
    INTERNAL_ROOT,
    ISSUING,
    NO_MAIL,
    OWN,
    PATIENCE_S,
    RELAY_DENIED,
    SELF_SIGNED,
    SERVER_ONLY,
    UNTRUSTED,
    Client,
    Listening,
    connect,
    deliver,
)
from tests.listen.test_listen_examiner import record
from tests.schemas import validate

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests/samples"


@pytest.mark.parametrize(
    ("chain", "code", "rule", "told"),
    [
        ((HEALTHY, ISSUING), 0, None, NO_MAIL),
        ((HEALTHY_RSA, ISSUING), 0, None, NO_MAIL),
        ((SERVER_ONLY, ISSUING), 1, "client-auth-missing", NO_MAIL),
        ((HEALTHY,), 2, "missing-intermediate", UNTRUSTED),
        ((INTERNAL, INTERNAL_ROOT), 2, "untrusted-root", UNTRUSTED),
        ((SELF_SIGNED,), 2, "self-signed", UNTRUSTED),
        (
            (EXPIRED, ISSUING),
            2,
            "expired",
            (
                "454 4.7.0 eop-probe listener: Exchange Online would refuse this certificate (expired); its own words "
                "for that are not known"
            ),
        ),
        ((), 2, "no-client-certificate", RELAY_DENIED),
    ],
    ids=["healthy", "rsa", "server-only", "missing", "internal", "self-signed", "expired", "none"],
)
def test_a_sender_is_judged_told_and_reported(
    listening: Listening, chain: tuple[Issued, ...], code: int, rule: str | None, told: str
) -> None:
    ended = listening(lambda port: deliver(port, *chain), "--once", "--format", "json")
    assert ended.told == told
    assert ended.code == code
    report = json.loads(ended.out)
    validate(report)
    [assessment] = report["assessments"]
    [prediction] = assessment["predictions"]
    assert (prediction["basis"], prediction["rule"]) == ("listener", rule)
    assert [each["sha1"] for each in assessment["presented_chain"]] == [each.sha1 for each in chain]
    assert assessment["tls"]["client_certificate_requested"] is True
    assert (assessment["host"], assessment["address"]) == ("sender.contoso.com", "127.0.0.1")
    assert any(line["text"] == told for line in assessment["smtp"]["transcript"])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_verdict_at_mail(listening: Listening, version: ssl.TLSVersion) -> None:
    def sender(port: int) -> list[str]:
        client = Client(port)
        client.start_tls(SELF_SIGNED, version=version)
        client.offer()
        return client.replies

    early = listening(sender, "--once", "--stage", "mail")
    assert early.told[-2:] == [UNTRUSTED, "221 2.0.0 Service closing transmission channel"]
    assert "said at MAIL: 454" in early.err
    assert "said so in answer to MAIL. At which command" in " ".join(early.out.split())
    late = listening(sender, "--once")
    assert late.told[-3:-1] == ["250 2.1.0 Sender OK", UNTRUSTED]
    assert "said at RCPT: 454" in late.err


def test_a_permanent_refusal_can_be_deferred(listening: Listening) -> None:
    ended = listening(deliver, "--once", "--defer")
    assert ended.told == f"451 4.7.0 eop-probe listener: Exchange Online would say {RELAY_DENIED}"
    assert "reported, not documented" in " ".join(ended.out.split())


def test_a_sender_without_tls(listening: Listening) -> None:
    def sender(port: int) -> str:
        client = Client(port)
        client.say("EHLO sender.contoso.com")
        return client.offer()

    ended = listening(sender, "--once", "--format", "json")
    assert ended.told == "451 5.7.3 STARTTLS is required to send mail"
    assert ended.code == 2
    [assessment] = json.loads(ended.out)["assessments"]
    assert assessment["predictions"][0]["rule"] == "starttls-not-used"
    assert assessment["tls"] is None


def test_a_visitor_who_is_no_sender_does_not_count(listening: Listening) -> None:
    def sender(port: int) -> str:
        client = Client(port)
        client.say("HELO visitor", "QUIT")
        client.close()
        with connect(port) as rude:
            rude.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while rude.recv(4096):
                pass
        return deliver(port, HEALTHY, ISSUING)

    ended = listening(sender, "--once")
    assert ended.code == 0
    assert "(visitor) neither began TLS nor offered mail; ended: quit" in ended.err
    assert "ended: violation (another protocol: GET / HTTP/1.1)" in ended.err
    assert ended.out.startswith("ACCEPTED")


def test_each_session_is_a_line_as_it_ends(listening: Listening) -> None:
    def sender(port: int) -> tuple[str, str]:
        return deliver(port, SELF_SIGNED), deliver(port, HEALTHY, ISSUING)

    ended = listening(sender, "--until-accepted", "--format", "jsonl")
    assert ended.told == (UNTRUSTED, NO_MAIL)
    assert [json.loads(line)["outcome"] for line in ended.out.splitlines()] == ["rejected", "accepted"]
    # The last one counts: it is what was waited for.
    assert ended.code == 0


def test_the_worst_of_all_sessions_decides_without_a_condition(listening: Listening) -> None:
    def sender(port: int) -> None:
        deliver(port, SELF_SIGNED)
        deliver(port, HEALTHY, ISSUING)
        os.kill(os.getpid(), signal.SIGTERM)

    ended = listening(sender)
    assert ended.code == 2
    assert ended.out.index("REJECTED") < ended.out.index("ACCEPTED")


def test_nobody_comes(listening: Listening) -> None:
    ended = listening(lambda _port: None, "--timeout", "0.1", "--format", "json")
    assert ended.code == 3
    assert json.loads(ended.out)["assessments"] == []


def test_the_formats_that_are_one_document_hold_every_session(listening: Listening) -> None:
    def sender(port: int) -> None:
        deliver(port, SELF_SIGNED)
        deliver(port, HEALTHY, ISSUING)
        os.kill(os.getpid(), signal.SIGINT)

    ended = listening(sender, "--format", "nagios")
    assert ended.code == 2
    assert "CRITICAL" in ended.out.splitlines()[0]
    assert ended.out.count("\n") > 1


def test_output_goes_to_a_file_session_by_session(listening: Listening) -> None:
    file = listening.folder / "sessions.jsonl"

    ended = listening(
        lambda port: deliver(port, SELF_SIGNED), "--once", "--format", "jsonl", "--output", str(file)
    )
    assert ended.out == ""
    [line] = file.read_text("utf-8").splitlines()
    assert json.loads(line)["predictions"][0]["rule"] == "self-signed"


def test_what_was_expected(listening: Listening) -> None:
    file = listening.folder / "expected.pem"
    file.write_text(HEALTHY.pem)
    colons = ":".join(HEALTHY.sha1.upper()[place : place + 2] for place in range(0, 40, 2))
    for expected in (colons, HEALTHY.sha256, str(file)):
        assert (
            listening(lambda port: deliver(port, HEALTHY, ISSUING), "--once", "--expect", expected).code == 0
        )
    other = listening(lambda port: deliver(port, HEALTHY_RSA, ISSUING), "--once", "--expect", HEALTHY.sha1)
    assert other.code == 1
    assert "unexpected-certificate" in other.out
    assert HEALTHY.sha1.upper() in other.out


@pytest.mark.parametrize(
    ("networks", "allowed"), [(["127.0.0.0/8"], True), (["192.0.2.0/24", "::1"], False), ([], True)]
)
def test_who_may_connect(listening: Listening, networks: list[str], allowed: bool) -> None:
    def sender(port: int) -> bytes:
        with connect(port) as sock:
            heard = sock.recv(3)
        os.kill(os.getpid(), signal.SIGTERM)
        return heard

    options = [word for network in networks for word in ("--allow", network)]
    ended = listening(sender, *options)
    assert ended.told == (b"220" if allowed else b"")


@pytest.mark.filterwarnings(
    "ignore:ssl.TLSVersion.TLSv1:DeprecationWarning"
)  # of the whole process, not of a thread
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_captured_on_demand(listening: Listening, version: ssl.TLSVersion) -> None:
    def sender(port: int) -> str:
        try:
            return deliver(port, HEALTHY_RSA, ISSUING, version=version)
        except (ssl.SSLError, OSError):
            return "no handshake"

    captured = listening(sender, "--once", "--old-tls", "--format", "json")
    [assessment] = json.loads(captured.out)["assessments"]
    assert captured.told == "421 4.4.2 Connection dropped due to SocketError"
    assert assessment["predictions"][0]["rule"] == "old-tls"
    assert len(assessment["presented_chain"]) == 2
    refused = listening(sender, "--once", "--format", "json")
    [assessment] = json.loads(refused.out)["assessments"]
    assert refused.told == "no handshake"
    assert refused.code == 2
    assert assessment["predictions"][0]["rule"] == "old-tls"
    assert assessment["error"]["message"] == "The sender offers nothing newer than TLS 1.1."
    assert assessment["presented_chain"] == []


def _attributed(listening: Listening, *options: str, sender: str = "a@contoso.com") -> tuple[str, int, str]:
    exports = ("--inbound-connectors", str(SAMPLES / "get-inboundconnector.json"))

    def offer(port: int) -> str:
        client = Client(port)
        client.start_tls(HEALTHY, ISSUING)
        return client.offer(sender)

    ended = listening(offer, "--once", *exports, *options)
    assert isinstance(ended.told, str)
    return ended.told, ended.code, ended.out


def test_messages_are_attributed_by_the_exports(listening: Listening) -> None:
    domains = ("--accepted-domains", str(SAMPLES / "get-accepteddomain.json"))
    told, code, out = _attributed(listening, *domains)
    assert (told, code) == (NO_MAIL, 0)
    assert "Inbound from contoso hybrid" in " ".join(out.split())


def test_no_certificate_but_an_address_that_a_connector_knows(listening: Listening) -> None:
    exports = [
        *("--inbound-connectors", str(SAMPLES / "get-inboundconnector.json")),
        *("--accepted-domains", str(SAMPLES / "get-accepteddomain.json")),
    ]
    known = listening(deliver, "--once", *exports, "--sending-address", "203.0.113.200")
    assert (known.told, known.code) == (NO_MAIL, 0)
    assert "presented no certificate; Exchange Online would relay" in " ".join(known.out.split())
    unknown = listening(deliver, "--once", *exports, "--sending-address", "203.0.113.1")
    assert (unknown.told, unknown.code) == (RELAY_DENIED, 2)


def test_the_tenant_by_options_alone(listening: Listening) -> None:
    given = ("--tls-sender-certificate-name", "*.contoso.com", "--accepted-domain", "contoso.org")

    def sender_in(domain: str) -> object:
        def offer(port: int) -> str:
            client = Client(port)
            client.start_tls(HEALTHY, ISSUING)
            return client.offer(f"a@{domain}")

        return offer

    owned = listening(sender_in("contoso.org"), "--once", *given)  # type: ignore[arg-type]
    # The mail passes; without a sender of the tenant's own domains it would not (KB 3169958).
    assert (owned.told, owned.code) == (NO_MAIL, 1)
    foreign = listening(sender_in("contoso.net"), "--once", *given)  # type: ignore[arg-type]
    assert str(foreign.told).startswith("550 5.7.64 Relay Access Denied ATTR36.")
    assert foreign.code == 2


def test_one_option_alone_is_judged_by_the_rules(listening: Listening) -> None:
    given = ("--tls-sender-certificate-name", "mail.fabrikam.com")
    ended = listening(lambda port: deliver(port, HEALTHY, ISSUING), "--once", *given)
    assert (ended.told, ended.code) == (RELAY_DENIED, 2)


def _made(*key: str) -> bytes:
    """A self-signed certificate and its key."""
    command = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=own.test", "-keyout", "-", "-newkey", *key]
    return subprocess.run(command, capture_output=True, check=True).stdout


class TestOwnCertificate:
    def test_a_pfx_with_a_password(self, listening: Listening) -> None:
        file, password = listening.folder / "own.pfx", listening.folder / "password"
        file.write_bytes(pkcs12(OWN, ISSUING, password=b"secret"))
        password.write_text("secret\n")
        presented: list[bytes] = []

        def sender(port: int) -> None:
            client = Client(port)
            client.start_tls(HEALTHY, ISSUING)
            presented.append(client._socket.getpeercert(binary_form=True))  # type: ignore[attr-defined]
            client.offer()

        options = ("--certificate", str(file), "--password-file", str(password))
        assert listening(sender, "--once", *options).code == 0
        assert presented == [OWN.der]

    @pytest.mark.parametrize("option", ["point-format:compressed", "ec_param_enc:explicit"])
    def test_a_key_however_it_is_written(self, listening: Listening, option: str) -> None:
        file = listening.folder / "own.pem"
        file.write_bytes(_made("ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", option))
        options = ("--certificate", str(file))
        assert listening(lambda port: deliver(port, HEALTHY, ISSUING), "--once", *options).code == 0

    def test_an_rsa_pss_key_is_told_as_what_it_is(self, listening: Listening) -> None:
        file = listening.folder / "own.pem"
        file.write_bytes(_made("rsa-pss"))
        assert listening.run("--certificate", str(file)) == 3
        assert "holds an RSA-PSS certificate, which this listener cannot present" in listening.said()[1]

    def test_a_key_after_other_keys(self, listening: Listening) -> None:
        file = listening.folder / "several.pem"
        file.write_text(HEALTHY.key_pem + chain_pem(ISSUING, OWN) + OWN.key_pem)
        assert (
            listening(lambda port: deliver(port, HEALTHY, ISSUING), "--once", "--certificate", str(file)).code
            == 0
        )

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (OWN.pem, "holds no private key, which a server needs"),
            (OWN.pem + HEALTHY.key_pem, "holds a private key that belongs to none of its certificates"),
            ("", "is empty"),
            (None, "cannot be read: No such file or directory"),
        ],
    )
    def test_what_cannot_be_used(self, listening: Listening, content: str | None, said: str) -> None:
        file = listening.folder / "bad.pem"
        if content is not None:
            file.write_text(content)
        assert listening.run("--certificate", str(file)) == 3
        assert listening.said()[1] == f"eop-probe: --certificate: {file} {said}\n"

    def test_one_is_made_on_the_spot(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "probe", "listen", "--port", "0", "--once", "--timeout", str(PATIENCE_S)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        with process:
            line = process.stderr.readline()
            port = int(line.partition(" as ")[0].rpartition(":")[2])
            # Judged by Microsoft's list: no public root is this young.
            assert deliver(port, HEALTHY, ISSUING) == UNTRUSTED
            process.wait(PATIENCE_S)
        assert process.returncode == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "localhost"), "cannot listen on localhost port 2525: give an IP address and a port"),
        (
            ("--allow", "192.0.2.0/33"),
            "--allow: '192.0.2.0/33' does not appear to be an IPv4 or IPv6 network",
        ),
        (("--expect", "missing.pem"), "--expect: missing.pem cannot be read: No such file or directory"),
        (("--expect", str(SAMPLES / "send-log-multiline.log")), "--expect: "),
        (("--sending-address", "contoso"), "--sending-address: contoso is no IP address"),
        (("--at", "yesterday"), "--at: "),
        (
            ("--inbound-connectors", str(SAMPLES / "get-accepteddomain.json")),
            "--inbound-connectors: the files hold no inbound connector",
        ),
        (("--output", "/nowhere/at/all"), "cannot write the report to /nowhere/at/all"),
    ],
)
def test_mistakes_are_one_sentence(listening: Listening, options: tuple[str, ...], said: str) -> None:
    assert listening.run(*options, "--certificate", str(listening.own), "--timeout", "1") == 3
    err = listening.said()[1]
    assert err.startswith(f"eop-probe: {said}")
    assert err.count("\n") == 1


def test_a_full_disk_ends_it_with_one_sentence(listening: Listening) -> None:
    def sender(port: int) -> None:
        with contextlib.suppress(OSError):
            deliver(port, SELF_SIGNED)

    ended = listening(sender, "--format", "jsonl", "--output", "/dev/full")
    assert ended.code == 3
    assert ended.err.splitlines()[-1].startswith("eop-probe: cannot write the report to /dev/full: ")


def test_a_key_that_needs_no_password_with_one(listening: Listening) -> None:
    password = listening.folder / "password"
    password.write_text("secret")
    assert listening(deliver, "--once", "--password-file", str(password)).code == 2


def test_too_many_sessions_for_one_document(listening: Listening) -> None:
    reporter = Reporter(ReportOutput(Format.JSON, str(listening.folder / "all.json")))
    examiner = Examiner(ListenOptions(stores=tuple))
    assessment = examiner.assess(record(HEALTHY, ISSUING))
    assert assessment is not None
    with reporter:
        for _ in range(MAX_REPORTED + 2):
            reporter.add(assessment)
    assert "2 sessions before the last 1000 are not in the report" in listening.said()[1]
    report = json.loads((listening.folder / "all.json").read_text("utf-8"))
    assert len(report["assessments"]) == MAX_REPORTED


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="No such file"),
        Reporter(ReportOutput(Format.JSONL, str(tmp_path / "no" / "x"))),
    ):
        pass


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, probe.cli.listen; heavy = {'OpenSSL', 'cryptography', 'asyncio', 'rich', 'dns'}; "
        "print(sorted(heavy & set(sys.modules)), 'typer' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


def test_every_address_of_ipv6(listening: Listening) -> None:
    def sender(port: int) -> str:
        client = Client(port, "::1")
        client.start_tls(HEALTHY, ISSUING)
        return client.offer()

    ended = listening(sender, "--once", "--host", "::1", "--allow", "::1/128")
    assert ended.told == NO_MAIL
    assert "listening on [::1]:" in ended.err
    assert "session 1: [::1]:" in ended.err


class TestSendersOwnCertificate:
    """Senders whose own certificate cannot be loaded: what they do without TLS is one story."""

    @staticmethod
    def leaves(port: int) -> None:
        """Postfix at smtp_tls_security_level = encrypt."""
        client = Client(port)
        client.say("EHLO sender.contoso.com", "QUIT")
        client.close()

    @staticmethod
    def sends_no_hello(port: int) -> None:
        """Exim."""
        client = Client(port)
        client.say("EHLO sender.contoso.com", "STARTTLS")
        client.close()

    @staticmethod
    def sends_in_plain_text(port: int) -> None:
        client = Client(port)
        client.say("EHLO sender.contoso.com")
        client.offer()

    @pytest.mark.parametrize(
        ("before", "rule", "summary"),
        [
            ("leaves", "starttls-not-used", "The sender was offered STARTTLS and left without it."),
            ("sends_no_hello", "tls-failed", "The sender said STARTTLS and sent no ClientHello."),
        ],
    )
    def test_the_first_session_says_it_and_ends_the_run(
        self, listening: Listening, before: str, rule: str, summary: str
    ) -> None:
        ended = listening(getattr(self, before), "--once", "--format", "json")
        [assessment] = json.loads(ended.out)["assessments"]
        [finding] = assessment["findings"]
        assert (ended.code, assessment["outcome"]) == (3, "unknown")
        assert (finding["rule"], finding["summary"]) == (rule, summary)
        assert "own certificate and key first" in finding["remedy"][0]
        # It leads nowhere else: to give up mandatory TLS is no cure, nor is the listener's certificate.
        assert len(finding["remedy"]) == 1

    @pytest.mark.parametrize(
        ("before", "words"),
        [
            ("leaves", "In an earlier session this sender left when it was offered STARTTLS"),
            ("sends_no_hello", "In an earlier session this sender said STARTTLS and sent no ClientHello"),
            ("sends_in_plain_text", ""),
        ],
    )
    def test_what_follows_in_plain_text_is_the_same_story(
        self, listening: Listening, before: str, words: str
    ) -> None:
        def sender(port: int) -> None:
            getattr(self, before)(port)
            self.sends_in_plain_text(port)
            deliver(port, HEALTHY, ISSUING)

        ended = listening(sender, "--until-accepted", "--format", "json")
        _, plain, healthy = json.loads(ended.out)["assessments"]
        [finding] = plain["findings"]
        assert finding["rule"] == "starttls-not-used"
        assert ("earlier session" in finding["detail"]) == bool(words)
        assert words in finding["detail"]
        steps = " ".join(finding["remedy"])
        assert steps.index("own certificate and key first") < steps.index("Only then make TLS mandatory")
        assert healthy["outcome"] == "accepted"

    def test_who_came_to_tls_has_no_story(self, listening: Listening) -> None:
        def sender(port: int) -> None:
            self.sends_no_hello(port)
            deliver(port, SELF_SIGNED)
            self.sends_in_plain_text(port)
            deliver(port, HEALTHY, ISSUING)

        ended = listening(sender, "--until-accepted", "--format", "json")
        plain = json.loads(ended.out)["assessments"][2]
        assert "earlier session" not in plain["findings"][0]["detail"]


class TestCaNames:
    def names(self, listening: Listening, *options: str) -> tuple[int, list[str]]:
        """How many authorities a client sees named, and the report's words on the certificate it does not send."""
        named: list[int] = []

        def sender(port: int) -> None:
            client = Client(port)
            client.say("EHLO sender.contoso.com", "STARTTLS")
            tls = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), client._socket)
            client._socket.settimeout(None)
            tls.set_connect_state()
            tls.do_handshake()
            named.append(len(tls.get_client_ca_list()))
            for command in (
                b"EHLO a.test",
                b"MAIL FROM:<a@contoso.com>",
                b"RCPT TO:<b@fabrikam.com>",
                b"QUIT",
            ):
                tls.sendall(command + b"\r\n")
                tls.recv(4096)
            client.close()

        ended = listening(sender, "--once", "--format", "json", *options)
        [assessment] = json.loads(ended.out)["assessments"]
        [finding] = [each for each in assessment["findings"] if each["rule"] == "no-client-certificate"]
        return named[0], [finding["detail"], *finding["remedy"]]

    def test_nobody(self, listening: Listening) -> None:
        for options in ((), ("--ca-names", "none")):
            named, words = self.names(listening, *options)
            assert named == 0
            assert "The request named no authorities" in words[0]
            assert not any("--ca-names none" in step for step in words[1:])

    def test_the_certificates_of_a_file(self, listening: Listening) -> None:
        file = listening.folder / "names.pem"
        file.write_text(chain_pem(ISSUING, INTERNAL_ROOT, ISSUING))
        named, words = self.names(listening, "--ca-names", str(file))
        assert named == 2
        assert "The request named 2 authorities" in words[0]
        assert "GnuTLS (Exim on Debian, msmtp), Go or Java withhold a certificate" in words[0]
        assert "eop-probe listen --once --ca-names none" in words

    def test_microsofts_list(self, listening: Listening) -> None:
        named, _ = self.names(listening, "--ca-names", "microsoft")
        assert named > 300

    def test_openssl_sends_its_certificate_all_the_same(self, listening: Listening) -> None:
        file = listening.folder / "names.pem"
        file.write_text(chain_pem(INTERNAL_ROOT))
        ended = listening(
            lambda port: deliver(port, HEALTHY, ISSUING),
            "--once",
            "--ca-names",
            str(file),
            "--format",
            "json",
        )
        [assessment] = json.loads(ended.out)["assessments"]
        assert (ended.code, len(assessment["presented_chain"])) == (0, 2)

    @pytest.mark.parametrize("content", [None, "no certificate"])
    def test_a_file_that_names_nobody(self, listening: Listening, content: str | None) -> None:
        file = listening.folder / "names.pem"
        if content is not None:
            file.write_text(content)
        assert listening.run("--ca-names", str(file)) == 3
        assert "--ca-names: " in listening.said()[1]
