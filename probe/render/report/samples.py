"""What several connections to one address showed: which certificates, how often, and what came of each."""

from __future__ import annotations

from typing import NamedTuple

from probe.capture import Capture, How, KeyAnswer
from probe.eop.connections import how_words
from probe.eop.evidence import Evidence
from probe.eop.vocabulary import Outcome


class Sample(NamedTuple):
    """Connections that showed the same and came to the same."""

    shown: str
    outcome: Outcome
    hows: list[How]

    @property
    def told(self) -> str:
        """How the connections were made, in brackets behind a blank, where that is worth a word."""
        return how_words(self.hows)


def samples(evidence: Evidence) -> list[Sample]:
    """The connections that count, those of one result together; empty where one was made."""
    groups: dict[tuple[str, Outcome], list[How]] = {}
    for each in evidence.connections:
        groups.setdefault((_shown(each.capture), each.outcome), []).append(each.capture.how)
    return [Sample(shown, outcome, hows) for (shown, outcome), hows in groups.items()]


def not_held(evidence: Evidence) -> list[str]:
    """Which kinds of key were asked for and are not there, a phrase each."""
    return [
        f"the server holds no such certificate ({each.capture.how.label})"
        for each in evidence.observations
        if each.capture.answer is KeyAnswer.NOT_HELD
    ]


def not_asked(evidence: Evidence) -> list[str]:
    """Which kinds of key could not be asked for, and why."""
    return [
        f"{each.capture.how.label}: {each.capture.fault.message if each.capture.fault else 'no answer'}"
        for each in evidence.observations
        if each.capture.answer is KeyAnswer.NOT_ASKED
    ]


def _shown(capture: Capture) -> str:
    if capture.leaf:
        return f"{capture.leaf.subject.windows} · {capture.leaf.sha1.upper()}"
    if capture.presented:
        return "a certificate that can't be read"
    return f"no certificate: {capture.fault.message}" if capture.fault else "no certificate"
