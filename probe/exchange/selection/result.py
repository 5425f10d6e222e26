"""What a simulated choice of a certificate comes to: the values that selection yields."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.selection.candidates import Candidate, Wanted
from probe.exchange.selection.readings import Reading
from probe.statement import Event, Statement


class State(enum.Enum):
    CHOSEN = "chosen"
    """One certificate, whichever way Microsoft's pages are read."""
    AMBIGUOUS = "ambiguous"
    """The readings pick different certificates."""
    NOTHING = "nothing"
    """No certificate is found."""
    NO_TLS = "no-tls"
    """The connector does not do TLS at all."""
    UNKNOWN = "unknown"
    """The evidence lacks what decides."""


class Choice(NamedTuple):
    """One possible end: the certificate (None: none is found), the readings that lead there, how surely."""

    certificate: ExchangeCertificate | None
    readings: tuple[Reading, ...]
    certain: bool
    """Whether each of these readings picks nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What Exchange would do for one connector on one server at one instant.

    `candidates` are all certificates of the server in the order of the export; `choices` the possible
    ends, that of the most readings first; `reply` is what queue or log would say of a fault, verbatim.
    """

    connector: str
    sends: bool
    """A Send connector, else a Receive connector."""
    server: str | None
    at: datetime
    wanted: Wanted
    state: State
    candidates: tuple[Candidate, ...] = ()
    choices: tuple[Choice, ...] = ()
    statements: tuple[Statement, ...] = ()
    events: tuple[Event, ...] = ()
    reply: str | None = None
    is_source: bool = True
    """False where a Send connector names its source servers and this is none: no mail leaves from here."""

    @property
    def winner(self) -> ExchangeCertificate | None:
        """The certificate that is chosen whichever way the pages are read, else None."""
        return self.choices[0].certificate if self.state is State.CHOSEN else None

    @property
    def possible(self) -> tuple[ExchangeCertificate, ...]:
        """Every certificate that may be chosen, the likeliest first."""
        return tuple(choice.certificate for choice in self.choices if choice.certificate is not None)
