"""What follows from the headers of a message that arrived: to-eop confirmed, what is missing, what contradicts it."""

from __future__ import annotations

from collections.abc import Iterator

from probe.exchange.messages.arrival import MAX_HOPS, Arrival
from probe.statement import Statement, documented, inferred, reported
from probe.text import listed


def told(one: Arrival) -> Iterator[Statement]:
    """The hop, then what contradicts a confirmation, then whether there is one."""
    yield documented(_hop(one))
    if one.hops_left_out:
        be = "was" if one.hops_left_out == 1 else "were"
        yield documented(
            f"Of its Received headers the first {MAX_HOPS} were looked at; {one.hops_left_out:,} {be} left out."
        )
    yield from _contradictions(one)
    if one.confirmed:
        yield reported(
            f"This confirms to-eop for {one.at:%Y-%m-%d}: the certificate was accepted, and the message attributed to "
            f"the tenant {one.tenant} as internal. See that this is your tenant."
        )
        yield inferred(
            "An inbound connector that goes by the sending address takes mail without a look at the certificate's "
            "name; the headers do not say which connector it was."
        )
        return
    missing = tuple(_missing(one))
    yield documented(
        f"The headers do not confirm to-eop{f'; missing: {listed(missing, len(missing))}' if missing else ''}."
    )


def _hop(one: Arrival) -> str:
    begin = f"Headers of a message that arrived ({one.source}; supplied, and headers can be forged)"
    if one.host is None:
        return f"{begin}."
    who = f"{one.endpoint or 'a host without a name'}{f' ({one.address})' if one.address else ''}"
    when = f" on {one.at:%Y-%m-%d %H:%M:%S} UTC" if one.at else ""
    how = " with ".join(filter(None, (one.tls_version, one.cipher)))
    return f"{begin}: {who} handed it to {one.host}{when}{f', {how}' if how else ''}."


def _contradictions(one: Arrival) -> Iterator[Statement]:
    if one.from_exchange_online:
        yield inferred("Exchange Online itself handed it over: that says nothing of your certificate.")
    if len(one.tenants) > 1:
        yield inferred(
            f"It names {len(one.tenants)} tenants, {listed(one.tenants)}: to which of them the message was attributed "
            "is not known."
        )
    if one.internal is False:
        said = "; ".join(
            f"{name} {' and '.join(values)}"
            for name, values in (("AuthAs", one.auth_as), ("MessageDirectionality", one.directionality))
            if values
        )
        yield inferred(
            f"{said}, where mail attributed by its certificate has Internal and Originating: Exchange Online did not "
            "take this message as the organisation's own."
        )


def _missing(one: Arrival) -> Iterator[str]:
    hop = (
        ("who handed it over", one.endpoint),
        ("the time of the hop", one.at),
        ("the TLS version of the hop", one.tls_version),
        ("its cipher", one.cipher),
    )
    for what, there in (
        *(hop if one.host else (("the Received header of the hop into Exchange Online", None),)),
        ("X-EOPTenantAttributedMessage or X-EOPAttributedMessage with the tenant's GUID", one.tenants),
        ("X-MS-Exchange-Organization-AuthAs", one.auth_as),
        ("X-MS-Exchange-Organization-MessageDirectionality", one.directionality),
    ):
        if not there:
            yield what
