"""Whether a mail with a report is Microsoft's: its own signature, over all that says so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from probe.exchange.messages.dkim import DkimError, Signature, signatures
from probe.exchange.messages.parts import RawMail, content_type
from probe.exchange.tlsrpt.report import MICROSOFT_DOMAIN, Proof
from probe.tlsrpt.keys import Keys

#: The fields that say what a mail is and whose (RFC 8460 5.3): each has to be there once, and signed.
NEEDED = (b"from", b"content-type", b"tls-report-domain", b"tls-report-submitter")

WITHOUT_MAIL = Proof(reason="It came without its mail, which would be signed.")
_ADDRESS_DOMAIN = re.compile(r"@\s*([^\s<>@,;]+)")


def proof_of(mail: RawMail, keys: Keys, now: datetime) -> Proof:
    """The proof, or what is missing to it; only keys of Microsoft's are ever asked for."""
    refused = Proof(reason="The mail has no DKIM signature.")
    for signature in signatures(mail):
        if isinstance(signature, DkimError):
            refused = _first(refused, Proof(reason=f"A DKIM signature {signature}."))
            continue
        signed = Proof(domain=signature.domain, selector=signature.selector)
        whose = f"The signature of {signature.domain} ({signature.selector})"
        if signature.domain != MICROSOFT_DOMAIN:
            refused = _first(refused, replace(signed, reason=f"{whose} is not Microsoft's."))
            continue
        try:
            return replace(signed, proven=True, key=_verify(signature, mail, keys, now))
        except DkimError as error:
            refused = replace(signed, reason=f"{whose} {error}.")
    return refused


def _first(before: Proof, now: Proof) -> Proof:
    """What is told of a mail without Microsoft's signature: whose it has."""
    return before if before.domain else now


def _verify(signature: Signature, mail: RawMail, keys: Keys, now: datetime) -> str:
    """Where the key is from that made the signature; raises DkimError."""
    told = content_type(mail)
    if (
        told.get_content_type() != "multipart/report"
        or str(told.get_param("report-type")).lower() != "tlsrpt"
    ):
        raise DkimError("is on a mail that is no TLS report (multipart/report; report-type=tlsrpt)")
    senders = {one.lower() for one in _ADDRESS_DOMAIN.findall(mail.first(b"from"))}
    if senders != {MICROSOFT_DOMAIN} or mail.first(b"tls-report-submitter").lower() != MICROSOFT_DOMAIN:
        raise DkimError(f"is on a mail that does not say it is from {MICROSOFT_DOMAIN}")
    records, source = keys.records(signature.key_name)
    signature.check(mail, records, now, NEEDED)
    return source
