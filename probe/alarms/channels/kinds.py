"""The kinds of channels, with what is needed to send through one, secrets included; and what came of sending."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from probe.text import printable

#: Seconds for one message through one channel, everything included, where nothing else is said.
TIMEOUT_S = 30.0
#: Characters kept of what a channel answered.
MAX_ANSWER = 300


class Answer(Struct, frozen=True, kw_only=True):
    """Whether a message was taken, and in what words; `left`: all but these recipients have it."""

    sent: bool
    said: str
    left: tuple[str, ...] = ()


class _Channel(Struct, frozen=True, kw_only=True):
    name: str
    timeout_s: float = TIMEOUT_S

    def __repr__(self) -> str:
        """Without its secrets."""
        return f"{type(self).__name__}({self.name!r})"

    def secrets(self) -> Iterator[str]:
        """What must not be shown, in every form in which a server might give it back."""
        yield from ()

    def answer(self, said: str, *, sent: bool, left: tuple[str, ...] = ()) -> Answer:
        """An answer in which no secret is left, nor what a terminal would obey."""
        for secret in sorted(filter(None, self.secrets()), key=len, reverse=True):
            said = said.replace(secret, "(secret)")
        return Answer(sent=sent, said=printable(said, MAX_ANSWER), left=left)


class Mail(_Channel, frozen=True, kw_only=True, tag="email"):
    """E-mail by SMTP to `recipients`, or `only` to these of them; `tls` "none" never bears a password."""

    host: str
    port: int = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    sender: str
    recipients: tuple[str, ...]
    only: tuple[str, ...] = ()
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None

    def secrets(self) -> Iterator[str]:
        """The password, and as SMTP bears it."""
        if self.password:
            yield self.password
            for form in (self.password, f"\0{self.user}\0{self.password}"):
                yield base64.b64encode(form.encode()).decode()


class Webhook(_Channel, frozen=True, kw_only=True, tag="webhook"):
    """A POST of the message; `secret` signs it, `hidden` says that the URL is a secret, too."""

    url: str
    secret: str | None = None
    hidden: bool = False
    ca_file: str | None = None

    def secrets(self) -> Iterator[str]:
        """The key, and what of the URL tells more than its server."""
        yield self.secret or ""
        if self.hidden:
            yield from _of_url(self.url)


class Push(_Channel, frozen=True, kw_only=True, tag="apprise"):
    """One URL of Apprise, all of which is a secret."""

    url: str

    def secrets(self) -> Iterator[str]:
        """The URL and its parts."""
        yield from _of_url(self.url)


def _of_url(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    yield from (url, parts.path, parts.query)
    yield from (part for part in (parts.username, parts.password) if part and len(part) > 3)
    yield from (part for part in parts.path.split("/") if len(part) > 3)


Channel: TypeAlias = Mail | Webhook | Push

KINDS = {"email": Mail, "webhook": Webhook, "apprise": Push}
