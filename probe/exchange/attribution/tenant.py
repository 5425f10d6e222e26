"""What Exchange Online makes of a connection: which inbound connector, which tenant, which reply.

The relay rule since 1 November 2023 (Exchange Team blog 3851357): [1] the certificate's domain or the
domain of MAIL FROM is an accepted domain, and [2] the sending address or the certificate's domain matches
an OnPremises inbound connector of that tenant. That the chain itself is trusted is judged elsewhere.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from probe.exchange.attribution.connectors import ConnectorMatch, by_address, by_sender
from probe.exchange.attribution.names import CMDLET, Grade, Presented, by_certificate
from probe.exchange.attribution.ownership import (
    Domains,
    Ownership,
    about_value,
    certificate_owned,
    domain_of,
    sender_owned,
)
from probe.exchange.connector import AcceptedDomain, InboundConnector
from probe.exchange.problem import quoted
from probe.exchange.replies.wording import PARTNER_RESTRICTED, RELAY_DENIED, RELAY_DENIED_ATTR36
from probe.statement import Confidence, Statement, all_of, any_of, documented, inferred, opposite, reported

RELAY_RULE = "Exchange Team blog 3851357"
NULL_SENDER = (
    "Out-of-office replies, NDRs (null sender) and forwarded mail of other domains are refused on this "
    "connection even if mail of senders in accepted domains flows:"
)

_SOURCES = {
    RELAY_DENIED: "KB 4051495; KB 3212877",
    RELAY_DENIED_ATTR36: "KB 4019940; KB 3169958",
    PARTNER_RESTRICTED: "Exchange Team blog, 4 June 2025",
}
_RANK = {Confidence.DOCUMENTED: 0, Confidence.REPORTED: 1, Confidence.INFERRED: 2}


class Attributed(enum.Enum):
    """What becomes of the mail."""

    ATTRIBUTED = "attributed"
    """A connector takes it: relayed, or delivered as the organisation's or partner's own."""
    INTERNET = "internet"
    """No connector takes it; for the tenant's own recipients it is mail from the Internet."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The evidence or Microsoft's pages leave it open; the statements say which."""


class Envelope(NamedTuple):
    """Who sends from where to whom.

    `sender` is MAIL FROM, "" the null sender (out-of-office replies, NDRs), None unknown. Without
    `recipient` mail that has to be relayed is meant.
    """

    sender: str | None = None
    address: str | None = None
    recipient: str | None = None


class Judgement(NamedTuple):
    """One outcome and the replies that may come with it, the likeliest first."""

    outcome: Attributed
    replies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Which connector a connection matches, and what follows.

    `matches` holds every connector in the order given; `taken` says whether one for own servers matches, and
    `taken_label` how sure that is; with `partner` a restricted Partner connector is concerned. `null_sender`
    is what becomes of a message without sender on the same connection; `label` is the weakest link of what
    the outcome rests on.
    """

    envelope: Envelope
    outcome: Attributed
    label: Confidence
    replies: tuple[str, ...]
    matches: tuple[ConnectorMatch, ...]
    taken: bool | None
    taken_label: Confidence
    partner: bool
    ownership: Ownership
    sender_accepted: bool | None
    null_sender: Judgement
    statements: tuple[Statement, ...]

    @property
    def reply(self) -> str | None:
        """The likeliest reply to a refused message, or None."""
        return self.replies[0] if self.replies else None

    @property
    def matching(self) -> tuple[ConnectorMatch, ...]:
        """The connectors that match for certain."""
        return tuple(match for match in self.matches if match.active)

    @property
    def own_statements(self) -> tuple[Statement, ...]:
        """What there is to say but of other organisations' connectors."""
        partners = {one for match in self.matches if match.partner for one in match.statements}
        return tuple(one for one in self.statements if one not in partners)

    def sentences(self) -> tuple[str, ...]:
        """Everything there is to say, as plain sentences with their labels."""
        return tuple(map(str, self.statements))


