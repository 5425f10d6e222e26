"""What the user told us about the connectors, and the thresholds; light, for it is read before a connection."""

from __future__ import annotations

from probe.values import value


@value
class Settings:
    """What the user told us about the connectors, and the thresholds."""

    tls_sender_certificate_name: str | None = None
    accepted_domains: tuple[str, ...] = ()
    tls_domain: str | None = None
    expected_name: str | None = None
    """The DNS name the certificate ought to bear: the probed host, where it is a name."""
    expected_thumbprints: tuple[str, ...] = ()
    """SHA-1 or SHA-256, lower-case hex, of the certificates the sender ought to present; empty for any."""
    expiring_days: int = 30
    expiring_fraction: float = 1 / 3
    """At risk below `expiring_days` or this share of the lifetime, whichever is shorter."""
    critical_days: int = 0
    """Below so many days the run ends as a rejected one does, whatever the outcome."""
