"""The story of KB 2888788: the server presents a certificate that Exchange Online does not trust."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from probe.diagnosis.cases import Case
from probe.diagnosis.context import Scene, pin_steps, pinned_choice, ps, quoted_proof, sighted
from probe.eop.vocabulary import Outcome
from probe.exchange.connector import SendConnector
from probe.exchange.inventory import ExchangeCertificate, Services
from probe.exchange.selection.candidates import title
from probe.exchange.selection.choose import Selection, State
from probe.powershell import IMPORT_INTERMEDIATE
from probe.report.diagnosis import Proof, Story
from probe.statement import Confidence, Statement

_KB = "KB 2888788"


def tell(case: Case, scene: Scene, at: datetime) -> Story:
    """Tell it, as far as the evidence goes."""
    connector, sent = scene.connector(case.connector), scene.record(case.thumbprint)
    selections = scene.selections(connector, at) if connector is not None else ()
    better = scene.better(selections, at, case.thumbprint)
    public = sent is not None and scene.judge(at).refused(sent) is False
    return Story(
        id=case.reason,
        title=_title(case, sent, public=public),
        outcome=Outcome.REJECTED,
        seen=True,
        connector=case.connector,
        thumbprint=case.thumbprint.upper() if case.thumbprint else None,
        reply=case.reply,
        happens=tuple(_happens(case, sent)),
        proof=(*quoted_proof(case), *sighted(scene, case.thumbprint), *_before(case, scene)),
        cause=tuple(_cause(case, scene, sent, better, selections, at)),
        remedy=tuple(_complete() if public else _remedy(case.connector, connector, sent, better)),
        verify=tuple(_verify(scene, case.connector, connector, sent if public else better, at)),
    )


def _title(case: Case, sent: ExchangeCertificate | None, *, public: bool) -> str:
    if public:
        return "The certificate is a public one, but its chain does not reach Exchange Online whole"
    if sent is not None and sent.is_self_signed:
        return "A self-signed certificate is presented to Exchange Online"
    if case.thumbprint:
        return "A certificate of a CA that Exchange Online does not trust is presented"
    return case.entry.title if case.entry else "Exchange Online does not trust the certificate"


def _happens(case: Case, sent: ExchangeCertificate | None) -> Iterator[Statement]:
    which = title(sent) if sent is not None else (case.thumbprint or "").upper()
    who = f"The Send connector '{case.connector}'" if case.connector else "A Send connector"
    if which:
        yield Statement(
            f"{who} presents {which} to Exchange Online, which refuses it.", Confidence.DOCUMENTED
        )
    else:
        text = f"{who} presents a certificate that Exchange Online refuses; which one, a Send protocol log tells."
        yield Statement(text, Confidence.DOCUMENTED)


def _before(case: Case, scene: Scene) -> Iterator[Proof]:
    """What the connector sent before, and that it worked."""
    for change in scene.changes:
        if change.connector == case.connector and change.after == case.thumbprint:
            text = (
                f"Until then the connector presented {change.before.upper()}; by {change.at:%Y-%m-%d %H:%M} UTC "
                f"{change.after.upper()} had taken its place{f' on {change.server}' if change.server else ''}."
            )
            yield Proof(text)
            if (seen := scene.delivered.get(change.before)) is not None and seen.at:
                yield Proof(
                    f"With {change.before.upper()} mail was delivered on {seen.at:%Y-%m-%d %H:%M} UTC "
                    f"(session {seen.session}, {seen.source})."
                )


def _cause(
    case: Case,
    scene: Scene,
    sent: ExchangeCertificate | None,
    better: ExchangeCertificate | None,
    selections: tuple[Selection, ...],
    at: datetime,
) -> Iterator[Statement]:
    if sent is not None:
        judged = scene.judge(at).of(sent)
        yield from judged.statements[:1]
        if judged.refused is False:
            text = "So the intermediate certificates are most likely not sent along; Exchange Online fetches none."
            yield Statement(text, Confidence.INFERRED, "KB 3212877 and the article on 4.4.317, by analogy")
        elif sent.root_ca_type is not None:
            text = f"The server itself knows the root as {sent.root_ca_type.value}; trust there says nothing of EOP."
            yield Statement(text, Confidence.INFERRED, "Get-ExchangeCertificate, RootCAType")
    elif case.thumbprint and scene.gathered.inventory.certificates:
        yield Statement("The certificate is in no export given.", Confidence.DOCUMENTED)
    if sent is not None and better is not None and scene.judge(at).refused(sent) is not False:
        yield from _newer(sent, better)
    for selection in selections:
        yield from _simulated(case, selection)
    if case.entry is not None and (sent is None or not selections):
        yield from (Statement(cause, case.entry.label, "the catalogue") for cause in case.entry.causes)


def _newer(sent: ExchangeCertificate, better: ExchangeCertificate) -> Iterator[Statement]:
    """Two certificates for one name, and the wrong one wins."""
    shared = [name for name in sent.names if name.lower() in {one.lower() for one in better.names}]
    if not shared:
        return
    text = (
        f"Two certificates are for {shared[0]}: {title(sent)}, of a CA that Exchange Online does not trust, and "
        f"{title(better)}."
    )
    yield Statement(text, Confidence.DOCUMENTED, _KB)
    if sent.not_before and better.not_before and sent.not_before > better.not_before:
        text = (
            f"{sent.thumbprint.upper()} wins by being newer: valid from {sent.not_before:%Y-%m-%d}, the other from "
            f"{better.not_before:%Y-%m-%d}."
        )
        yield Statement(
            text, Confidence.INFERRED, "simulated after the inbound algorithm, newest Valid from first"
        )


def _simulated(case: Case, selection: Selection) -> Iterator[Statement]:
    server = selection.server or "the server"
    if selection.state is State.CHOSEN and selection.winner is not None:
        agrees = selection.winner.thumbprint == case.thumbprint
        text = f"The simulation of {server} chooses {selection.winner.thumbprint.upper()}"
        also = ", as the log proves." if agrees else "; the log proves another one, and counts."
        yield Statement(text + also, selection.choices[0].readings[0].label)
    elif selection.state is not State.CHOSEN:
        yield Statement(f"On {server} the simulation ends: {selection.state.value}.", Confidence.INFERRED)


def _remedy(
    name: str | None,
    connector: SendConnector | None,
    sent: ExchangeCertificate | None,
    better: ExchangeCertificate | None,
) -> Iterator[str]:
    """The steps in order; the KB's own comes first, shown as what it is."""
    if sent is not None:
        yield from _kb_step(sent)
    if better is None:
        yield "Install a certificate of a public CA for the connector's name, with its intermediates, on every server."
        yield "PS> Enable-ExchangeCertificate -Thumbprint '<its thumbprint>' -Services SMTP"
        yield "Answer No when asked to replace the default SMTP certificate, and name it on the Send connector:"
        yield "PS> $cert = Get-ExchangeCertificate -Thumbprint '<its thumbprint>'"
        yield (
            f"PS> Set-SendConnector {ps(name or '<name>')} -TlsCertificateName "
            '"<I>$($cert.Issuer)<S>$($cert.Subject)"'
        )
    else:
        yield from _use(name or "<name>", better)
    servers = (connector.source_transport_servers or ()) if connector is not None else ()
    if len(servers) > 1:
        yield f"See that the certificate is on every source server: {', '.join(servers)}."
    if sent is not None and not sent.is_self_signed:
        yield from _removal(sent)


