"""Microsoft's word out of its TLS reports: what a count of sessions says of certificates, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from probe.eop.vocabulary import Direction
from probe.exchange.tlsrpt.received import Received
from probe.exchange.tlsrpt.report import MICROSOFT, NOT_TOLD, SUCCESS, Policy, PolicyType, TlsReport
from probe.report.ledger.values import DANE, Source, Trust, Word
from probe.report.tlsrpt import midnight
from probe.statement import Statement, documented, inferred, reported

_RFC = "RFC 8460 4.3"
_DAY = timedelta(days=1)
#: Of DANE MTA-STS asks nobody; and TlsDomain is that of one connector, not of every sender.
_NOT_SEEN_BY_STS = DANE | {"name-mismatch"}
#: What a session under DANE shows to be well (its codes 4.7.321 to 4.7.325): of roots and names DANE asks nobody.
_SEEN_BY_DANE = DANE | {
    "no-starttls", "starttls-refused", "plaintext-after-starttls", "tls-failed", "old-tls", "expired", "not-yet-valid",
}  # fmt: skip
_OF_THE_CERTIFICATE: dict[str, Statement] = {
    # documented: the kind names what the MX host itself did or presented.
    "starttls-not-supported": documented("The MX host did not offer STARTTLS.", _RFC),
    "certificate-host-mismatch": documented("The certificate does not bear the name asked for.", _RFC),
    "certificate-expired": documented("The certificate has expired.", _RFC),
    "certificate-not-trusted": documented("The chain leads to no root that Microsoft trusts.", _RFC),
    # reported: Exchange Online says so of a handshake that was broken off.
    "validation-failure": reported("The handshake did not come to its end.", "samples of its reports"),
}
#: Under DANE these are of its records: they are against a prediction that knew of them, and say nothing to others.
_OF_DANE: dict[str, Statement] = {
    # documented: Microsoft's codes 4.7.323 and 4.7.324 have these names.
    "tlsa-invalid": documented("No TLSA record of the MX host fits what it presents.", _RFC),
    "dnssec-invalid": documented("The MX host's records are not signed as they ought to be.", _RFC),
    "certificate-not-trusted": documented("No TLSA record of the MX host stands for its chain.", "RFC 7672"),
}
_CAN_DECIDE = documented("Microsoft made authenticated TLS to the policy's hosts.", "RFC 8460 4.2")


def is_microsofts(report: TlsReport) -> bool:
    """Whether a report says that it is Microsoft's; who proves it is another question."""
    return report.organization.lower() == MICROSOFT.lower()


def words_of(one: Received, trust: Trust) -> Iterator[Word]:
    """What a report of Microsoft's says, policy by policy; nothing of one whose day is not told."""
    if one.report.day is None:
        return
    named = {policy.domain: policy.mx_hosts for policy in one.report.policies if policy.mx_hosts}
    begin = midnight(one.report.day)
    for policy in one.report.policies:
        for accepted, kind, host, sessions in _results(policy):
            yield Word(
                source=Source.TLSRPT,
                trust=trust,
                direction=Direction.FROM_EOP,
                begin=begin,
                end=begin + _DAY,
                accepted=accepted,
                kind=kind,
                place=one.places[0],
                # Microsoft names hosts in the lines of the MTA-STS policy alone: they are the domain's all the same.
                hosts=(host,) if host else policy.mx_hosts or named.get(policy.domain, ()),
                domain=policy.domain,
                policy=policy.type,
                sessions=sessions,
                others=bool(policy.failed or policy.failures) if accepted else policy.succeeded != 0,
                # documented (RFC 8461 5): in testing mail goes whatever is found, so nothing is refused by it.
                binding=policy.enforced,
                sees=_SEEN_BY_DANE if policy.type is PolicyType.TLSA else frozenset(),
                blind=_NOT_SEEN_BY_STS if policy.type is PolicyType.STS else frozenset(),
                needs=DANE if policy.type is PolicyType.TLSA and kind in _OF_DANE else frozenset(),
                silent=_silent(policy, trust, kind),
                why=_CAN_DECIDE if accepted else _OF_THE_CERTIFICATE.get(kind, _OF_DANE.get(kind)),
            )


def _results(policy: Policy) -> Iterator[tuple[bool, str, str, int | None]]:
    """Whether sessions were good, their kind, the host that is named, and how many; those without sessions left out."""
    if policy.succeeded:
        yield True, SUCCESS, "", policy.succeeded
    failed: dict[tuple[str, str], int | None] = {}
    for one in policy.failures:
        before = failed.get((one.kind, one.host), 0)
        failed[one.kind, one.host] = (
            None if None in (before, one.sessions) else (before or 0) + (one.sessions or 0)
        )
    if policy.not_told:
        failed[NOT_TOLD, ""] = policy.not_told
    for (kind, host), sessions in failed.items():
        if sessions != 0:
            yield False, kind, host, sessions


def _silent(policy: Policy, trust: Trust, kind: str) -> Statement | None:
    """Why a result says nothing of the certificate, the weightiest reason first."""
    if trust is Trust.UNPROVEN:
        # inferred: anybody can mail a report under Microsoft's name to the address that a domain publishes.
        return inferred(
            "It came in a mail that Microsoft's signature does not prove: anybody can have written it."
        )
    if policy.type not in (PolicyType.STS, PolicyType.TLSA):
        # documented: without a policy no certificate is looked at.
        return documented("Without DANE or MTA-STS the sender takes any certificate.", "RFC 8460 4.2")
    if policy.type is PolicyType.STS and policy.mode == "none":
        return documented("A policy of the mode none asks for nothing.", "RFC 8461 5")
    if kind == SUCCESS:
        return None
    if not policy.enforced:
        return documented("A policy in testing has no mail refused.", "RFC 8461 5")
    return _other_cause(policy, kind)


def _other_cause(policy: Policy, kind: str) -> Statement | None:
    if policy.type is PolicyType.TLSA and kind in _OF_DANE:
        return None
    if kind not in _OF_THE_CERTIFICATE:
        # documented: sts-policy-*, sts-webpki-invalid, tlsa-invalid, dnssec-invalid and dane-required are of a policy,
        # its host or a zone; a kind that is not told, or that RFC 8460 does not have, blames nothing.
        return documented(f"{kind} says nothing of the certificate that the MX host presents.", _RFC)
    if kind == "validation-failure" and policy.succeeded != 0:
        # inferred: a handshake that breaks off now and then is the network's or the server's; the same day others held.
        return inferred(
            "Other sessions of that day held: some handshakes broke off, which blames no certificate."
        )
    return None
