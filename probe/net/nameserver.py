"""Questions to a DNS server: addresses, mail exchangers, texts. Slow to import, so loaded only when asked."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.nameserver
import dns.resolver

from probe.errors import NoSuchNameError, ResolveError
from probe.net.clock import monotonic
from probe.net.stream import READ_BYTES, Deadline
from probe.net.target import name_server


def addresses(host: str, nameserver: str | None, timeout_s: float) -> tuple[str, ...]:
    """Return the A records of `host`, then its AAAA records, perhaps none; raises ResolveError.

    Where one of the two questions fails, the answer to the other counts.
    """
    resolver = _resolver(nameserver)
    found: list[str] = []
    failure: ResolveError | None = None
    for kind in ("A", "AAAA"):
        try:
            # Half of the time each: silence to one question must not take the other's answer away.
            found += [str(record.address) for record in _records(resolver, host, kind, timeout_s / 2)]
        except ResolveError as error:
            failure = error
    if failure is not None and not found:
        raise failure
    return tuple(found)


def mx_records(domain: str, nameserver: str | None, timeout_s: float) -> tuple[tuple[int, str], ...]:
    """Return preference and host of each MX record."""
    return tuple(map(mx_record, _records(_resolver(nameserver), domain, "MX", timeout_s)))


def mx_record(record: Any) -> tuple[int, str]:  # noqa: ANN401 - as the library makes it
    """Return preference and host of one MX record; the host of a null MX is "" (RFC 7505)."""
    return int(record.preference), record.exchange.to_text(omit_final_dot=True).lower().removesuffix(".")


def txt_records(name: str, nameserver: str | None, timeout_s: float) -> tuple[bytes, ...]:
    """Return each TXT record, its strings joined (RFC 7208 3.3); raises ResolveError."""
    records = _records(_resolver(nameserver), name, "TXT", timeout_s)
    return tuple(b"".join(record.strings) for record in records)


def _resolver(nameserver: str | None, configuration: str = "/etc/resolv.conf") -> dns.resolver.Resolver:
    """Return the system's resolver, or one that asks `nameserver` alone."""
    if nameserver is None:
        try:
            # Windows keeps it elsewhere, and the library knows where.
            resolver = dns.resolver.Resolver(configuration)
        except dns.resolver.NoResolverConfiguration as error:
            raise ResolveError("this machine has no name server configured") from error
        resolver.nameservers = [_Server(str(each), resolver.port) for each in resolver.nameservers]
        return resolver
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [_Server(*name_server(nameserver))]
    return resolver


class _Server(dns.nameserver.Do53Nameserver):
    """A server of whose answers only what was asked for has to be readable.

    BIND adds TLSA records to MX records, and the library drops an answer for one record it refuses, and waits on.
    """

    def query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,
        *rest: Any,  # noqa: ANN401 - as the library passes them on
        **more: Any,  # noqa: ANN401
    ) -> dns.message.Message:
        if more["max_size"]:  # over TCP
            return super().query(request, timeout, *rest, **more)
        try:
            message = self._answer(request, Deadline(monotonic() + timeout))
        except TimeoutError as error:
            # Any other error of the system would end the questions to this server.
            raise dns.exception.Timeout from error
        if message.flags & dns.flags.TC:
            raise dns.message.Truncated
        return message

    def _answer(self, request: dns.message.Message, deadline: Deadline) -> dns.message.Message:
        family, kind, protocol, _, place = socket.getaddrinfo(
            self.address, self.port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.connect(place)
            sock.send(request.to_wire())
            while left := deadline.remaining():
                sock.settimeout(left)
                wire = sock.recv(READ_BYTES)
                with contextlib.suppress(dns.exception.DNSException):
                    message = dns.message.from_wire(wire, continue_on_error=True)
                    if request.is_response(message) and answers_readable(message, wire):
                        return message
        raise TimeoutError


def answers_readable(message: dns.message.Message, wire: bytes) -> bool:
    """Whether every record of the answer section was read; those beside them are only what a server thinks of use."""
    return not message.errors or sum(map(len, message.answer)) == int.from_bytes(wire[6:8])


def _records(resolver: dns.resolver.Resolver, name: str, kind: str, timeout_s: float) -> Iterable[Any]:
    """Return the records of that kind, none where the name has others only; raises ResolveError."""
    try:
        # Absolute, so that no search domain of this machine is tried.
        answer = resolver.resolve(name + ".", kind, raise_on_no_answer=False, lifetime=timeout_s)
    except dns.resolver.NXDOMAIN as error:
        raise NoSuchNameError(f"the name {name} does not exist") from error
    except dns.exception.Timeout as error:
        raise ResolveError(f"the name server did not answer for {name} within {timeout_s:g} s") from error
    except dns.resolver.NoNameservers as error:
        raise ResolveError(f"the name server failed to answer for {name} ({kind})") from error
    except dns.exception.DNSException as error:
        raise ResolveError(f"the name {name} cannot be looked up: {error}") from error
    return answer.rrset or ()
