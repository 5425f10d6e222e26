"""Every observation of one address: which connections are made, and what each is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module

from probe.capture import Capture, Cause, Fault, FaultKind, How, KeyAnswer, Phase
from probe.check.endpoints import Endpoint
from probe.check.options import CheckOptions
from probe.errors import NullMxError
from probe.net.clock import monotonic
from probe.net.observe import observe
from probe.net.request import KeyType, ProbeRequest
from probe.net.stream import PendingConnection, begin_connect
from probe.net.target import is_ip_address
from probe.text import sentence

#: Connections of the usual kind that --thorough makes to one address when --samples says nothing.
THOROUGH_SAMPLES = 3


def captures(
    endpoint: Endpoint, options: CheckOptions, pending: PendingConnection | None, started: float
) -> tuple[Capture, ...]:
    """Make every observation of one address, the plain one first; never raises for what a peer does."""
    if endpoint.address is None or pending is None:
        reason = str(endpoint.failure) if endpoint.failure else f"no address for {endpoint.host}"
        cause = Cause.NULL_MX if isinstance(endpoint.failure, NullMxError) else None
        fault = Fault(phase=Phase.RESOLVE, kind=FaultKind.UNREACHABLE, message=sentence(reason), cause=cause)
        return (Capture(host=endpoint.host, address=None, port=endpoint.port, fault=fault),)
    found: list[Capture] = []
    loading = _loading(options)
    requests = _requests(endpoint, endpoint.address, options)
    for number, request in enumerate(requests):
        if number:
            pending, started = begin_connect(request.address, request.port), monotonic()
        found.append(_in_sentences(observe(request, pending, started, loading)))
    if options.thorough:
        found += _by_key_type(requests[0], found)
    return tuple(found)


def _loading(options: CheckOptions) -> Iterator[None]:
    """Load what is needed from the handshake on, a piece each time: an answer takes as long on its way."""
    for module in ("cryptography.x509", "probe.net.tls_client", "probe.pki.certificate", "probe.check.judge"):
        import_module(module)
        yield
    options.stores()


def _by_key_type(plain: ProbeRequest, seen: Sequence[Capture]) -> Iterator[Capture]:
    """Ask for each kind of key that the connections made alike, with SNI or without, have not shown."""
    from probe.net.tls_client import OFFERED

    for sni in dict.fromkeys(capture.how.sni for capture in seen):
        alike = [capture for capture in seen if capture.how.sni is sni]
        shown = {kind for capture in alike if (kind := capture.key_type)}
        if not shown and not any(
            c.fault and c.fault.phase is Phase.TLS and not c.name_refused for c in alike
        ):
            continue  # Nobody got as far as the choice of a certificate.
        for kind in (KeyType.RSA, KeyType.ECDSA):
            if kind not in shown:
                request = replace(
                    plain,
                    key_type=kind,
                    sni=plain.sni if sni else None,
                    how=How(key_type=kind, sni=sni),
                    library_groups=any(c.tls and c.tls.group and c.tls.group not in OFFERED for c in alike),
                )
                pending = begin_connect(request.address, request.port)
                capture = _in_sentences(observe(request, pending, monotonic()))
                yield replace(capture, answer=_answer(capture, kind, asked_well=bool(shown)))


def _answer(capture: Capture, kind: KeyType, *, asked_well: bool) -> KeyAnswer:
    """What a connection that asked for one kind says; `asked_well`: a plain one, made alike, showed another kind.

    RFC 8446 4.4.2.2 lets a server present what it has although nobody asked for it.
    """
    if capture.key_type == kind:
        return KeyAnswer.SHOWN
    refused = capture.fault is not None and capture.fault.cause is Cause.NO_AGREEMENT and capture.tls is None
    return KeyAnswer.NOT_HELD if capture.key_type or (refused and asked_well) else KeyAnswer.NOT_ASKED


def _in_sentences(capture: Capture) -> Capture:
    """Make a whole sentence of what ended the observation: reports put others behind it."""
    fault = capture.fault
    return replace(capture, fault=replace(fault, message=sentence(fault.message))) if fault else capture


def _requests(endpoint: Endpoint, address: str, options: CheckOptions) -> list[ProbeRequest]:
    how = How(key_type="" if options.key_type is KeyType.ANY else options.key_type)
    plain = ProbeRequest(
        host=endpoint.host,
        address=address,
        port=endpoint.port,
        ehlo_name=options.ehlo_name,
        sni=_sni(endpoint, options),
        timeout_s=options.timeout_s,
        implicit_tls=options.implicit_tls,
        ask_staple=options.revocation,
        key_type=options.key_type,
        how=how,
    )
    samples = options.samples or (THOROUGH_SAMPLES if options.thorough else 1)
    made = [plain]
    if samples > 1:
        made = [replace(plain, how=how._replace(sample=1 + n)) for n in range(samples)]
    if options.thorough and plain.sni is not None:
        made.append(replace(plain, sni=None, how=How(sni=False)))
    return made


def _sni(endpoint: Endpoint, options: CheckOptions) -> str | None:
    """The name to ask for in TLS: RFC 6066 3 knows host names only, no addresses."""
    if options.sni is not None:
        return options.sni or None
    return dns_name(endpoint)


def dns_name(endpoint: Endpoint) -> str | None:
    return None if is_ip_address(endpoint.host) else endpoint.host
