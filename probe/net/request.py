"""What is to be observed, decided before anything heavy is imported."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from probe.values import value

if TYPE_CHECKING:
    from probe.capture import How

TIMEOUT_S = 30.0
"""Seconds for everything on one endpoint. Servers that greet late to deter spam take six to ten of them."""

RETRY_PAUSE_S = 1.0
"""Seconds between a 421 and the second attempt: rates of connections are mostly counted by the second."""


class KeyType(enum.StrEnum):
    """Which certificate is asked for, where a server holds several: by signature algorithms, in every version."""

    ANY = "any"
    RSA = "rsa"
    ECDSA = "ecdsa"
    EDDSA = "eddsa"
    ML_DSA = "ml-dsa"


@value
class ProbeRequest:
    """One endpoint and how to ask it.

    `host` is what the user meant, `address` the IP address to talk to; `sni` is the name to send in the
    handshake, None for none; `ehlo_name` None lets the machine say its own. `how` goes into the capture.
    `timeout_s` and `retry_pause_s` are seconds, the first one for all attempts together. `library_groups`: offer
    the TLS library's own key exchange groups at once. `look_early`: see whether session tickets come before our
    Finished has left.
    """

    host: str
    address: str
    port: int
    sni: str | None
    ehlo_name: str | None = None
    timeout_s: float = TIMEOUT_S
    implicit_tls: bool = False
    key_type: KeyType = KeyType.ANY
    library_groups: bool = False
    how: How | None = None
    ask_staple: bool = False
    look_early: bool = False
    retry_pause_s: float = RETRY_PAUSE_S
