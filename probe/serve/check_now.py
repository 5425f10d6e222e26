"""Who may have a target looked at now: only a page of this server's, and not too often.

A page of another server can have a browser send a form here, yet cannot read what stands in ours: so the form bears a
token of this process, and what the browser says of where it was sent from has to fit. There is no cookie, as there is
nobody to be told from others.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request

#: Seconds between two looks at one target that are asked for.
BETWEEN_S = 30.0
#: Looks that are asked for within a minute, at all targets.
MAX_A_MINUTE = 30
#: Bytes of a form, and seconds for which its token is good at least.
MAX_FORM, TOKEN_S = 1_000, 3600


class CheckNow:
    """Knows the tokens it gave out, and what was asked for in the last minute.

    Instants are seconds of one clock that is never set back.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._asked: dict[str, float] = {}
        self._minute: deque[float] = deque()

    def token(self, key: str, now: float, *, earlier: int = 0) -> str:
        """What the form of a target has to bear."""
        text = f"{key} {int(now // TOKEN_S) - earlier}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()

    def meant(self, key: str, form: bytes, now: float) -> bool:
        """Whether the form came with a page of ours."""
        token = parse_qs(form.decode("ascii", "replace")).get("token", [""])[0].encode()
        return any(hmac.compare_digest(token, self.token(key, now, earlier=n).encode()) for n in (0, 1))

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until a look at the target may be asked for; 0 where it may be now."""
        while self._minute and self._minute[0] <= now - 60:
            self._minute.popleft()
        self._asked = {each: at for each, at in self._asked.items() if at > now - BETWEEN_S}
        own = self._asked.get(key, -BETWEEN_S) + BETWEEN_S - now
        every = self._minute[0] + 60 - now if len(self._minute) >= MAX_A_MINUTE else 0.0
        return max(own, every, 0.0)

    def asked(self, key: str, now: float) -> None:
        """Note that a look was asked for."""
        self._asked[key] = now
        self._minute.append(now)


def from_here(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that the form was sent by a page of this server's, or says nothing of it.

    `headers` by lower-case name. Behind a proxy the host may be another one than the browser's: its word on the site
    counts more (Fetch Metadata), where it has one.
    """
    site, origin, host = (headers.get(name) for name in ("sec-fetch-site", "origin", "host"))
    if site is not None:
        return site == "same-origin"
    return origin in {None, f"http://{host}", f"https://{host}"}


async def form_of(request: Request) -> bytes | None:
    """What was sent with a request; None where it is no form of ours."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAX_FORM:
                return None
    except ClientDisconnect:
        return None
    return body
