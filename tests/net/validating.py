"""A small real DNS server on loopback that answers as a validating resolver does, or as a broken one.

    with ValidatingServer({("mail.contoso.test", "A"): Reply("192.0.2.1")}) as server:
        ask server.address

What it has no reply for does not exist, and that is proven; the root is signed.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from tests.net.scripted import Peer, Script, ScriptedServer

TLSA_PREFIX = "_25._tcp."


@dataclass(frozen=True, init=False)
class Reply:
    """What one question gets: records as in a zone file, or as octets, and the bits beside them."""

    records: tuple[str | bytes, ...]
    ad: bool = True
    aa: bool = False
    alias: str = ""
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    rcode_with_cd: dns.rcode.Rcode | None = None
    errors: tuple[tuple[int, str], ...] = ()
    silent: int = 0
    """Of so many questions nothing is heard."""
    truncated: bool = False
    always_truncated: bool = False
    """Over TCP too."""
    strays: tuple[bytes, ...] = ()
    cut: int | None = None
    """Where the answer ends."""
    beside: bytes = b""
    """A TLSA record in the additional section."""

    def __init__(self, *records: str | bytes, **bits: object) -> None:
        for name, value in {"records": records, **bits}.items():
            assert name in self.__dataclass_fields__
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Asked:
    """One question as it came."""

    name: str
    kind: str
    wire: bytes
    tcp: bool = field(default=False)


SIGNED_ROOT = {("", "SOA"): Reply("a.test. b.test. 1 1800 900 604800 86400")}
UNSIGNED_ROOT = {("", "SOA"): Reply("a.test. b.test. 1 1800 900 604800 86400", ad=False)}


class ValidatingServer:
    """Answers over UDP and TCP until it is closed; `asked` are the questions it heard, each once."""

    def __init__(self, replies: Mapping[tuple[str, str], Reply]) -> None:
        self._replies = {**SIGNED_ROOT, **replies}
        self._tcp, self._udp = _one_port(self._serve_tcp)
        self.port = self._tcp.port
        self.address = f"127.0.0.1:{self.port}"
        self.asked: list[Asked] = []
        self._heard: list[Asked] = []
        self._thread = threading.Thread(target=self._serve_udp, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._tcp.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        # An empty datagram wakes the thread; UDP sockets have no other way.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._udp.getsockname())
        self._thread.join(5)
        self._udp.close()
        self._tcp.__exit__()

    def heard(self, kind: str, *, repeated: bool = False) -> list[str]:
        """The names that were asked for with that type."""
        return [each.name for each in (self._heard if repeated else self.asked) if each.kind == kind]

    def _serve_udp(self) -> None:
        while True:
            data, client = self._udp.recvfrom(4096)
            if not data:
                return
            for answer in self._answers(data, tcp=False):
                with contextlib.suppress(OSError):  # a client that has gone
                    self._udp.sendto(answer, client)

    def _serve_tcp(self, peer: Peer) -> None:
        while size := peer.socket.recv(2, socket.MSG_WAITALL):
            data = peer.socket.recv(int.from_bytes(size), socket.MSG_WAITALL)
            for answer in self._answers(data, tcp=True):
                # The length first, whatever then is sent: an answer that is cut off ends with the connection.
                peer.say(answer)
                return

    def _answers(self, data: bytes, *, tcp: bool) -> Iterator[bytes]:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower().rstrip("."), question.rdtype.name
        before = sum((each.name, each.kind) == (name, kind) for each in self._heard)
        self._heard.append(Asked(name, kind, data, tcp))
        self.asked = [*dict.fromkeys(self._heard)]  # who was not answered soon enough asks again
        reply = self._replies.get((name, kind)) or Reply(
            rcode=dns.rcode.NOERROR
            if any(known == name for known, _ in self._replies)
            else dns.rcode.NXDOMAIN
        )
        if before < reply.silent:
            return
        whole = self._made(query, reply, truncated=reply.always_truncated or (reply.truncated and not tcp))
        if tcp:
            yield (len(whole).to_bytes(2) + whole)[: reply.cut]
        else:
            yield from (
                *reply.strays,
                whole if reply.truncated or reply.always_truncated else whole[: reply.cut],
            )

    def _made(self, query: dns.message.Message, reply: Reply, *, truncated: bool) -> bytes:
        checking = not query.flags & dns.flags.CD
        response = dns.message.make_response(query)
        rcode = reply.rcode if checking or reply.rcode_with_cd is None else reply.rcode_with_cd
        failed = rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        response.set_rcode(rcode)
        response.flags |= dns.flags.RA
        response.flags |= dns.flags.AA if reply.aa else 0
        # A resolver that was not asked for it, or not to check, says nothing of signatures.
        response.flags |= (
            dns.flags.AD if reply.ad and checking and query.flags & dns.flags.AD and not failed else 0
        )
        if reply.errors and query.edns >= 0:
            response.use_edns(0, options=[dns.edns.EDEOption(code, text) for code, text in reply.errors])
        if truncated:
            response.flags |= dns.flags.TC
        elif not failed:
            response.answer.extend(_rrsets(query, reply))
        if reply.beside:
            record = dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.TLSA, reply.beside)
            response.additional.append(dns.rrset.from_rdata("_25._tcp.mail.contoso.test.", 60, record))
        return response.to_wire(max_size=65_535)


def _one_port(script: Script) -> tuple[ScriptedServer, socket.socket]:
    """A server and a socket for datagrams, both at a port that nobody has for either."""
    while True:
        server, udp = ScriptedServer(script), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(("127.0.0.1", server.port))
        except OSError:
            server.close()
            udp.close()
        else:
            return server, udp


def _rrsets(query: dns.message.Message, reply: Reply) -> Iterable[dns.rrset.RRset]:
    owner, kind = query.question[0].name, query.question[0].rdtype
    if reply.alias:
        yield dns.rrset.from_text(owner, 60, "IN", "CNAME", reply.alias + ".")
        owner = dns.name.from_text(reply.alias)
    if reply.records:
        yield dns.rrset.from_rdata(
            owner,
            60,
            *(
                dns.rdata.GenericRdata(dns.rdataclass.IN, kind, each)
                if isinstance(each, bytes)
                else dns.rdata.from_text(dns.rdataclass.IN, kind, each)
                for each in reply.records
            ),
        )
