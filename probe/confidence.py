"""How well founded a statement about Exchange is: every rule, reply and simulation carries one of these."""

from __future__ import annotations

import enum


class Confidence(enum.Enum):
    """How well founded a statement about Exchange Online is."""

    DOCUMENTED = "documented"
    REPORTED = "reported"
    INFERRED = "inferred"
