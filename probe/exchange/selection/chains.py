"""The certificates a server could send along with a chosen one, as far as the files given hold them."""

from __future__ import annotations

from collections.abc import Iterable

from probe.exchange.inventory import ExchangeCertificate, Inventory
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.chain import MAX_CERTIFICATES, PresentedChain
from probe.statement import inferred

#: What a judgement of such a chain must say beside it.
CAVEAT = inferred(
    "The intermediates come from the files given; an export does not tell which of them the server sends.",
    "Schannel builds the chain from the machine's CA stores",
)


def chain_for(
    record: ExchangeCertificate,
    inventory: Inventory,
    extra: Iterable[Certificate | Unreadable] = (),
) -> PresentedChain | None:
    """Put the certificate and its possible issuers in the order a server sends them, without roots.

    Issuers are found by name; signatures are checked where the path is built. None where the export
    holds no RawData.
    """
    if record.certificate is None:
        return None
    # Every certificate given, by the DER of its subject.
    pool: dict[bytes, list[Certificate]] = {}
    for one in (*extra, *(each.certificate for each in inventory.certificates)):
        if isinstance(one, Certificate):
            pool.setdefault(one.subject.der, []).append(one)
    chain = [record.certificate]
    for link in chain:
        if link.self_issued:
            continue
        for issuer in pool.get(link.issuer.der, ()):
            if issuer not in chain and not issuer.self_issued and len(chain) < MAX_CERTIFICATES:
                chain.append(issuer)
    return PresentedChain(entries=tuple(chain))
