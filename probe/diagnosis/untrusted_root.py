"""KB 2888788: the server presents a certificate that Exchange Online does not trust."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from probe import powershell
from probe.diagnosis.context import DiagnosisContext, fault_of, pinned_choice
from probe.diagnosis.refusals import RefusalGroup
from probe.exchange.connector import SendConnector
from probe.exchange.inventory import ExchangeCertificate, Services
from probe.exchange.selection.candidates import title
from probe.exchange.selection.result import Selection, State
from probe.powershell import Command, Step
from probe.report.diagnosis import Advice, DiagnosedFault, Proof
from probe.statement import Statement, documented, inferred


class _Case(NamedTuple):
    """The refusals, when they are looked at, the connector and certificate they are about, and a better one."""

    group: RefusalGroup
    context: DiagnosisContext
    at: datetime
    connector: SendConnector | None
    sent: ExchangeCertificate | None
    selections: tuple[Selection, ...]
    better: ExchangeCertificate | None
    public: bool
    """Whether the certificate sent is one that Exchange Online takes, so that only its chain can be at fault."""


def account(group: RefusalGroup, context: DiagnosisContext, at: datetime) -> DiagnosedFault:
    """What can be said of it, as far as the evidence goes."""
    connector, sent = context.connector(group.connector), context.record(group.thumbprint)
    selections = context.selections(connector, at) if connector is not None else ()
    better = context.better(selections, at, group.thumbprint)
    public = sent is not None and context.judge(at).refused(sent) is False
    case = _Case(group, context, at, connector, sent, selections, better, public)
    remedy = tuple(_complete(case) if public else _remedy(case))
    return fault_of(
        group,
        context,
        title=_title(case),
        happens=(_happens(case),),
        configured=_before(case),
        advice=Advice(tuple(_cause(case)), remedy, tuple(_verify(case, sent if public else better))),
    )


def _title(case: _Case) -> str:
    group, sent = case.group, case.sent
    if case.public:
        return "The certificate is a public one, but its chain does not reach Exchange Online whole"
    if sent is not None and sent.is_self_signed:
        return "A self-signed certificate is presented to Exchange Online"
    if group.thumbprint:
        return "A certificate of a CA that Exchange Online does not trust is presented"
    return group.entry.title if group.entry else "Exchange Online does not trust the certificate"


def _happens(case: _Case) -> Statement:
    group, sent = case.group, case.sent
    if which := title(sent) if sent is not None else (group.thumbprint or "").upper():
        return documented(f"{group.sender} presents {which} to Exchange Online, which refuses it.")
    text = "presents a certificate that Exchange Online refuses; which one, a Send protocol log tells."
    return documented(f"{group.sender} {text}")


def _before(case: _Case) -> Iterator[Proof]:
    """What the connector sent before, and that it worked."""
    group, context = case.group, case.context
    for change in context.changes:
        if change.connector == group.connector and change.after == group.thumbprint:
            yield Proof(
                f"Until then the connector presented {change.before.upper()}; by {change.at:%Y-%m-%d %H:%M} UTC "
                f"{change.after.upper()} had taken its place{f' on {change.server}' if change.server else ''}."
            )
            if (seen := context.delivered.get(change.before)) is not None and seen.at:
                yield Proof(
                    f"With {change.before.upper()} mail was delivered on {seen.at:%Y-%m-%d %H:%M} UTC "
                    f"(session {seen.session}, {seen.source})."
                )


def _cause(case: _Case) -> Iterator[Statement]:
    group, sent, better = case.group, case.sent, case.better
    if sent is not None:
        yield from _about_root(case, sent)
    elif group.thumbprint and case.context.gathered.inventory.certificates:
        yield documented("The certificate is in no export given.")
    if sent is not None and better is not None and not case.public:
        yield from _newer(sent, better)
    for selection in case.selections:
        yield from _simulated(group, selection)
    if group.entry is not None and (sent is None or not case.selections):
        yield from (Statement(cause, group.entry.label, "the catalogue") for cause in group.entry.causes)


def _about_root(case: _Case, sent: ExchangeCertificate) -> Iterator[Statement]:
    yield from case.context.judge(case.at).of(sent).statements[:1]
    if case.public:
        text = (
            "So the intermediate certificates are most likely not sent along; Exchange Online fetches none."
        )
        yield inferred(text, "KB 3212877 and the article on 4.4.317, by analogy")
    elif sent.root_ca_type is not None:
        text = (
            f"The server itself knows the root as {sent.root_ca_type.value}; trust there says nothing of EOP."
        )
        yield inferred(text, "Get-ExchangeCertificate, RootCAType")


def _newer(sent: ExchangeCertificate, better: ExchangeCertificate) -> Iterator[Statement]:
    """Two certificates for one name, and the wrong one wins."""
    shared = [name for name in sent.names if name.lower() in {one.lower() for one in better.names}]
    if not shared:
        return
    text = (
        f"Two certificates are for {shared[0]}: {title(sent)}, of a CA that Exchange Online does not trust, and "
        f"{title(better)}."
    )
    yield documented(text, "KB 2888788")
    if sent.not_before and better.not_before and sent.not_before > better.not_before:
        text = (
            f"{sent.thumbprint.upper()} wins by being newer: valid from {sent.not_before:%Y-%m-%d}, the other from "
            f"{better.not_before:%Y-%m-%d}."
        )
        yield inferred(text, "simulated after the inbound algorithm, newest Valid from first")


def _simulated(group: RefusalGroup, selection: Selection) -> Iterator[Statement]:
    server = selection.server or "the server"
    if selection.state is State.CHOSEN and selection.winner is not None:
        agrees = selection.winner.thumbprint == group.thumbprint
        text = f"The simulation of {server} chooses {selection.winner.thumbprint.upper()}"
        also = ", as the log proves." if agrees else "; the log proves another one, and counts."
        yield Statement(text + also, selection.choices[0].readings[0].label)
    elif selection.state is not State.CHOSEN:
        yield inferred(f"On {server} the simulation ends: {selection.state.value}.")


def _remedy(case: _Case) -> Iterator[Step]:
    """The steps in order."""
    name, connector, better = case.group.connector, case.connector, case.better
    if better is None:
        yield "Get a certificate of a public CA for the connector's name."
        yield from powershell.import_certificate()
        yield from powershell.enable_for_smtp(what="it")
        yield from powershell.name_on_connector(connector=name)
    else:
        yield from _use(name, better)
    servers = (connector.source_transport_servers or ()) if connector is not None else ()
    if len(servers) > 1:
        yield f"See that the certificate is on every source server: {', '.join(servers)}."
    yield from powershell.retry_queue(name)
    if case.sent is not None:
        yield from _old(case.sent)


def _complete(case: _Case) -> Iterator[Step]:
    """A public certificate whose chain is not sent (KB 3212877)."""
    names = (case.connector.fqdn if case.connector else None, *(case.sent.names if case.sent else ()))
    host = next((name for name in names if name and "*" not in name), powershell.SERVER)
    yield "See what the server sends along: as its client, or by the certificate its Receive connector shows:"
    yield powershell.eop_probe("listen")
    yield powershell.eop_probe("check", host)
    yield from powershell.IMPORT_INTERMEDIATE


def _use(name: str | None, better: ExchangeCertificate) -> Iterator[Step]:
    thumbprint = better.thumbprint.upper()
    if better.services is not None and Services.SMTP in better.services:
        yield f"{title(better)} is already enabled for SMTP: nothing to do about that."
    else:
        yield from powershell.enable_for_smtp(thumbprint, what=title(better))
    yield from powershell.name_on_connector(thumbprint, name, what=thumbprint)


def _old(sent: ExchangeCertificate) -> Iterator[Step]:
    """What becomes of the refused certificate: KB 2888788's step no longer helps; removing it may."""
    thumbprint = sent.thumbprint.upper()
    rest = (sent.services if sent.services is not None else Services.NONE) & ~Services.SMTP
    if sent.services is not None and Services.SMTP in sent.services and rest:
        yield powershell.UNBINDING
        yield f"See what {thumbprint} serves now:"
        yield powershell.services_of(thumbprint)
    if sent.is_self_signed:
        return
    used = f" (it serves {rest.text} now)" if rest else ""
    yield (
        f"Only if nothing else uses {thumbprint}{used}, and it is not the internal transport certificate, remove "
        "it; create its replacement first:"
    )
    yield Command(f"Remove-ExchangeCertificate -Thumbprint {thumbprint}")


def _verify(case: _Case, right: ExchangeCertificate | None) -> Iterator[Step]:
    """How to see, before and after the change, that it worked; `right` is to be presented then."""
    context, connector, name = case.context, case.connector, case.group.connector
    mark = right.thumbprint.upper() if right is not None else "the public certificate"
    if right is not None and connector is not None:
        yield str(pinned_choice(context, connector, right, case.at))
        yield "Before the change, the same by yourself:"
        yield context.again(
            "exchange select", connector=connector.name, set_tls_certificate_name=f"{connector.name}={mark}"
        )
    yield "After it, on the server:"
    yield powershell.show_connector(name)
    yield f"Send a message; new sessions must present {mark} and be delivered:"
    yield context.new_sessions(name)
    if right is not None and right.not_after is not None:
        yield f"{mark} ends on {right.not_after:%Y-%m-%d}; try its successor beforehand:"
        yield context.again("exchange select", with_="<file of the new certificate>")
