"""Asking for a domain's MTA-STS policy as a sender does (RFC 8461 3): the TXT record, then one HTTPS question.

Whose certificate will do is judged by the list of roots that is given, on the chain as sent. No redirects, no second
look-up between what is checked and what is connected to, one deadline over everything.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import NamedTuple

from probe.errors import (
    AnswerError,
    ConnectError,
    DeadlineError,
    NoSuchNameError,
    ObservationError,
    ResolveError,
    TooLargeError,
)
from probe.exchange.outbound.facts import PolicyFault, Sts
from probe.exchange.outbound.sts import flaws
from probe.net.clock import monotonic
from probe.net.http import OK, Answer, Question, Reach, ask
from probe.net.resolver import RESOLVE_TIMEOUT_S
from probe.net.stream import Deadline, Stream, begin_connect
from probe.net.tls_client import TlsClient, client_context
from probe.net.tls_engine import TlsFailureKind
from probe.pki import path
from probe.pki.chain import PresentedChain
from probe.pki.status import Purpose
from probe.pki.truststore import TrustStore
from probe.smtp.mta_sts import MAX_POLICY_BYTES, Policy, read_policy, read_record
from probe.text import printable

HTTPS_PORT = 443
_PLACE = "/.well-known/mta-sts.txt"
_MEDIA_TYPE = "text/plain"


class Judge(NamedTuple):
    """By whose roots, and as of when, the policy host's certificate is judged."""

    store: TrustStore
    at: datetime


class _CertificateError(ObservationError):
    """The policy host's certificate will not do."""


#: The most specific first.
_FAULTS: tuple[tuple[type[ObservationError], PolicyFault], ...] = (
    (ResolveError, PolicyFault.DNS),
    (DeadlineError, PolicyFault.TIME),
    (_CertificateError, PolicyFault.CERTIFICATE),
    (TooLargeError, PolicyFault.SIZE),
    (AnswerError, PolicyFault.ANSWER),
    (ObservationError, PolicyFault.CONNECTION),
)


def look(domain: str, judge: Judge, reach: Reach, *, port: int = HTTPS_PORT) -> Sts:
    """Find a domain's policy; what goes wrong on the way is a fault. `port` is another one in tests only.

    `domain` is in A-labels, without a final dot. Raises ConfigurationError for an unusable name server.
    """
    from probe.net.nameserver import txt_records

    deadline = Deadline(monotonic() + reach.timeout_s)
    try:
        patience = min(reach.timeout_s, RESOLVE_TIMEOUT_S)
        record = read_record(txt_records(f"_mta-sts.{domain}", reach.nameserver, patience))
    except NoSuchNameError:
        return Sts()
    except ResolveError as error:
        return Sts(fault=PolicyFault.DNS, problem=f"whether there is a policy is not known: {error}")
    if record.fault:
        return Sts(
            record_id=record.id,
            fault=PolicyFault.RECORD,
            problem=record.fault,
            deviations=record.deviations,
        )
    if record.id is None:
        return Sts(deviations=record.deviations)
    found = _fetched(domain, judge, reach, deadline, port)
    return Sts(
        record_id=record.id,
        policy=found.policy,
        fault=found.fault,
        problem=found.problem,
        deviations=record.deviations + found.deviations,
    )


def _fetched(domain: str, judge: Judge, reach: Reach, deadline: Deadline, port: int) -> Sts:
    host = f"mta-sts.{domain}"
    where = f"the policy at https://{host}{_PLACE}"
    try:
        text = _text(host, judge, reach, deadline, port)
    except ObservationError as error:
        fault = next(fault for kind, fault in _FAULTS if isinstance(error, kind))
        return Sts(fault=fault, problem=f"{where} cannot be had: {error}")
    found = read_policy(text)
    if isinstance(found, Policy):
        return Sts(policy=found)
    return Sts(
        fault=PolicyFault.TEXT, problem=f"{where} cannot be read: {found.reason}", deviations=found.deviations
    )


