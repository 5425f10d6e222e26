"""5.7.64: Exchange Online cannot tie the connection to the tenant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from probe.diagnosis.context import DiagnosisContext, fault_of
from probe.diagnosis.refusals import RefusalGroup
from probe.eop.outlook import Tenant
from probe.exchange.attribution.names import Presented, base, presented_by_record, presented_in_log
from probe.exchange.attribution.tenant import Attributed, Attribution, Envelope, attribute
from probe.exchange.connector import ConnectorType, InboundConnector
from probe.exchange.replies.entry import Entry
from probe.exchange.selection.candidates import title
from probe.powershell import IMPORT_INTERMEDIATE, INBOUND_CONNECTOR, Step, Steps, enable_inbound, expect_name
from probe.report.diagnosis import Advice, DiagnosedFault, Proof
from probe.statement import Statement, documented, inferred

#: Connectors to repair that are offered of one kind.
MAX_FIXES = 3
#: Names of a certificate that are tried on a connector.
_MAX_NAMES = 20


class Fix(NamedTuple):
    """A repair: what it is, its steps, and the connector as it would be."""

    words: str
    steps: Steps
    connector: InboundConnector


def account(group: RefusalGroup, context: DiagnosisContext, at: datetime) -> DiagnosedFault:
    """What can be said of it, as far as the evidence goes."""
    tenant = context.tenant(group.seen_as)
    advice = advise(
        context,
        _presented(group, context),
        tenant,
        Envelope(group.mail_from, tenant.address, group.rcpt_to),
        at,
        entry=group.entry,
        connector=group.connector,
        thumbprint=group.thumbprint,
    )
    return fault_of(
        group,
        context,
        title="No inbound connector of the tenant recognises the connection",
        happens=(_happens(group, context),),
        configured=_configured(context),
        advice=advice,
    )


def advise(
    context: DiagnosisContext,
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
        tuple(_verify(context, connector, thumbprint, envelope, fixes)),
    )


def _presented(group: RefusalGroup, context: DiagnosisContext) -> Presented | None:
    record, logged = context.record(group.thumbprint), group.certificate
    if record is not None:
        return presented_by_record(record)
    return presented_in_log(logged.subject or "", logged.names) if logged is not None else None


def _attribution(
    presented: Presented | None, tenant: Tenant, envelope: Envelope, at: datetime
) -> Attribution:
    return attribute(presented, tenant.connectors, tenant.domains or None, envelope, at)


def _happens(group: RefusalGroup, context: DiagnosisContext) -> Statement:
    record = context.record(group.thumbprint)
    which = title(record) if record is not None else (group.thumbprint or "a certificate not known").upper()
    mail = f" from {group.mail_from or '<>'}" if group.mail_from is not None else ""
    mail += f" to {group.rcpt_to}" if group.rcpt_to else ""
    source = f" from address {group.seen_as}" if group.seen_as else ""
    text = (
        f"{group.sender} presents {which}{source}; Exchange Online refuses the mail{mail} at the recipient."
    )
    return documented(text)


def _configured(context: DiagnosisContext) -> Iterator[Proof]:
    for one in _by_name(context.gathered.inbound_connectors):
        state = "disabled" if one.enabled is False else "enabled"
        value = one.tls_sender_certificate_name
        yield Proof(f"Inbound connector '{one.name}' ({state}) asks for {value} ({one.source}).")


def _by_name(connectors: Iterable[InboundConnector]) -> list[InboundConnector]:
    """The organisation's own that go by a certificate."""
    own = (c for c in connectors if c.connector_type is not ConnectorType.PARTNER)
    return [c for c in own if c.tls_sender_certificate_name]


def _cause(entry: Entry | None, found: Attribution | None) -> Iterator[Statement]:
    if found is None:
        if entry is not None:
            yield from (Statement(cause, entry.label, "the catalogue") for cause in entry.causes)
        yield documented("No export of the inbound connectors was given.")
        return
    yield from found.own_statements
    if found.outcome is Attributed.ATTRIBUTED:
        text = (
            "By the exports a connector matches, so the intermediate certificates were most likely not sent, or the "
            "connectors have changed since."
        )
        yield inferred(text, "KB 3212877")


