"""A fleet of real servers on loopback, as `eop-probe serve` is given it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from socket import SHUT_RDWR
from typing import NamedTuple

from tests.cli.running import HOST, ROOT
from tests.net.scripted import Script, ScriptedServer


class OnLoopback(NamedTuple):
    """Each server is m0.contoso.test, m1.contoso.test and so on; the name in the certificates is HOST."""

    folder: Path
    servers: list[ScriptedServer]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options of `serve`."""
        names = {"--config": "fleet.toml", "--history": "history.sqlite", "--stand-in": "root.pem"}
        return tuple(word for flag, name in names.items() for word in (flag, str(self.folder / name)))

    def describe(self, *more: str, interval: str = "1h", toml: str = "") -> None:
        """Write the fleet: a target for each server; `more` are lines of each."""
        lines = [toml]
        for number, server in enumerate(self.servers):
            lines += [
                "[[target]]",
                f'host = "m{number}.contoso.test"',
                f'sni = "{HOST}"',
                f"port = {server.port}",
            ]
            lines += ['addresses = ["127.0.0.1"]', f'interval = "{interval}"', *more]
        (self.folder / "fleet.toml").write_text("\n".join(lines))


def leave(silent: ScriptedServer) -> None:
    """End the connection that a server holds, once it has one."""
    while not silent.peers:
        pass
    with suppress(OSError):
        silent.peers[-1].socket.shutdown(SHUT_RDWR)


@contextmanager
def on_loopback(folder: Path, *scripts: Script) -> Iterator[OnLoopback]:
    """A server for each script, and the files that describe them."""
    with ExitStack() as stack:
        servers = [stack.enter_context(ScriptedServer(script)) for script in scripts]
        (folder / "root.pem").write_text(ROOT.pem)
        fleet = OnLoopback(folder, servers)
        fleet.describe()
        yield fleet
