"""What whoever may ask for any target gets: mail servers of the public Internet."""

from __future__ import annotations

from dataclasses import replace

from probe.check.options import CheckOptions
from probe.errors import TargetError
from probe.net.target import Target

#: Ports of mail servers (RFC 5321, RFC 8314, RFC 6409), and the one that providers offer where 25 is closed.
SMTP_PORTS = (25, 465, 587, 2525)


def public(target: Target, options: CheckOptions) -> CheckOptions:
    """The options by which a target that nobody configured is probed; raises TargetError for any other port."""
    if target.port not in {None, *SMTP_PORTS}:
        ports = ", ".join(map(str, SMTP_PORTS))
        raise TargetError(
            f"port {target.port} is not probed for everyone: {ports} are, and what is configured"
        )
    return replace(options, public_only=True, revocation_allow_private=False)
