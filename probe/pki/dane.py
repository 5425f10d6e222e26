"""TLSA records (RFC 6698), and which certificates they stand for."""

from __future__ import annotations

from probe.values import value


@value
class TlsaRecord:
    """One TLSA record (RFC 6698 2.1): `data` as in the zone, the certificate or key itself, or its digest."""

    usage: int
    selector: int
    matching: int
    data: bytes
