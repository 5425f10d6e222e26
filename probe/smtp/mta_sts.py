"""MTA-STS policies (RFC 8461): the text of one, and which MX hosts it names."""

from __future__ import annotations

import enum

from probe.values import value


class Mode(enum.Enum):
    """What a policy asks of senders (RFC 8461 5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@value
class Policy:
    """A policy as it was served (RFC 8461 3.2); `mx` are patterns in lower case, `deviations` what a strict reader
    would object to, in words.
    """

    mode: Mode
    max_age: int
    mx: tuple[str, ...]
    deviations: tuple[str, ...] = ()