def _complete() -> Iterator[str]:
    """A public certificate whose chain is not sent (KB 3212877)."""
    yield "See what the server sends along: as its client, or by the certificate its Receive connector shows:"
    yield "$ eop-probe listen"
    yield "$ eop-probe check HOST"
    yield "Import the missing intermediate certificates on every sending server (KB 3212877):"
    yield IMPORT_INTERMEDIATE


def _use(name: str, better: ExchangeCertificate) -> Iterator[str]:
    thumbprint = better.thumbprint.upper()
    if better.services is not None and Services.SMTP in better.services:
        yield f"{title(better)} is already enabled for SMTP: nothing to do about that."
    else:
        yield f"Enable {title(better)} for SMTP; answer No when asked to replace the default SMTP certificate:"
        yield f"PS> Enable-ExchangeCertificate -Thumbprint {thumbprint} -Services SMTP"
    yield from pin_steps(name, better)


def _other_services(sent: ExchangeCertificate) -> Services:
    return (sent.services if sent.services is not None else Services.NONE) & ~Services.SMTP


def _kb_step(sent: ExchangeCertificate) -> Iterator[str]:
    """The KB's own step; Enable-ExchangeCertificate's documentation contradicts it."""
    rest = _other_services(sent)
    if sent.services is None or Services.SMTP not in sent.services or not rest:
        return
    thumbprint = sent.thumbprint.upper()
    yield (
        "KB 2888788's own step is the command below, and it no longer helps: by the cmdlet's documentation services "
        "are additive, so SMTP stays assigned (the second command shows it). Leave it out, and go on with what works "
        "today:"
    )
    yield f"PS> Enable-ExchangeCertificate -Thumbprint {thumbprint} -Services {rest.text}"
    yield f"PS> Get-ExchangeCertificate -Thumbprint {thumbprint} | fl FriendlyName,Services"


def _removal(sent: ExchangeCertificate) -> Iterator[str]:
    thumbprint, rest = sent.thumbprint.upper(), _other_services(sent)
    used = f" (it serves {rest.text} now)" if rest else ""
    yield (
        f"Only if nothing else uses {thumbprint}{used}, and it is not the internal transport certificate, remove "
        "it; create its replacement first:"
    )
    yield f"PS> Remove-ExchangeCertificate -Thumbprint {thumbprint}"


def _verify(
    scene: Scene,
    name: str | None,
    connector: SendConnector | None,
    better: ExchangeCertificate | None,
    at: datetime,
) -> Iterator[str]:
    """How to see that it worked, before and after."""
    if better is not None and connector is not None:
        yield str(pinned_choice(scene, connector, better, at))
        yield "Before the change, the same by yourself:"
        yield (
            f"$ eop-probe exchange select FILE... --connector {_shell(connector.name)} "
            f"--set-tls-certificate-name {_shell(f'{connector.name}={better.thumbprint.upper()}')}"
        )
    yield "After it, on the server:"
    yield f"PS> Get-SendConnector {ps(name or '<name>')} | fl Name,Fqdn,TlsCertificateName,ProtocolLoggingLevel"
    which = better.thumbprint.upper() if better is not None else "the public certificate"
    yield f"Send a message; new sessions must present {which} and be delivered:"
    yield f"$ eop-probe exchange log FOLDER --connector {_shell(name or 'NAME')} --since INSTANT"
    if better is not None and better.not_after is not None:
        yield (
            f"{better.thumbprint.upper()} ends on {better.not_after:%Y-%m-%d}; try its successor beforehand with "
            "`eop-probe exchange select --with`."
        )


def _shell(text: str) -> str:
    """A text in single quotes, as PowerShell and POSIX shells take it where it holds none itself."""
    return ps(text)
