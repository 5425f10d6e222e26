"""The few words every verdict is made of; their values stand in reports and on the command line."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Literal, NamedTuple


class Direction(enum.Enum):
    """Who judges whose certificate."""

    TO_EOP = "to-eop"
    """On-premises to Exchange Online: EOP judges the Send connector's client certificate."""
    FROM_EOP = "from-eop"
    """Exchange Online to on-premises: Exchange Online judges the Receive connector's server certificate."""


class Basis(enum.Enum):
    """What a prediction rests on."""

    RECEIVE_CONNECTOR = "receive-connector"
    """A live probe: the server certificate, standing in for the client certificate."""
    INVENTORY = "inventory"
    SEND_LOG = "send-log"
    LISTENER = "listener"
    FILE = "file"


class FileKey(enum.Enum):
    """What is wrong with the private key of a certificate file."""

    MISSING = "missing"
    """A PFX without one."""
    FOREIGN = "foreign"
    """It belongs to no certificate of the file."""


class Outcome(enum.Enum):
    """The one word for a target."""

    ACCEPTED = "accepted"
    AT_RISK = "at-risk"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """The exit code, which is also the Nagios state."""
        return _STATES[self][0]

    @property
    def nagios_state(self) -> str:
        """The name of that state."""
        return _STATES[self][1]

    @staticmethod
    def worst(outcomes: tuple[Outcome, ...]) -> Outcome:
        """The outcome of several: rejected, unknown, at-risk, accepted; UNKNOWN where there is none."""
        return min(outcomes, key=WORST_FIRST.index, default=Outcome.UNKNOWN)


_STATES = {
    Outcome.ACCEPTED: (0, "OK"),
    Outcome.AT_RISK: (1, "WARNING"),
    Outcome.REJECTED: (2, "CRITICAL"),
    Outcome.UNKNOWN: (3, "UNKNOWN"),
}
WORST_FIRST = (Outcome.REJECTED, Outcome.UNKNOWN, Outcome.AT_RISK, Outcome.ACCEPTED)


class ConnectorMode(enum.StrEnum):
    """How an outbound connector takes DANE and MTA-STS (SmtpDaneMode, MtaStsMode)."""

    OPPORTUNISTIC = "opportunistic"
    MANDATORY = "mandatory"
    """DANE has to be there, and to hold; MTA-STS knows no such mode."""
    NONE = "none"
    """Neither is looked at."""


class LeftOut(NamedTuple):
    """Of what more was found than is looked at: `found` in all, `names` those that are not, in their order."""

    what: Literal["MX host", "address"]
    of: str
    found: int
    names: tuple[str, ...]


def beyond(
    what: Literal["MX host", "address"], of: str, found: Iterable[str], most: int
) -> tuple[LeftOut, ...]:
    """What of `found` is beyond the first `most`, and not among them as well; nothing where all are looked at."""
    every = tuple(found)
    looked = set(every[:most])
    left = tuple(dict.fromkeys(one for one in every[most:] if one not in looked))
    return (LeftOut(what, of, len(looked) + len(left), left),) if left else ()


class Severity(enum.Enum):
    """What a finding does to the outcome."""

    REJECT = "reject"
    RISK = "risk"
    INFO = "info"