def attribute(
    presented: Presented | None,
    connectors: Iterable[InboundConnector],
    domains: Iterable[AcceptedDomain] | None,
    envelope: Envelope,
    at: datetime,
) -> Attribution:
    """Simulate the attribution of one connection at `at` (aware UTC).

    `presented` None: no client certificate is sent. `domains` None: the accepted domains are unknown.
    """
    accepted = None if domains is None else tuple(domains)
    sender = None if envelope.sender is None else domain_of(envelope.sender)
    matches = tuple(
        ConnectorMatch(
            one, by_certificate(one, presented, at), by_address(one, envelope.address), by_sender(one, sender)
        )
        for one in connectors
    )
    own = tuple(match for match in matches if not match.partner)
    matched = tuple(dict.fromkeys(name for match in own if match.active for name in match.certificate.names))
    ownership, from_own = certificate_owned(presented, matched, accepted), sender_owned(sender, accepted)
    taken = any_of(match.active for match in own)
    # Whether the mail leaves the tenant: unless a recipient says otherwise, that is what is asked.
    to_own = None if envelope.recipient is None else sender_owned(domain_of(envelope.recipient), accepted)
    relayed = True if envelope.recipient is None else opposite(to_own)
    restrictions = _restrictions(matches) if envelope.recipient is None or to_own else ()
    judged = _judge(taken=taken, known=any_of((ownership.owned, from_own)), relayed=relayed)
    if restrictions:
        judged = _with_partner(judged, restrictions, taken=taken)
    label = _taken_label(own, taken=taken)
    found = Attribution(
        envelope=envelope,
        outcome=judged.outcome,
        label=_label(judged.outcome, label, taken=taken),
        replies=judged.replies,
        matches=matches,
        taken=taken,
        taken_label=label,
        partner=bool(restrictions),
        ownership=ownership,
        sender_accepted=from_own,
        null_sender=_judge(taken=taken, known=ownership.owned, relayed=relayed),
        statements=(),
    )
    return replace(found, statements=tuple(_said(found, own, accepted)))


def _judge(*, taken: bool | None, known: bool | None, relayed: bool | None) -> Judgement:
    """The relay rule: `known` is [1], `taken` is [2]."""
    if (fine := all_of((taken, known))) is not False:
        return Judgement(Attributed.ATTRIBUTED if fine else Attributed.UNKNOWN)
    # Where neither half holds, both refusals are documented; ATTR36 is about the first half alone.
    also = () if taken else (RELAY_DENIED,)
    replies = (RELAY_DENIED_ATTR36, *also) if known is False else (RELAY_DENIED,)
    if relayed:
        return Judgement(Attributed.REFUSED, replies)
    return Judgement(Attributed.INTERNET) if relayed is False else Judgement(Attributed.UNKNOWN, replies)


def _restrictions(matches: Iterable[ConnectorMatch]) -> tuple[bool | None, ...]:
    """For each enabled and restricted Partner connector for the sender's domain, whether its restrictions are met."""
    found: list[bool | None] = []
    for match in matches:
        if match.partner and match.connector.enabled is not False and match.domain.fits is not False:
            met = _met(match)
            if met != ():
                found.append(all_of(met) if match.domain.fits or all_of(met) else None)
    return tuple(found)


def _met(match: ConnectorMatch) -> tuple[bool | None, ...]:
    """For each restriction that is set, whether it is met."""
    connector, facts = match.connector, []
    if connector.restrict_domains_to_certificate:
        # "Subject value", says the cmdlet's page; elsewhere an alternative name is reported to be enough.
        only_alternative = match.certificate.grade is Grade.ALTERNATIVE
        facts.append(None if only_alternative and match.certificate.fits else match.certificate.fits)
    if connector.restrict_domains_to_ip_addresses:
        facts.append(match.address.fits)
    return tuple(facts)


