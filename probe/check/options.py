"""The options of a check.

Light, for it runs before the first connection is begun: nothing of TLS or certificates is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING

from probe.eop.settings import Settings
from probe.eop.vocabulary import ConnectorMode, Direction
from probe.net.request import TIMEOUT_S, KeyType
from probe.values import value

if TYPE_CHECKING:
    from probe.pki.truststore import TrustStore

SUBMISSIONS_PORT = 465  # implicit TLS, RFC 8314 7.3

TOTAL_SHARE = 4
"""Seconds for all connections to one address for each second that one may take."""


@value
class CheckOptions:
    """How to observe and by what to judge.

    `stores` answers the trust stores, the deciding one first; it is asked after the first
    connection was begun. `sni` is None for the host's name and "" for none at all. `timeout_s`
    is the total of one connection, `total_s` that of all connections to one address (None: TOTAL_SHARE times
    `timeout_s`). `ip_version` is 4 or 6, None for both; with `public_only` only addresses of the public Internet are
    connected to. `at` is None for the moment of the judgement. `dnssec_resolver` is the resolver whose AD bit is
    trusted, with or without a port; without one DNSSEC and DANE are unknown.
    """

    stores: Callable[[], Sequence[TrustStore]]
    direction: Direction = Direction.TO_EOP
    settings: Settings = field(default_factory=Settings)
    at: datetime | None = None
    port: int | None = None
    ehlo_name: str | None = None
    sni: str | None = None
    timeout_s: float = TIMEOUT_S
    total_s: float | None = None
    implicit_tls: bool = False
    nameserver: str | None = None
    ip_version: int | None = None
    public_only: bool = False
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    thorough: bool = False
    samples: int | None = None
    key_type: KeyType = KeyType.ANY
    revocation: bool = False
    revocation_allow_private: bool = False
    dnssec_resolver: str | None = None
    connector_mode: ConnectorMode = ConnectorMode.OPPORTUNISTIC

    def variant(self, host: str) -> str:
        """What is asked of a host otherwise than usual, so that another certificate may be seen; else nothing."""
        asked = {
            f"sni={self.sni or 'none'}": self.sni not in {None, host},
            "implicit-tls": self.implicit_tls,
            f"key-type={self.key_type.value}": self.key_type is not KeyType.ANY,
            "thorough": self.thorough,
        }
        return " ".join(words for words, given in asked.items() if given)
