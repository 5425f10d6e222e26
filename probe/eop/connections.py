"""Several connections to one address, told in one line: how many came to which outcome, and how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from probe.capture import How, KeyAnswer
from probe.eop.evidence import Evidence
from probe.eop.vocabulary import Basis

_KINDS = ("rsa", "ecdsa")


def connections_words(evidence: Evidence) -> str | None:
    """``3 of 6 connections: rejected (samples 1 and 3, RSA with and without SNI)``; None where one was made.

    It counts those with the outcome of the one that decides.
    """
    made = evidence.connections
    if len(made) < 2:
        return None
    decided = next((o.outcome for o in made if o.capture is evidence.capture), made[0].outcome)
    alike = [o.capture.how for o in made if o.outcome is decided]
    return f"{len(alike)} of {len(made)} connections: {decided.value}{how_words(alike)}"


def how_words(hows: Sequence[How]) -> str:
    """How connections were made, in brackets behind a blank: commas stand between groups and nowhere else."""
    samples = sorted(how.sample for how in hows if how.sample)
    # Neighbours differ from their rank by the same number.
    runs = [[n for _, n in run] for _, run in groupby(enumerate(samples), lambda pair: pair[1] - pair[0])]
    named = " and ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else " and ".join(map(str, run)) for run in runs
    )
    groups = [f"sample{'s' if len(samples) > 1 else ''} {named}"] if samples else []
    others = [how for how in hows if not how.sample and how.label]
    for kind in dict.fromkeys(how.key_type for how in others):
        sni = {how.sni for how in others if how.key_type == kind}
        groups.append("with and without SNI" if len(sni) > 1 else "" if True in sni else "without SNI")
        groups[-1] = f"{kind.upper()} {groups[-1]}".strip()
    return f" ({', '.join(groups)})" if groups else ""


def key_answers(evidence: Evidence) -> dict[str, KeyAnswer] | None:
    """What is known of each kind of key a live server may hold; None where none of these was seen there.

    A server that holds an RSA and an ECDSA certificate shows one or the other, as its client asks.
    """
    capture = evidence.capture
    if evidence.basis is not Basis.RECEIVE_CONNECTOR or not capture.tls or capture.key_type not in _KINDS:
        return None
    seen = {capture.key_type, *(each.capture.key_type for each in evidence.connections)}
    answers = {kind: KeyAnswer.SHOWN if kind in seen else KeyAnswer.NOT_ASKED for kind in _KINDS}
    asked = [each.capture for each in evidence.observations if each.capture.how.key_type not in seen]
    held = {each.how.key_type for each in asked if each.answer is not KeyAnswer.NOT_HELD}
    return answers | {
        kind: KeyAnswer.NOT_HELD for each in asked if (kind := each.how.key_type) and kind not in held
    }


def key_words(evidence: Evidence) -> str | None:
    """Where one kind of key was seen and nothing is known of the other, a phrase that says so."""
    answers = key_answers(evidence) or {}
    unasked = [kind.upper() for kind, answer in answers.items() if answer is KeyAnswer.NOT_ASKED]
    if not unasked:
        return None
    seen = " and ".join(kind.upper() for kind, answer in answers.items() if answer is KeyAnswer.SHOWN)
    return f"{seen}, one of possibly two types; --thorough asks for {unasked[0]}"
