"""The options of `serve` that say who may ask, and what for."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from probe.cli.declare import option
from probe.net.target import ascii_host

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from probe.serve.web import Web


class Asking(NamedTuple):
    """Who may ask, and what for beside what is configured."""

    allow_any_target: Annotated[
        bool,
        option(
            "--allow-any-target", "Probe mail ports of public addresses for whoever asks, configured or not."
        ),
    ] = False
    allow_private: Annotated[
        bool,
        option(
            "--allow-private", "With --allow-any-target: addresses that are not public, and other ports, too."
        ),
    ] = False
    web_config: Annotated[
        Path | None,
        option(
            "--web-config FILE",
            "TLS, users and headers: the exporter-toolkit's web configuration (YAML). Read again when it changes.",
        ),
    ] = None
    allowed_host: Annotated[
        list[str] | None,
        option(
            "--allowed-host NAME",
            "On loopback: another name by which browsers and proxies may ask, beside localhost. Repeatable.",
        ),
    ] = None

    def guarded(self, app: ASGIApp, web: Web, listening: socket.socket) -> ASGIApp:
        """The application behind all that is asked of those who ask."""
        from probe.serve.access import Access

        names = frozenset(map(ascii_host, self.allowed_host or ()))
        return Access(app, web, names if _on_loopback(listening) else None)


def advise(listening: socket.socket, web: Web, tell: Callable[[str], None]) -> None:
    """Say what is missing where others than this machine's own programs can ask."""
    given = {"TLS": web.tls() is not None, "passwords": bool(web.config.users) or web.verifies}
    missing = " and ".join(name for name, there in given.items() if not there)
    if missing and not _on_loopback(listening):
        tell(f"whoever reaches this port is answered, without {missing}; --web-config FILE gives both")


def _on_loopback(listening: socket.socket) -> bool:
    return ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback
