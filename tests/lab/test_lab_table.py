"""The parts of the lab that have to agree with each other, seen without Docker."""

from __future__ import annotations

import re
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from tests.lab import certificates, domains, services
from tests.lab.situations import EXIT_CODES, SENDERS, SERVICES, SITUATIONS

ROOT = Path(__file__).parent.parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lab")
    certificates.write(made, NOW)
    return made


@pytest.fixture
def greeter() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_every_service_of_the_table_is_published_on_loopback_alone() -> None:
    published = re.findall(r'"127\.0\.0\.1:\$\{(LAB_PORT_\w+):-(\d+)\}:\d+(?:/udp)?"', COMPOSE)
    # DNS has two ports of one number.
    assert list(dict.fromkeys(published)) == [
        (service.variable, str(2500 + service.offset)) for service in SERVICES
    ]
    assert COMPOSE.count("127.0.0.1:") == len(published)


def test_every_service_of_the_file_is_in_the_table() -> None:
    body = COMPOSE.split("\nservices:\n")[1]
    assert re.findall(r"^  ([a-z0-9-]+):(?: &\w+)?$", body, re.MULTILINE) == [
        service.name for service in SERVICES
    ]


def test_every_service_is_in_a_situation_or_sends_and_the_reverse() -> None:
    probed = {situation.service for situation in SITUATIONS}
    sending = {sender.service for sender in SENDERS}
    assert not probed & sending
    others = {
        "listener", "changing", "mailbox", "postgres", "exporter", "prometheus", "alertmanager", "node-exporter",
        "receiver", "tickets", "tickets-ask", "tickets-none", "tickets-gnutls", "resolver", "policies", "exchangers",
    }  # fmt: skip
    assert probed | sending | others == {service.name for service in SERVICES}


def test_expectations_make_sense() -> None:
    for situation in SITUATIONS:
        told = [each for each in (situation.to_eop, situation.from_eop) if each is not None]
        assert told, situation.title
        for expected in told:
            assert expected.outcome in EXIT_CODES
            assert (expected.rule is None) == (expected.outcome == "accepted"), situation.title
            assert expected.reply is None or expected.outcome == "rejected", situation.title


def test_every_certificate_file_the_services_name_is_made(folder: Path) -> None:
    policies = Path(__file__).with_name("dns").joinpath("nginx.conf").read_text()
    named = set(re.findall(r"/certificates/([\w-]+\.pem)", COMPOSE + policies))
    made = {path.name for path in (folder / "certificates").glob("*.pem")}
    assert named | {"renewed.pem"} == made  # what the service `changing` is changed to


def test_every_exchanger_presents_what_the_zones_say() -> None:
    presented = re.findall(r"127\.0\.1\.(\d)=(?:/certificates/)?([\w-]+)", COMPOSE)
    assert presented == [(str(number), name) for number, name in enumerate(domains.SERVERS, 1)]


def test_keys_are_readable_for_their_owner_alone(folder: Path) -> None:
    kept = [*(folder / "certificates").glob("*.pem"), *(folder / "authority").glob("*.pem")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_the_issuers_of_the_services_can_issue_more(folder: Path) -> None:
    public, internal = certificates.issuers(folder)
    for issuer, name in ((public, "healthy"), (internal, "internal-ca")):
        leaf = x509.load_pem_x509_certificates((folder / "certificates" / f"{name}.pem").read_bytes())[0]
        leaf.verify_directly_issued_by(issuer.certificate)
        assert issuer.key.public_key() == issuer.certificate.public_key()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("healthy", "OK"),
        ("wildcard", "OK"),
        ("expires-soon", "OK"),
        ("wrong-name", "OK"),
        ("self-signed", "self-signed certificate"),
        ("internal-ca", "self-signed certificate in certificate chain"),
        ("internal-ca-ec", "self-signed certificate in certificate chain"),
        ("missing-intermediate", "unable to get local issuer certificate"),
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
    ],
)
def test_openssl_agrees_on_what_is_wrong(folder: Path, name: str, answer: str) -> None:
    file = folder / "certificates" / f"{name}.pem"
    instant = str(int(NOW.timestamp()))
    command = [
        "openssl",
        "verify",
        "-attime",
        instant,
        "-purpose",
        "sslserver",
        "-CAfile",
        folder / "LAB-ROOT.pem",
    ]
    done = subprocess.run([*command, "-untrusted", file, file], capture_output=True, text=True, check=False)
    assert answer in done.stdout + done.stderr
    assert (done.returncode == 0) == (answer == "OK")


def test_only_expires_soon_is_near_its_end(folder: Path) -> None:
    near = set()
    for path in (folder / "certificates").glob("*.pem"):
        leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
        left, lifetime = leaf.not_valid_after_utc - NOW, leaf.not_valid_after_utc - leaf.not_valid_before_utc
        if timedelta() < left < min(lifetime / 3, timedelta(days=30)):
            near.add(path.stem)
    assert near == {"expires-soon"}


def test_certificates_are_made_again_when_they_are_stale(folder: Path, tmp_path: Path) -> None:
    assert certificates.is_fresh(folder, NOW + timedelta(hours=9))
    assert not certificates.is_fresh(folder, NOW + timedelta(hours=11))
    assert not certificates.is_fresh(folder, NOW - timedelta(hours=1))
    assert not certificates.is_fresh(tmp_path, NOW)


def test_variables_for_the_compose_file() -> None:
    lines = services.environment(30_000).splitlines()
    assert lines[0] == "LAB_PORT_HEALTHY=30001"
    assert len(lines) == len(SERVICES)
    assert re.search(r"^self-signed +127\.0\.0\.1:30003 ", services.table(30_000), re.MULTILINE)


def test_a_mail_server_greets_and_others_do_not(greeter: socket.socket) -> None:
    def answer() -> None:
        for said in (b"220-mail.contoso.test\r\n", b"554 no\r\n", b""):
            connection, _ = greeter.accept()
            with connection:
                connection.sendall(said)

    thread = threading.Thread(target=answer)
    thread.start()
    port = greeter.getsockname()[1]
    assert [services.greets(port) for _ in range(3)] == [True, False, False]
    thread.join()


def test_the_names_of_silent_services_are_told() -> None:
    # A bound port that nobody listens on: nothing else can take it meanwhile.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert not services.greets(bound.getsockname()[1])
    assert services.silent_services(1, 0.0) == [service.name for service in SERVICES]
