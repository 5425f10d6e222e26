"""What a verdict says of an attribution: the inbound connector's half of the relay rule, and the domains' half.

With a message (a listener saw it) its attribution is part of the evidence. Without one only what the user told
of the tenant is asked: each half where it was told, for mail of a sender not known.
"""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Said
from probe.eop.vocabulary import Outcome, Severity
from probe.exchange.attribution.names import Grade, Presented, connector_asking_for, presented_by
from probe.exchange.attribution.tenant import NULL_SENDER, Attributed, Attribution, Envelope, attribute
from probe.exchange.connector import AcceptedDomain
from probe.exchange.problem import Place
from probe.exchange.replies.wording import RELAY_DENIED_ATTR36
from probe.powershell import Steps
from probe.statement import Confidence
from probe.text import sentence

_OPEN = "whether an inbound connector takes the mail cannot be told from what was given."
_NEITHER = "neither the certificate nor the sender is of an accepted domain."
_NONE_TAKES_IT = "no inbound connector takes the mail"
#: What TlsSenderCertificateName mends, and what it does not.
_MISSED = {Grade.NONE, Grade.INVALID, Grade.WILDCARD}
_MET = {Grade.BOTH, Grade.SUBJECT, Grade.ALTERNATIVE, Grade.BASE}


def outcome_of(found: Attribution) -> Outcome:
    """At risk is mail that comes in as the Internet's, and a connection that takes mail of some senders only."""
    match found.outcome:
        case Attributed.ATTRIBUTED:
            some = found.null_sender.outcome in {Attributed.REFUSED, Attributed.UNKNOWN}
            return Outcome.AT_RISK if some else Outcome.ACCEPTED
        case Attributed.INTERNET:
            return Outcome.AT_RISK
        case Attributed.REFUSED:
            return Outcome.REJECTED
        case Attributed.UNKNOWN:
            return Outcome.UNKNOWN


def names_of(evidence: Evidence) -> Presented | None:
    """The names of the leaf; what the rules of the chain tell of it is not told twice."""
    if evidence.leaf is None:
        return None
    own = presented_by(evidence.leaf)
    trusted = evidence.deciding is not None and evidence.deciding.trusted
    return own._replace(not_after=None, self_signed=own.self_signed if trusted else None)


def of_message(found: Attribution, start: str = "") -> Said:
    """What becomes of the message, after the words of `start`."""
    severity, text = Severity.RISK, _OPEN
    match found.outcome:
        case Attributed.REFUSED:
            severity = Severity.REJECT
            why = _NEITHER if found.matching else "no inbound connector takes it."
            text = f"the mail is refused: {why}"
        case Attributed.INTERNET:
            text = f"{_NONE_TAKES_IT}: it counts as mail from the Internet."
        case Attributed.ATTRIBUTED:
            severity = Severity.INFO
            text = f"the mail is taken by the inbound connector {_matching(found) or 'of the partner'}."
    return _said(found, severity, start + text)


def _said(found: Attribution, severity: Severity, text: str) -> Said:
    return Said(
        summary=sentence(text),
        detail="\n".join(found.sentences()),
        reply=found.reply if severity is Severity.REJECT else None,
        severity=severity,
        confidence=found.label,
        # What is as it should be needs no steps.
        remedy=None if severity is Severity.INFO else (),
    )


def connector_half(evidence: Evidence, by_name: Steps) -> Said | None:
    """Whether an inbound connector takes the connection; `by_name` are the steps where its name is at fault."""
    found = evidence.attribution or _by_settings(evidence)
    said = _connector_half(found)
    if evidence.attribution is None:
        why = found.matches[0].certificate.statements[-1]
        if said.severity is Severity.INFO and why.label is Confidence.DOCUMENTED:
            return None
        source = sentence(why.source) if said.severity is Severity.INFO else ""
        said = said._replace(summary=why.text, detail=source, remedy=())
    grades = {match.certificate.grade for match in found.matches if not match.partner}
    at_fault = said.severity is not Severity.INFO and grades & _MISSED and not grades & _MET
    return said._replace(remedy=by_name) if at_fault else said


def _connector_half(found: Attribution) -> Said:
    attr36 = found.outcome is Attributed.REFUSED and found.reply == RELAY_DENIED_ATTR36
    open_ = found.outcome is Attributed.UNKNOWN and not found.partner and found.ownership.domains
    if not attr36 and not (open_ and found.taken):
        return of_message(found)
    # The domains' half says what becomes of the mail.
    severity = Severity.INFO if found.taken else Severity.RISK
    text = _OPEN if found.taken is None else f"{_NONE_TAKES_IT}."
    if found.taken:
        text = f"the inbound connector {_matching(found)} matches."
    return _said(found, severity, text)._replace(confidence=found.taken_label)


def domain_half(evidence: Evidence) -> Said | None:
    """Whether the certificate's names are the tenant's, which mail without a sender of its own depends on."""
    found = evidence.attribution or _by_settings(evidence)
    owned, null = found.ownership.owned, found.null_sender
    a_partners = found.partner and found.taken is False
    refused = owned is False and RELAY_DENIED_ATTR36 in null.replies
    open_ = owned is None and found.ownership.domains and null.outcome is Attributed.UNKNOWN
    if a_partners or not (refused or open_):
        return None
    if found.outcome is Attributed.REFUSED and found.reply == RELAY_DENIED_ATTR36:
        said = _said(found, Severity.REJECT, f"the mail is refused: {_NEITHER}")
        return said._replace(detail="\n".join(map(str, found.ownership.statements)))
    statement = found.ownership.statements[0]
    return Said(
        summary=statement.text,
        detail=f"{NULL_SENDER} {RELAY_DENIED_ATTR36}" if refused else sentence(statement.source),
        reply=RELAY_DENIED_ATTR36 if refused else None,
        severity=Severity.RISK,
        confidence=Confidence.DOCUMENTED if refused else Confidence.INFERRED,
    )


def _by_settings(evidence: Evidence) -> Attribution:
    """The attribution of mail of an unknown sender by what the user told; where no domain was told, none is owned."""
    wanted, here = evidence.settings.tls_sender_certificate_name, Place("the command line")
    domains = (AcceptedDomain(source=here, domain_name=one) for one in evidence.settings.accepted_domains)
    connectors = (connector_asking_for(wanted),) if wanted else ()
    return attribute(names_of(evidence), connectors, domains, Envelope(), evidence.at)


def _matching(found: Attribution) -> str:
    return ", ".join(match.connector.name for match in found.matching)
