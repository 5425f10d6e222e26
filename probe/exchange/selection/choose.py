"""Which certificate Exchange will use for a connector, as far as Microsoft's pages let anybody tell.

The inbound algorithm is documented ("Inbound STARTTLS certificate selection", 9 May 2025, Exchange 2016,
2019 and SE). Its steps, tagged [1] to [6] below:

1. The Receive connector's AuthMechanism must contain TLS, otherwise STARTTLS is not offered.
2. Look for TlsCertificateName; else Fqdn; else the server's own full name.
3. Take the certificates with the name in Subject or SAN, a private key, X.509 v3, enabled for SMTP. None:
   STARTTLS is not offered, event 12014. (The article's note: a match by TlsCertificateName or Fqdn that
   lacks SMTP is still chosen, and TLS fails later.)
4. Sort by the most recent Valid from.
5. Take the first valid one from a CA, else the first self-signed one.
6. An expired choice: event 12016, STARTTLS is still offered.

Text exports do not tell the X.509 version, so step 3 asks for it only where the certificate itself is given.

For the client certificate of a Send connector no algorithm is published. A pinned one must match issuer
and subject, of several the newest, SMTP unchecked (Exchange Team blog, 4 June 2025); otherwise the choice
is simulated after the inbound algorithm, and every reading of "newest" is tried.
"""

from __future__ import annotations

from datetime import datetime

from probe.exchange.connector import Pin, ReceiveConnector, SendConnector
from probe.exchange.inventory import ExchangeCertificate, Inventory, same_server
from probe.exchange.selection import consequences, words
from probe.exchange.selection import readings as readings_table
from probe.exchange.selection.candidates import SELECTION, Candidate, NameSource, Wanted, assess
from probe.exchange.selection.result import Choice, Selection, State
from probe.statement import Confidence, Statement

__all__ = [
    "Choice",
    "Selection",
    "State",
    "full_name",
    "select_for_receive",
    "select_for_send",
    "select_on_sources",
    "wanted_by",
]


def select_for_send(
    connector: SendConnector, inventory: Inventory, server: str | None, at: datetime
) -> Selection:
    """Simulate the choice of the client certificate on one source server at `at` (aware UTC)."""
    server = full_name(server, inventory)
    wanted = wanted_by(connector.tls_certificate_name, connector.fqdn, connector.pin, server)
    if connector.ignore_starttls:
        text = "IgnoreSTARTTLS is set: the connector never does TLS and presents no certificate."
        said = (Statement(text, Confidence.INFERRED, "Set-SendConnector"),)
        return _without_tls(connector, server, at, wanted, said)
    if wanted.pin is not None:
        readings = readings_table.SEND_PINNED
    else:
        readings = (
            readings_table.SEND_BY_SERVER if wanted.source is NameSource.SERVER else readings_table.SEND
        )
    return _select(connector, inventory, server, at, wanted, readings)


def select_for_receive(
    connector: ReceiveConnector, inventory: Inventory, server: str | None, at: datetime
) -> Selection:
    """Follow the documented inbound algorithm on one server at `at` (aware UTC)."""
    server = full_name(server or connector.server, inventory)
    wanted = wanted_by(connector.tls_certificate_name, connector.fqdn, connector.pin, server)  # [2]
    if connector.offers_tls is False:  # [1]
        text = "AuthMechanism lacks TLS: the connector does not offer STARTTLS."
        said = (Statement(text, Confidence.DOCUMENTED, SELECTION),)
        return _without_tls(connector, server, at, wanted, said)
    by_server = wanted.source is NameSource.SERVER
    readings = readings_table.RECEIVE_BY_SERVER if by_server else readings_table.RECEIVE
    return _select(connector, inventory, server, at, wanted, readings)


def select_on_sources(connector: SendConnector, inventory: Inventory, at: datetime) -> tuple[Selection, ...]:
    """Simulate a Send connector on each of its source servers, or on all servers known where it names none."""
    servers = connector.source_transport_servers or inventory.servers or (None,)
    return tuple(select_for_send(connector, inventory, server, at) for server in servers)


def full_name(server: str | None, inventory: Inventory) -> str | None:
    """The longest name known for a server; the only server of the inventory where none is given."""
    if server is None:
        return inventory.servers[0] if len(inventory.servers) == 1 else None
    names = (server, *(one for one in inventory.servers if same_server(one, server)))
    return max(names, key=len)


