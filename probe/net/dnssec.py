"""DNSSEC as a resolver tells it that validates: MX, address and TLSA records, and the AD bit of each answer.

Signatures are not checked here: the user names a resolver whose word counts, and the way to it has to be trusted.

1. Ask with AD=1, so that the answer says whether it is secure (RFC 6840 5.7), and EDNS, so that it may say what failed.
2. SERVFAIL: an extended error of DNSSEC's (RFC 8914), or an answer to the same question with CD=1, means bogus.
3. No AD: insecure, if the resolver sets AD for the root, which is signed; otherwise nobody knows. A server that is
   itself authoritative for the name says nothing of signatures (RFC 4035 3.1.6).
4. TLSA records are looked for at the name that the host is an alias of, then at the host (RFC 7672 2.2.2).

Slow to import, so loaded only when asked.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.wire

from probe.errors import NullMxError, ObservationError, ResolveError
from probe.exchange.outbound.facts import Dnssec, DomainFacts, Exchanger, Tlsa
from probe.net.clock import monotonic
from probe.net.nameserver import answers_readable, mx_record
from probe.net.resolver import MAX_EXCHANGERS, preferred
from probe.net.stream import READ_BYTES, Deadline, begin_connect, in_words
from probe.net.target import SMTP_PORT, name_server
from probe.pki.dane import TlsaRecord
from probe.text import counted, printable

TIMEOUT_S = 10.0
"""Seconds for all questions about one domain."""

TRY_S = 1.5
"""Seconds for an answer over UDP before the question is sent again."""

MAX_STRAYS = 64
"""Datagrams of the resolver's address that answer nothing that was asked; each of them is taken apart."""

MAX_RECORDS = 32
"""TLSA records of one name that are looked at; a rollover of two certificates takes four."""

MAX_AT_ONCE = 8
"""Exchangers of one domain that are asked about at once."""

UDP_BYTES = 1232
"""Bytes of an answer over UDP; more come over TCP (DNS flag day 2020: no fragments)."""

_ASKED = dns.flags.RD | dns.flags.AD
_ANSWERS = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
_OF_DNSSEC = frozenset((1, 2, *range(5, 13)))  # RFC 8914 4.2, 4.3 and 4.6 to 4.13
MAX_WORDS = 200
"""Characters of an extended error that are told."""

_SHORTEST = 4  # bytes of a TLSA record: three parameters and data
_WORST_FIRST = (Dnssec.BOGUS, Dnssec.UNKNOWN, Dnssec.INSECURE, Dnssec.SECURE)


def domain_facts(domain: str, resolver: str, *, timeout_s: float = TIMEOUT_S) -> DomainFacts:
    """Ask `resolver` (an IP address, with or without a port) about the MX hosts of `domain` and their TLSA records.

    Never raises for what it answers; ConfigurationError for a `resolver` that is none.
    """
    questions = _Questions(resolver, timeout_s)
    name = domain.lower().removesuffix(".")
    mx = questions.ask(name, "MX")
    hosts: tuple[str, ...] = ()
    if mx.response.rcode == dns.rcode.NOERROR:
        with suppress(NullMxError):
            found = preferred(name, [mx_record(each) for each in mx.response.records])
            hosts = tuple(each.host for each in found[:MAX_EXCHANGERS])
    missing = f"the name {name} does not exist" if mx.response.rcode == dns.rcode.NXDOMAIN else None
    return DomainFacts(
        domain=name,
        mx=mx.dnssec,
        exchangers=questions.exchangers(tuple(dict.fromkeys(hosts))),
        resolver=resolver,
        failure=mx.failure or missing,
    )


def exchanger_facts(
    hosts: Sequence[str], resolver: str, *, timeout_s: float = TIMEOUT_S
) -> tuple[Exchanger, ...]:
    """Ask about hosts that are known already, as `domain_facts` does about those of the MX records."""
    return _Questions(resolver, timeout_s).exchangers(hosts)


def check_resolver(resolver: str, *, timeout_s: float = TIMEOUT_S) -> str | None:
    """Say, escaped and without a full stop, why this resolver's word on DNSSEC does not count; None if it does."""
    return _Questions(resolver, timeout_s).distrust


class _Response(NamedTuple):
    """What a resolver sent back; `name` is where aliases lead, `octets` what its TLSA records hold."""

    rcode: dns.rcode.Rcode = dns.rcode.SERVFAIL
    flags: int = 0
    errors: tuple[dns.edns.EDEOption, ...] = ()
    name: str = ""
    records: tuple[Any, ...] = ()
    octets: tuple[bytes, ...] = ()


