"""Whether a client certificate's names satisfy an inbound connector's TlsSenderCertificateName.

Sources: Set-InboundConnector; KB 4019940 (subject), KB 3169958 (CN or SAN), Exchange Team blog of 4 June
2025 (SAN): they contradict each other, so a match is graded and says which page it satisfies.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from probe.exchange.connector import ConnectorType, InboundConnector
from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.problem import Place, quoted
from probe.exchange.selection.candidates import common_names, common_names_of
from probe.pki.certificate import Certificate
from probe.pki.host_names import dns_id_matches
from probe.statement import Confidence, Statement, all_of, documented, inferred, reported
from probe.text import listed, printable, sentence

CMDLET = "Set-InboundConnector"
PAGES = "KB 4019940 asks for the subject, KB 3169958 for CN or SAN, the Exchange Team blog of 2025 for a SAN"


class Presented(NamedTuple):
    """The names of the client certificate that a sender presents, and what else can disqualify it.

    `alternative_names` is None where the evidence mixes them with the CN (a Format-List export, a log).
    """

    common_names: tuple[str, ...]
    names: tuple[str, ...]
    alternative_names: tuple[str, ...] | None = None
    complete: bool = True
    self_signed: bool | None = None
    not_after: datetime | None = None

    @property
    def every_name(self) -> tuple[str, ...]:
        """Every name once, the CNs first."""
        return tuple(dict.fromkeys((*self.common_names, *self.names)))


class Grade(enum.Enum):
    """How a certificate satisfies TlsSenderCertificateName."""

    BOTH = "subject and alternative name"
    SUBJECT = "subject only"
    ALTERNATIVE = "alternative name only"
    BASE = "wildcard without its asterisk"
    """The certificate says ``*.contoso.com``, the connector ``contoso.com``."""
    WILDCARD = "wildcard over the host name"
    """The certificate says ``*.contoso.com``, the connector ``mail.contoso.com``."""
    NONE = "none"
    INVALID = "invalid value"
    UNKNOWN = "unknown"


class Facet(NamedTuple):
    """One way to match and what is to say of it; `names` are the certificate's names that did it."""

    fits: bool | None
    statements: tuple[Statement, ...] = ()
    names: tuple[str, ...] = ()
    grade: Grade | None = None


_DOCUMENTED, _INFERRED = Confidence.DOCUMENTED, Confidence.INFERRED
#: For each grade: whether it fits, what to say (`{0}`: the names that did it, or all), how sure that is.
_SAID: dict[Grade, tuple[bool | None, str, Confidence, str]] = {
    Grade.BOTH: (True, "{who} {match} {value}.", _DOCUMENTED, CMDLET),
    Grade.SUBJECT: (
        True, "{who} {match} {value}, but is no alternative name of the certificate.", _INFERRED, PAGES),
    Grade.ALTERNATIVE: (
        True, "{who} {match} {value}, but only as an alternative name, not as the subject.",
        Confidence.REPORTED, PAGES),
    Grade.BASE: (True, "{who}, taken without its asterisk, {match} {value}.", _INFERRED, ""),
    Grade.WILDCARD: (
        None, "Only the wildcard {0} covers {value}; no source says whether that is enough.", _INFERRED, ""),
    Grade.UNKNOWN: (
        None, "The certificate's list of names is incomplete; none of those known ({0}) matches {value}.",
        _DOCUMENTED, ""),
    Grade.INVALID: (False, "{value} has a wildcard inside, which is not allowed.", _DOCUMENTED, CMDLET),
    Grade.NONE: (False, "No name of the certificate matches {value}; it is for {0}.", _DOCUMENTED, CMDLET),
}  # fmt: skip


def presented_by(certificate: Certificate) -> Presented:
    return Presented(
        certificate.subject.common_names,
        certificate.dns_names,
        certificate.dns_names,
        self_signed=certificate.self_signed,
        not_after=certificate.not_after,
    )


def presented_by_record(record: ExchangeCertificate) -> Presented:
    """The names of a certificate as an inventory knows it; RawData, where given, tells them apart."""
    if record.certificate is not None:
        return presented_by(record.certificate)
    return Presented(
        common_names(record),
        record.names,
        complete=record.names_complete,
        self_signed=record.is_self_signed,
        not_after=record.not_after,
    )


def presented_in_log(subject: str, names: tuple[str, ...]) -> Presented:
    """The names of a certificate as a protocol log prints them: its subject and all alternative names."""
    return Presented(common_names_of(subject), names, names)


