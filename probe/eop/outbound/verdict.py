"""What Exchange Online, as the sender, makes of one MX host by DNSSEC, DANE and MTA-STS, and of the domain's mail.

Microsoft documents the whole: mail is blocked only where DNSSEC is bogus, or where all MX hosts have TLSA records and
none matches or offers TLS; else it goes on over the others. That MTA-STS passes a host over in the same way is RFC
8461 5.1's.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import field
from typing import NamedTuple, assert_never

from probe.eop.vocabulary import ConnectorMode
from probe.exchange.outbound.facts import Dnssec, DomainFacts
from probe.pki.dane import TlsaRecord
from probe.text import listed
from probe.values import value

#: Microsoft, how SMTP DANE works (documented).
RETRIES = "It tries again after 15 minutes, after another 15, then hourly for 24 hours; then the sender gets an NDR."


class Mechanism(enum.Enum):
    """By what a host is judged."""

    DANE = "dane"
    MTA_STS = "mta-sts"


class Refusal(enum.Enum):
    """Why Exchange Online does not deliver over a host; where it has one, the value is its own word."""

    DNSSEC = "dnssec-invalid"
    NO_TLS = "starttls-not-supported"
    EXPIRED = "certificate-expired"
    TLSA = "tlsa-invalid"
    NAME = "certificate-host-mismatch"
    NO_DANE = "dane-missing"
    """The connector demands DANE (SmtpDaneMode Mandatory), and there is none."""
    STS_HOST = "mta-sts-host"
    STS_NO_TLS = "mta-sts-no-tls"
    STS_CERTIFICATE = "mta-sts-certificate"


@value
class HostVerdict:
    """One address of one MX host: `delivers` None where that is not known.

    `refusal` beside a host that delivers is what a policy that is not enforced yet would refuse. `why` says more of it
    in a clause; `token` is the chain's status, as the reply has it; `record` the TLSA record that decided.
    """

    host: str
    address: str | None = None
    delivers: bool | None = None
    mechanism: Mechanism | None = None
    refusal: Refusal | None = None
    why: str = ""
    token: str = ""
    record: TlsaRecord | None = None

    @property
    def by_roots(self) -> bool:
        """Whether a list of roots has a part in the refusal."""
        return self.refusal is Refusal.STS_CERTIFICATE

    @property
    def authenticated(self) -> TlsaRecord | None:
        """The TLSA record by which DANE holds."""
        return self.record if self.mechanism is Mechanism.DANE and self.delivers else None


class Mail(enum.Enum):
    """What becomes of the domain's mail."""

    GOES_ON = "goes-on"
    """Over every host, or over the others."""
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@value
class DomainVerdict:
    """What becomes of a domain's mail, and why; `hosts` has every endpoint's verdict, `words` says it in sentences."""

    facts: DomainFacts
    mode: ConnectorMode
    hosts: tuple[HostVerdict, ...]
    left_out: int = 0
    """How many MX hosts, and addresses of those that were looked at, were not."""
    mail: Mail = field(init=False, repr=False, compare=False)
    words: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Every endpoint's rules ask for them, and a domain may have two thousand.
        object.__setattr__(self, "mail", decide(self.facts, self.hosts, self.left_out))
        object.__setattr__(self, "words", _mail_words(self))


class Outbound(NamedTuple):
    """One endpoint in sight of its domain; `place` is where its verdict stands among the domain's."""

    domain: DomainVerdict
    place: int

    @property
    def own(self) -> HostVerdict:
        """That of the endpoint judged."""
        return self.domain.hosts[self.place]

    @property
    def first(self) -> bool:
        """Whether this is the endpoint at which the domain's own affairs are told."""
        return self.place == 0

    @property
    def last(self) -> bool:
        """Whether it is the one after which a report says what becomes of the mail."""
        return self.place == len(self.domain.hosts) - 1


def decide(facts: DomainFacts, hosts: Iterable[HostVerdict], left_out: int = 0) -> Mail:
    """What becomes of the domain's mail; a host that could not be judged may take it, or not."""
    said = {each.delivers for each in hosts}
    if facts.mx is Dnssec.BOGUS or (said == {False} and not left_out):
        return Mail.BLOCKED
    return Mail.GOES_ON if True in said else Mail.UNKNOWN


def _unless(domain: DomainVerdict) -> str:
    """What is to be said where a host is refused by MTA-STS, and DANE, which goes before it, is not known."""
    for one in domain.hosts:
        answers = (domain.facts.mx, domain.facts.exchanger(one.host).dnssec)
        open_ = Dnssec.UNKNOWN in answers and Dnssec.INSECURE not in answers
        if open_ and one.mechanism is Mechanism.MTA_STS and one.delivers is False:
            return " Whether DANE holds is not known; where it does, MTA-STS does not count."
    return ""


def _mail_words(domain: DomainVerdict) -> str:
    unless = _unless(domain)
    name = domain.facts.domain
    over, refused, unjudged = (_named(domain.hosts, delivers=one) for one in (True, False, None))
    match domain.mail:
        case Mail.BLOCKED:
            return f"Mail to {name} is blocked: Exchange Online delivers over none of its MX hosts.{unless} {RETRIES}"
        case Mail.UNKNOWN:
            not_over = f" Exchange Online does not deliver over {refused}." if refused else ""
            more = f"{domain.left_out:,} more of its hosts and addresses" if domain.left_out else ""
            unjudged = " and ".join(filter(None, (unjudged, more)))
            return f"Whether mail to {name} goes on is not known: {unjudged} could not be judged.{not_over}{unless}"
        case Mail.GOES_ON if refused:
            return f"Mail to {name} goes on over {over}; Exchange Online does not deliver over {refused}.{unless}"
        case Mail.GOES_ON:
            known = "" if domain.facts.complete else ", as far as is known"
            return f"Neither DANE nor MTA-STS keeps mail to {name} from being delivered{known}."
        case _:
            assert_never(domain.mail)


def _named(hosts: Iterable[HostVerdict], *, delivers: bool | None) -> str:
    """The hosts of that verdict; with its address where the host's addresses have several."""
    said: dict[str, dict[bool | None, str | None]] = {}
    for each in hosts:
        said.setdefault(each.host, {}).setdefault(each.delivers, each.address)
    named = [
        f"{host} ({one[delivers]})" if len(one) > 1 else host for host, one in said.items() if delivers in one
    ]
    return listed(named, none="")
