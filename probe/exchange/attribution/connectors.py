"""Whether one inbound connector of Exchange Online takes a connection for its own (Set-InboundConnector)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probe.exchange.attribution.names import CMDLET, Facet, called, connector_matches
from probe.exchange.connector import ConnectorType, InboundConnector, domain_of_space
from probe.statement import Statement, all_of, any_of, documented, inferred
from probe.text import sentence


class ConnectorMatch(NamedTuple):
    """What a connector would say to a connection if it is enabled."""

    connector: InboundConnector
    certificate: Facet
    address: Facet
    domain: Facet

    @property
    def partner(self) -> bool:
        """Whether it is for another organisation's servers."""
        return self.connector.connector_type is ConnectorType.PARTNER

    @property
    def fits(self) -> bool | None:
        """Whether it matches, by certificate or by address, for this sender."""
        return all_of((any_of((self.certificate.fits, self.address.fits)), self.domain.fits))

    @property
    def active(self) -> bool | None:
        """Whether it matches and is not disabled."""
        return self.fits if self.connector.enabled is not False else False

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Everything said about it; a facet that decides nothing stays silent."""
        by_address = self.address.fits is True and self.certificate.fits is not True
        by_name = () if by_address else self.certificate.statements
        may = any_of((self.certificate.fits, self.address.fits)) is not False
        by_domain = self.domain.statements if may else ()
        return (*by_name, *self.address.statements, *by_domain, *self._state())

    def _state(self) -> Iterator[Statement]:
        name = called(self.connector)
        if self.connector.enabled is False and self.fits is not False:
            text = f"{name} is disabled; enabled, it {'would' if self.fits else 'might'} match"
            yield documented(sentence(text), CMDLET)
        elif self.connector.enabled is None and self.fits:
            yield inferred(f"This presumes that {name} is enabled.")


def by_sender(connector: InboundConnector, sender_domain: str | None) -> Facet:
    """Compare the sender's domain, "" for the null sender, None where unknown, with SenderDomains."""
    covered = _covers(connector, sender_domain)
    if connector.connector_type is ConnectorType.PARTNER:
        return Facet(covered)
    if connector.sender_domains is None:
        text = f"This presumes that {called(connector)} takes every SenderDomain."
        return Facet(fits=True, statements=(inferred(text),))
    if covered is not False:
        return Facet(covered)
    text = (
        f"SenderDomains of {called(connector)} ({', '.join(connector.sender_domains)}) does not hold the sender's "
        "domain; whether a connector for own servers then still counts is not published."
    )
    return Facet(None, (inferred(text),))


def _covers(connector: InboundConnector, sender_domain: str | None) -> bool | None:
    if connector.sender_domains is None:
        return None
    plain = tuple(domain_of_space(domain) for domain in connector.sender_domains)
    if "*" in plain:
        return True
    if sender_domain is None:
        return None
    below = (one for one in plain if one.startswith("*."))
    if sender_domain in plain or any(connector_matches(one, sender_domain) for one in below):
        return True
    return None if "sender_domains" in connector.incomplete else False
