"""Where several entries and rules are from, as their readers are told."""

from __future__ import annotations

NDR = "Microsoft: non-delivery reports in Exchange Online"
TEAM = "Exchange Team blog, June 2025"
DIGICERT = "Exchange Team blog, 2026: DigiCert Global Root G2"
KB_4051498 = "Microsoft KB 4051498: outbound email messages are not sent (UnknownCredentials)"
