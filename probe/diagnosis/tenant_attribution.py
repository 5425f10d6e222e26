"""The story of 5.7.64: Exchange Online cannot tie the connection to the tenant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from probe.diagnosis.cases import Case
from probe.diagnosis.context import Scene, ps, quoted_proof, sighted
from probe.eop.outlook import Tenant
from probe.eop.vocabulary import Outcome
from probe.exchange.attribution.names import Presented, base, presented_by_record, presented_in_log
from probe.exchange.attribution.tenant import Attributed, Attribution, Envelope, attribute
from probe.exchange.connector import ConnectorType, InboundConnector
from probe.exchange.replies.entry import Entry
from probe.exchange.selection.candidates import title
from probe.report.diagnosis import Advice, Proof, Story
from probe.statement import Confidence, Statement

#: Repairs that are offered of one kind.
MAX_FIXES = 3


class Fix(NamedTuple):
    """A repair: what it is, its command, and the connector as it would be."""

    words: str
    command: str
    connector: InboundConnector


def tell(case: Case, scene: Scene, at: datetime) -> Story:
    """Tell it, as far as the evidence goes."""
    tenant = scene.tenant(case.seen_as)
    advice = advise(
        _presented(case, scene),
        tenant,
        Envelope(case.mail_from, tenant.address, case.rcpt_to),
        at,
        entry=case.entry,
        connector=case.connector,
        thumbprint=case.thumbprint,
    )
    return Story(
        id=case.reason,
        title="No inbound connector of the tenant recognises the connection",
        outcome=Outcome.REJECTED,
        seen=True,
        connector=case.connector,
        thumbprint=case.thumbprint.upper() if case.thumbprint else None,
        reply=case.reply,
        happens=tuple(_happens(case, scene)),
        proof=(*quoted_proof(case), *sighted(scene, case.thumbprint), *_configured(scene)),
        cause=advice.cause,
        remedy=advice.remedy,
        verify=advice.verify,
    )


def advise(
    presented: Presented | None,
    tenant: Tenant,
    envelope: Envelope,
    at: datetime,
    *,
    entry: Entry | None,
    connector: str | None,
    thumbprint: str | None,
) -> Advice:
    """Why no connector matches, the repairs that the simulation confirms, and how to see that they work."""
    found = _attribution(presented, tenant, envelope, at) if tenant.connectors else None
    fixes = tuple(_working(presented, tenant, envelope, at)) if found is not None else ()
    return Advice(
        tuple(_cause(entry, found)),
        tuple(_remedy(entry, tenant, found, fixes)),
        tuple(_verify(connector, thumbprint, envelope, fixes)),
    )


def _presented(case: Case, scene: Scene) -> Presented | None:
    record = scene.record(case.thumbprint)
    if record is not None:
        return presented_by_record(record)
    if case.certificate is not None:
        return presented_in_log(case.certificate.subject or "", case.certificate.names)
    return None


def _attribution(
    presented: Presented | None, tenant: Tenant, envelope: Envelope, at: datetime
) -> Attribution:
    return attribute(presented, tenant.connectors, tenant.domains or None, envelope, at)


def _happens(case: Case, scene: Scene) -> Iterator[Statement]:
    record = scene.record(case.thumbprint)
    which = title(record) if record is not None else (case.thumbprint or "a certificate not known").upper()
    who = f"The Send connector '{case.connector}'" if case.connector else "A Send connector"
    mail = f" from {case.mail_from or '<>'}" if case.mail_from is not None else ""
    mail += f" to {case.rcpt_to}" if case.rcpt_to else ""
    source = f" from address {case.seen_as}" if case.seen_as else ""
    text = f"{who} presents {which}{source}; Exchange Online refuses the mail{mail} at the recipient."
    yield Statement(text, Confidence.DOCUMENTED)


def _configured(scene: Scene) -> Iterator[Proof]:
    for one in scene.gathered.inbound_connectors:
        if one.connector_type is not ConnectorType.PARTNER and one.tls_sender_certificate_name:
            state = "disabled" if one.enabled is False else "enabled"
            value = one.tls_sender_certificate_name
            yield Proof(f"Inbound connector '{one.name}' ({state}) asks for {value} ({one.source}).")


def _cause(entry: Entry | None, found: Attribution | None) -> Iterator[Statement]:
    if found is None:
        if entry is not None:
            yield from (Statement(cause, entry.label, "the catalogue") for cause in entry.causes)
        yield Statement("No export of the inbound connectors was given.", Confidence.DOCUMENTED)
        return
    for match in found.matches:
        if match.connector.connector_type is not ConnectorType.PARTNER:
            yield from match.statements
    said = {one for match in found.matches for one in match.statements}
    yield from (one for one in found.statements if one not in said)
    if found.outcome is Attributed.ATTRIBUTED:
        text = (
            "By the exports a connector matches, so the intermediate certificates were most likely not sent, or the "
            "connectors have changed since."
        )
        yield Statement(text, Confidence.INFERRED, "KB 3212877")


def _working(presented: Presented | None, tenant: Tenant, envelope: Envelope, at: datetime) -> Iterator[Fix]:
    """The repairs that the simulation confirms."""
    for fix in _fixes(presented, tenant):
        changed = tuple(fix.connector if one.name == fix.connector.name else one for one in tenant.connectors)
        after = _attribution(presented, tenant._replace(connectors=changed), envelope, at)
        if after.outcome is Attributed.ATTRIBUTED:
            yield fix


def _fixes(presented: Presented | None, tenant: Tenant) -> Iterator[Fix]:
    own = [c for c in tenant.connectors if c.connector_type is not ConnectorType.PARTNER]
    by_name = [c for c in own if c.tls_sender_certificate_name]
    for connector in [c for c in by_name if c.enabled is not False][:MAX_FIXES]:
        for value in _values(presented, tenant)[:MAX_FIXES]:
            yield Fix(
                f"Let '{connector.name}' ask for {value} instead of {connector.tls_sender_certificate_name}",
                f"PS> Set-InboundConnector {ps(connector.name)} -TlsSenderCertificateName {ps(value)}",
                replace(connector, tls_sender_certificate_name=value),
            )
    for connector in [c for c in by_name if c.enabled is False][:MAX_FIXES]:
        yield Fix(
            f"Enable '{connector.name}' again, which asks for {connector.tls_sender_certificate_name}",
            f"PS> Set-InboundConnector {ps(connector.name)} -Enabled $true",
            replace(connector, enabled=True),
        )


def _values(presented: Presented | None, tenant: Tenant) -> list[str]:
    """What TlsSenderCertificateName could be: a wildcard of an accepted domain (KB 3169958 prefers it), else a name."""
    if presented is None:
        return []
    accepted = {base(domain.domain_name) for domain in tenant.domains}
    found: dict[str, None] = {}
    for name in presented.every_name:
        for domain in (base(name), base(name).partition(".")[2]):
            if domain in accepted:
                found[f"*.{domain}"] = None
    if not found:
        found = dict.fromkeys(name for name in presented.every_name if "." in name and "*" not in name)
    return list(found)


def _remedy(
    entry: Entry | None, tenant: Tenant, found: Attribution | None, fixes: tuple[Fix, ...]
) -> Iterator[str]:
    for number, fix in enumerate(fixes):
        yield f"{'Or: ' if number else 'In Exchange Online PowerShell: '}{fix.words}:"
        yield fix.command
    if any("*." in fix.command for fix in fixes):
        yield "Mind that a wildcard stands for all subdomains and can catch other clients' mail too."
    wanted = [
        c.tls_sender_certificate_name
        for c in tenant.connectors
        if c.enabled is not False
        and c.connector_type is not ConnectorType.PARTNER
        and c.tls_sender_certificate_name
    ]
    if found is not None and found.outcome is not Attributed.ATTRIBUTED and wanted:
        yield f"Or present a certificate of a public CA that bears {' or '.join(dict.fromkeys(wanted))}."
    if not fixes and entry is not None:
        yield from entry.remedy
    elif found is not None and found.outcome is Attributed.ATTRIBUTED:
        yield "Import the missing intermediate certificates on every sending server (KB 3212877)."


def _verify(
    connector: str | None, thumbprint: str | None, envelope: Envelope, fixes: tuple[Fix, ...]
) -> Iterator[str]:
    if fixes:
        yield f"Simulated with the first change: the mail is attributed to the tenant (by '{fixes[0].connector.name}')."
    yield "After the change, export the connectors again and ask:"
    which = f" --thumbprint {thumbprint.upper()}" if thumbprint else ""
    sender = f" --sender {ps(envelope.sender or '<>')}" if envelope.sender is not None else ""
    address = f" --ip {envelope.address}" if envelope.address else ""
    yield f"$ eop-probe exchange attribute FILE...{which}{sender}{address}"
    yield "PS> Get-InboundConnector | fl Name,Enabled,ConnectorType,TlsSenderCertificateName,SenderIPAddresses"
    name = ps(connector or "NAME")
    yield "Send a message; new sessions must be delivered:"
    yield f"$ eop-probe exchange log FOLDER --connector {name} --since INSTANT"
    yield "Try an out-of-office reply as well: its null sender needs the certificate, not the sender's domain."
