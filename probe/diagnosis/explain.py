"""From cases, exports and sightings to stories: each fault told once, what happened before what is predicted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from probe.diagnosis import tenant_attribution, untrusted_root
from probe.diagnosis.cases import Case
from probe.diagnosis.context import Scene, pin_steps, pinned_choice, ps, quoted_proof, sighted
from probe.eop.outlook import Outlook, outlook, own_mail, sends_to_exchange_online
from probe.eop.vocabulary import Outcome
from probe.exchange.attribution.names import presented_by_record
from probe.exchange.connector import SendConnector
from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.replies.entry import Entry, Flow
from probe.exchange.replies.recognise import classify
from probe.exchange.replies.wording import STALE_PIN
from probe.exchange.selection.choose import State
from probe.report.diagnosis import Advice, Proof, Story
from probe.report.reader import Sighting
from probe.statement import Confidence, Statement

_TENANT = frozenset({"to-eop-tenant-attribution", "to-eop-attr36", "to-eop-relay-denied"})
_MODELLED = "What Exchange Online says to it is worked out here; this is no reply of its own."
_PLACEHOLDER_NAME = "'<name>'"
_PLACEHOLDER_THUMBPRINT = "'<thumbprint of the public certificate>'"


def stories(cases: Iterable[Case], scene: Scene, at: datetime) -> tuple[Story, ...]:
    """Every story; `at` (aware UTC) is the instant of what is predicted."""
    told = [_tell(case, scene, case.last or at) for case in cases]
    told += _by_listeners(scene, told)
    told += _predicted(scene, told, at)
    order = (Outcome.REJECTED, Outcome.UNKNOWN, Outcome.AT_RISK, Outcome.ACCEPTED)
    return tuple(sorted(told, key=lambda story: (not story.seen, order.index(story.outcome))))


def _tell(case: Case, scene: Scene, at: datetime) -> Story:
    if case.reason == "to-eop-untrusted-root":
        return untrusted_root.tell(case, scene, at)
    if case.reason in _TENANT:
        return tenant_attribution.tell(case, scene, at)
    return _by_catalogue(case, scene, at)


def _by_catalogue(case: Case, scene: Scene, at: datetime) -> Story:
    """A case that only the catalogue explains, with the real names filled in."""
    entry, connector = case.entry, scene.connector(case.connector)
    selections = scene.selections(connector, at) if connector is not None else ()
    better = scene.better(selections, at, case.thumbprint)
    if connector is not None or case.first is not None:
        about_eop = scene.to_eop(connector, case)
    else:
        about_eop = entry is not None and entry.flow is not Flow.NEITHER
    return Story(
        id=case.reason,
        title=entry.title if entry else "A reply that the catalogue does not know",
        outcome=Outcome.REJECTED if about_eop else Outcome.AT_RISK,
        seen=True,
        connector=case.connector,
        thumbprint=case.thumbprint.upper() if case.thumbprint else None,
        reply=case.reply,
        happens=(Statement(f"{entry.judge} {entry.meaning}", entry.label),) if entry else (),
        proof=(*quoted_proof(case), *sighted(scene, case.thumbprint)),
        cause=tuple(Statement(one, entry.label, "the catalogue") for one in entry.causes) if entry else (),
        remedy=filled(entry.remedy, case.connector, better) if entry else (),
        verify=("See what is the case, and send a message:", *filled(entry.check, case.connector, better))
        if entry
        else (),
    )


def filled(
    steps: Iterable[str], connector: str | None, better: ExchangeCertificate | None
) -> tuple[str, ...]:
    """Steps of the catalogue with the real connector and certificate in place of the placeholders."""

    def fill(step: str) -> str:
        if connector is not None and "SendConnector" in step:
            step = step.replace(_PLACEHOLDER_NAME, ps(connector))
        if better is not None:
            step = step.replace(_PLACEHOLDER_THUMBPRINT, better.thumbprint.upper())
        return step

    return tuple(map(fill, steps))


def _by_listeners(scene: Scene, told: list[Story]) -> Iterator[Story]:
    """What a listener captured and would refuse, where no log has told it already."""
    known = {story.thumbprint for story in told if story.thumbprint is not None}
    for one in dict.fromkeys(s for s in scene.sightings if s.outcome in {"rejected", "at-risk"}):
        thumbprint = one.thumbprints[0].upper() if one.thumbprints else None
        key = thumbprint or f"{one.rule} {one.target}"  # without a certificate: once for each sender
        if key not in known:
            known.add(key)
            yield _sighting(scene, one, thumbprint)


def _sighting(scene: Scene, one: Sighting, thumbprint: str | None) -> Story:
    from probe.eop.rules import EVERY_RULE

    rule = next((rule for rule in EVERY_RULE if rule.id == one.rule), None)
    who = "The sender itself presented" if one.by_listener else "The endpoint presents"
    what = f"{thumbprint} ({one.subject or 'subject not known'})" if thumbprint else "no certificate"
    at = f" at {one.at:%Y-%m-%d %H:%M:%S} UTC" if one.at else ""
    return Story(
        id=one.rule or "listener",
        title=rule.title if rule else "What a capture shows",
        outcome=Outcome(one.outcome),
        seen=one.by_listener,
        connector=None,
        thumbprint=thumbprint,
        reply=one.reply,
        happens=(
            Statement(f"{who} {what}.", Confidence.DOCUMENTED),
            Statement(_MODELLED, Confidence.INFERRED),
        ),
        proof=sighted(scene, thumbprint.lower() if thumbprint else None)
        or (Proof(f"{one.source}: {one.target}{at}, verdict {one.outcome}."),),
        cause=(Statement(rule.meaning, Confidence(rule.confidence.value), f"rule {rule.id}"),)
        if rule
        else (),
        remedy=rule.advice if rule else (),
        verify=("The same capture again: the verdict must be accepted.",),
    )


def _predicted(scene: Scene, told: list[Story], at: datetime) -> Iterator[Story]:
    """What the exports alone let expect, for each enabled connector to Exchange Online not told of already."""
    judge = scene.judge(at)
    tenant = scene.tenant(None)
    seen = {(story.connector or "").lower() for story in told if story.seen}
    for connector in scene.gathered.send_connectors:
        to_eop = sends_to_exchange_online(connector)
        if connector.enabled is False or not to_eop or connector.name.lower() in seen:
            continue
        for selection in scene.selections(connector, at):
            found = outlook(connector, selection, judge, tenant)
            if found.outcome is Outcome.REJECTED or selection.state is State.AMBIGUOUS:
                yield _prediction(scene, connector, found, at)
                break


def _prediction(scene: Scene, connector: SendConnector, found: Outlook, at: datetime) -> Story:
    selection, winner = found.selection, found.selection.winner
    recognised = classify(found.reply) if found.reply else None
    entry = recognised.entry if recognised else None
    advice = _advice(scene, connector, found, entry, at)
    return Story(
        id=entry.id if entry else "ambiguous-choice",
        title=entry.title if entry else "Which certificate is presented is left to chance",
        outcome=found.outcome,
        seen=False,
        connector=connector.name,
        thumbprint=winner.thumbprint.upper() if winner else None,
        reply=found.reply,
        happens=(Statement(_expected(connector, found), Confidence.INFERRED),),
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
    scene: Scene, connector: SendConnector, found: Outlook, entry: Entry | None, at: datetime
) -> Advice:
    if entry is not None and entry.id in _TENANT:
        winner, tenant = found.selection.winner, scene.tenant(None)
        presented = presented_by_record(winner) if winner else None
        return tenant_attribution.advise(
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
    better = scene.better(scene.selections(connector, at), at, refused)
    return Advice(
        (),
        tuple(_remedy(connector, better, entry.remedy if entry else ())),
        tuple(_verify(scene, connector, better, at)),
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
    connector: SendConnector, better: ExchangeCertificate | None, otherwise: tuple[str, ...]
) -> Iterator[str]:
    if better is None:
        yield from filled(otherwise, connector.name, None)
        return
    yield from pin_steps(connector.name, better)
    servers = connector.source_transport_servers or ()
    if len(servers) > 1:
        yield f"See that it is on every source server: {', '.join(servers)}."


def _verify(
    scene: Scene, connector: SendConnector, better: ExchangeCertificate | None, at: datetime
) -> Iterator[str]:
    if better is not None:
        yield str(pinned_choice(scene, connector, better, at))
    yield "Look at the connector, and export it again to see what is chosen then:"
    yield f"PS> Get-SendConnector {ps(connector.name)} | fl Name,Fqdn,TlsCertificateName"
    yield f"$ eop-probe exchange select FILE... --connector {ps(connector.name)}"
