"""``fleet watch`` tells a webhook: a process, a server whose certificate goes wrong and is mended, each said once."""

from __future__ import annotations

import signal
from pathlib import Path
from queue import Queue

import pytest
from msgspec import json

from probe.alarms.document import Document
from tests.alarms.servers import Http
from tests.cli.running import HEALTHY, SELF, SELF_SIGNED, Cli
from tests.fleet.watch.test_watch_process import OVERDUE, Overdue
from tests.net.scripted import Peer, ScriptedServer

pytest_plugins = ("tests.cli.conftest",)
pytestmark = pytest.mark.slow


def test_a_certificate_that_goes_wrong_and_is_mended_is_told_twice(tmp_path: Path, cli: Cli) -> None:
    receiver, arrived = Http(), Queue[None]()
    served = [SELF]

    def presents(peer: Peer) -> None:
        served[-1](peer)

    def tells(peer: Peer) -> None:
        receiver(peer)
        arrived.put(None)

    with ScriptedServer(presents) as server, ScriptedServer(tells) as hook:
        overdue = Overdue(tmp_path, cli.store, server, recheck_after="1s")
        with (tmp_path / "fleet.toml").open("a") as file:
            file.write(
                "[alarms]\nrecover-after = 1\n"
                f'[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "http://127.0.0.1:{hook.port}/"\n'
            )
        for script, tells_something in ((SELF, True), (HEALTHY, True), (HEALTHY, False)):
            served.append(script)
            overdue.set_due(OVERDUE)
            with overdue.running() as process:
                if tells_something:
                    arrived.get(timeout=60)
                while overdue.due() == OVERDUE:
                    pass
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=30)
            assert process.returncode == 0, said
    told = [
        notice for posted in receiver.posted for notice in json.decode(posted.body, type=Document).notices
    ]
    assert [(notice.event, notice.rule or notice.former_rule) for notice in told] == [
        ("raised", "self-signed"),
        ("recovered", "self-signed"),
    ]
    assert told[1].certificate_before
    assert told[1].certificate_before.sha256 == SELF_SIGNED.sha256
