"""A diagnosis, fault by fault: what happens, the proof, the cause, the remedy in order, and how to verify it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from probe.eop.vocabulary import Outcome
from probe.exchange.messages.arrival import Arrival
from probe.exchange.problem import Problem
from probe.exchange.traces.report import Traces
from probe.powershell import Steps
from probe.statement import Statement


class Proof(NamedTuple):
    """One piece of proof: a sentence, and the lines it quotes, each with the place where it stands."""

    text: str
    quotes: tuple[tuple[str, str], ...] = ()


class Advice(NamedTuple):
    """The second half of what is said of a fault."""

    cause: tuple[Statement, ...]
    remedy: Steps
    verify: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosedFault:
    """One fault from end to end.

    `id` is the catalogue's, or a rule's, that it is about; `seen` is False where it is only predicted
    from exports. `thumbprint` is SHA-1 in lower-case hex.
    """

    id: str
    title: str
    outcome: Outcome
    seen: bool
    connector: str | None
    thumbprint: str | None
    reply: str | None
    happens: tuple[Statement, ...]
    proof: tuple[Proof, ...]
    cause: tuple[Statement, ...]
    remedy: Steps
    verify: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Every fault, those that happened and the worst first; `at` is the instant of what is only predicted."""

    at: datetime
    faults: tuple[DiagnosedFault, ...]
    arrivals: tuple[Arrival, ...] = ()
    traces: tuple[Traces, ...] = ()
    notes: tuple[Statement, ...]
    problems: tuple[Problem, ...]
    outcome: Outcome
