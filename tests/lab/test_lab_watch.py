"""`eop-probe fleet watch` on servers that change under it: each change is in the history once, and told once.

The mailbox is a Postfix with a Maildir, the webhook a server of ours; a second look comes a second after the first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email import message_from_string, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from probe.history.read import spans
from probe.report.record import Span
from tests.history.faults import opened
from tests.lab.cut import wire_to
from tests.lab.running import COMMAND_SECONDS, ROOT, START_SECONDS, Lab, run_lab, until
from tests.lab.situations import ADDRESS, HOST

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 400)]

#: Good looks before a recovery is told: more than there are while a flapping server is up.
RECOVER_AFTER = 12
FILE = "/certificates/{}.pem"
GOOD, RENEWED, INTERNAL = "healthy", "renewed", "internal-ca"
#: One whose certificate and then STARTTLS changes, one that turns mixed, one that flaps.
WATCHED = ("changing", "balancer", "wildcard")


#: Over once every smtpd is gone that began before: one that waits for a client takes one more, as it was.
_CHANGE = """
postconf -e {}
before=$(grep -lx smtpd /proc/[0-9]*/comm || true)
postfix reload
for each in $before; do while grep -qsx smtpd "$each"; do sleep 0.05; done; done"""


def becomes(service: str, **parameters: str) -> None:
    """Give a Postfix other parameters, which hold from now on."""
    told = " ".join(f"'{name}={value}'" for name, value in parameters.items())
    run_lab("exec", service, "sh", "-euc", _CHANGE.format(told))


def shows(service: str, certificate: str) -> None:
    becomes(service, smtpd_tls_chain_files=FILE.format(certificate))


def starttls(service: str, *, offered: bool) -> None:
    becomes(service, smtpd_tls_security_level="may" if offered else "none")


@contextmanager
def webhook() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server that takes whatever is posted; its port, and what came."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((ADDRESS, 0), Handler) as server:
        serving = Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield server.server_port, came
        finally:
            server.shutdown()
            serving.join()


def fleet(lab: Lab, ports: dict[str, int], port: int) -> str:
    """One look a second, and every alarm on its own."""
    targets = "".join(
        f'[[target]]\nhost = "{HOST}"\naddresses = ["{ADDRESS}"]\nport = {each}\n\n'
        for each in ports.values()
    )
    return f"""\
[defaults]
interval = "1s"

[watch]
recheck-after = "1s"

[alarms]
recover-after = {RECOVER_AFTER}
digest-over = 100

[[channel]]
name = "postmaster"
type = "email"
host = "localhost"
port = {lab.port("mailbox")}
from = "watch@contoso.test"
to = ["postmaster@contoso.test"]
ca-file = "{lab.root}"

[[channel]]
name = "hook"
type = "webhook"
url = "http://{ADDRESS}:{port}/alarms"

{targets}"""


class Watch:
    """The watch, and what is to be seen of it."""

    def __init__(self, history: Path, ports: dict[str, int], process: subprocess.Popen[str]) -> None:
        self._history, self._ports, self._process = history, ports, process

    def spans(self, service: str) -> list[Span]:
        """How the endpoint's states followed each other."""
        if not self._history.exists():
            return []
        with opened(str(self._history)) as database:
            found = database.run(lambda c: list(spans(c)))
        return [span for span in found if span.endpoint.port == self._ports[service]]

    def looks(self, service: str) -> int:
        return sum(span.looks for span in self.spans(service))

    def more(self, service: str, number: int) -> None:
        """Wait for so many more looks."""
        wanted = self.looks(service) + number
        self.until(lambda: self.looks(service) >= wanted, f"{number} more looks at {service}")

    def until(self, look: Callable[[], bool], what: str, last: Callable[[], object] = lambda: "") -> None:
        """Wait while the watch goes on."""
        until(
            lambda: look() or self._process.poll() is not None,
            what,
            lambda: (last(), {name: self.spans(name) for name in self._ports}),
        )
        assert self._process.poll() is None, f"the watch ended before {what}"

    def changes(self) -> Counter[tuple[int, str]]:
        """Each change with its port, as the command tells it."""
        done = subprocess.run(
            [sys.executable, "-m", "probe", "history", "changes", "--since", "1d", "--format", "json",
             "--history", self._history],
            cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True,
        )  # fmt: skip
        return Counter((one["endpoint"]["port"], one["kind"]) for one in json.loads(done.stdout)["changes"])