class _Answer(NamedTuple):
    """A response and what it is worth; that of a bogus answer was asked for with CD=1."""

    dnssec: Dnssec
    failure: str | None = None
    response: _Response = _Response()


class _Questions:
    """Questions to one resolver under one deadline."""

    def __init__(self, resolver: str, timeout_s: float) -> None:
        self._address = name_server(resolver)
        self._peer = f"{self._address[0]} port {self._address[1]}"
        self._timeout_s = timeout_s
        self._deadline = Deadline(monotonic() + timeout_s)

    @cached_property
    def distrust(self) -> str | None:
        root = self._said("", "SOA")
        if root.dnssec is Dnssec.SECURE:
            return None
        silent = (
            f"the resolver {self._peer} does not set AD for the root, which is signed: it does not validate"
        )
        return root.failure or silent

    def ask(self, name: str, kind: str) -> _Answer:
        answer = self._said(name, kind)
        if answer.dnssec is Dnssec.INSECURE and self.distrust:
            return answer._replace(dnssec=Dnssec.UNKNOWN, failure=self.distrust)
        return answer

    def exchangers(self, hosts: Sequence[str]) -> tuple[Exchanger, ...]:
        with ThreadPoolExecutor(MAX_AT_ONCE, "dnssec") as pool:
            return tuple(pool.map(self._exchanger, hosts))

    def _exchanger(self, host: str) -> Exchanger:
        answers = [self.ask(host, kind) for kind in ("A", "AAAA")]
        worst = min(answers, key=lambda each: _WORST_FIRST.index(each.dnssec))
        alias = answers[0].response.name if worst.dnssec is Dnssec.SECURE else host
        tlsa = self._tlsa(alias)
        if alias != host and tlsa.dnssec in (Dnssec.SECURE, Dnssec.INSECURE) and not tlsa.records:
            tlsa = self._tlsa(host)
        return Exchanger(host=host, address=worst.dnssec, tlsa=tlsa, failure=worst.failure)

    def _tlsa(self, base: str) -> Tlsa:
        answer = self.ask(f"_{SMTP_PORT}._tcp.{base}", "TLSA")
        octets = answer.response.octets
        unreadable = [
            f"a TLSA record of {counted(len(each), 'byte')} holds no data"
            for each in octets[:MAX_RECORDS]
            if len(each) < _SHORTEST
        ]
        if len(octets) > MAX_RECORDS:
            unreadable.append(f"of {len(octets)} TLSA records {MAX_RECORDS} are looked at")
        return Tlsa(
            dnssec=answer.dnssec,
            records=tuple(
                TlsaRecord(usage=each[0], selector=each[1], matching=each[2], data=each[3:])
                for each in octets[:MAX_RECORDS]
                if len(each) >= _SHORTEST
            ),
            unreadable=tuple(unreadable),
            failure=answer.failure,
            left_out=len(octets) > MAX_RECORDS,
            base=base,
        )

    def _said(self, name: str, kind: str) -> _Answer:
        try:
            response = self._asked(name, kind, _ASKED)
        except ObservationError as error:
            return _Answer(Dnssec.UNKNOWN, str(error))
        if response.rcode == dns.rcode.SERVFAIL:
            return self._failed(response, name, kind)
        if response.rcode not in _ANSWERS:
            code = dns.rcode.to_text(response.rcode)
            return _Answer(
                Dnssec.UNKNOWN, f"the resolver {self._peer} does not answer for {_shown(name)}: {code}"
            )
        if response.flags & dns.flags.AD:
            return _Answer(Dnssec.SECURE, None, response)
        if response.flags & dns.flags.AA:
            own = f"the resolver {self._peer} is itself a name server of {_shown(name)}: its answers are not validated"
            return _Answer(Dnssec.UNKNOWN, own, response)
        return _Answer(Dnssec.INSECURE, None, response)

    def _failed(self, response: _Response, name: str, kind: str) -> _Answer:
        """Whether a failure is DNSSEC's."""
        again = _Response()
        with suppress(ObservationError):
            again = self._asked(name, kind, _ASKED | dns.flags.CD)
        # In its words: which code a resolver gives for one fault may differ from one question to the next.
        words = ", and says: " + "; ".join(map(_in_words, response.errors)) if response.errors else ""
        if again.rcode in _ANSWERS or any(each.code in _OF_DNSSEC for each in response.errors):
            return _Answer(
                Dnssec.BOGUS,
                f"the resolver finds the signatures of {_shown(name)} ({kind}) bad{words}",
                again,
            )
        return _Answer(
            Dnssec.UNKNOWN, f"the resolver {self._peer} failed to answer for {_shown(name)}{words}"
        )

    def _asked(self, name: str, kind: str, flags: int) -> _Response:
        """Ask over UDP, and over TCP what is too long for that; raises ObservationError."""
        try:
            query = dns.message.make_query(f"{name}.", kind, use_edns=0, payload=UDP_BYTES, flags=flags)
        except dns.exception.DNSException as error:
            raise ResolveError(f"the name {_shown(name)} cannot be asked for: {error}") from error
        for data in islice(self._datagrams(query.to_wire()), MAX_STRAYS):
            response = _read(data, query)
            if response is not None:
                return self._over_tcp(query) if response.flags & dns.flags.TC else response
        if self._deadline.remaining():
            raise ResolveError(f"the resolver {self._peer} sends what answers no question for {_shown(name)}")
        raise ResolveError(
            f"the resolver {self._peer} did not answer for {_shown(name)} within {self._timeout_s:g} s"
        )

    def _datagrams(self, wire: bytes) -> Iterator[bytes]:
        """What comes back over UDP until the deadline, from that address only."""
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(
                *self._address, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
            )[0]
            with socket.socket(family, kind, protocol) as sock:
                sock.connect(place)
                while self._deadline.remaining():
                    sock.send(wire)
                    again = Deadline(min(self._deadline.at, monotonic() + TRY_S))
                    while left := again.remaining():
                        sock.settimeout(left)
                        with suppress(TimeoutError):
                            yield sock.recv(READ_BYTES)
        except OSError as error:
            raise ResolveError(f"the resolver cannot be asked: {in_words(error, self._peer)}") from error

    def _over_tcp(self, query: dns.message.Message) -> _Response:
        wire, data, size = query.to_wire(), b"", 2  # RFC 1035 4.2.2: the length goes before
        stream = begin_connect(*self._address).finish(self._deadline)
        with closing(stream):
            stream.write(struct.pack("!H", len(wire)) + wire, self._deadline)
            while len(data) < size:
                piece = stream.read(self._deadline)
                data += piece
                size = 2 + int.from_bytes(data[:2]) if len(data) >= 2 else size
                if not piece:
                    break
        response = _read(data[2:size], query) if len(data) >= size else None
        if response is None or response.flags & dns.flags.TC:
            raise ResolveError(f"the resolver {self._peer} sent no whole answer over TCP")
        return response


