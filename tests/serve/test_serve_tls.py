"""TLS by the web configuration: certificates, client certificates, and files that change."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from probe.errors import ConfigurationError
from probe.serve.connections import MAX_OF_A_CLIENT
from probe.serve.web import MAX_BYTES, Web
from tests.authority import Authority, Issued, chain_pem
from tests.serve.inside import LOOPS, Inside, inside

NOW = datetime.now(UTC)
AUTHORITY = Authority(now=NOW)
ROOT = AUTHORITY.root("Monitoring Root")
LEAF = AUTHORITY.leaf(ROOT, "localhost")
SECOND = AUTHORITY.leaf(ROOT, "localhost", key="rsa-2048")
CLIENT = AUTHORITY.leaf(ROOT, "prometheus.contoso.test", "192.0.2.7")
STRANGER = AUTHORITY.leaf(ROOT, "other.contoso.test")
UNKNOWN = AUTHORITY.leaf(AUTHORITY.root("Another Root"), "prometheus.contoso.test")
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Files:
    """A web configuration and its files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "web.yml"
        self.show(LEAF)
        (folder / "ca.pem").write_text(ROOT.pem)

    def show(self, leaf: Issued) -> None:
        (self.folder / "server.crt").write_text(leaf.pem)
        (self.folder / "server.key").write_text(leaf.key_pem)

    def say(self, *lines: str) -> Path:
        self.path.write_text(
            "\n  ".join(["tls_server_config:", "cert_file: server.crt", "key_file: server.key", *lines, ""])
        )
        return self.path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def trusting(own: Issued | None = None, folder: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ROOT.pem)
    if own and folder:
        pem = folder / "client.pem"
        pem.write_text(chain_pem(own) + own.key_pem)
        context.load_cert_chain(pem)
    return context