def _with_partner(
    judged: Judgement, restrictions: tuple[bool | None, ...], *, taken: bool | None
) -> Judgement:
    met = all_of(restrictions)
    if taken is not False:
        # Two connectors for one message: which comes first is not published, so only agreement is an answer.
        agree = met is True and judged.outcome is Attributed.ATTRIBUTED
        return judged if agree else Judgement(Attributed.UNKNOWN)
    if met is False:
        return Judgement(Attributed.REFUSED, (PARTNER_RESTRICTED, *judged.replies))
    return Judgement(Attributed.ATTRIBUTED if met else Attributed.UNKNOWN)


def _taken_label(own: tuple[ConnectorMatch, ...], *, taken: bool | None) -> Confidence:
    """The weakest link of the strongest chain that leads to a match, or to none."""
    if taken is None:
        return Confidence.INFERRED
    chains = [m for m in own if (m.active if taken else m.certificate.names and m.fits is False)]
    weakest = [max((_RANK[one.label] for one in match.statements), default=0) for match in chains]
    return tuple(_RANK)[min(weakest, default=0)]


def _label(outcome: Attributed, taken_label: Confidence, *, taken: bool | None) -> Confidence:
    match outcome:
        case Attributed.UNKNOWN:
            return Confidence.INFERRED
        case Attributed.INTERNET:
            return Confidence.REPORTED
        case Attributed.ATTRIBUTED:
            return taken_label if taken else Confidence.DOCUMENTED
        case Attributed.REFUSED:
            return taken_label if taken is False else Confidence.DOCUMENTED


def _said(
    found: Attribution, own: tuple[ConnectorMatch, ...], accepted: Domains | None
) -> Iterator[Statement]:
    for match in found.matches:
        yield from match.statements
    active = tuple(match for match in own if match.active)
    for match in active:
        if match.certificate.fits:
            yield from about_value(match.connector.tls_sender_certificate_name or "", accepted)
    if len(active) > 1:
        names = ", ".join(quoted(match.connector.name) for match in active)
        yield inferred(f"Several connectors match ({names}); which one comes first is not published.")
    yield from found.ownership.statements
    yield from _about_sender(found)
    yield _verdict(found)
    flows = found.outcome in {Attributed.ATTRIBUTED, Attributed.UNKNOWN}
    null, sender = found.null_sender, found.envelope.sender
    if flows and null.outcome is Attributed.REFUSED and (sender is None or domain_of(sender) != ""):
        yield documented(f"{NULL_SENDER} {null.replies[0]}", "KB 3169958")


def _about_sender(found: Attribution) -> Iterator[Statement]:
    sender, accepted = found.envelope.sender, found.sender_accepted
    if sender is None:
        yield documented("The envelope sender is not given.")
    elif domain_of(sender) == "":
        text = "The null sender of out-of-office replies and NDRs has no domain: the certificate must do."
        yield documented(text, "KB 3169958")
    elif accepted is not None:
        verb = "is" if accepted else "is not"
        text = f"The sender's domain {quoted(domain_of(sender))} {verb} an accepted domain."
        yield documented(text, RELAY_RULE)


def _verdict(found: Attribution) -> Statement:
    match found.outcome:
        case Attributed.ATTRIBUTED if found.taken:
            return documented("The mail is attributed to the tenant.", RELAY_RULE)
        case Attributed.ATTRIBUTED:
            return documented("The mail comes in through the partner's connector.", CMDLET)
        case Attributed.REFUSED:
            text = f"The mail is refused: {' or: '.join(found.replies)}"
            return documented(text, _SOURCES[found.replies[0]])
        case Attributed.INTERNET:
            text = (
                "No connector takes the mail; for the tenant's own recipients it counts as mail from the "
                "Internet (with RejectDirectSend on it is refused: 550 5.7.68)."
            )
            return reported(text, "Message Center MC1226222")
        case Attributed.UNKNOWN:
            text = "What becomes of the mail cannot be told from this evidence."
            if found.partner and found.taken is not False:
                text = "A Partner connector is concerned too; which connector comes first is not published."
            return inferred(text)