@contextmanager
def watching(lab: Lab, folder: Path, ports: dict[str, int], port: int) -> Iterator[Watch]:
    (folder / "fleet.toml").write_text(fleet(lab, ports, port))
    history = folder / "history.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-m", "probe", "fleet", "watch", folder / "fleet.toml", "--stand-in", lab.root,
         "--history", history, "--rate", "100"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "XDG_STATE_HOME": str(folder)},
    )  # fmt: skip
    try:
        yield Watch(history, ports, process)
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=60)
        sys.stdout.write(said)
    assert process.returncode == 0, said
    assert "Traceback" not in said


def delivered() -> list[str]:
    """The subjects of what is in the mailbox."""
    kept = run_lab("exec", "mailbox", "sh", "-c", "cd /var/mail/lab && cat new/* 2>/dev/null || true")
    messages = [f"Return-Path:{part}" for part in kept.split("Return-Path:")[1:]]
    return [str(message_from_string(each, policy=policy.default)["Subject"]) for each in messages]


@pytest.fixture
def quiet(lab: Lab) -> Iterator[Lab]:
    """The servers as they were, before and after."""

    def restore(node_b: str) -> None:
        changes = (
            lambda: becomes(
                "changing", smtpd_tls_chain_files=FILE.format(GOOD), smtpd_tls_security_level="may"
            ),
            lambda: starttls("wildcard", offered=True),
            lambda: shows("node-b", node_b),
        )
        with ThreadPoolExecutor() as at_once:
            for done in [at_once.submit(change) for change in changes]:
                done.result()

    restore(GOOD)
    run_lab("exec", "mailbox", "sh", "-c", "rm -rf /var/mail/lab/new")
    yield lab
    restore(INTERNAL)


def test_what_changes_is_in_the_history_once_and_told_once(quiet: Lab, tmp_path: Path) -> None:
    with (
        wire_to(quiet.port("wildcard")) as wire,
        webhook() as (port, came),
        watching(
            quiet,
            tmp_path,
            ports := {each: quiet.port(each) for each in WATCHED} | {"wildcard": wire.port},
            port,
        ) as watch,
    ):

        def told(service: str) -> list[str]:
            """What was told of an endpoint, in its order."""
            notices = (notice for document in came for notice in document["notices"])
            of = f":{ports[service]}"
            return [one["event"] for one in notices if any(of in where for where in one["endpoints"])]

        def hears(service: str, *events: str) -> None:
            watch.until(
                lambda: told(service) == list(events), f"{events} of {service}", lambda: told(service)
            )

        for service in WATCHED:
            watch.more(service, 2)
        shows("changing", RENEWED)
        watch.until(lambda: len(watch.spans("changing")) == 2, "the swapped certificate")
        shows("node-b", INTERNAL)
        starttls("changing", offered=False)
        # Down and up, and never up for long enough for a recovery to be told: nobody looks while it is changed.
        for offered in (False, True) * 3:
            with wire.kept_waiting():
                starttls("wildcard", offered=offered)
            watch.more("wildcard", 2)
        for service in WATCHED:
            hears(service, "raised")
        shows("node-b", GOOD)
        starttls("changing", offered=True)
        for service in WATCHED:
            hears(service, "raised", "recovered")
        watch.until(lambda: len(delivered()) == 2 * len(WATCHED), "the messages in the mailbox", delivered)
        names = {port: service for service, port in ports.items()}
        made = Counter((names[port], kind) for port, kind in watch.changes().elements())
    assert {kind: times for (service, kind), times in made.items() if service == "changing"} == {
        "renewed": 1,
        "starttls-gone": 1,
        "starttls-back": 1,
        "verdict": 2,
    }
    assert (made["balancer", "mixed"], made["balancer", "mixed-over"]) == (1, 1)
    # What comes and goes is one state.
    assert made["wildcard", "mixed"] == 1
    assert not made["wildcard", "starttls-gone"] + made["wildcard", "starttls-back"]
    assert len(set(delivered())) == len(delivered()) == 2 * len(WATCHED)
    for service in WATCHED:
        assert told(service) == ["raised", "recovered"]
