"""What Exchange Online looks at as the sender besides the certificate: DNSSEC, TLSA records, the MTA-STS policy.

Facts of DNS and HTTPS as they were found; what follows from them is said by rules.
"""

from __future__ import annotations

import enum

from probe.pki.dane import TlsaRecord
from probe.smtp.mta_sts import Policy
from probe.values import value


class Dnssec(enum.Enum):
    """What a resolver that validates says of an answer (RFC 4035 4.3)."""

    SECURE = "secure"
    INSECURE = "insecure"
    """The zone is not signed, or the chain to it is not."""
    BOGUS = "bogus"
    UNKNOWN = "unknown"
    """No resolver was named whose word counts, or it did not answer."""


@value
class Tlsa:
    """The answer for `_25._tcp.BASE`; secure without records is the proof that there are none.

    `unreadable` are records that are none (RFC 6698 2.1), in words. `failure` says, escaped and without a full stop,
    why nothing is known, or why the answer is bogus; then records are what the resolver has, vouched for by nobody.
    """

    dnssec: Dnssec = Dnssec.UNKNOWN
    records: tuple[TlsaRecord, ...] = ()
    unreadable: tuple[str, ...] = ()
    failure: str | None = None
    left_out: bool = False
    """Whether there are more records than are looked at."""
    base: str = ""
    """The host, or the name that it is an alias of (RFC 7672 2.2.2): a reference name for certificates."""


@value
class Exchanger:
    """One MX host; `address` is what is known of its A and AAAA records, `failure` as for `Tlsa`."""

    host: str
    address: Dnssec = Dnssec.UNKNOWN
    tlsa: Tlsa = Tlsa()
    failure: str | None = None

    @property
    def dnssec(self) -> Dnssec:
        """Whether its TLSA records count: as those say, unless the addresses are bogus or unknown.

        Insecure addresses do no harm to secure records, which stand at an alias that is itself signed (RFC 7672 2.2.2).
        """
        answers = (self.address, self.tlsa.dnssec)
        return next((bad for bad in (Dnssec.BOGUS, Dnssec.UNKNOWN) if bad in answers), self.tlsa.dnssec)


class PolicyFault(enum.Enum):
    """Why a domain's policy could not be had (RFC 8461 3.1 and 3.3)."""

    RECORD = "record"
    """The TXT record is none, or there are several."""
    DNS = "dns"
    CONNECTION = "connection"
    CERTIFICATE = "certificate"
    ANSWER = "answer"
    """Not 200, a redirect, another media type, cut off."""
    SIZE = "size"
    TIME = "time"
    TEXT = "text"
    """The policy's text is none."""


@value
class Sts:
    """MTA-STS of a domain: `record_id` is None without a record; without `policy` and `fault` there is none.

    `problem` is the fault in a sentence, escaped; `deviations` are what a strict reader would object to besides, the
    policy's own apart, in words.
    """

    record_id: str | None = None
    policy: Policy | None = None
    fault: PolicyFault | None = None
    problem: str = ""
    deviations: tuple[str, ...] = ()


@value
class DomainFacts:
    """What is known of a domain's inbound mail; `mx` of its MX records, `exchangers` the preferred first.

    `failure` as for `Tlsa`, about the MX records; without exchangers and failure the domain takes no mail (RFC 7505).
    """

    domain: str
    mx: Dnssec = Dnssec.UNKNOWN
    exchangers: tuple[Exchanger, ...] = ()
    sts: Sts | None = None
    resolver: str | None = None
    """The resolver whose AD bit is trusted."""
    failure: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every question about the domain was answered."""
        answers = (self.mx, *(each.dnssec for each in self.exchangers))
        return Dnssec.UNKNOWN not in answers and (self.sts is None or self.sts.fault is None)

    def exchanger(self, host: str) -> Exchanger:
        """What is known of a host; nothing, where the MX records were others when they were asked for again."""
        return next((each for each in self.exchangers if each.host == host), Exchanger(host=host))
