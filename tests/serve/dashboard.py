"""A dashboard over real servers on loopback and a history in which things changed, for a test to drive.

with dashboard(tmp_path) as site:
site.address                        # http://127.0.0.1:PORT, its pages are /, /certificates, /changes
site.target(0)                      # the path of the first target's page
site.check(0)                       # has it looked at, and waits for the result
site.servers[0].script = SELF       # from now on that server is another one
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from cryptography import x509
from cryptography.x509.oid import NameOID

from probe.eop.vocabulary import Outcome
from probe.fleet.entries import Judges
from probe.fleet.source import Fleet
from probe.fleet.watch.described import key_of
from probe.history.database import Database
from probe.history.due import keep_due
from probe.history.write import write_batch
from probe.net import clock
from probe.report.record import Endpoint, ListUsed, Record, Said, State
from tests.authority import Issued
from tests.cli.running import CA, EXPIRING, HEALTHY, HOST, ISSUING, LEAF, LONELY, NOW, SELF, SELF_SIGNED
from tests.net.scripted import GO_AHEAD, Peer, Script, starttls, tls_context
from tests.serve.fleets import OnLoopback, on_loopback
from tests.serve.serving import Answer, asked, serving

#: What a peer's text would run if it were taken for markup.
HOSTILE = "<img src=x onerror=eopProbeRan()>\"'</title><script>eopProbeRan()</script>{{ 6 * 7 }}"
_HOSTILE_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTILE[:64])])
_HOSTILE_LEAF = CA.self_signed(HOST, subject=_HOSTILE_NAME)
_OLD = CA.leaf(ISSUING, HOST, not_before=NOW - timedelta(days=95), not_after=NOW - timedelta(days=2))
_HOUR = timedelta(hours=1)
_DER: dict[str, bytes] = {}


class Changing:
    """A server that does what `script` says at the time."""

    def __init__(self, script: Script) -> None:
        self.script = script

    def __call__(self, peer: Peer) -> None:
        self.script(peer)


def hostile(peer: Peer) -> None:
    """A server whose banner and certificate would like to be markup."""
    text = HOSTILE.encode()
    peer.say(b"220 " + text + b" ESMTP\r\n")
    peer.hear()
    peer.say(b"250-" + text + b"\r\n250 STARTTLS\r\n")
    peer.hear()
    peer.say(GO_AHEAD)
    peer.serve_tls(tls_context(_HOSTILE_LEAF))


RENEWED = starttls(tls_context(CA.leaf(ISSUING, HOST), ISSUING))
SCRIPTS: tuple[Script, ...] = (HEALTHY, SELF, LONELY, EXPIRING, hostile)


class Site(NamedTuple):
    """A dashboard that runs."""

    address: str
    fleet: OnLoopback
    servers: list[Changing]

    def get(self, path: str, **headers: str) -> Answer:
        """A page."""
        return asked(self.address, path, headers=headers)

    def target(self, number: int) -> str:
        """The path of a target's page."""
        found = re.findall(rf'"(/target/[0-9a-f]+)">m{number}\.contoso\.test', self.get("/").text)
        return str(found[0])

    def post(self, number: int, token: str | None = None, **headers: str) -> Answer:
        """Press "check now", with the token of the target's page unless another is given."""
        path = self.target(number)
        if token is None:
            token = re.findall('name="token" value="([0-9a-f]+)"', self.get(path).text)[0]
        return asked(self.address, f"{path}/check", "POST", headers, urlencode({"token": token}))

    def check(self, number: int) -> str:
        """Have a target looked at; its page once that has been."""
        path = self.post(number).headers["location"]
        while 'http-equiv="refresh"' in (text := self.get(path).text):
            pass
        return text


@contextmanager
def dashboard(folder: Path, *options: str, recheck: str = "1s") -> Iterator[Site]:
    """Five targets: accepted, self-signed, without its intermediate, near its end, and one with hostile texts."""
    servers = [Changing(script) for script in SCRIPTS]
    with on_loopback(folder, *servers) as fleet:
        # A doubtful result is looked at again before it counts; nobody here waits a minute for that.
        fleet.describe('labels = { customer = "contoso" }', toml=f'[watch]\nrecheck-after = "{recheck}"')
        _remember(folder, [server.port for server in fleet.servers])
        with serving(*fleet.arguments, *options) as address:
            while "m1.contoso.test" not in asked(address, "/?outcome=rejected").text:
                pass  # the history is still being read
            yield Site(address, fleet, servers)


def _remember(folder: Path, ports: list[int]) -> None:
    """Ten days: a renewal, an outage, and an end certificate that took the place of another's.

    No target's turn comes within half an hour, so that the watch looks at those alone that are asked for.
    """
    old, new = _shows(_OLD, ISSUING), _shows(LEAF, ISSUING)
    bad = _shows(SELF_SIGNED, rule="self-signed")
    down = State(outcome=Outcome.UNKNOWN, rule="unreachable", phase="connect", fault="unreachable")
    lives = (
        [*[old] * 150, *[down] * 8, *[new] * 80],
        [*[new] * 200, *[bad] * 38],
    )
    looks = [
        record
        for number, states in enumerate(lives)
        for record in _looks(f"m{number}.contoso.test", ports[number], states)
    ]
    looks += _looks("m1.contoso.test", ports[1], [new] * 238, "oslo")
    entries = Fleet(str(folder / "fleet.toml"), Judges(lambda _: tuple)).entries()
    later = int(clock.now().timestamp()) + 1800
    database = Database(str(folder / "history.sqlite"))
    database.run(lambda connection: write_batch(connection, "remembered", NOW, looks), write=True)
    due = {key_of(entry): later for entry in entries}
    database.run(lambda connection: keep_due(connection, "", due, later), write=True)
    database.close()


def _shows(*chain: Issued, rule: str | None = None) -> State:
    said = (Said(rule, "reject", "documented"),) if rule else ()
    _DER.update({one.sha256: one.der for one in chain})
    return State(
        outcome=Outcome.REJECTED if rule else Outcome.ACCEPTED,
        rule=rule,
        reply="454 4.7.0 Failed to establish appropriate TLS channel" if rule else None,
        findings=said,
        chains=(tuple(one.sha256 for one in chain),),
        starttls=True,
        tls="TLSv1.3",
    )


def _looks(host: str, port: int, states: list[State], vantage: str = "") -> Iterator[Record]:
    """A look an hour, the last one an hour ago."""
    endpoint = Endpoint(host, "127.0.0.1", port, "to-eop", variant=f"sni={HOST}", vantage=vantage)
    lists = (ListUsed("microsoft+root.pem", NOW - timedelta(days=30), trusted=True),)
    for number, state in enumerate(states):
        yield Record(
            target=f"{host}:{port}",
            endpoint=endpoint,
            at=NOW - (len(states) - number) * _HOUR,
            elapsed_ms=80,
            state=state,
            lists=lists,
            error=None if state.chains else "connection refused",
            certificates={sha256: _DER[sha256] for chain in state.chains for sha256 in chain},
        )
