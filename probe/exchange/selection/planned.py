"""A planned change compared with what is: is it safe, risky, or does it break mail?

Sources: Exchange Team blog of 4 June 2025 (pins); "You cannot remove an installed certificate"
(CannotRemove below: Exchange guards a certificate that a Send connector is tagged with, and a renewal with
the same issuer and subject is ambiguous); Enable-ExchangeCertificate (services are additive).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple, TypeVar

from probe.exchange.connector import ReceiveConnector, SendConnector
from probe.exchange.inventory import ExchangeCertificate, Inventory, Services, same_server
from probe.exchange.problem import Place
from probe.exchange.replies.wording import STALE_PIN, UNKNOWN_CREDENTIALS
from probe.exchange.selection.candidates import PINNING, Candidate, likely_refused, title, validity
from probe.exchange.selection.result import Selection, State
from probe.exchange.selection.servers import Refused
from probe.pki.certificate import Certificate
from probe.powershell import pin
from probe.statement import Statement, documented, inferred

ConnectorT = TypeVar("ConnectorT", SendConnector, ReceiveConnector)

_PLANNED = Place("the planned change")
CANNOT_REMOVE = "You cannot remove an installed certificate"


class Effect(enum.Enum):
    """What a change does, the worst last."""

    NONE = "no-effect"
    SAFE = "safe"
    RISKY = "risky"
    BREAKS = "breaks"


class Reason(NamedTuple):
    """One thing a change does and how bad that is."""

    effect: Effect
    statement: Statement


class Transition(NamedTuple):
    """One connector on one server before and after; `before` None: the server was not there."""

    before: Selection | None
    after: Selection
    reasons: tuple[Reason, ...]

    @property
    def effect(self) -> Effect:
        return worst(reason.effect for reason in self.reasons)


def worst(effects: Iterable[Effect]) -> Effect:
    """The worst of several effects; none at all has none."""
    return max(effects, key=tuple(Effect).index, default=Effect.NONE)


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
            record = ExchangeCertificate(source=_PLANNED, thumbprint="", server=server, services=services)
            _install(records, replace(record.told_by(certificate), has_private_key=True))
    return replace(inventory, certificates=tuple(records))


def _install(records: list[ExchangeCertificate], new: ExchangeCertificate) -> None:
    for position, old in enumerate(records):
        here = old.server is None or new.server is None or same_server(old.server, new.server)
        if old.thumbprint == new.thumbprint and here:
            unknown = old.services is None or new.services is None
            services = None if unknown else (old.services or Services.NONE) | (new.services or Services.NONE)
            records[position] = replace(old, services=services)
            return
    records.append(new)


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
    connector: ConnectorT, to: Certificate | ExchangeCertificate | str
) -> ConnectorT:
    """Pin a connector to a certificate or to a text; an empty text unpins it."""
    return replace(connector, tls_certificate_name=to if isinstance(to, str) else pin_for(to))


def pin_for(certificate: Certificate | ExchangeCertificate) -> str:
    if isinstance(certificate, Certificate):
        return pin(certificate.issuer.windows, certificate.subject.windows)
    return pin(certificate.issuer or "", certificate.subject or "")


def plan(
    before: Iterable[Selection], after: Iterable[Selection], refused: Refused = likely_refused
) -> tuple[Transition, ...]:
    """Compare the selections before and after a change; `refused` says what EOP makes of a certificate.

    Without a judge of chains only what the server itself says of the root is known (inferred).
    """
    known = {_key(one): one for one in before}
    return tuple(
        Transition(old, one, tuple(_reasons(old, one, refused)))
        for one in after
        for old in (known.get(_key(one)),)
    )


def _key(selection: Selection) -> tuple[str, bool, str]:
    return selection.connector, selection.sends, (selection.server or "").lower()


def _reasons(before: Selection | None, after: Selection, refused: Refused) -> Iterator[Reason]:
    if not after.is_source:
        text = f"{after.server} is no source server of it: no mail leaves from there."
        yield Reason(Effect.NONE, documented(text))
        return
    found = tuple(_about_end(before, after, refused))
    if before is not None:
        found = (*found, *_about_pin(before, after), *_about_removed(before, after))
    yield from found or (Reason(Effect.NONE, inferred("Nothing changes.")),)


def _about_end(before: Selection | None, after: Selection, refused: Refused) -> Iterator[Reason]:
    if after.winner is not None:
        yield from _about_winner(before, after, after.winner, refused)
        return
    if before is not None and _ends(before) == _ends(after):
        return
    if after.state in {State.NOTHING, State.NO_TLS}:
        text = f"No certificate is found any more{f': {after.reply}' if after.reply else '.'}"
        yield Reason(Effect.BREAKS, documented(text, PINNING if after.wanted.pin else ""))
        return
    ends = " or ".join(title(one) for one in after.possible) or "nothing that can be named"
    why = "becomes ambiguous" if after.state is State.AMBIGUOUS else "cannot be told"
    yield Reason(Effect.RISKY, inferred(f"The choice {why}: {ends}."))


def _ends(selection: Selection) -> tuple[State, frozenset[str]]:
    return selection.state, frozenset(one.thumbprint for one in selection.possible)


def _about_winner(
    before: Selection | None, after: Selection, winner: ExchangeCertificate, refused: Refused
) -> Iterator[Reason]:
    old = before.winner if before is not None else None
    same = old is not None and old.thumbprint == winner.thumbprint
    if same and before is not None and validity(winner, before.at) is False:
        return
    if validity(winner, after.at) is False:
        why = "it is not valid"
        if winner.not_after is not None and winner.not_after < after.at:
            why = f"it expired on {winner.not_after:%Y-%m-%d %H:%M} UTC"
        yield Reason(Effect.BREAKS, inferred(f"{title(winner)} is chosen although {why}."))
    if not same:
        yield from _about_new(old, after, winner, refused)


def _about_new(
    old: ExchangeCertificate | None, after: Selection, winner: ExchangeCertificate, refused: Refused
) -> Iterator[Reason]:
    ends = refused(winner) if after.sends else False
    as_before = bool(ends) and old is not None and refused(old) is True
    text = f"{title(winner)} is chosen from then on{', and refused as the one before' if as_before else ''}."
    yield Reason(Effect.NONE if as_before else Effect.SAFE, inferred(text))
    if after.reply is not None:
        text = f"It is not enabled for SMTP: {UNKNOWN_CREDENTIALS}"
        yield Reason(Effect.RISKY if after.wanted.pin else Effect.BREAKS, documented(text, "KB 4051498"))
    if ends and not as_before:
        yield Reason(Effect.BREAKS, inferred("Exchange Online would refuse its chain, as far as known."))
    elif ends is None and (old is None or refused(old) is not True):
        text = "Its chain has not been judged: check it with the certificate command."
        yield Reason(Effect.RISKY, inferred(text))


def _about_pin(before: Selection, after: Selection) -> Iterator[Reason]:
    pin = after.wanted.pin
    if pin is None:
        return
    matching = [one for one in after.candidates if one.usable]
    if len(matching) > 1 and len([one for one in before.candidates if one.usable]) < len(matching):
        text = (
            "TlsCertificateName becomes ambiguous: several certificates now bear its issuer and subject, and the "
            "older ones cannot be removed while the connector names them."
        )
        yield Reason(Effect.RISKY, documented(text, CANNOT_REMOVE))
    names = {name.lower() for one in matching for name in one.certificate.names}
    for new in _added(before, after):
        own = new.certificate
        # A name in common: it looks like the successor of a pinned one.
        succeeds = own.subject == pin.subject or not names.isdisjoint(name.lower() for name in own.names)
        if new.named is False and succeeds:
            text = (
                f"{title(own)} has another issuer or subject than TlsCertificateName says and is not used; where "
                f"it is to replace the one in use, that ends in: {STALE_PIN}"
            )
            yield Reason(Effect.RISKY, documented(text, PINNING))


def _added(before: Selection, after: Selection) -> tuple[Candidate, ...]:
    known = {one.certificate.thumbprint for one in before.candidates}
    return tuple(one for one in after.candidates if one.certificate.thumbprint not in known)


def _about_removed(before: Selection, after: Selection) -> Iterator[Reason]:
    pin = before.wanted.pin if before.sends and after.wanted.pin == before.wanted.pin else None
    for one in _added(after, before):
        name, services = title(one.certificate), one.certificate.services
        if pin is not None and one.usable is True:
            text = (
                f"Exchange refuses to remove {name} while a Send connector is tagged with it: set "
                "TlsCertificateName to $null first."
            )
            yield Reason(Effect.RISKY, documented(text, CANNOT_REMOVE))
        if one.certificate.is_self_signed and (services is None or Services.SMTP in services):
            text = f"{name} may be the internal transport certificate, which must be replaced before it is removed."
            yield Reason(Effect.RISKY, documented(text, "Remove-ExchangeCertificate"))
