"""What is found of a domain and its MX hosts as Exchange Online, the sender, looks at them.

What refuses one host is a rejection only where that blocks the domain's mail. Else Exchange Online delivers over
another host, and whoever reads "rejected" of one endpoint, in a fleet, a history or a dashboard, takes mail to be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from probe.eop.evidence import Evidence
from probe.eop.outbound.verdict import HostVerdict, Mail, Mechanism, Outbound, Refusal
from probe.eop.rules.leaf import LEAF_RULES
from probe.eop.rules.names import NAME_RULES
from probe.eop.rules.revocation import REVOCATION_RULES
from probe.eop.rules.rule import Rule, Said
from probe.eop.rules.trust import TRUST_RULES
from probe.eop.rules.usage import USAGE_RULES
from probe.eop.vocabulary import Severity
from probe.exchange.outbound.facts import Dnssec
from probe.exchange.outbound.sts import nearly
from probe.exchange.replies import wording
from probe.pki.certificate import Certificate
from probe.powershell import ENABLE_TLS, Steps, tlsa_record
from probe.smtp.mta_sts import Mode, Policy
from probe.statement import Confidence
from probe.text import listed, sentence

_DANE = {
    Refusal.NO_TLS: (wording.STARTTLS_DANE, "has TLSA records, and offers no TLS"),
    Refusal.EXPIRED: (wording.EXPIRED_DANE, "fails DANE: a certificate has expired"),
    Refusal.TLSA: (wording.INVALID_DANE, "fails DANE: no TLSA record fits what it presents"),
    Refusal.NAME: (wording.NAME_DANE, "fails DANE: its certificate has another name"),
}


#: Rules about what DANE asks nobody, by the usage of the record that holds; that Windows cannot evaluate a key counts.
_ISSUERS = frozenset(
    {"self-signed", "untrusted-root", "root-restricted", "explicit-distrust", "missing-intermediate"}
)
_NOT_ASKED = {
    2: _ISSUERS,
    3: frozenset(
        rule.id for rule in (*TRUST_RULES, *USAGE_RULES, *LEAF_RULES, *REVOCATION_RULES, *NAME_RULES)
    )
    - {"not-evaluated"},
}
_STATED_NOWHERE = (
    "DANE holds, so delivery by MX records goes on (documented). An outbound connector that validates certificates "
    "(TlsSettings) refuses such a one without DANE; whether it does beside DANE is stated nowhere."
)


def beside_dane(rule: Rule, said: Said, evidence: Evidence, outbound: Outbound) -> Said:
    """What a rule said of the certificate, where DANE holds without asking that: a risk, by no known reply.

    Whoever names TlsDomain asks about a connector that validates.
    """
    record = outbound.own.authenticated
    refused = (said.severity or rule.severity) is Severity.REJECT
    if record is None or not refused or evidence.settings.tls_domain:
        return said
    if rule.id not in _NOT_ASKED.get(record.usage, ()):
        return said
    return said._replace(
        detail=_STATED_NOWHERE, severity=Severity.RISK, confidence=Confidence.INFERRED, reply=None
    )


def _refused(outbound: Outbound, summary: str, detail: str = "", **more: Any) -> Said:  # noqa: ANN401 - those of Said
    blocked = outbound.domain.mail is Mail.BLOCKED
    return Said(
        summary=summary,
        detail="\n".join(filter(None, (detail, outbound.domain.words))),
        severity=Severity.REJECT if blocked else Severity.RISK,
        **more,
    )


def dnssec_bogus(_: Evidence, outbound: Outbound) -> Said | None:
    facts, own = outbound.domain.facts, outbound.own
    if own.refusal is not Refusal.DNSSEC:
        return None
    exchanger = facts.exchanger(own.host)
    answers = (
        (f"the MX records of {facts.domain}", facts.mx, facts.failure),
        (f"the addresses of {own.host}", exchanger.address, exchanger.failure),
        (f"the TLSA records of {own.host}", exchanger.tlsa.dnssec, exchanger.tlsa.failure),
    )
    bogus = [(name, why) for name, state, why in answers if state is Dnssec.BOGUS]
    return _refused(
        outbound,
        f"DNSSEC is bogus for {' and for '.join(name for name, _ in bogus)}.",
        " ".join((f"So says the resolver {facts.resolver}.", *(sentence(why) for _, why in bogus if why))),
        reply=wording.INVALID_DNSSEC,
    )


def dane_mismatch(evidence: Evidence, outbound: Outbound) -> Said | None:
    own = outbound.own
    if own.mechanism is not Mechanism.DANE or own.refusal not in _DANE:
        return None
    reply, fault = _DANE[own.refusal]
    record = f"The nearest record, {own.record.short}: {own.why}." if own.record else own.why
    return _refused(
        outbound,
        f"{own.host} {fault}.",
        record,
        reply=reply,
        remedy=_publish(own, evidence.leaf) if evidence.leaf else (ENABLE_TLS,),
    )


def _publish(own: HostVerdict, leaf: Certificate) -> Steps:
    instead: dict[Refusal | None, str] = {
        Refusal.EXPIRED: "Renew the certificate. Or let DANE go by its key alone, which has no dates:",
        Refusal.NAME: f"Present a certificate with the name {own.host}. Or let DANE go by its key alone:",
    }
    return (
        instead.get(own.refusal, "If this certificate is the right one, publish a record for its key:"),
        tlsa_record(own.host, sha256(leaf.spki).hexdigest()),
        "Leave the record of the next key beside it before the certificate changes, for as long as the records' TTL.",
        "If it is not, present the certificate that the published records are for.",
    )


def dane_unusable(_: Evidence, outbound: Outbound) -> Said | None:
    """TLSA records that Exchange Online does not check: of no usage that SMTP has, or without signatures."""
    own = outbound.own
    tlsa = outbound.domain.facts.exchanger(own.host).tlsa
    unused = [f"{each.short}: {each.problem}" for each in tlsa.records if each.problem]
    if (
        own.mechanism is Mechanism.DANE
        and len(unused) == len(tlsa.records)
        and not tlsa.left_out
        and own.refusal is not Refusal.DNSSEC
    ):
        return Said(
            summary=f"No TLSA record of {own.host} can be used: TLS is required, DANE is not checked.",
            detail="\n".join((*unused, *map(sentence, tlsa.unreadable))),
        )
    if tlsa.records and Dnssec.INSECURE in (outbound.domain.facts.mx, tlsa.dnssec):
        return Said(
            summary=f"The TLSA records of {own.host} do not count: the zone is not signed.",
            detail="DANE needs DNSSEC for the MX records, the host's addresses and the TLSA records.",
            confidence=Confidence.DOCUMENTED,
        )
    if tlsa.unreadable:
        return Said(
            summary=f"Not every TLSA record of {own.host} is looked at.",
            detail="\n".join(map(sentence, tlsa.unreadable)),
            confidence=Confidence.INFERRED,
        )
    return None


def dane_missing(_: Evidence, outbound: Outbound) -> Said | None:
    own = outbound.own
    if own.refusal is not Refusal.NO_DANE:
        return None
    return _refused(
        outbound, f"The connector demands DANE (SmtpDaneMode Mandatory), and {own.host} has none."
    )


def dane_valid(_: Evidence, outbound: Outbound) -> Said | None:
    own = outbound.own
    if own.authenticated is None:
        return None
    return Said(
        summary=f"DANE holds for {own.host}: the record {own.authenticated.short} fits.",
        detail="With usage 3 no name, date or issuer counts; findings about these are for an outbound connector that "
        "validates certificates (TlsSettings)."
        if own.authenticated.usage == 3
        else "",
    )


def _by_policy(outbound: Outbound, summary: str, detail: str = "", **more: Any) -> Said:  # noqa: ANN401 - those of Said
    if not outbound.own.delivers:
        return _refused(outbound, summary, detail, **more)
    testing = (
        "The policy is in mode testing: mail is delivered all the same, and refused once the mode is enforce."
    )
    more.pop("reply", None)
    return Said(
        summary=summary, detail="\n".join(filter(None, (detail, testing))), severity=Severity.RISK, **more
    )


def mta_sts_host(_: Evidence, outbound: Outbound) -> Said | None:
    facts, own = outbound.domain.facts, outbound.own
    policy = facts.sts.policy if facts.sts else None
    if own.refusal is not Refusal.STS_HOST or policy is None:
        return None
    return _by_policy(
        outbound,
        f"{own.host} does not stand in the MTA-STS policy of {facts.domain}.",
        f"Its mx lines: {listed(policy.mx, none='none')}.{_asterisk(policy, own.host)}",
        reply=wording.HOST_MTA_STS.format(domain=facts.domain),
        remedy=(
            f'Add the line "mx: {own.host}" to https://mta-sts.{facts.domain}/.well-known/mta-sts.txt.',
            f"Then give the TXT record _mta-sts.{facts.domain} a new id: senders keep the policy they know until then.",
        ),
    )


def _asterisk(policy: Policy, host: str) -> str:
    near = nearly(policy, host)
    return f" In {near} the asterisk stands for one label, and no more (RFC 8461 4.1)." if near else ""


def mta_sts_certificate(_: Evidence, outbound: Outbound) -> Said | None:
    own = outbound.own
    if own.refusal is Refusal.STS_NO_TLS:
        return _by_policy(
            outbound,
            f"{own.host} offers no TLS, and the MTA-STS policy of {outbound.domain.facts.domain} demands it.",
            own.why,
            remedy=(ENABLE_TLS,),
            confidence=Confidence.INFERRED,
        )
    if own.refusal is not Refusal.STS_CERTIFICATE:
        return None
    return _by_policy(
        outbound,
        f"The certificate of {own.host} fails MTA-STS: {own.token}.",
        own.why,
        reply=wording.CERTIFICATE_MTA_STS.format(status=own.token),
    )


def mta_sts_policy(_: Evidence, outbound: Outbound) -> Said | None:
    """The domain's policy itself; said once."""
    domain, sts = outbound.domain.facts.domain, outbound.domain.facts.sts
    if not outbound.first or sts is None:
        return None
    if sts.fault is not None:
        return Said(summary=f"MTA-STS of {domain}: {sts.problem}.")
    if sts.policy is None:
        return None
    mode, odd = sts.policy.mode, "\n".join((*sts.deviations, *sts.policy.deviations))
    if mode is not Mode.ENFORCE:
        said = f"The MTA-STS policy of {domain} is in mode {mode.value}: it refuses nothing."
    elif odd:
        said = f"The MTA-STS policy of {domain} has what a strict reader would object to."
    else:
        return None
    remedy = ("Take the mode enforce once the TLS reports of some weeks show no failure.",)
    return Said(
        summary=said, detail=odd, severity=Severity.INFO, remedy=() if mode is Mode.ENFORCE else remedy
    )


