"""Microsoft's word out of the headers of a message that arrived: the certificate was accepted and attributed."""

from __future__ import annotations

from probe.eop.vocabulary import Direction
from probe.exchange.messages.arrival import Arrival
from probe.report.ledger.values import Source, Trust, Word
from probe.statement import inferred, reported

#: What an arrival is called where a failure has its kind.
ARRIVED = "arrived"


def word_of(one: Arrival) -> Word | None:
    """What a message says of the endpoint that handed it over; None where it names none, or no time."""
    if one.at is None or not (one.endpoint or one.address) or one.from_exchange_online:
        return None
    return Word(
        source=Source.MESSAGE,
        trust=Trust.SUPPLIED,
        direction=Direction.TO_EOP,
        begin=one.at,
        end=one.at,
        accepted=True,
        kind=ARRIVED,
        place=one.source,
        hosts=(one.endpoint.lower(),) if one.endpoint else (),
        address=one.address or "",
        # inferred: what arrives by its address, or as a stranger's, arrives whatever its certificate.
        silent=None
        if one.confirmed
        else inferred("Its headers do not show that the certificate was what it was taken by."),
        why=reported(
            "The message was attributed to the tenant as internal, over TLS.", "headers of delivered messages"
        ),
    )
