"""What a listener is told: where to listen, as whom to speak, and what its clients may ask for."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from OpenSSL import SSL

from probe.errors import ConfigurationError
from probe.net.server_session import Policy, welcome
from probe.net.target import LOOPBACK, is_ip_address
from probe.smtp.server_values import EOP_MESSAGE_BYTES, ServerLimits, ServerProfile

_BACKLOG = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerLimits:
    """What all clients together and each of them may ask for.

    `sessions` open at once or still to be judged, more have to wait in the system's queue; `per_address` of them
    from one address (IPv6: from one /64), more get a 421. The last quarter of `sessions` is kept for addresses that
    have none open: a few that fill the others cannot keep the rest of the world out. `idle_s` seconds without a byte
    (RFC 5321 4.5.3.2.7 grants five minutes), `total_s` of a session, `linger_s` for reading our last words before
    the connection is torn down.
    `session_bytes` received and `unread_bytes` waiting for a client that does not read.
    """

    sessions: int = 512
    per_address: int = 64
    idle_s: float = 300.0
    total_s: float = 900.0
    linger_s: float = 2.0
    session_bytes: int = EOP_MESSAGE_BYTES + 1_048_576
    unread_bytes: int = 262_144
    smtp: ServerLimits = field(default_factory=ServerLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """Where to listen and as whom to speak.

    `port` 0 is any free one. Of several `contexts` the sessions take turns. `allowed` says which addresses may
    connect, all others are closed without a word.
    """

    profile: ServerProfile
    contexts: Sequence[SSL.Context]
    host: str = LOOPBACK
    port: int = 0
    implicit_tls: bool = False
    policy: Policy = welcome
    limits: ListenerLimits = field(default_factory=ListenerLimits)
    allowed: Callable[[str], bool] = lambda _address: True


def bind(host: str, port: int) -> socket.socket:
    """Listen there, without waiting for connections; raises ConfigurationError."""
    # A name could mean several addresses, and its look-up could take long.
    if not is_ip_address(host) or not 0 <= port <= 65_535:
        raise ConfigurationError(f"cannot listen on {host} port {port}: give an IP address and a port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    listener.settimeout(0)
    return listener