def _working(presented: Presented | None, tenant: Tenant, envelope: Envelope, at: datetime) -> Iterator[Fix]:
    """The repairs that the simulation confirms: of each connector the first exact name and the first wildcard."""
    taken: set[tuple[str, bool]] = set()
    for fix in _fixes(presented, tenant):
        kind = fix.connector.name, "*" in (fix.connector.tls_sender_certificate_name or "")
        if kind in taken:
            continue
        changed = tuple(fix.connector if one.name == fix.connector.name else one for one in tenant.connectors)
        after = _attribution(presented, tenant._replace(connectors=changed), envelope, at)
        if after.outcome is Attributed.ATTRIBUTED:
            taken.add(kind)
            yield fix


def _fixes(presented: Presented | None, tenant: Tenant) -> Iterator[Fix]:
    by_name = _by_name(tenant.connectors)
    for connector in [c for c in by_name if c.enabled is not False][:MAX_FIXES]:
        for value in _values(presented, tenant):
            yield Fix(
                f"Let '{connector.name}' ask for {value} instead of {connector.tls_sender_certificate_name}",
                expect_name(value, connector.name),
                replace(connector, tls_sender_certificate_name=value),
            )
    for connector in [c for c in by_name if c.enabled is False][:MAX_FIXES]:
        yield Fix(
            f"Enable '{connector.name}' again, which asks for {connector.tls_sender_certificate_name}",
            (enable_inbound(connector.name),),
            replace(connector, enabled=True),
        )


def _values(presented: Presented | None, tenant: Tenant) -> list[str]:
    """What TlsSenderCertificateName could be: an exact name, else a wildcard of an accepted domain (KB 3169958)."""
    names = presented.every_name[:_MAX_NAMES] if presented is not None else ()
    accepted = {base(domain.domain_name) for domain in tenant.domains}
    exact = (name for name in names if "." in name and "*" not in name)
    above = (domain for name in names for domain in (base(name), base(name).partition(".")[2]))
    return list(dict.fromkeys((*exact, *(f"*.{domain}" for domain in above if domain in accepted))))


def _remedy(
    entry: Entry | None, tenant: Tenant, found: Attribution | None, fixes: tuple[Fix, ...]
) -> Iterator[Step]:
    for number, fix in enumerate(fixes):
        yield f"Or: {fix.words}:" if number else f"{fix.words}:"
        yield from fix.steps
    wanted = [
        c.tls_sender_certificate_name or "" for c in _by_name(tenant.connectors) if c.enabled is not False
    ]
    if found is not None and found.outcome is not Attributed.ATTRIBUTED and wanted:
        yield f"Or present a certificate of a public CA that bears {' or '.join(dict.fromkeys(wanted))}."
    if not fixes and entry is not None:
        yield from entry.remedy
    elif found is not None and found.outcome is Attributed.ATTRIBUTED:
        yield from IMPORT_INTERMEDIATE


def _verify(
    context: DiagnosisContext,
    connector: str | None,
    thumbprint: str | None,
    envelope: Envelope,
    fixes: tuple[Fix, ...],
) -> Iterator[Step]:
    if fixes:
        yield f"Simulated with the first change: the mail is attributed to the tenant (by '{fixes[0].connector.name}')."
    yield "After the change, export the connectors again and ask:"
    yield context.again(
        "exchange attribute",
        thumbprint=thumbprint.upper() if thumbprint else None,
        sender=None if envelope.sender is None else envelope.sender or "<>",
        ip=envelope.address or None,
    )
    yield INBOUND_CONNECTOR
    yield "Send a message; new sessions must be delivered:"
    yield context.new_sessions(connector)
    yield "Try an out-of-office reply as well: its null sender needs the certificate, not the sender's domain."
