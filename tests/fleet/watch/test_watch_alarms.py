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
from tests.fleet.watch.test_watch_loop import Changing
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


def test_whom_a_description_names_that_is_read_again(tmp_path: Path, cli: Cli) -> None:
    """One hears that it began, the other, who came later, that it is over."""
    changing, first, second = Changing(SELF), Http(), Http()
    with (
        ScriptedServer(changing) as server,
        ScriptedServer(first) as early,
        ScriptedServer(second) as late,
    ):
        overdue = Overdue(tmp_path, cli.store, server, interval="2s", recheck_after="1s")
        bare = (tmp_path / "fleet.toml").read_text()

        def name(hook: ScriptedServer) -> None:
            channel = f'[[channel]]\nname = "{hook.port}"\ntype = "webhook"\nurl = "http://127.0.0.1:{hook.port}/"\n'
            (tmp_path / "fleet.toml").write_text(f"{bare}[alarms]\nrecover-after = 1\n{channel}")

        name(early)
        with overdue.running() as process:
            while not first.posted:
                pass
            name(late)
            process.send_signal(signal.SIGHUP)
            assert process.stderr is not None
            assert "the description was read again" in process.stderr.readline()
            changing.script = HEALTHY
            while not second.posted:
                pass
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    told = [json.decode(one.posted[0].body, type=Document).notices[0].event for one in (first, second)]
    assert (process.returncode, told, len(first.posted), len(second.posted)) == (
        0,
        ["raised", "recovered"],
        1,
        1,
    )
