"""What Exchange Online, as the sender, makes of a domain and of one of its endpoints, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probe.eop.outbound.verdict import HostVerdict, Outbound
    from probe.exchange.outbound.facts import Exchanger, Sts


def outbound_json(outbound: Outbound) -> dict[str, Any]:
    """The value of `outbound`."""
    domain, facts, own = outbound.domain, outbound.domain.facts, outbound.own
    return {
        "domain": facts.domain,
        "connector_mode": domain.mode.value,
        "mail": domain.mail.value,
        "decision": domain.words,
        "resolver": facts.resolver,
        "mx_dnssec": facts.mx.value,
        "failure": facts.failure,
        "host": _host(own, facts.exchanger(own.host)),
        "mta_sts": _sts(facts.sts) if facts.sts else None,
    }


def _host(own: HostVerdict, exchanger: Exchanger) -> dict[str, Any]:
    return {
        "delivers": own.delivers,
        "by": own.mechanism.value if own.mechanism else None,
        "refusal": own.refusal.value if own.refusal else None,
        "address_dnssec": exchanger.address.value,
        "tlsa_dnssec": exchanger.tlsa.dnssec.value,
        "tlsa": [each.text for each in exchanger.tlsa.records],
        "tlsa_unreadable": exchanger.tlsa.unreadable,
    }


def _sts(sts: Sts) -> dict[str, Any]:
    policy = sts.policy
    return {
        "id": sts.record_id,
        "mode": policy.mode.value if policy else None,
        "max_age": policy.max_age if policy else None,
        "mx": policy.mx if policy else [],
        "fault": sts.fault.value if sts.fault else None,
        "problem": sts.problem or None,
    }
