"""Which software a server looks like, by what it says of itself; a banner can be changed or hidden."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence


class Software(enum.Enum):
    """Mail servers, and proxies before them, whose certificates are set up in ways of their own."""

    EXCHANGE = "Exchange"
    POSTFIX = "Postfix"
    EXIM = "Exim"
    SENDMAIL = "sendmail"
    OPENSMTPD = "OpenSMTPD"
    HAPROXY = "HAProxy"
    """Passes a server's banner on, so that it is never recognised."""


_BANNERS = (
    (re.compile(r"\bMicrosoft ESMTP MAIL Service\b"), Software.EXCHANGE),
    (re.compile(r"\bPostfix\b"), Software.POSTFIX),
    (re.compile(r"\bExim\b"), Software.EXIM),
    (re.compile(r"\bOpenSMTPD\b"), Software.OPENSMTPD),
    (re.compile(r"\bSendmail\b"), Software.SENDMAIL),
)
#: Keywords that one of them alone has.
_KEYWORDS = {
    "X-ANONYMOUSTLS": Software.EXCHANGE,
    "X-EXPS": Software.EXCHANGE,
    "XRDST": Software.EXCHANGE,
    "PRDR": Software.EXIM,
    "PIPECONNECT": Software.EXIM,
    "DELIVERBY": Software.SENDMAIL,
}


def looks_like(banner: str | None, ehlo: Sequence[str]) -> Software | None:
    """By the banner, else by the EHLO reply (the greeting and a line for each keyword); None where nothing tells."""
    for pattern, software in _BANNERS:
        if pattern.search(banner or ""):
            return software
    words = {line.partition(" ")[0].upper() for line in ehlo[1:]}
    for keyword, software in _KEYWORDS.items():
        if keyword in words:
            return software
    # Postfix greets with its bare name, where others that know ETRN say Hello.
    bare = bool(ehlo) and " " not in ehlo[0].strip()
    return Software.POSTFIX if bare and {"ETRN", "ENHANCEDSTATUSCODES"} <= words else None
