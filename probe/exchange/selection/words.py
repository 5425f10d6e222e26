"""The sentences of a selection: what is looked for, what came of it, and why the others fell out."""

from __future__ import annotations

from collections.abc import Iterator

from probe.exchange.connector import EDGE_PIN_LIMIT, ReceiveConnector, SendConnector
from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.selection.candidates import (
    PINNING,
    SELECTION,
    Candidate,
    NameSource,
    Wanted,
    likely_refused,
    title,
)
from probe.exchange.selection.readings import Reading
from probe.exchange.selection.result import Choice, Selection, State
from probe.statement import Statement, documented, inferred

#: Fqdn is what a Send connector goes by in TLS, and the server's name where it is unset.
_SET_SEND = "Set-SendConnector"


def about(
    connector: SendConnector | ReceiveConnector, made: Selection, *, known: bool
) -> Iterator[Statement]:
    """What is looked for and where; `known` says whether the server's certificates are."""
    server = made.server
    if connector.enabled is False:
        yield documented("The connector is disabled: it carries no mail.")
    if isinstance(connector, ReceiveConnector):
        if connector.offers_tls is None:
            text = "The export does not hold AuthMechanism; without TLS in it STARTTLS is not offered."
            yield documented(text, SELECTION)
    elif server is None:
        yield documented("Which server this is about is not known.")
    elif not made.is_source:
        sources = ", ".join(connector.source_transport_servers or ())
        text = f"{server} is not among the connector's source servers ({sources}): no mail leaves from it."
        yield documented(text)
    if not known:
        where = f"server {server}" if server else "any server"
        yield documented(f"There is no certificate export of {where}.")
    yield from _about_wanted(made.wanted, sends=made.sends)


def _about_wanted(wanted: Wanted, *, sends: bool) -> Iterator[Statement]:
    # The article on the choice is about Receive connectors; a Send connector's sources are others.
    match wanted.source:
        case NameSource.PIN:
            text, source = f"TlsCertificateName asks for {wanted.text}.", PINNING if sends else SELECTION
            yield documented(text, source)
        case NameSource.NOTHING if wanted.text:
            text = f"TlsCertificateName is {wanted.text}, which is not of the form <I>issuer<S>subject."
            yield documented(text, "CSS-Exchange: TlsCertificateNameSyntaxInvalid")
        case NameSource.NOTHING:
            yield documented("Neither TlsCertificateName nor Fqdn nor the server's name is known.")
        case source:
            what = "the connector's Fqdn" if source is NameSource.FQDN else "the server's own name"
            text = f"Without TlsCertificateName {what} is looked for: {wanted.text}."
            yield documented(text, _SET_SEND if sends else SELECTION)
    if not wanted.certain and wanted.source in {NameSource.FQDN, NameSource.SERVER}:
        text = "The export does not say whether TlsCertificateName or Fqdn is set, which would come first."
        yield documented(text, _SET_SEND if sends else SELECTION)
    if wanted.pin is not None:
        yield from _about_pin(wanted.text)


def _about_pin(text: str) -> Iterator[Statement]:
    if len(text) > EDGE_PIN_LIMIT:
        said = (
            f"TlsCertificateName has {len(text)} characters; an Edge server holds {EDGE_PIN_LIMIT} at most."
        )
        yield documented(said, "KB 4052493")
    if "ST=" in text or "\\" in text:
        yield inferred(
            "TlsCertificateName looks like an RFC 4514 name (ST=, backslashes); "
            "Exchange compares with Windows' form (S=, quotes)."
        )


def result(state: State, choices: tuple[Choice, ...], readings: tuple[Reading, ...]) -> Iterator[Statement]:
    match state:
        case State.CHOSEN:
            winner = choices[0].certificate
            yield readings[0].says(f"Exchange chooses {title(winner) if winner is not None else ''}.")
        case State.NOTHING:
            yield readings[0].says("No certificate of the server matches.")
        case _:
            for one in choices:
                end = f"{title(one.certificate)} is chosen" if one.certificate else "No certificate is found"
                doubt = "" if one.certain else ", as far as the evidence goes,"
                names = "; ".join(reading.name for reading in one.readings)
                yield one.readings[0].says(f"{end}{doubt} if Exchange goes by: {names}.")


def beaten(candidate: Candidate, winner: ExchangeCertificate | None, reading: Reading) -> Candidate:
    """Say of a candidate with nothing else against it why it is not the one chosen, as sure as the reading is."""
    own = candidate.certificate
    if winner is None or own is winner or candidate.remarks:
        return candidate
    text = f"It fits, but {winner.thumbprint.upper()} comes first"
    if own.not_before is not None and winner.not_before is not None and own.not_before < winner.not_before:
        newer, older = (f"{one.not_before:%Y-%m-%d %H:%M} UTC" for one in (winner, own))
        text += f": it is the newer one, valid from {newer} against {older}"
    return candidate._replace(remarks=(reading.says(f"{text}."),))


def simulated(candidate: Candidate, reading: Reading) -> Candidate:
    """Label what the inbound article says against a candidate as what it is for a Send connector: by analogy."""
    remarks = (reading.says(one.text) if one.source == SELECTION else one for one in candidate.remarks)
    return candidate._replace(remarks=tuple(remarks))


def trust(winner: ExchangeCertificate, candidates: tuple[Candidate, ...]) -> Iterator[Statement]:
    """Say where EOP will hardly know the root of the certificate chosen, by the server's own word."""
    if not likely_refused(winner):
        return
    kind = winner.root_ca_type.value if winner.root_ca_type is not None else "unknown"
    why = "it is self-signed" if winner.is_self_signed else f"its root is of type {kind}"
    text = f"Exchange Online will hardly trust {winner.thumbprint.upper()}: {why}."
    yield inferred(text, "Get-ExchangeCertificate, RootCAType")
    public = [one for one in candidates if one.usable and likely_refused(one.certificate) is False]
    if public:
        text = (
            f"That is the situation of KB 2888788: {title(public[0].certificate)} fits as well, but is not the "
            "one chosen."
        )
        yield documented(text, "KB 2888788")
