"""Every observation of one address: which connections are made, and what each is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from probe.capture import Capture, Fault, FaultKind, Phase
from probe.check.endpoints import Endpoint
from probe.check.options import CheckOptions
from probe.net.clock import monotonic
from probe.net.observe import observe
from probe.net.request import ProbeRequest, Variant
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
        fault = Fault(phase=Phase.RESOLVE, kind=FaultKind.UNREACHABLE, message=sentence(reason))
        return (Capture(host=endpoint.host, address=None, port=endpoint.port, fault=fault),)
    found: list[Capture] = []
    for number, request in enumerate(_requests(endpoint, endpoint.address, options)):
        if number:
            pending, started = begin_connect(request.address, request.port), monotonic()
        capture = _in_sentences(observe(request, pending, started))
        # A server with one key type refuses the other: no finding, just nothing more to see.
        if request.variant is Variant.ANY or capture.leaf is not None:
            found.append(capture)
    return tuple(found)


def _in_sentences(capture: Capture) -> Capture:
    """Make a whole sentence of what ended the observation: reports put others behind it."""
    fault = capture.fault
    return replace(capture, fault=replace(fault, message=sentence(fault.message))) if fault else capture


def _requests(endpoint: Endpoint, address: str, options: CheckOptions) -> Iterator[ProbeRequest]:
    sni = _sni(endpoint, options)
    plain = ProbeRequest(
        host=endpoint.host,
        address=address,
        port=endpoint.port,
        ehlo_name=options.ehlo_name,
        sni=sni,
        timeout_s=options.timeout_s,
        implicit_tls=options.implicit_tls,
        ask_staple=options.revocation,
    )
    samples = options.samples or (THOROUGH_SAMPLES if options.thorough else 1)
    for number in range(samples):
        yield replace(plain, label=f"sample {number + 1}" if samples > 1 else "")
    if options.thorough:
        if sni is not None:
            yield replace(plain, sni=None, label="no SNI")
        for key_type in (Variant.RSA, Variant.ECDSA):
            yield replace(plain, variant=key_type, label=f"{key_type.value} only")
            if sni is not None:
                yield replace(plain, variant=key_type, sni=None, label=f"{key_type.value} only, no SNI")


def _sni(endpoint: Endpoint, options: CheckOptions) -> str | None:
    """The name to ask for in TLS: RFC 6066 3 knows host names only, no addresses."""
    if options.sni is not None:
        return options.sni or None
    return dns_name(endpoint)


def dns_name(endpoint: Endpoint) -> str | None:
    return None if is_ip_address(endpoint.host) else endpoint.host