def connector_asking_for(name: str) -> InboundConnector:
    """An enabled connector for own servers of which only its TlsSenderCertificateName was told."""
    return InboundConnector(
        source=Place("the command line"),
        name="",
        enabled=True,
        connector_type=ConnectorType.ON_PREMISES,
        sender_domains=("*",),
        sender_ip_addresses=(),
        require_tls=True,
        tls_sender_certificate_name=printable(name),
    )


def called(connector: InboundConnector) -> str:
    """A connector as a sentence names it."""
    return f"connector {quoted(connector.name)}" if connector.name else "the inbound connector"


def base(name: str) -> str:
    """A name in lower case without a leading ``*.`` and a final dot."""
    return name.lower().rstrip(".").removeprefix("*.")


def connector_matches(connector: str, name: str) -> bool:
    """Whether a connector's TlsSenderCertificateName covers one certificate name, at any depth for ``*.``."""
    wanted, given = connector.lower().rstrip("."), base(name)
    if wanted.startswith("*."):
        return given == wanted[2:] or given.endswith(wanted[1:])
    return given == wanted


def grade(presented: Presented, wanted: str) -> tuple[Grade, tuple[str, ...]]:
    """Grade the names against TlsSenderCertificateName, and say which of them did it."""
    if "*" in wanted.removeprefix("*."):
        return Grade.INVALID, ()
    found = tuple(name for name in presented.every_name if connector_matches(wanted, name))
    exact = tuple(name for name in found if wanted.startswith("*.") or not name.startswith("*."))
    if exact:
        return _graded(presented, exact), exact
    if found:
        return Grade.BASE, found
    covering = tuple(name for name in presented.every_name if dns_id_matches(name, wanted))
    if covering:
        return Grade.WILDCARD, covering
    return (Grade.NONE if presented.complete else Grade.UNKNOWN), ()


def _graded(presented: Presented, names: tuple[str, ...]) -> Grade:
    subject = not set(names).isdisjoint(presented.common_names)
    if presented.alternative_names is None:
        return Grade.BOTH if subject else Grade.ALTERNATIVE
    if subject and not set(names).isdisjoint(presented.alternative_names):
        return Grade.BOTH
    return Grade.SUBJECT if subject else Grade.ALTERNATIVE


def by_certificate(connector: InboundConnector, presented: Presented | None, at: datetime) -> Facet:
    wanted = connector.tls_sender_certificate_name
    if wanted is None:
        text = f"The export does not hold TlsSenderCertificateName of {called(connector)}."
        return Facet(None, (documented(text),))
    if not wanted:
        return Facet(fits=False)
    if presented is None:
        text = (
            f"{called(connector)} asks for a certificate for {wanted}, but no client certificate is presented"
        )
        said = documented(sentence(text), "KB 3212877")
        return Facet(fits=False, statements=(said,), grade=Grade.NONE)
    return _by_names(connector, presented, wanted, at)


def _by_names(connector: InboundConnector, presented: Presented, wanted: str, at: datetime) -> Facet:
    graded, names = grade(presented, wanted)
    fits, template, label, source = _SAID[graded]
    text = template.format(
        listed(names or presented.every_name),
        who=f"The name{'s' if len(names) > 1 else ''} {listed(names)}",
        match="match" if len(names) > 1 else "matches",
        value=f"TlsSenderCertificateName {wanted} of {called(connector)}",
    )
    conditions = tuple(_conditions(connector, presented, at)) if fits is not False else ()
    return Facet(
        all_of((fits, *(fact for fact, _ in conditions))),
        (Statement(text, label, source), *(said for _, said in conditions)),
        names,
        graded,
    )


def _conditions(
    connector: InboundConnector, presented: Presented, at: datetime
) -> Iterator[tuple[bool | None, Statement]]:
    """What can spoil a match of the names."""
    if presented.self_signed:
        text = "The certificate is self-signed; a certificate-based connector needs one signed by a CA."
        yield False, documented(text, "Exchange Team blog 3851357")
    # notAfter's own second still counts (RFC 5280 4.1.2.5).
    if presented.not_after is not None and presented.not_after < at.replace(microsecond=0):
        text = f"The certificate expired on {presented.not_after:%Y-%m-%d %H:%M} UTC and no longer counts."
        yield False, reported(text)
    if connector.require_tls is False:
        text = (
            f"RequireTls of {called(connector)} is off: the certificate's name is documented to count only when "
            "it is on, and the parameter itself to be for Partner connectors only."
        )
        yield None, documented(text, CMDLET)
    elif connector.require_tls is None:
        yield True, inferred(f"This presumes that RequireTls of {called(connector)} is on.", CMDLET)
