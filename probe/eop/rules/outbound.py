"""Rules about what Exchange Online looks at as the sender: DNSSEC, TLSA records, the MTA-STS policy."""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Given, Rule, Said
from probe.eop.vocabulary import Severity
from probe.exchange.replies.sources import NDR
from probe.powershell import ENABLE_TLS, Command, Shell, Steps, tlsa_record
from probe.statement import Confidence

_DANE = "Microsoft: how SMTP DANE works in Exchange Online"
_STS = "Microsoft: MTA-STS in Exchange Online"
_ONCE = "This only blocks mail where no MX host of the domain is left."
_PASSED_OVER = f"Exchange Online does not deliver over this host. {_ONCE}"


def _rule(
    rule_id: str,
    title: str,
    severity: Severity,
    sources: tuple[str, ...],
    meaning: str,
    advice: Steps = (),
    confidence: Confidence = Confidence.DOCUMENTED,
) -> Rule:
    def say(evidence: Evidence) -> Said | None:
        # Most checks ask for none of this, and do not wait for it to load.
        from probe.eop.outbound.findings import SAID

        return SAID[rule_id](evidence, evidence.outbound) if evidence.outbound else None

    return Rule(
        id=rule_id,
        title=title,
        severity=severity,
        confidence=confidence,
        references=sources,
        meaning=meaning,
        advice=advice,
        say=say,
        given=Given.OUTBOUND,
    )


#: What may keep Exchange Online from delivering: it goes before the rules for connectors.
OUTBOUND_RULES: tuple[Rule, ...] = (
    _rule(
        "dnssec-bogus",
        "DNSSEC is bogus",
        Severity.REJECT,
        (NDR, _DANE, "RFC 4035 4.3"),
        "A resolver that validates says that the domain's MX records, or an MX host's addresses or TLSA records, are "
        "not signed as they ought to be. Where that is so of the MX records, mail to the domain is blocked.",
        (
            (
                "Correct DNSSEC of the zone: signatures that have expired, or keys that were changed without the "
                "parent's DS record."
            ),
        ),
    ),
    _rule(
        "dane-mismatch",
        "DANE fails",
        Severity.REJECT,
        (NDR, _DANE, "RFC 7672"),
        "The MX host's TLSA records are signed, and none of them fits what the server presents, or the server offers "
        f"no TLS. {_PASSED_OVER}",
        (
            "Publish a TLSA record for the key in use, one TTL before the certificate changes:",
            tlsa_record(),
            ENABLE_TLS,
        ),
    ),
    _rule(
        "dane-missing",
        "The connector demands DANE, and there is none",
        Severity.REJECT,
        (_DANE, "Set-OutboundConnector (SmtpDaneMode)"),
        "With SmtpDaneMode Mandatory the connector queues mail where DANE does not hold; that this includes a host "
        "without TLSA records, or without DNSSEC, is inferred. Only seen with --connector-mode mandatory.",
        (
            "Sign the zone and publish a TLSA record, or let the connector take DANE where it is there:",
            Command("Get-OutboundConnector | fl Name,Enabled,SmtpDaneMode,MtaStsMode", Shell.EXCHANGE_ONLINE),
        ),
        Confidence.INFERRED,
    ),
    _rule(
        "mta-sts-host",
        "The MTA-STS policy does not name the MX host",
        Severity.REJECT,
        (NDR, _STS, "RFC 8461 4.1"),
        "The domain's MTA-STS policy is enforced, and none of its mx lines stands for this host: *.contoso.com stands "
        f"for mail.contoso.com, not for a.mail.contoso.com. {_PASSED_OVER}",
        ("Bring the mx lines of the policy and the MX records together, and change the policy's id.",),
    ),
    _rule(
        "mta-sts-certificate",
        "The certificate fails MTA-STS",
        Severity.REJECT,
        (NDR, _STS, "RFC 8461 4.2"),
        "The domain's MTA-STS policy is enforced, and the certificate has no trusted root, or not the MX host's name; "
        f"or the host offers no TLS at all. {_PASSED_OVER}",
        ("Present a certificate of a public CA with the MX host's name, and its intermediates.",),
    ),
    _rule(
        "mta-sts-policy",
        "The MTA-STS policy cannot be had, or is not enforced",
        Severity.RISK,
        ("RFC 8461 3.3", "RFC 8461 5.1"),
        "The domain announces an MTA-STS policy that cannot be fetched or read: senders deliver as if there were none, "
        "but for those that hold an earlier one. A policy in mode testing or none refuses nothing.",
        ("Let the policy be served as RFC 8461 3.3 says, or take the TXT record away.",),
        Confidence.INFERRED,
    ),
)

#: The rules that say why Exchange Online does not deliver over a host.
PASSED_OVER = frozenset(rule.id for rule in OUTBOUND_RULES if rule.id != "mta-sts-policy")

OUTBOUND_NOTES: tuple[Rule, ...] = (
    _rule(
        "dane-unusable",
        "The TLSA records are not checked",
        Severity.INFO,
        (_DANE, "RFC 7672 3.1.3"),
        "Usages 0 and 1 are not for SMTP: where a host has no others, Exchange Online demands TLS and checks nothing. "
        "Records in a zone that is not signed do not count at all.",
        ("Publish a record of usage 3:", tlsa_record()),
    ),
    _rule(
        "dane-valid",
        "DANE holds",
        Severity.INFO,
        (_DANE, "RFC 7672"),
        "A TLSA record of the MX host, signed with DNSSEC, stands for what the server presents.",
        ("Before the key changes, publish the record of the next one beside it, one TTL earlier.",),
    ),
    _rule(
        "mta-sts-valid",
        "MTA-STS holds",
        Severity.INFO,
        (_STS, "RFC 8461"),
        "The domain's MTA-STS policy names the MX host, and its certificate is good for it.",
        ("Before an MX host changes, name the new one in the policy, and change the policy's id.",),
    ),
    _rule(
        "outbound-unknown",
        "DNSSEC and DANE are not known",
        Severity.INFO,
        ("RFC 4035 4.9.3",),
        "Whether an answer is signed is known from the AD bit of a resolver that validates and is trusted. None was "
        "named, or it did not answer.",
        (
            "Name such a resolver with --dnssec-resolver: one on this machine, or reached by a way that is trusted.",
        ),
        Confidence.INFERRED,
    ),
)
