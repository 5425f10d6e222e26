"""Who may ask: passwords, names of the host, the rate, and headers of every answer."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import bcrypt
import pytest
from starlette.types import Message, Scope, Send

from probe.serve.access import (
    MAX_KNOWN,
    MAX_WAITING,
    MAX_WAITING_OF_A_CLIENT,
    PASSWORD_BYTES,
    Access,
    Passwords,
)
from probe.serve.web import Web
from tests.serve.inside import hello

COST = 4
HASH = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(COST))


def basic(user: str, password: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode())


class Server:
    def __init__(self, text: str, folder: Path, names: frozenset[str] | None = None) -> None:
        path = folder / "web.yml"
        path.write_text(text)
        self.access = Access(hello, Web(path, print), names)

    async def answer(
        self, *headers: tuple[bytes, bytes], client: str = "192.0.2.1"
    ) -> tuple[int, dict[str, str]]:
        messages: list[Message] = []

        async def send(message: Message) -> None:
            messages.append(message)

        scope: Scope = {"type": "http", "headers": list(headers), "client": (client, 1), "method": "GET"}
        await self.access(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
        begun = messages[0]
        return begun["status"], {name.decode(): value.decode() for name, value in begun["headers"]}

    def status(self, *headers: tuple[bytes, bytes]) -> int:
        return asyncio.run(self.answer(*headers))[0]

    def close(self) -> None:
        if thread := self.access._passwords._thread:
            thread.shutdown()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with closing(Server(f"basic_auth_users:\n  alice: {HASH.decode()}\n", tmp_path)) as made:
        yield made


class TestPasswords:
    def test_who_has_one_is_answered(self, server: Server) -> None:
        assert server.status(basic("alice", "correct horse")) == 200

    @pytest.mark.parametrize(
        "headers",
        [
            [],
            [basic("alice", "wrong horse")],
            [basic("alice", "correct horse\0")],
            [basic("bob", "correct horse")],
            [basic("", "")],
            [(b"authorization", b"Basic !!!")],
            [(b"authorization", b"Basic " + base64.b64encode(b"alice"))],
            [(b"authorization", b"Bearer " + base64.b64encode(b"alice:correct horse"))],
            [(b"authorization", b"")],
        ],
    )
    def test_nobody_else_is(self, server: Server, headers: list[tuple[bytes, bytes]]) -> None:
        status, said = asyncio.run(server.answer(*headers))
        assert (status, said["www-authenticate"]) == (401, "Basic")

    def test_a_password_is_looked_at_as_far_as_bcrypt_does(self, tmp_path: Path) -> None:
        """Tools that print hashes cut it there without a word; the library raises."""
        hashed = bcrypt.hashpw(b"a" * PASSWORD_BYTES, bcrypt.gensalt(COST)).decode()
        server = Server(f"basic_auth_users:\n  alice: {hashed}\n", tmp_path)
        assert server.status(basic("alice", "a" * (PASSWORD_BYTES + 8))) == 200
        assert server.status(basic("alice", "a" * (PASSWORD_BYTES - 1))) == 401

    def test_what_was_found_is_remembered(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        async def twice() -> list[int]:
            given = basic("alice", "correct horse"), basic("alice", "wrong"), basic("bob", "wrong")
            first = [(await server.answer(each))[0] for each in given]
            # Whoever needs another look is told so.
            monkeypatch.setattr("probe.serve.access.MAX_WAITING", 0)
            new = (await server.answer(basic("alice", "new")))[0]
            return [*first, *[(await server.answer(each))[0] for each in given], new]

        assert asyncio.run(twice()) == [200, 401, 401, 200, 401, 401, 503]

    def test_what_was_right_is_that_users_and_that_passwords_alone(self) -> None:
        """Not another one's, and not once the hash was changed."""
        other = bcrypt.hashpw(b"battery staple", bcrypt.gensalt(COST))

        async def asked() -> list[int | None]:
            passwords = Passwords()
            given = [
                ({b"alice": HASH}, "alice"),
                ({b"alice": HASH}, "bob"),
                ({b"alice": other}, "alice"),
                ({b"alice": HASH}, "alice"),
            ]
            return [
                await passwords.refused(users, {"headers": [basic(user, "correct horse")]})
                for users, user in given
            ]

        assert asyncio.run(asked()) == [None, 401, 401, None]

    def test_a_header_that_is_there_is_not_given_twice(self, tmp_path: Path) -> None:
        async def own(_: Scope, __: object, send: Send) -> None:
            headers = [(b"content-security-policy", b"default-src 'none'")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

        server = Server(
            "http_server_config:\n  headers:\n    Content-Security-Policy: default-src *\n"
            "    X-Frame-Options: deny\n",
            tmp_path,
        )
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        access = Access(own, server.access._web)
        asyncio.run(access({"type": "http", "headers": []}, asyncio.Event().wait, send))  # type: ignore[arg-type]
        assert sent[0]["headers"] == [
            (b"content-security-policy", b"default-src 'none'"),
            (b"x-frame-options", b"deny"),
        ]

    def test_guesses_drive_out_nothing_that_is_right(self, server: Server) -> None:
        async def guessing(passwords: Passwords) -> tuple[int, int]:
            users = {b"alice": HASH}
            for number in range(5 * MAX_KNOWN):
                name, value = basic("alice", str(number))
                await passwords.refused(users, {"headers": [(name, value)]})
            return len(passwords._right), len(passwords._wrong)

        async def all_of_it() -> tuple[int, int]:
            assert (await server.answer(basic("alice", "correct horse")))[0] == 200
            return await guessing(server.access._passwords)

        right, wrong = asyncio.run(all_of_it())
        assert right == 1
        assert MAX_KNOWN <= wrong <= 2 * MAX_KNOWN

    def test_looks_that_wait_are_bounded(self, tmp_path: Path) -> None:
        slow = bcrypt.hashpw(b"x", bcrypt.gensalt(9)).decode()
        server = Server(f"basic_auth_users:\n  alice: {slow}\n", tmp_path)

        async def flood() -> tuple[list[int], list[int]]:
            one = [server.answer(basic("alice", str(each))) for each in range(20)]
            others = [
                server.answer(basic("alice", f"{host} {each}"), client=f"192.0.2.{host}")
                for host in range(10, 20)
                for each in range(3)
            ]
            answers = [status for status, _ in await asyncio.gather(*one, *others)]
            return answers[:20], answers[20:]

        one, others = asyncio.run(flood())
        assert (one.count(401), one.count(503)) == (MAX_WAITING_OF_A_CLIENT, 20 - MAX_WAITING_OF_A_CLIENT)
        assert others.count(401) == MAX_WAITING - MAX_WAITING_OF_A_CLIENT

    def test_a_user_that_does_not_exist_takes_as_long(self) -> None:
        from probe.serve.access import _fits, _nobody

        nobody = _nobody(HASH)
        assert nobody[:7] == HASH[:7]
        assert not _fits(b"correct horse", nobody)


class TestNames:
    """A page of another site can have its own name resolved to 127.0.0.1, and is then of the same origin."""

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("localhost", 200), ("LOCALHOST:9825", 200), ("127.0.0.1:9825", 200), ("[::1]:9825", 200), ("[::1]", 200),
            ("proxy.contoso.test", 200), ("proxy.contoso.test.:443", 200), ("", 200),
            ("attacker.example", 421), ("attacker.example:9825", 421), ("localhost.attacker.example", 421),
            ("127.0.0.1.nip.example", 421), ("[attacker.example]", 421), ("127.1", 421),
        ],
    )  # fmt: skip
    def test_only_by_names_of_its_own(self, tmp_path: Path, host: str, status: int) -> None:
        server = Server("", tmp_path, frozenset({"proxy.contoso.test"}))
        assert server.status((b"host", host.encode())) == status

    def test_beyond_loopback_by_any(self, tmp_path: Path) -> None:
        assert Server("", tmp_path).status((b"host", b"exporter.contoso.test")) == 200


def test_the_rate_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server("rate_limit:\n  interval: 2s\n  burst: 3\n", tmp_path)
    now = 100.0
    monkeypatch.setattr("probe.serve.access.monotonic", lambda: now)
    assert [server.status() for _ in range(5)] == [200, 200, 200, 429, 429]
    now += 4.1
    assert [server.status() for _ in range(3)] == [200, 200, 429]
    now += 3600
    assert [server.status() for _ in range(4)] == [200, 200, 200, 429]


def test_headers_are_added_and_none_is_replaced(tmp_path: Path) -> None:
    server = Server(
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=1\n",
        tmp_path,
    )
    _, headers = asyncio.run(server.answer())
    assert headers == {
        "content-length": "5",
        "x-frame-options": "deny",
        "strict-transport-security": "max-age=1",
    }