def wanted_by(pin_text: str | None, fqdn: str | None, pin: Pin | None, server: str | None) -> Wanted:
    """[2] What is looked for: TlsCertificateName, else Fqdn, else the server's own name."""
    if pin_text:
        return Wanted(NameSource.PIN if pin else NameSource.NOTHING, pin_text, pin, certain=pin is not None)
    unpinned = pin_text is not None
    if fqdn:
        return Wanted(NameSource.FQDN, fqdn, certain=unpinned)
    if server is None:
        return Wanted(NameSource.NOTHING, "", certain=False)
    return Wanted(NameSource.SERVER, server, certain=unpinned and fqdn is not None)


def _select(
    connector: SendConnector | ReceiveConnector,
    inventory: Inventory,
    server: str | None,
    at: datetime,
    wanted: Wanted,
    readings: tuple[readings_table.Reading, ...],
) -> Selection:
    certificates = inventory.on(server) if server is not None else inventory.certificates
    candidates = tuple(assess(one, wanted, at) for one in certificates)  # [3]
    if readings[0].label is Confidence.INFERRED:
        candidates = tuple(words.simulated(one, readings[0]) for one in candidates)
    picks = tuple(readings_table.pick(reading, candidates) for reading in readings)  # [4] [5]
    choices, state = _choices(picks), _state(picks)
    if not candidates or wanted.source is NameSource.NOTHING:
        choices, state = (), State.UNKNOWN
    sends = isinstance(connector, SendConnector)
    outcome = consequences.of(choices[0].certificate, wanted, at, sends=sends) if choices else None
    winner = choices[0].certificate if state is State.CHOSEN else None
    certain = state in {State.CHOSEN, State.NOTHING} and outcome is not None
    return Selection(
        connector=connector.name,
        sends=sends,
        server=server,
        at=at,
        wanted=wanted,
        state=state,
        candidates=_told(candidates, winner, readings[0]),
        choices=choices,
        statements=(
            *words.about(connector, wanted, server, known=bool(candidates)),
            *words.result(state, choices, readings),
            *(outcome.statements if outcome is not None and certain else ()),
            *(words.trust(winner, candidates) if winner is not None and sends else ()),
        ),
        events=outcome.events if outcome is not None and certain else (),  # [6]
        reply=outcome.reply if outcome is not None and certain else None,
    )


def _told(
    candidates: tuple[Candidate, ...], winner: ExchangeCertificate | None, reading: readings_table.Reading
) -> tuple[Candidate, ...]:
    if winner is None:
        return candidates
    return tuple(words.beaten(one, winner, reading) for one in candidates)


def _without_tls(
    connector: SendConnector | ReceiveConnector,
    server: str | None,
    at: datetime,
    wanted: Wanted,
    statements: tuple[Statement, ...],
) -> Selection:
    return Selection(
        connector=connector.name,
        sends=isinstance(connector, SendConnector),
        server=server,
        at=at,
        wanted=wanted,
        state=State.NO_TLS,
        statements=statements,
    )


def _choices(picks: tuple[readings_table.Pick, ...]) -> tuple[Choice, ...]:
    """The possible ends; that of the most readings first, then in the order of the readings."""
    found: dict[int, list[readings_table.Pick]] = {}
    ends: dict[int, ExchangeCertificate | None] = {}
    for pick in picks:
        for one in pick.possible:
            ends[id(one)] = one.certificate if one is not None else None
            found.setdefault(id(one), []).append(pick)
    choices = [
        Choice(ends[key], tuple(p.reading for p in group), all(len(p.possible) == 1 for p in group))
        for key, group in found.items()
    ]
    return tuple(sorted(choices, key=lambda choice: -len(choice.readings)))


def _state(picks: tuple[readings_table.Pick, ...]) -> State:
    ends = {id(one) for pick in picks for one in pick.possible}
    if any(pick.unknown and len(pick.possible) > 1 for pick in picks):
        return State.UNKNOWN
    if len(ends) > 1:
        return State.AMBIGUOUS
    return State.NOTHING if picks[0].possible == (None,) else State.CHOSEN
