"""Certificate policies: whether a CA's demand for one is met (RFC 5280 6.1), and application policies.

Windows flags a demand that is not met NoIssuanceChainPolicy, and a malformed one
InvalidPolicyConstraints [R]. No policy is asked for from outside, so the valid policy tree of the
RFC shrinks to the set of policies alive at its lowest level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probe.pki import der
from probe.pki.extensions import MAX_PURPOSES
from probe.pki.status import ChainStatus

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate

POLICIES, MAPPINGS, CONSTRAINTS, _INHIBIT_ANY = "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"
_ANY = "2.5.29.32.0"


class Demands(NamedTuple):
    """A certificate's policy constraints as skip counts (RFC 5280 4.2.1.11); None: not said."""

    explicit: int | None = None
    inhibit_mapping: int | None = None


class _State(NamedTuple):
    """RFC 5280 6.1.2: the policies alive (None: any), and the three counters."""

    alive: frozenset[str] | None
    explicit: int
    inhibit_any: int
    mapping: int


def read_policies(value: bytes) -> tuple[str, ...]:
    """Read the OIDs of CertificatePolicies (4.2.1.4) or application policies; raises DerError."""
    entries = der.whole(value, der.SEQUENCE, "policies").children()
    if len(entries) > MAX_PURPOSES:
        raise der.DerError(f"more than {MAX_PURPOSES} policies")
    return tuple(der.oid(_first(entry)) for entry in entries)


def read_mappings(value: bytes) -> dict[str, set[str]]:
    """Read PolicyMappings (4.2.1.5), the subject's policies by the issuer's; raises DerError."""
    pairs: dict[str, set[str]] = {}
    for entry in der.whole(value, der.SEQUENCE, "policy mappings").children():
        pairs.setdefault(der.oid(_first(entry)), set()).add(der.oid(entry.children()[-1]))
    return pairs


def read_constraints(value: bytes) -> Demands:
    """Read PolicyConstraints (4.2.1.11); raises DerError."""
    found: dict[int, int] = {}
    for part in der.whole(value, der.SEQUENCE, "policy constraints").children():
        if part.tag not in (0x80, 0x81) or not part.content:
            raise der.DerError("malformed policy constraints")
        found[part.tag] = int.from_bytes(part.content, "big", signed=True)
    if not found or min(found.values()) < 0:
        raise der.DerError("policy constraints that say nothing, or count below zero")
    return Demands(found.get(0x80), found.get(0x81))


def policy_status(path: tuple[Certificate, ...]) -> ChainStatus:
    """The flag the chain earns by its policies; `path` leaf first, the root last: only its constraints count."""
    if not any(CONSTRAINTS in certificate.extensions for certificate in path):
        return ChainStatus.NoError
    unlimited = len(path) + 1
    state = _State(None, unlimited, unlimited, unlimited)
    try:
        for position in range(len(path) - 1, -1, -1):
            if position < len(path) - 1:
                state = _alive(state, path[position], is_last=position == 0)
            if position:
                state = _prepared(state, path[position])
        leaf_demand = _demands(path[0]).explicit
    except der.DerError:
        return ChainStatus.InvalidPolicyConstraints
    demanded = state.explicit <= 1 or leaf_demand == 0  # 6.1.5 (a) and (b)
    if demanded and state.alive is not None and not state.alive:
        return ChainStatus.NoIssuanceChainPolicy
    return ChainStatus.NoError


def _alive(state: _State, certificate: Certificate, *, is_last: bool) -> _State:
    """RFC 5280 6.1.3 (d) to (f): what of the policies alive the certificate carries on."""
    stated = frozenset(certificate.extension(POLICIES, read_policies) or ())
    if _ANY in stated and (state.inhibit_any > 0 or (certificate.self_issued and not is_last)):
        return state
    stated -= {_ANY}
    return state._replace(alive=stated if state.alive is None else state.alive & stated)


def _prepared(state: _State, certificate: Certificate) -> _State:
    """RFC 5280 6.1.4: mappings, then the counters, for the certificate below."""
    alive = _mapped(state, certificate)
    demands = _demands(certificate)
    inhibit_any = certificate.extension(_INHIBIT_ANY, lambda value: der.integer(der.read(value)))
    step = 0 if certificate.self_issued else 1
    return _State(
        alive,
        _counted(state.explicit, step, demands.explicit),
        _counted(state.inhibit_any, step, inhibit_any),
        _counted(state.mapping, step, demands.inhibit_mapping),
    )


def _counted(counter: int, step: int, limit: int | None) -> int:
    counter = max(0, counter - step)
    return counter if limit is None else min(counter, limit)


def _mapped(state: _State, certificate: Certificate) -> frozenset[str] | None:
    pairs = certificate.extension(MAPPINGS, read_mappings)
    if pairs is None:
        return state.alive
    if state.mapping == 0:  # 6.1.4 (b)(2): mapped policies die
        return state.alive if state.alive is None else state.alive - pairs.keys()
    if state.alive is None:
        return None
    return frozenset().union(*(pairs.get(policy, {policy}) for policy in state.alive))


def _demands(certificate: Certificate) -> Demands:
    return certificate.extension(CONSTRAINTS, read_constraints) or Demands()


def _first(entry: der.Element) -> der.Element:
    parts = der.expect(entry, der.SEQUENCE, "a policy").children()
    if not parts:
        raise der.DerError("a policy without an identifier")
    return parts[0]
