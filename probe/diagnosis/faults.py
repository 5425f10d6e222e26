"""From refusals, exports and captures to faults: each one once, what happened before what is predicted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from probe.diagnosis import tenant_attribution, untrusted_root
from probe.diagnosis.context import DiagnosisContext, captured, fault_of, pinned_choice
from probe.diagnosis.refusals import RefusalGroup
from probe.eop.outlook import Outlook, outlook, own_mail, sends_to_exchange_online
from probe.eop.vocabulary import WORST_FIRST, Outcome
from probe.exchange.attribution.names import presented_by_record
from probe.exchange.connector import SendConnector
from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.replies.entry import Entry, Flow
from probe.exchange.replies.recognise import classify
from probe.exchange.replies.wording import STALE_PIN
from probe.exchange.selection.result import State
from probe.powershell import Step, Steps, name_on_connector, retry_queue, show_connector
from probe.report.diagnosis import Advice, DiagnosedFault, Proof
from probe.report.reader import ReportedCapture
from probe.statement import Statement, documented, inferred

_TENANT = frozenset({"to-eop-tenant-attribution", "to-eop-attr36", "to-eop-relay-denied"})


def faults(
    groups: Iterable[RefusalGroup], context: DiagnosisContext, at: datetime
) -> tuple[DiagnosedFault, ...]:
    """Every fault; `at` (aware UTC) is the instant of what is predicted."""
    told = [_account(group, context, group.last or at) for group in groups]
    told += _by_listeners(context, told)
    told += _predicted(context, told, at)
    return tuple(sorted(told, key=lambda fault: (not fault.seen, WORST_FIRST.index(fault.outcome))))


def _account(group: RefusalGroup, context: DiagnosisContext, at: datetime) -> DiagnosedFault:
    if group.reason == "to-eop-untrusted-root":
        return untrusted_root.account(group, context, at)
    if group.reason in _TENANT:
        return tenant_attribution.account(group, context, at)
    return _by_catalogue(group, context, at)


def _by_catalogue(group: RefusalGroup, context: DiagnosisContext, at: datetime) -> DiagnosedFault:
    """A group that only the catalogue explains, with the real names filled in."""
    entry, connector = group.entry, context.connector(group.connector)
    selections = context.selections(connector, at) if connector is not None else ()
    better = context.better(selections, at, group.thumbprint)
    about_eop = any(one.found.flow is not Flow.NEITHER for one in group.texts)
    if connector is not None or group.first is not None:
        known = sends_to_exchange_online(connector) if connector is not None else None
        about_eop = group.to_eop if known is None else known
    advice = Advice((), (), ())
    if entry is not None:
        check = context.filled(entry.check, group.connector, better, group.host)
        advice = Advice(
            tuple(Statement(one, entry.label, "the catalogue") for one in entry.causes),
            context.filled(entry.remedy, group.connector, better, group.host),
            ("See what is the case, and send a message.", *check),
        )
    return fault_of(
        group,
        context,
        title=entry.title if entry else "A reply that the catalogue does not know",
        happens=(Statement(f"{entry.judge} {entry.meaning}", entry.label),) if entry else (),
        advice=advice,
        outcome=Outcome.REJECTED if about_eop else Outcome.AT_RISK,
    )


def _by_listeners(context: DiagnosisContext, told: list[DiagnosedFault]) -> Iterator[DiagnosedFault]:
    """What a listener captured and would refuse, where no log has told it already."""
    known = {fault.thumbprint for fault in told}
    for one in dict.fromkeys(s for s in context.captures if s.outcome in {"rejected", "at-risk"}):
        # Without a certificate: once for each sender.
        key = one.thumbprints[0] if one.thumbprints else f"{one.rule} {one.target}"
        if key not in known:
            known.add(key)
            yield _capture(context, one)


def _capture(context: DiagnosisContext, one: ReportedCapture) -> DiagnosedFault:
    from probe.eop.rules.every import EVERY_RULE

    rule = next((rule for rule in EVERY_RULE if rule.id == one.rule), None)
    who = "The sender itself presented" if one.by_listener else "The endpoint presents"
    thumbprint = next(iter(one.thumbprints), None)
    what = f"{thumbprint.upper()} ({one.subject or 'subject not known'})" if thumbprint else "no certificate"
    at = f" at {one.at:%Y-%m-%d %H:%M:%S} UTC" if one.at else ""
    return DiagnosedFault(
        id=one.rule or "listener",
        title=rule.title if rule else "What a capture shows",
        outcome=Outcome(one.outcome),
        seen=one.by_listener,
        connector=None,
        thumbprint=thumbprint,
        reply=one.reply,
        happens=(
            documented(f"{who} {what}."),
            inferred("What Exchange Online says to it is worked out here; this is no reply of its own."),
        ),
        proof=captured(context, thumbprint)
        or (Proof(f"{one.source}: {one.target}{at}, verdict {one.outcome}."),),
        cause=(Statement(rule.meaning, rule.confidence, f"rule {rule.id}"),) if rule else (),
        remedy=rule.advice if rule else (),
        verify=("The same capture again: the verdict must be accepted.",),
    )


def _predicted(
    context: DiagnosisContext, told: list[DiagnosedFault], at: datetime
) -> Iterator[DiagnosedFault]:
    """What the exports alone let expect, for each enabled connector to Exchange Online not told of already."""
    judge = context.judge(at)
    tenant = context.tenant(None)
    seen = {(fault.connector or "").lower() for fault in told if fault.seen}
    for connector in context.gathered.send_connectors:
        to_eop = sends_to_exchange_online(connector)
        if connector.enabled is False or not to_eop or connector.name.lower() in seen:
            continue
        for selection in context.selections(connector, at):
            found = outlook(connector, selection, judge, tenant)
            if found.outcome is Outcome.REJECTED or selection.state is State.AMBIGUOUS:
                yield _prediction(context, connector, found, at)
                break


def _prediction(
    context: DiagnosisContext, connector: SendConnector, found: Outlook, at: datetime
) -> DiagnosedFault:
    selection, winner = found.selection, found.selection.winner
    recognised = classify(found.reply) if found.reply else None
    entry = recognised.entry if recognised else None
    advice = _advice(context, connector, found, entry, at)
    return DiagnosedFault(
        id=entry.id if entry else "ambiguous-choice",
        title=entry.title if entry else "Which certificate is presented is left to chance",
        outcome=found.outcome,
        seen=False,
        connector=connector.name,
        thumbprint=winner.thumbprint if winner else None,
        reply=found.reply,
        happens=(inferred(_expected(connector, found)),),
        proof=(Proof(f"The exports: {connector.source}{f'; {winner.source}' if winner else ''}."),),
        cause=(
            *selection.statements,
            *(s for one in found.judged for s in one.statements[:1]),
            *advice.cause,
        ),
        remedy=advice.remedy,
        verify=advice.verify,
    )


def _advice(
    context: DiagnosisContext, connector: SendConnector, found: Outlook, entry: Entry | None, at: datetime
) -> Advice:
    if entry is not None and entry.id in _TENANT:
        winner, tenant = found.selection.winner, context.tenant(None)
        presented = presented_by_record(winner) if winner else None
        return tenant_attribution.advise(
            context,
            presented,
            tenant,
            own_mail(connector, tenant),
            at,
            entry=entry,
            connector=connector.name,
            thumbprint=winner.thumbprint if winner else None,
        )
    possible = found.selection.possible
    refused = possible[0].thumbprint if possible and found.reply else None
    better = context.better(context.selections(connector, at), at, refused)
    return Advice(
        (),
        tuple(_remedy(context, connector, better, entry.remedy if entry else ())),
        tuple(_verify(context, connector, better, at)),
    )


def _expected(connector: SendConnector, found: Outlook) -> str:
    server = found.selection.server or "its server"
    if found.reply == STALE_PIN:
        return f"Mail through '{connector.name}' will stay in the queue of {server}: its pin matches no certificate."
    if found.selection.state is State.AMBIGUOUS:
        return (
            f"On {server} several certificates fit '{connector.name}', and the published readings disagree."
        )
    return f"Exchange Online will refuse mail that '{connector.name}' sends from {server}."


def _remedy(
    context: DiagnosisContext, connector: SendConnector, better: ExchangeCertificate | None, otherwise: Steps
) -> Iterator[Step]:
    if better is None:
        yield from context.filled(otherwise, connector.name, None)
        return
    mark = better.thumbprint.upper()
    yield from name_on_connector(mark, connector.name, what=mark)
    servers = connector.source_transport_servers or ()
    if len(servers) > 1:
        yield f"See that it is on every source server: {', '.join(servers)}."
    yield from retry_queue(connector.name)


def _verify(
    context: DiagnosisContext, connector: SendConnector, better: ExchangeCertificate | None, at: datetime
) -> Iterator[Step]:
    if better is not None:
        yield str(pinned_choice(context, connector, better, at))
    yield "Look at the connector, and export it again to see what is chosen then:"
    yield show_connector(connector.name)
    yield context.again("exchange select", connector=connector.name)
