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

from dataclasses import replace
from datetime import datetime

from probe.exchange.connector import ReceiveConnector, SendConnector
from probe.exchange.inventory import ExchangeCertificate, Inventory, same_server
from probe.exchange.selection import consequences, words
from probe.exchange.selection import readings as table
from probe.exchange.selection.candidates import SELECTION, Candidate, NameSource, Wanted, assess
from probe.exchange.selection.result import Choice, Selection, State
from probe.statement import Confidence, documented, inferred


def select_for_send(
    connector: SendConnector, inventory: Inventory, server: str | None, at: datetime
) -> Selection:
    """Simulate the choice of the client certificate on one source server at `at` (aware UTC)."""
    made = _begun(connector, full_name(server, inventory), at)
    if connector.ignore_starttls:
        text = "IgnoreSTARTTLS is set: the connector never does TLS and presents no certificate."
        return replace(made, statements=(inferred(text, "Set-SendConnector"),))
    by_name = table.SEND_BY_SERVER if made.wanted.source is NameSource.SERVER else table.SEND
    return _chosen(connector, inventory, made, by_name if made.wanted.pin is None else table.SEND_PINNED)


def select_for_receive(
    connector: ReceiveConnector, inventory: Inventory, server: str | None, at: datetime
) -> Selection:
    """Follow the documented inbound algorithm on one server at `at` (aware UTC)."""
    made = _begun(connector, full_name(server or connector.server, inventory), at)
    if connector.offers_tls is False:  # [1]
        text = "AuthMechanism lacks TLS: the connector does not offer STARTTLS."
        return replace(made, statements=(documented(text, SELECTION),))
    by_server = made.wanted.source is NameSource.SERVER
    return _chosen(connector, inventory, made, table.RECEIVE_BY_SERVER if by_server else table.RECEIVE)


def select_on_sources(
    connector: SendConnector, inventory: Inventory, at: datetime, server: str | None = None
) -> tuple[Selection, ...]:
    """Simulate a Send connector on `server`, else on its source servers, else on all servers known."""
    servers = (server,) if server else connector.source_transport_servers or inventory.servers or (None,)
    return tuple(select_for_send(connector, inventory, one, at) for one in servers)


def full_name(server: str | None, inventory: Inventory) -> str | None:
    """The longest name known for a server; the only server of the inventory where none is given."""
    if server is None:
        return inventory.servers[0] if len(inventory.servers) == 1 else None
    return max((server, *(one for one in inventory.servers if same_server(one, server))), key=len)


def _wanted(connector: SendConnector | ReceiveConnector, server: str | None) -> Wanted:
    """What is looked for: TlsCertificateName, else Fqdn, else the server's own name."""
    text, fqdn, pin = connector.tls_certificate_name, connector.fqdn, connector.pin
    if text:
        return Wanted(NameSource.PIN if pin else NameSource.NOTHING, text, pin, certain=pin is not None)
    if fqdn:
        return Wanted(NameSource.FQDN, fqdn, certain=text is not None)
    if server is None:
        return Wanted(NameSource.NOTHING, "", certain=False)
    return Wanted(NameSource.SERVER, server, certain=text is not None and fqdn is not None)


def _begun(connector: SendConnector | ReceiveConnector, server: str | None, at: datetime) -> Selection:
    """A selection with what is looked for, and no TLS yet."""
    sources = connector.source_transport_servers if isinstance(connector, SendConnector) else None
    return Selection(
        connector=connector.name,
        sends=isinstance(connector, SendConnector),
        server=server,
        at=at,
        wanted=_wanted(connector, server),  # [2]
        state=State.NO_TLS,
        is_source=not sources or server is None or any(same_server(one, server) for one in sources),
    )


def _chosen(
    connector: SendConnector | ReceiveConnector,
    inventory: Inventory,
    made: Selection,
    readings: tuple[table.Reading, ...],
) -> Selection:
    wanted = made.wanted
    candidates = _candidates(inventory, made, readings[0])
    picks: tuple[table.Pick, ...] = ()
    if candidates and wanted.source is not NameSource.NOTHING:
        picks = table.settled([table.pick(reading, candidates) for reading in readings])  # [4] [5]
    choices, state = _choices(picks), _state(picks)
    winner = choices[0].certificate if state is State.CHOSEN else None
    outcome = consequences.Consequences()
    if state in {State.CHOSEN, State.NOTHING} and made.is_source:
        outcome = consequences.of(winner, wanted, made.at, sends=made.sends)
    return replace(
        made,
        state=state,
        candidates=tuple(words.beaten(one, winner, readings[0]) for one in candidates),
        choices=choices,
        statements=(
            *words.about(connector, made, known=bool(candidates)),
            *words.result(state, choices, readings),
            *outcome.statements,
            *(words.trust(winner, candidates) if winner is not None and made.sends else ()),
        ),
        events=outcome.events,  # [6]
        reply=outcome.reply,
    )


def _candidates(inventory: Inventory, made: Selection, reading: table.Reading) -> tuple[Candidate, ...]:
    """[3] The server's certificates with what speaks against them."""
    certificates = inventory.on(made.server) if made.server is not None else inventory.certificates
    candidates = tuple(assess(one, made.wanted, made.at) for one in certificates)
    simulated = reading.label is Confidence.INFERRED
    return tuple(words.simulated(one, reading) for one in candidates) if simulated else candidates


def _choices(picks: tuple[table.Pick, ...]) -> tuple[Choice, ...]:
    """The possible ends; that of the most readings first, then in the order of the readings."""
    found: dict[int, list[table.Pick]] = {}
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


def _state(picks: tuple[table.Pick, ...]) -> State:
    if not picks or any(pick.unknown and len(pick.possible) > 1 for pick in picks):
        return State.UNKNOWN
    if len({id(one) for pick in picks for one in pick.possible}) > 1:
        return State.AMBIGUOUS
    return State.NOTHING if picks[0].possible == (None,) else State.CHOSEN