def _text(host: str, judge: Judge, reach: Reach, deadline: Deadline, port: int) -> bytes:
    """The policy's text; raises ObservationError."""
    addresses = reach.addresses(host, min(deadline.remaining(), RESOLVE_TIMEOUT_S))
    if not addresses:
        public = "" if reach.allow_private else "public "
        kind = f"IPv{reach.ip_version} " if reach.ip_version else ""
        raise ConnectError(f"{host} has no {public}{kind}address")
    with contextlib.closing(_connected(addresses, port, deadline)) as stream:
        secured = _Secured(stream, host, deadline)
        presented = secured.shake_hands()
        _judged(presented, host, judge)
        return _content(ask(Question(host, _PLACE), secured.send, secured.receive, MAX_POLICY_BYTES))


def _connected(addresses: tuple[str, ...], port: int, deadline: Deadline) -> Stream:
    """Connect to the first address that answers; each has half of what time is left, the last one all of it."""
    for address in addresses[:-1]:
        with contextlib.suppress(ObservationError):
            return begin_connect(address, port).finish(Deadline(monotonic() + deadline.remaining() / 2))
    return begin_connect(addresses[-1], port).finish(deadline)


def _judged(presented: PresentedChain, host: str, judge: Judge) -> None:
    """RFC 8461 3.3; raises for a certificate that will not do."""
    built = path.build(presented, judge.store, Purpose.SERVER_AUTH, judge.at)
    found = flaws(presented.leaf, built, host, judge.at, judge.store.name)
    if found:
        raise _CertificateError("its certificate " + ", and it ".join(each.message for each in found))


def _content(answer: Answer) -> bytes:
    """The content of an answer that RFC 8461 3.2 and 3.3 accept."""
    if answer.status != OK:
        place = printable(answer.header("location"), 200)
        led = f" and leads to {place}, where no sender goes" if place else ""
        raise AnswerError(f"the server answers {answer.status}{led}")
    kind = answer.header("content-type")
    if kind.partition(";")[0].strip().lower() != _MEDIA_TYPE:
        shown = f'is of the type "{printable(kind, 100)}"' if kind else "does not say its type"
        raise AnswerError(f"the answer {shown}, and senders should take {_MEDIA_TYPE} only (RFC 8461 3.2)")
    coding = answer.header("content-encoding").lower()
    if coding not in ("", "identity"):
        raise AnswerError(f'the answer is packed ("{printable(coding, 100)}"), which was not asked for')
    return answer.content


class _Secured:
    """TLS on an open connection, until a deadline; whom one speaks to is not judged here."""

    def __init__(self, stream: Stream, host: str, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline
        self._tls = TlsClient(client_context(), server_name=host)

    def shake_hands(self) -> PresentedChain:
        """Return the chain as sent; raises ConnectError where no handshake comes about."""
        while not self._tls.established and self._tls.failure is None:
            self._flush()
            data = self._read()
            if data:
                self._tls.receive(data)
            else:
                self._tls.receive_eof()
        if self._tls.failure is not None:
            raise ConnectError(self._tls.failure.message)
        return PresentedChain.from_der(self._tls.presented())

    def send(self, data: bytes) -> None:
        self._tls.send(data)
        self._flush()

    def receive(self) -> bytes:
        """Return what the server said, b"" when it has ended TLS properly: another end may be somebody else's."""
        while not (said := self._tls.plaintext()):
            failure = self._tls.failure
            if failure is not None and failure.kind is TlsFailureKind.CLOSED:
                return b""
            if failure is not None:
                alert = failure.alert is not None
                raise AnswerError(failure.message if alert else "the answer goes on in what is no TLS")
            data = self._read()
            if not data:
                raise AnswerError("the answer was cut off")
            self._tls.receive(data)
        return said

    def _read(self) -> bytes:
        if self._deadline.remaining() <= 0:  # bytes can trickle in without a wait in between
            raise DeadlineError(f"no complete answer from {self._stream.peer} in time")
        return self._stream.read(self._deadline)

    def _flush(self) -> None:
        self._stream.write(self._tls.bytes_to_send(), self._deadline)
