"""Who may ask: names of the host, the rate, user and password; and the headers that every answer bears."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import bcrypt
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from probe.net.clock import monotonic
from probe.net.public_addresses import client_of
from probe.net.target import is_ip_address
from probe.pki.recent import Recent
from probe.serve.web import Web

#: Pairs of user and password of which is known whether they fit, and as many that don't, at least.
MAX_KNOWN = 100
#: Looks at a password that wait for their turn, and those of one client.
MAX_WAITING = 16
MAX_WAITING_OF_A_CLIENT = 4
#: Bytes of a password that bcrypt looks at.
PASSWORD_BYTES = 72


class Access:
    """Stands before an application.

    `names` are those by which a server on loopback is asked, beside localhost and addresses; None: by any. A page of
    another site that has its own name resolved to 127.0.0.1 (DNS rebinding) is one that asks by its own.
    """

    def __init__(self, app: ASGIApp, web: Web, names: frozenset[str] | None = None) -> None:
        self._app, self._web, self._names = app, web, names
        self._passwords = Passwords()
        self._tokens, self._counted = 0.0, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        config = self._web.config
        if config.headers:
            send = _with(send, config.headers)
        refused = self._refused_name(scope) or self._refused_rate()
        if not refused and config.users:
            refused = await self._passwords.refused(config.users, scope)
        if refused:
            extra = {"www-authenticate": "Basic"} if refused is HTTPStatus.UNAUTHORIZED else None
            await PlainTextResponse(f"{refused.phrase}\n", refused, extra)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refused_name(self, scope: Scope) -> HTTPStatus | None:
        if self._names is None:
            return None
        host = _header(scope, b"host").decode("latin-1").lower()
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        name = name.strip("[]").removesuffix(".")
        known = not name or name == "localhost" or name in self._names or is_ip_address(name)
        return None if known else HTTPStatus.MISDIRECTED_REQUEST

    def _refused_rate(self) -> HTTPStatus | None:
        """A bucket of `burst` tokens, to which one comes each interval."""
        interval_s, burst = self._web.config.interval_s, self._web.config.burst
        if not interval_s:
            return None
        now = monotonic()
        self._tokens = min(float(burst), self._tokens + (now - self._counted) / interval_s)
        self._counted = now
        if self._tokens < 1:
            return HTTPStatus.TOO_MANY_REQUESTS
        self._tokens -= 1
        return None


class Passwords:
    """Looks at passwords one after the other on a thread of its own; what was found is remembered, by a digest."""

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._right: Recent[bytes, bool] = Recent(MAX_KNOWN)
        self._wrong: Recent[bytes, bool] = Recent(MAX_KNOWN)
        self._waiting: Counter[str] = Counter()
        self._one = asyncio.Lock()
        self._thread: ThreadPoolExecutor | None = None

    async def refused(self, users: Mapping[bytes, bytes], scope: Scope) -> HTTPStatus | None:
        """Why a request is refused, if it is."""
        user, password = _credentials(_header(scope, b"authorization"))
        if user is None:
            return HTTPStatus.UNAUTHORIZED
        # A user that does not exist takes as long as one that does.
        hashed = users.get(user) or _nobody(next(iter(users.values())))
        digest = self._digest(user, hashed, password)
        if self._known(digest) is None:
            client = client_of(scope["client"][0]) if scope.get("client") else ""
            if self._waiting.total() >= MAX_WAITING or self._waiting[client] >= MAX_WAITING_OF_A_CLIENT:
                return HTTPStatus.SERVICE_UNAVAILABLE
            await self._look(client, digest, password, hashed, exists=user in users)
        return None if self._known(digest) else HTTPStatus.UNAUTHORIZED

    def _known(self, digest: bytes) -> bool | None:
        return self._right.get(digest) or (False if self._wrong.get(digest) else None)

    def _digest(self, *parts: bytes) -> bytes:
        whole = b"".join(len(part).to_bytes(4) + part for part in parts)
        return hashlib.blake2b(whole, key=self._secret).digest()

    async def _look(
        self, client: str, digest: bytes, password: bytes, hashed: bytes, *, exists: bool
    ) -> None:
        self._thread = self._thread or ThreadPoolExecutor(1, "passwords")
        self._waiting[client] += 1
        try:
            async with self._one:
                if self._known(digest) is None:
                    look = asyncio.get_running_loop().run_in_executor(self._thread, _fits, password, hashed)
                    (self._right if await look and exists else self._wrong)[digest] = True
        finally:
            self._waiting[client] -= 1
            self._waiting += Counter()  # those with none are forgotten


def _fits(password: bytes, hashed: bytes) -> bool:
    # As bcrypt of other tools does, which see no more of it.
    return bcrypt.checkpw(password[:PASSWORD_BYTES], hashed)


def _nobody(hashed: bytes) -> bytes:
    """A hash of the same cost that no password is known to fit."""
    return hashed[:7] + b"." * 53


def _credentials(header: bytes) -> tuple[bytes | None, bytes]:
    scheme, _, given = header.partition(b" ")
    try:
        user, colon, password = base64.b64decode(given.strip(), validate=True).partition(b":")
    except binascii.Error:
        return None, b""
    return (user, password) if colon and scheme.lower() == b"basic" else (None, b"")


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


def _with(send: Send, headers: Mapping[str, str]) -> Send:
    added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name for name, _ in message["headers"]}
            more = [one for one in added if one[0] not in there]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sent
