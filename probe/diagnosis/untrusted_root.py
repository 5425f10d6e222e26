"""KB 2888788: the server presents a certificate that Exchange Online does not trust."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from probe import powershell
from probe.diagnosis.context import DiagnosisContext, captured, pinned_choice, quoted_proof
from probe.diagnosis.refusals import RefusalGroup
from probe.eop.vocabulary import Outcome
from probe.exchange.connector import SendConnector
from probe.exchange.inventory import ExchangeCertificate, Services
from probe.exchange.selection.candidates import title
from probe.exchange.selection.result import Selection, State
from probe.powershell import Command, Step
from probe.report.diagnosis import DiagnosedFault, Proof
from probe.statement import Statement, documented, inferred

_KB = "KB 2888788"


def account(group: RefusalGroup, context: DiagnosisContext, at: datetime) -> DiagnosedFault:
    """What can be said of it, as far as the evidence goes."""
    connector, sent = context.connector(group.connector), context.record(group.thumbprint)
    selections = context.selections(connector, at) if connector is not None else ()
    better = context.better(selections, at, group.thumbprint)
    public = sent is not None and context.judge(at).refused(sent) is False
    return DiagnosedFault(
        id=group.reason,
        title=_title(group, sent, public=public),
        outcome=Outcome.REJECTED,
        seen=True,
        connector=group.connector,
        thumbprint=group.thumbprint.upper() if group.thumbprint else None,
        reply=group.reply,
        happens=tuple(_happens(group, sent)),
        proof=(*quoted_proof(group), *captured(context, group.thumbprint), *_before(group, context)),
        cause=tuple(_cause(group, context, sent, better, selections, at)),
        remedy=tuple(
            _complete(connector, sent) if public else _remedy(group.connector, connector, sent, better)
        ),
        verify=tuple(_verify(context, group.connector, connector, sent if public else better, at)),
    )


def _title(group: RefusalGroup, sent: ExchangeCertificate | None, *, public: bool) -> str:
    if public:
        return "The certificate is a public one, but its chain does not reach Exchange Online whole"
    if sent is not None and sent.is_self_signed:
        return "A self-signed certificate is presented to Exchange Online"
    if group.thumbprint:
        return "A certificate of a CA that Exchange Online does not trust is presented"
    return group.entry.title if group.entry else "Exchange Online does not trust the certificate"


def _happens(group: RefusalGroup, sent: ExchangeCertificate | None) -> Iterator[Statement]:
    which = title(sent) if sent is not None else (group.thumbprint or "").upper()
    who = f"The Send connector '{group.connector}'" if group.connector else "A Send connector"
    if which:
        yield documented(f"{who} presents {which} to Exchange Online, which refuses it.")
    else:
        text = f"{who} presents a certificate that Exchange Online refuses; which one, a Send protocol log tells."
        yield documented(text)


def _before(group: RefusalGroup, context: DiagnosisContext) -> Iterator[Proof]:
    """What the connector sent before, and that it worked."""
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


def _cause(
    group: RefusalGroup,
    context: DiagnosisContext,
    sent: ExchangeCertificate | None,
    better: ExchangeCertificate | None,
    selections: tuple[Selection, ...],
    at: datetime,
) -> Iterator[Statement]:
    if sent is not None:
        judged = context.judge(at).of(sent)
        yield from judged.statements[:1]
        if judged.refused is False:
            text = "So the intermediate certificates are most likely not sent along; Exchange Online fetches none."
            yield inferred(text, "KB 3212877 and the article on 4.4.317, by analogy")
        elif sent.root_ca_type is not None:
            text = f"The server itself knows the root as {sent.root_ca_type.value}; trust there says nothing of EOP."
            yield inferred(text, "Get-ExchangeCertificate, RootCAType")
    elif group.thumbprint and context.gathered.inventory.certificates:
        yield documented("The certificate is in no export given.")
    if sent is not None and better is not None and context.judge(at).refused(sent) is not False:
        yield from _newer(sent, better)
    for selection in selections:
        yield from _simulated(group, selection)
    if group.entry is not None and (sent is None or not selections):
        yield from (Statement(cause, group.entry.label, "the catalogue") for cause in group.entry.causes)


def _newer(sent: ExchangeCertificate, better: ExchangeCertificate) -> Iterator[Statement]:
    """Two certificates for one name, and the wrong one wins."""
    shared = [name for name in sent.names if name.lower() in {one.lower() for one in better.names}]
    if not shared:
        return
    text = (
        f"Two certificates are for {shared[0]}: {title(sent)}, of a CA that Exchange Online does not trust, and "
        f"{title(better)}."
    )
    yield documented(text, _KB)
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


def _remedy(
    name: str | None,
    connector: SendConnector | None,
    sent: ExchangeCertificate | None,
    better: ExchangeCertificate | None,
) -> Iterator[Step]:
    """The steps in order."""
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
    if sent is not None:
        yield from _old(sent)


def _complete(connector: SendConnector | None, sent: ExchangeCertificate | None) -> Iterator[Step]:
    """A public certificate whose chain is not sent (KB 3212877)."""
    names = (connector.fqdn if connector else None, *(sent.names if sent else ()))
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


def _verify(
    context: DiagnosisContext,
    name: str | None,
    connector: SendConnector | None,
    better: ExchangeCertificate | None,
    at: datetime,
) -> Iterator[Step]:
    """How to see that it worked, before and after."""
    if better is not None and connector is not None:
        yield str(pinned_choice(context, connector, better, at))
        yield "Before the change, the same by yourself:"
        yield context.again(
            "exchange select",
            connector=connector.name,
            set_tls_certificate_name=f"{connector.name}={better.thumbprint.upper()}",
        )
    yield "After it, on the server:"
    yield powershell.show_connector(name)
    which = better.thumbprint.upper() if better is not None else "the public certificate"
    yield f"Send a message; new sessions must present {which} and be delivered:"
    yield context.new_sessions(name)
    if better is not None and better.not_after is not None:
        yield f"{better.thumbprint.upper()} ends on {better.not_after:%Y-%m-%d}; try its successor beforehand:"
        yield context.again("exchange select", with_="<file of the new certificate>")
