"""Lives of endpoints for tests of the history: a look an hour, written down as a list of what each look shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from probe.eop.vocabulary import Outcome
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.report.record import Endpoint, ListUsed, Record, Said, Span, State
from tests.authority import Authority, Issued, pooled_key

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
_AUTHORITY = Authority(now=BEGIN, name="lives")
_ROOT = _AUTHORITY.root()
_DER: dict[str, bytes] = {}


class Leaf(NamedTuple):
    """An end certificate by what tells it from others."""

    names: tuple[str, ...] = ("mail.contoso.test",)
    issuer: int = 0
    key: int = 0
    serial: int = 1
    days: int = 300

    def issued(self) -> Issued:
        return _issued(self)

    @property
    def chain(self) -> tuple[str, ...]:
        """As presented: with its issuer."""
        issued = self.issued()
        return issued.sha256, _issuer(self.issuer).sha256


@cache
def _issuer(number: int) -> Issued:
    # Long after the day on which these tests run: whether it has expired is told.
    end = _AUTHORITY.now + timedelta(days=3280)
    issued = _AUTHORITY.intermediate(_ROOT, f"Lab Issuing CA {number}", not_after=end)
    _DER[issued.sha256] = issued.der
    return issued


@cache
def _issued(leaf: Leaf) -> Issued:
    issued = _AUTHORITY.leaf(
        _issuer(leaf.issuer),
        *leaf.names,
        key=pooled_key("ec-p256", "lives", leaf.key),
        serial=1000 + leaf.serial,
        not_after=BEGIN + timedelta(days=leaf.days),
    )
    _DER[issued.sha256] = issued.der
    return issued


def certificates(sha256: str) -> Certificate | Unreadable | None:
    """As the history gives them."""
    return parse(_DER[sha256]) if sha256 in _DER else None


def shows(*leaves: Leaf, mixed: bool = False, accepted: bool = True, rule: str = "untrusted-root") -> State:
    """A look that captured chains."""
    said = [Said("mixed-certificates", "risk", "inferred")] if mixed else []
    said += [] if accepted else [Said(rule, "reject", "documented")]
    return State(
        outcome=Outcome.ACCEPTED if accepted else Outcome.REJECTED,
        rule=None if accepted else rule,
        reply=None if accepted else "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot",
        findings=tuple(said),
        chains=tuple(sorted(leaf.chain for leaf in leaves)),
        starttls=True,
        tls="TLSv1.3",
    )


def down(fault: str = "unreachable") -> State:
    """A look that met nobody."""
    return State(outcome=Outcome.UNKNOWN, rule=fault, phase="connect", fault=fault)


def plain() -> State:
    """A look that was offered no STARTTLS."""
    said = (Said("no-starttls", "reject", "documented"),)
    return State(
        outcome=Outcome.REJECTED,
        rule="no-starttls",
        findings=said,
        starttls=False,
        phase="smtp",
        fault="no-starttls",
    )


def endpoint(host: str = "mail.contoso.test", address: str = "192.0.2.1") -> Endpoint:
    return Endpoint(host, address, 25, "to-eop")


def records(
    of: Endpoint, states: Iterable[State | None], begin: datetime = BEGIN, every: timedelta = HOUR
) -> list[Record]:
    """A look after another; None where the endpoint is not looked at."""
    lists = (ListUsed("microsoft", datetime(2026, 1, 1, tzinfo=UTC), True),)  # noqa: FBT003 - as the tuple has it
    return [
        Record(
            target=of.host,
            endpoint=of,
            at=begin + number * every,
            elapsed_ms=40,
            state=state,
            lists=lists if state.chains else (),
            error="connection refused" if state.fault == "unreachable" else None,
            certificates={sha256: _DER[sha256] for chain in state.chains for sha256 in chain},
        )
        for number, state in enumerate(states)
        if state is not None
    ]


def spans(of: Sequence[Record]) -> list[Span]:
    """The spans of one endpoint's looks, as the history keeps them."""
    found: list[Span] = []
    for record in of:
        if found and found[-1].state == record.state:
            found[-1] = replace(found[-1], last=record.at, looks=found[-1].looks + 1, error=record.error)
        else:
            found.append(
                Span(
                    number=len(found),
                    target=record.target,
                    endpoint=record.endpoint,
                    state=record.state,
                    first=record.at,
                    last=record.at,
                    looks=1,
                    elapsed_ms=record.elapsed_ms,
                    lists=record.lists,
                    error=record.error,
                )
            )
    return found