def mta_sts_valid(_: Evidence, outbound: Outbound) -> Said | None:
    own = outbound.own
    if own.mechanism is not Mechanism.MTA_STS or not own.delivers or own.refusal:
        return None
    return Said(
        summary=f"MTA-STS holds for {own.host}: the policy names it, and its certificate is good for it."
    )


def outbound_unknown(_: Evidence, outbound: Outbound) -> Said | None:
    """What of the domain could not be looked at; said once, and nothing follows from it."""
    facts = outbound.domain.facts
    if not outbound.first:
        return None
    answers = [(facts.mx, facts.failure)]
    for each in facts.exchangers:
        answers += [(each.address, each.failure), (each.tlsa.dnssec, each.tlsa.failure)]
    reasons = dict.fromkeys(why for state, why in answers if why and state is Dnssec.UNKNOWN)
    if not reasons and facts.resolver is None:
        reasons = {"no resolver that validates was named (--dnssec-resolver)": None}
    if not reasons:
        return None
    return Said(summary=sentence(f"DNSSEC and DANE of {facts.domain} are not known: {'; '.join(reasons)}"))


SAID: dict[str, Callable[[Evidence, Outbound], Said | None]] = {
    "dnssec-bogus": dnssec_bogus,
    "dane-mismatch": dane_mismatch,
    "dane-missing": dane_missing,
    "dane-unusable": dane_unusable,
    "mta-sts-host": mta_sts_host,
    "mta-sts-certificate": mta_sts_certificate,
    "mta-sts-policy": mta_sts_policy,
    "dane-valid": dane_valid,
    "mta-sts-valid": mta_sts_valid,
    "outbound-unknown": outbound_unknown,
}
