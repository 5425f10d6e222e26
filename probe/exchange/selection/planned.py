"""A planned change compared with what is: is it safe, risky, or does it break mail?

Sources: Exchange Team blog of 4 June 2025 (pins); "You cannot remove an installed certificate"
(CannotRemove below: Exchange guards a certificate that a Send connector is tagged with, and a renewal with
the same issuer and subject is ambiguous); Enable-ExchangeCertificate (services are additive).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from probe.exchange.connector import ReceiveConnector, SendConnector
from probe.exchange.inventory import ExchangeCertificate, Inventory, Services, same_server
from probe.exchange.problem import Place
from probe.exchange.replies.wording import STALE_PIN, UNKNOWN_CREDENTIALS
from probe.exchange.selection.candidates import PINNING, Candidate, likely_refused, title, validity
from probe.exchange.selection.result import Selection, State
from probe.exchange.selection.servers import Refused
from probe.pki.certificate import Certificate
from probe.powershell import pin
from probe.statement import Confidence, Statement

CANNOT_REMOVE = "You cannot remove an installed certificate"


class PlanVerdict(enum.Enum):
    """What a change does, the worst last."""

    SAFE = "safe"
    RISKY = "risky"
    BREAKS = "breaks"


class Reason(NamedTuple):
    """One thing a change does and how bad that is."""

    verdict: PlanVerdict
    statement: Statement


class Step(NamedTuple):
    """One connector on one server before and after; `before` None: the server was not there."""

    before: Selection | None
    after: Selection
    reasons: tuple[Reason, ...]

    @property
    def verdict(self) -> PlanVerdict:
        """The worst of its reasons."""
        return _worst(reason.verdict for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """A change on every connector and server, in the order of `after`."""

    steps: tuple[Step, ...]

    @property
    def verdict(self) -> PlanVerdict:
        """The worst of its steps."""
        return _worst(step.verdict for step in self.steps)

    def sentences(self) -> tuple[str, ...]:
        """Each reason as a plain sentence, with the connector, the server and the verdict before it."""
        return tuple(
            f"{step.after.connector} on {step.after.server or 'an unnamed server'}: "
            f"{reason.verdict.value}: {reason.statement}"
            for step in self.steps
            for reason in step.reasons
        )


def with_certificates(
    inventory: Inventory,
    certificates: Iterable[Certificate],
    servers: Iterable[str] = (),
    services: Services | None = Services.SMTP,
) -> Inventory:
    """Add certificates with their keys to the servers named (none: all known) and assign services to them.

    Where one is there already only the services are added: they are additive.
    """
    where: tuple[str | None, ...] = tuple(servers) or inventory.servers or (None,)
    records = list(inventory.certificates)
    for certificate in certificates:
        for server in where:
            _install(records, _record(certificate, server, services))
    return replace(inventory, certificates=tuple(records))


def _install(records: list[ExchangeCertificate], new: ExchangeCertificate) -> None:
    for position, old in enumerate(records):
        here = old.server is None or new.server is None or same_server(old.server, new.server)
        if old.thumbprint == new.thumbprint and here:
            both = None if None in {old.services, new.services} else _union(old.services, new.services)
            records[position] = replace(old, services=both)
            return
    records.append(new)


def _union(*services: Services | None) -> Services:
    found = Services.NONE
    for one in services:
        found |= one or Services.NONE
    return found


def _record(certificate: Certificate, server: str | None, services: Services | None) -> ExchangeCertificate:
    return ExchangeCertificate(
        source=Place("the planned change"),
        thumbprint=certificate.sha1,
        server=server,
        subject=certificate.subject.windows,
        issuer=certificate.issuer.windows,
        serial=certificate.serial_hex.lower(),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        names=certificate.names(),
        names_complete=True,
        services=services,
        has_private_key=True,
        is_self_signed=certificate.self_signed,
        certificate=certificate,
    )


def without(inventory: Inventory, thumbprint: str, servers: Iterable[str] = ()) -> Inventory:
    """Remove a certificate from the servers named, or from all."""
    wanted = thumbprint.replace(" ", "").lower()
    named = tuple(servers)
    kept = (
        one
        for one in inventory.certificates
        if one.thumbprint != wanted or (named and not any(same_server(one.server or "", s) for s in named))
    )
    return replace(inventory, certificates=tuple(kept))


def set_tls_certificate_name(
    connector: SendConnector, to: Certificate | ExchangeCertificate | str
) -> SendConnector:
    """Pin a connector to a certificate or to a text; an empty text unpins it."""
    return replace(connector, tls_certificate_name=to if isinstance(to, str) else pin_for(to))


def set_receive_tls_certificate_name(
    connector: ReceiveConnector, to: Certificate | ExchangeCertificate | str
) -> ReceiveConnector:
    """The same for a Receive connector."""
    return replace(connector, tls_certificate_name=to if isinstance(to, str) else pin_for(to))


def pin_for(certificate: Certificate | ExchangeCertificate) -> str:
    """The TlsCertificateName of a certificate."""
    if isinstance(certificate, Certificate):
        return pin(certificate.issuer.windows, certificate.subject.windows)
    return pin(certificate.issuer or "", certificate.subject or "")


def plan(
    before: Iterable[Selection], after: Iterable[Selection], refused: Refused = likely_refused
) -> PlannedChange:
    """Compare the selections before and after a change; `refused` says what EOP makes of a certificate.

    Without a judge of chains only what the server itself says of the root is known (inferred).
    """
    known = {_key(one): one for one in before}
    steps = []
    for one in after:
        old = known.get(_key(one))
        steps.append(Step(old, one, tuple(_reasons(old, one, refused))))
    return PlannedChange(steps=tuple(steps))


def _key(selection: Selection) -> tuple[str, bool, str]:
    return selection.connector, selection.sends, (selection.server or "").lower()


def _worst(verdicts: Iterable[PlanVerdict]) -> PlanVerdict:
    return max(verdicts, key=tuple(PlanVerdict).index, default=PlanVerdict.SAFE)


def _reasons(before: Selection | None, after: Selection, refused: Refused) -> Iterator[Reason]:
    found = (
        *_about_end(before, after, refused),
        *_about_pin(before, after),
        *_about_removed(before, after),
    )
    yield from found
    if not found:
        yield Reason(PlanVerdict.SAFE, Statement("Nothing changes.", Confidence.INFERRED))


def _about_end(before: Selection | None, after: Selection, refused: Refused) -> Iterator[Reason]:
    if after.winner is not None:
        yield from _about_winner(before, after, after.winner, refused)
        return
    if before is not None and _ends(before) == _ends(after):
        return
    if after.state in {State.NOTHING, State.NO_TLS}:
        fault = f": {after.reply}" if after.reply else "."
        text = f"No certificate is found any more{fault}"
        yield Reason(
            PlanVerdict.BREAKS, Statement(text, Confidence.DOCUMENTED, PINNING if after.wanted.pin else "")
        )
        return
    ends = " or ".join(title(one) for one in after.possible) or "nothing that can be named"
    why = "becomes ambiguous" if after.state is State.AMBIGUOUS else "cannot be told"
    yield Reason(PlanVerdict.RISKY, Statement(f"The choice {why}: {ends}.", Confidence.INFERRED))


def _ends(selection: Selection) -> tuple[State, frozenset[str]]:
    return selection.state, frozenset(one.thumbprint for one in selection.possible)


def _about_winner(
    before: Selection | None, after: Selection, winner: ExchangeCertificate, refused: Refused
) -> Iterator[Reason]:
    old = before.winner if before is not None else None
    same = old is not None and old.thumbprint == winner.thumbprint
    if same and before is not None and validity(winner, before.at) is False:
        return
    if winner.not_after is not None and winner.not_after < after.at:
        text = f"{title(winner)} is chosen although it expired on {winner.not_after:%Y-%m-%d %H:%M} UTC."
        yield Reason(PlanVerdict.BREAKS, Statement(text, Confidence.INFERRED))
    elif validity(winner, after.at) is False:
        text = f"{title(winner)} is chosen although it is not valid."
        yield Reason(PlanVerdict.BREAKS, Statement(text, Confidence.INFERRED))
    if same:
        return
    yield Reason(PlanVerdict.SAFE, Statement(f"{title(winner)} is chosen from then on.", Confidence.INFERRED))
    if after.reply is not None:
        verdict = PlanVerdict.RISKY if after.wanted.pin else PlanVerdict.BREAKS
        text = f"It is not enabled for SMTP: {UNKNOWN_CREDENTIALS}"
        yield Reason(verdict, Statement(text, Confidence.DOCUMENTED, "KB 4051498"))
    if after.sends and (old is None or refused(old) is not True):
        yield from _about_trust(refused(winner))


def _about_trust(refused: bool | None) -> Iterator[Reason]:  # noqa: FBT001 - a verdict of somebody else
    if refused:
        text = "Exchange Online would refuse its chain, as far as known."
        yield Reason(PlanVerdict.BREAKS, Statement(text, Confidence.INFERRED))
    elif refused is None:
        text = "Its chain has not been judged: check it with the certificate command."
        yield Reason(PlanVerdict.RISKY, Statement(text, Confidence.INFERRED))


def _about_pin(before: Selection | None, after: Selection) -> Iterator[Reason]:
    if after.wanted.pin is None or before is None:
        return
    matching = [one for one in after.candidates if one.usable]
    if len(matching) > 1 and len([one for one in before.candidates if one.usable]) < len(matching):
        text = (
            "TlsCertificateName becomes ambiguous: several certificates now bear its issuer and subject, and the "
            "older ones cannot be removed while the connector names them."
        )
        yield Reason(PlanVerdict.RISKY, Statement(text, Confidence.DOCUMENTED, CANNOT_REMOVE))
    for one in _added(before, after):
        if one.named is False and _replaces(one, matching, after):
            text = (
                f"{title(one.certificate)} has another issuer or subject than TlsCertificateName says and is not "
                f"used; where it is to replace the one in use, that ends in: {STALE_PIN}"
            )
            yield Reason(PlanVerdict.RISKY, Statement(text, Confidence.DOCUMENTED, PINNING))


def _replaces(new: Candidate, matching: list[Candidate], after: Selection) -> bool:
    """Whether a new certificate looks like the successor of a pinned one: a name in common."""
    names = {name.lower() for one in matching for name in one.certificate.names}
    pin = after.wanted.pin
    same_subject = pin is not None and new.certificate.subject == pin.subject
    return same_subject or not names.isdisjoint(name.lower() for name in new.certificate.names)


def _pinned(one: Candidate, selection: Selection) -> bool:
    return selection.wanted.pin is not None and one.usable is True


def _added(before: Selection, after: Selection) -> tuple[Candidate, ...]:
    known = {one.certificate.thumbprint for one in before.candidates}
    return tuple(one for one in after.candidates if one.certificate.thumbprint not in known)


def _about_removed(before: Selection | None, after: Selection) -> Iterator[Reason]:
    for one in _added(after, before) if before is not None else ():
        name = title(one.certificate)
        if (
            before is not None
            and before.sends
            and after.wanted.pin == before.wanted.pin
            and _pinned(one, before)
        ):
            text = (
                f"Exchange refuses to remove {name} while a Send connector is tagged with it: set "
                "TlsCertificateName to $null first."
            )
            yield Reason(PlanVerdict.RISKY, Statement(text, Confidence.DOCUMENTED, CANNOT_REMOVE))
        services = one.certificate.services
        if one.certificate.is_self_signed and (services is None or Services.SMTP in services):
            text = f"{name} may be the internal transport certificate, which must be replaced before it is removed."
            yield Reason(
                PlanVerdict.RISKY, Statement(text, Confidence.DOCUMENTED, "Remove-ExchangeCertificate")
            )