def _read(wire: bytes, query: dns.message.Message) -> _Response | None:
    """Take an answer apart; None for what answers another question or none at all, ResolveError for what breaks off."""
    try:
        message = dns.message.from_wire(wire, continue_on_error=True)
    except dns.exception.DNSException:
        return None
    if not isinstance(message, dns.message.QueryMessage) or not query.is_response(message):
        return None
    response = _Response(message.rcode(), message.flags, tuple(message.extended_errors()))
    if message.flags & dns.flags.TC or message.rcode() not in _ANSWERS:
        return response
    try:
        if query.question[0].rdtype != dns.rdatatype.TLSA and not answers_readable(message, wire):
            raise message.errors[0].exception
        found = message.resolve_chaining()
        octets = sorted(set(_tlsa_octets(wire, found.canonical_name)))  # resolvers rotate them
    except dns.exception.DNSException as error:
        asked = printable(query.question[0].name.to_text(omit_final_dot=True))
        raise ResolveError(f"the resolver's answer for {asked} cannot be read: {error}") from error
    name = found.canonical_name.to_text(omit_final_dot=True).lower()
    return response._replace(name=name, records=tuple(found.answer or ()), octets=tuple(octets))


def _tlsa_octets(wire: bytes, owner: dns.name.Name) -> Iterator[bytes]:
    """The data of each TLSA record, those too that the library refuses; raises DNSException."""
    parser = dns.wire.Parser(wire, 4)
    questions, answers, _, _ = parser.get_struct("!HHHH")
    for _ in range(questions):
        parser.get_name(decompress=True)
        parser.get_bytes(4)
    for _ in range(answers):
        name = parser.get_name(decompress=True)
        kind, _, _, size = parser.get_struct("!HHIH")
        data = parser.get_bytes(size)
        if kind == dns.rdatatype.TLSA and name == owner:
            yield data


def _in_words(error: dns.edns.EDEOption) -> str:
    code = dns.edns.EDECode.to_text(error.code).replace("_", " ").lower()
    return printable(f"{code}: {error.text}" if error.text else code, MAX_WORDS)


def _shown(name: str) -> str:
    return printable(name) or "the root"
