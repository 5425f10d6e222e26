"""Every observation of one address: which connections are made, and what each is called."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module

from probe.capture import Capture, Cause, Fault, FaultKind, How, KeyAnswer, Phase
from probe.check.endpoints import Endpoint
from probe.check.options import TOTAL_SHARE, CheckOptions
from probe.eop.vocabulary import Direction
from probe.errors import NullMxError
from probe.net.client_session import blank
from probe.net.clock import monotonic
from probe.net.observe import Steps, attempts, drive
from probe.net.request import KeyType, ProbeRequest
from probe.net.stream import PendingConnection
from probe.net.target import is_ip_address
from probe.text import sentence

#: Connections to one address that may meet silence before no other one is made.
MAX_SILENCES = 2
#: Connections of the usual kind that --thorough makes to one address when --samples says nothing.
THOROUGH_SAMPLES = 3


class _Budget:
    """The seconds for all connections to one address, and how many of these met silence."""

    def __init__(self, seconds: float) -> None:
        self._seconds = self._left = seconds
        self._silences = 0

    @property
    def over(self) -> bool:
        return self._left <= 0 or self._silences >= MAX_SILENCES

    def observed(self, request: ProbeRequest) -> Steps[Capture]:
        """What the connections for a request show, or that none was made any more."""
        if self.over:
            reason = (
                f"No connection was made for this: {MAX_SILENCES} before it had met silence."
                if self._silences >= MAX_SILENCES
                else f"No time was left for this: the {self._seconds:.3g} s for all connections are over."
            )
            over = Fault(phase=Phase.TIMEOUT, kind=FaultKind.TIMEOUT, message=reason)
            return replace(blank(request), fault=over)
        if self._left < request.timeout_s:
            request = replace(request, timeout_s=self._left)
        shown = yield from attempts(request)
        fault = shown.capture.fault
        self._left -= shown.seconds + shown.waited_s
        self._silences += fault is not None and fault.kind is FaultKind.TIMEOUT
        # A whole sentence: reports put others behind it.
        said = replace(fault, message=sentence(fault.message)) if fault else None
        return replace(shown.capture, fault=said) if said else shown.capture


def observations(
    endpoint: Endpoint, address: str, options: CheckOptions, total_s: float = math.inf
) -> Steps[tuple[Capture, ...]]:
    """Every observation of one address, the plain one first, within `total_s` if the options grant no less."""
    budget = _Budget(min(options.total_s or TOTAL_SHARE * options.timeout_s, total_s))
    requests = _requests(endpoint, address, options)
    found: list[Capture] = []
    for request in requests:
        over = budget.over
        found.append((yield from budget.observed(request)))
        if over:
            break
    if options.thorough:
        found += yield from _by_key_type(requests[0], found, budget)
    return tuple(found)


def unresolved(endpoint: Endpoint) -> Capture:
    """What is to be said of a name without an address."""
    reason = str(endpoint.failure) if endpoint.failure else f"no address for {endpoint.host}"
    cause = Cause.NULL_MX if isinstance(endpoint.failure, NullMxError) else None
    fault = Fault(phase=Phase.RESOLVE, kind=FaultKind.UNREACHABLE, message=sentence(reason), cause=cause)
    return Capture(host=endpoint.host, address=None, port=endpoint.port, fault=fault)


def captures(
    endpoint: Endpoint, options: CheckOptions, pending: PendingConnection | None, started: float
) -> tuple[Capture, ...]:
    """Make every observation of one address on this thread; never raises for what a peer does."""
    if endpoint.address is None or pending is None:
        return (unresolved(endpoint),)
    steps = observations(endpoint, endpoint.address, options)
    return drive(steps, pending, started, _loading(options), _turns(started))


def _turns(started: float) -> Callable[[], float]:
    """How long to wait for each further connection to one address, the first of which began at `started`."""
    starts = [started]

    def turn_s() -> float:
        # Not before there is a second connection: it takes a while to load.
        from probe.check.pace import DEFAULT_PACE
        from probe.check.rates import Rate

        rate, now = Rate(DEFAULT_PACE.per_address_rate), monotonic()
        for start in starts:
            rate.note("", start)
        starts.append(rate.free_at("", now))
        return starts[-1] - now

    return turn_s


def _loading(options: CheckOptions) -> Iterator[None]:
    """Load what is needed from the handshake on, a piece each time: an answer takes as long on its way."""
    for module in ("probe.net.tls_client", "probe.pki.certificate", "probe.check.judge"):
        import_module(module)
        yield
    options.stores()


def _by_key_type(plain: ProbeRequest, seen: Sequence[Capture], budget: _Budget) -> Steps[list[Capture]]:
    """Ask for each kind of key that the connections made alike, with SNI or without, have not shown."""
    from probe.net.tls_client import OFFERED

    found = []
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
                capture = yield from budget.observed(request)
                found.append(replace(capture, answer=_answer(capture, kind, asked_well=bool(shown))))
    return found


def _answer(capture: Capture, kind: KeyType, *, asked_well: bool) -> KeyAnswer:
    """What a connection that asked for one kind says; `asked_well`: a plain one, made alike, showed another kind.

    RFC 8446 4.4.2.2 lets a server present what it has although nobody asked for it.
    """
    if capture.key_type == kind:
        return KeyAnswer.SHOWN
    refused = capture.fault is not None and capture.fault.cause is Cause.NO_AGREEMENT and capture.tls is None
    return KeyAnswer.NOT_HELD if capture.key_type or (refused and asked_well) else KeyAnswer.NOT_ASKED


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
        look_early=options.direction is Direction.FROM_EOP,
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