@contextmanager
def secured(server: Inside, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with server.connect() as one, context.wrap_socket(one, server_hostname="localhost") as secure:
        yield secure


def asked(server: Inside, context: ssl.SSLContext) -> tuple[bytes, str]:
    """The answer to one request, and the SHA-256 of the certificate that the server showed."""
    with secured(server, context) as secure:
        shown = secure.getpeercert(binary_form=True)
        assert shown
        secure.sendall(GET)
        answer = b""
        while more := secure.recv(1 << 16):
            answer += more
            if answer.endswith(b"hello"):
                break
    return answer, hashlib.sha256(shown).hexdigest()


@pytest.mark.parametrize("make_loop", LOOPS, ids=["asyncio", "uvloop"])
class TestOnBothLoops:
    def test_an_answer_over_tls(self, files: Files, make_loop: object) -> None:
        with inside(path=files.say(), make_loop=make_loop) as server:  # type: ignore[arg-type]
            answer, shown = asked(server, trusting())
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert shown == LEAF.sha256
            with server.connect() as plain:
                plain.sendall(GET)
                assert not plain.recv(100).startswith(b"HTTP")

    def test_only_clients_that_are_wanted(self, files: Files, make_loop: object) -> None:
        path = files.say(
            "client_auth_type: RequireAndVerifyClientCert",
            "client_ca_file: ca.pem",
            "client_allowed_sans: [192.0.2.7]",
        )
        with inside(path=path, make_loop=make_loop) as server:  # type: ignore[arg-type]
            assert asked(server, trusting(CLIENT, files.folder))[0].startswith(b"HTTP/1.1 200")
            for stranger in (None, STRANGER, UNKNOWN):
                with pytest.raises(OSError):  # noqa: PT011 - a reset, an alert or an end, by what was sent first
                    _demand(asked(server, trusting(stranger, files.folder))[0])

    def test_handshakes_that_stay_half_make_room(self, files: Files, make_loop: object) -> None:
        with inside(path=files.say(), make_loop=make_loop) as server, ExitStack() as stack:  # type: ignore[arg-type]
            half = [stack.enter_context(server.connect()) for _ in range(MAX_OF_A_CLIENT)]
            assert asked(server, trusting())[0].endswith(b"hello")
            with pytest.raises(ConnectionResetError):
                _demand(half[0].recv(1))

    def test_and_end_by_themselves(self, files: Files, make_loop: object) -> None:
        with (
            inside(path=files.say(), make_loop=make_loop, patience_s=0.5) as server,  # type: ignore[arg-type]
            server.connect() as half,
        ):
            half.sendall(b"\x16\x03\x01")
            with pytest.raises(ConnectionResetError):
                _demand(half.recv(1))

    def test_a_certificate_that_is_replaced_is_shown(self, files: Files, make_loop: object) -> None:
        with inside(path=files.say(), make_loop=make_loop) as server:  # type: ignore[arg-type]
            assert asked(server, trusting())[1] == LEAF.sha256
            (files.folder / "server.crt").write_text("half a certificate")
            _renew(server)
            assert asked(server, trusting())[1] == LEAF.sha256
            files.show(SECOND)
            _renew(server)
            assert asked(server, trusting())[1] == SECOND.sha256
        assert server.told[0].endswith("and its unencrypted key (PEM); what was read before holds")
        assert server.told[1] == f"{files.path} was read again"


def _demand(data: bytes) -> None:
    if not data:
        raise ConnectionResetError


def _renew(server: Inside) -> None:
    """Look at the files as the server does each second, on its own loop."""
    import asyncio

    async def renew() -> None:
        server.web.renew()

    asyncio.run_coroutine_threadsafe(renew(), server.loop).result(10)


def test_versions_suites_and_curves(files: Files) -> None:
    files.show(SECOND)
    path = files.say(
        "max_version: TLS12", "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
        "curve_preferences: [CurveP384]", "prefer_server_cipher_suites: false",
    )  # fmt: skip
    with inside(path=path) as server, secured(server, trusting()) as secure:
        assert secure.cipher() == ("ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2", 256)
    with inside(path=files.say("min_version: TLS13")) as server, secured(server, trusting()) as secure:
        assert secure.version() == "TLSv1.3"


def refused(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Web(path, print)
    return str(caught.value)


def test_files_that_are_no_good(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.say()
    key = files.folder / "server.key"
    key.write_text(SECOND.key_pem)
    assert "no certificate and its unencrypted key (" in refused(path)
    loaded = serialization.load_pem_private_key(LEAF.key_pem.encode(), None)
    # OpenSSL would ask for the password at the terminal.
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked for a password"))
    key.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    assert "its unencrypted key (" in refused(path)
    key.unlink()
    assert refused(path) == f"{path}: key_file {key} cannot be read: No such file or directory"


def test_the_size_of_each_file(files: Files) -> None:
    """Each is good, and would be with what follows it."""
    (files.folder / "ca.pem").write_text(ROOT.pem)
    path = files.say("client_auth_type: VerifyClientCertIfGiven", "client_ca_file: ca.pem")
    for name in ("server.crt", "server.key", "ca.pem", path.name):
        given = (files.folder / name).read_bytes()
        for more, fits in ((0, True), (1, False)):
            (files.folder / name).write_bytes(given + b"\n" * (MAX_BYTES + more - len(given)))
            if fits:
                assert Web(path, print).tls() is not None
            else:
                assert refused(path).endswith(f"{name} has more than {MAX_BYTES:,} bytes")
        (files.folder / name).write_bytes(given)


def test_a_ca_of_clients_that_is_none(files: Files) -> None:
    verify = "client_auth_type: VerifyClientCertIfGiven"
    (files.folder / "ca.pem").write_text("none")
    assert "the CA of clients is no certificate in PEM" in refused(
        files.say(verify, "client_ca_file: ca.pem")
    )
    assert "client_ca_file" in refused(files.say(verify, "client_ca_file: none.pem"))
    indented = ROOT.pem.strip().replace("\n", "\n    ")
    assert Web(files.say(verify, "client_ca: |\n    " + indented), print).tls() is not None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    gone = tmp_path / "web.yml"
    assert refused(gone) == f"the web configuration {gone} cannot be read: No such file or directory"


def test_users_and_tls_can_be_taken_away(files: Files) -> None:
    path = files.say()
    told: list[str] = []
    web = Web(path, told.append)
    web.renew()
    assert told == []
    path.write_text("http_server_config:\n  headers:\n    X-Frame-Options: deny\n")
    web.renew()
    assert (web.tls(), web.config.headers) == (None, {"X-Frame-Options": "deny"})
    assert told == [f"{path} was read again"]
    path.write_text("nonsense: 1\n")
    web.renew()
    web.renew()
    assert web.config.headers == {"X-Frame-Options": "deny"}
    assert len(told) == 2
    assert told[1].startswith(f"{path}:1: nonsense: there is no such key")
    path.unlink()
    web.renew()
    assert told[2].endswith("cannot be read: No such file or directory; what was read before holds")
