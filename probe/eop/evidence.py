"""The evidence a verdict is drawn from: what was seen, what the stores say, what the user told us."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from probe.capture import Capture, KeyAnswer
from probe.eop.settings import Settings
from probe.eop.vocabulary import Basis, Direction, FileKey, Outcome
from probe.pki.certificate import Certificate
from probe.pki.status import Purpose
from probe.pki.truststore import ListRole, TrustStore
from probe.smtp.software import Software, looks_like
from probe.values import value

if TYPE_CHECKING:
    from probe.eop.outbound.verdict import Outbound
    from probe.eop.vocabulary import LeftOut
    from probe.exchange.attribution.tenant import Attribution
    from probe.pki.memory import Memory
    from probe.pki.path import BuiltPath
    from probe.pki.revocation_status import CertificateStanding


@value
class StorePath:
    """What one store makes of the presented chain: the path for each purpose that was asked."""

    name: str
    dated: datetime | None
    role: ListRole = ListRole.MICROSOFT
    stand_in: str | None = None
    paths: dict[Purpose, BuiltPath]
    trusted: bool = field(init=False, repr=False, compare=False)
    """Whether some purpose has a faultless path."""
    faulty: BuiltPath | None = field(init=False, repr=False, compare=False)
    """The best path where no purpose is satisfied; None too where a bound of ours left that open."""
    _best: BuiltPath = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        paths = self.paths.values()
        good = next((path for path in paths if path.trusted), None)
        # Rules ask for these dozens of times a verdict; a frozen value is set like this or not at all.
        best = good or next(iter(paths))
        object.__setattr__(self, "_best", best)
        object.__setattr__(self, "trusted", good is not None)
        object.__setattr__(self, "faulty", None if good or best.undecided else best)

    def best(self) -> BuiltPath:
        """The path that decides: a trusted one if any purpose has it, else the first purpose's.

        Which purpose EOP asks of a client certificate is unknown, so either will do (to-eop asks
        serverAuth and clientAuth, from-eop serverAuth alone).
        """
        return self._best

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Those of the best path; none where a bound of ours left open which that is."""
        return () if self._best.undecided else tuple(each.certificate for each in self._best.elements)


_PURPOSES = (Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH)


class Observation(NamedTuple):
    """One of several captures of an address, and what came of judging it alone."""

    capture: Capture
    outcome: Outcome


@value
class Evidence:
    """Everything a rule may look at; the first of `stores` decides, the others are second opinions."""

    direction: Direction
    basis: Basis
    capture: Capture
    stores: tuple[StorePath, ...]
    at: datetime
    settings: Settings
    observations: tuple[Observation, ...] = ()
    """Every capture of this address, this one included, where several were made."""
    revocation: tuple[CertificateStanding, ...] | None = None
    """What is known of each certificate of the deciding path below the root; None: not checked."""
    attribution: Attribution | None = None
    """What becomes of the message that the sender offered, where one was seen and connectors are known."""
    file_key: FileKey | None = None
    """What is wrong with the private key of a file; None: nothing, or the file is not one for keys."""
    file_unusual: tuple[str, ...] = ()
    """What is unusual about how a certificate file is encoded, as `probe.pki.containers` says it."""
    outbound: Outbound | None = None
    """What Exchange Online makes of the whole domain, where its exchangers were asked for as it does."""
    left_out: tuple[LeftOut, ...] = ()
    """What was found and not probed, where this endpoint is the one at which it is told."""
    failure: str | None = None
    """The exception over which the assessment itself failed, in one line; nothing else is judged then."""

    leaf: Certificate | None = field(init=False, repr=False, compare=False)
    """The end certificate, where one was seen and can be read."""
    deciding: StorePath | None = field(init=False, repr=False, compare=False)
    """What the deciding store says, where there is a chain to judge."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaf", self.capture.leaf)
        object.__setattr__(self, "deciding", self.stores[0] if self.stores else None)

    @property
    def connections(self) -> tuple[Observation, ...]:
        """The observations that count: a key that was asked for and is not there is no certificate of the server."""
        return tuple(each for each in self.observations if each.capture.answer is KeyAnswer.SHOWN)

    @property
    def software(self) -> Software | None:
        """What the server that was met looks like."""
        smtp = self.capture.smtp
        return looks_like(smtp.banner, smtp.ehlo) if smtp is not None else None


def weigh(
    capture: Capture,
    stores: Iterable[TrustStore],
    *,
    direction: Direction,
    basis: Basis,
    at: datetime,
    settings: Settings,
    memory: Memory | None = None,
) -> Evidence:
    """Build what every store makes of a captured chain at `at`; pure, the deciding store first.

    Calls that share `memory` build the same chain once.

    EOP's purpose for a client certificate is unknown, so to-eop asks both; Exchange Online as a
    client asks serverAuth.
    """
    judged = opinions(capture, stores, direction, at, memory)
    return Evidence(
        direction=direction, basis=basis, capture=capture, stores=judged, at=at, settings=settings
    )


def opinions(
    capture: Capture,
    stores: Iterable[TrustStore],
    direction: Direction,
    at: datetime,
    memory: Memory | None = None,
) -> tuple[StorePath, ...]:
    """What every store makes of a captured chain at `at`; none where no end certificate can be read."""
    # The engine is loaded for the judgement: an observation, which holds its evidence in these values, needs none.
    from probe.pki.memory import Memory

    presented, memory = capture.presented, memory or Memory()
    if presented is None or presented.leaf is None:
        return ()
    purposes = _PURPOSES if direction is Direction.TO_EOP else _PURPOSES[:1]
    return tuple(
        StorePath(
            name=store.name,
            dated=store.dated,
            role=store.role,
            stand_in=store.stand_in,
            paths=dict(zip(purposes, memory.paths(presented, store, purposes, at), strict=True)),
        )
        for store in stores
    )
