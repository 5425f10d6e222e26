"""`eop-probe serve` as it is started: TLS and passwords by --web-config, names, and targets of whoever asks."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import bcrypt
import pytest

from probe.cli.asking import advise
from probe.serve.server import bound
from probe.serve.web import Web
from tests.cli.running import spawn
from tests.net.scripted import LEAF, ScriptedServer, starttls, tls_context
from tests.serve.serving import Running, asked, ended, running
from tests.serve.test_serve_tls import Files, trusting

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    files = Files(tmp_path_factory.mktemp("web"))
    path = files.say()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    path.write_text(f"{path.read_text()}\nbasic_auth_users:\n  alice: {hashed}\n")
    with running("--allow-any-target", "--web-config", str(path)) as server:
        yield server
        said = ended(server.process)
        assert hashed not in said
        assert PASSWORD not in said


def over_tls(server: Running, path: str, password: str) -> int:
    host, _, port = server.address.removeprefix("https://").rpartition(":")
    with closing(HTTPSConnection("localhost", int(port), timeout=20, context=trusting())) as connection:
        given = base64.b64encode(f"alice:{password}".encode()).decode()
        connection.request("GET", path, headers={"Authorization": f"Basic {given}"})
        assert host == "127.0.0.1"
        return connection.getresponse().status


def test_tls_and_a_password(secured: Running) -> None:
    assert secured.address.startswith("https://")
    for path in ("/healthz", "/metrics", "/probe?target=192.0.2.1"):
        assert over_tls(secured, path, "wrong") == 401
    assert over_tls(secured, "/healthz", PASSWORD) == 200
    with pytest.raises(OSError):  # noqa: PT011 - a reset or an end, by what is written first
        asked(secured.address.replace("https", "http"), "/healthz")


def test_a_web_configuration_that_cannot_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("http_server_config:\n  http2: true\n")
    ran = spawn("serve", "--allow-any-target", "--web-config", str(path))
    wrong = "http_server_config.http2: HTTP/2 is not spoken; leave it out or say false"
    assert (ran.code, ran.err) == (3, f"eop-probe: {path}:2: {wrong}\n")


def test_whoever_asks_reaches_nobody_inside() -> None:
    with (
        ScriptedServer(starttls(tls_context(LEAF))) as mail,
        running("--allow-any-target", "--allowed-host", "proxy.contoso.test") as server,
    ):
        refused = asked(server.address, f"/probe?target=127.0.0.1:{mail.port}")
        assert refused.status == 400
        assert "is not probed for everyone: 25, 465, 587, 2525 are" in refused.text
        inside = asked(server.address, "/probe?target=localhost&debug=true")
        assert "has an address that is not public, which is not probed" in inside.text
        assert re.search(r"^probe_success 0$", inside.text, re.MULTILINE)
        assert mail.peers == []
        for host, status in (("rebound.example", 421), ("proxy.contoso.test", 200)):
            assert asked(server.address, "/healthz", headers={"Host": host}).status == status
        ended(server.process)


def test_unless_that_is_allowed() -> None:
    """The control."""
    with (
        ScriptedServer(starttls(tls_context(LEAF))) as mail,
        running("--allow-any-target", "--allow-private") as server,
    ):
        assert asked(server.address, f"/probe?target=127.0.0.1:{mail.port}").status == 200
        assert len(mail.peers) == 1
        ended(server.process)


@pytest.mark.parametrize(
    ("host", "text", "said"),
    [
        ("0.0.0.0", "", "without TLS and passwords;"),
        ("0.0.0.0", "tls", "without passwords;"),
        ("::", f"basic_auth_users:\n  a: $2b$04${'a' * 53}\n", "without TLS;"),
        ("127.0.0.1", "", ""),
    ],
)
def test_beyond_loopback_it_says_what_is_missing(tmp_path: Path, host: str, text: str, said: str) -> None:
    path = Files(tmp_path).say()
    if text != "tls":
        path.write_text(text)
    told: list[str] = []
    with bound(host, 0) as listening:
        advise(listening, Web(path, told.append), told.append)
    assert [said in line for line in told] == [True] * bool(said)
