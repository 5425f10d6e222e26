"""From what was seen and what is open to what is open now, and what is to be told of it; pure.

1. Every look moves the alarms of its endpoint and of the certificates it showed, damped: `moved`.
2. An alarm whose state is not what was told last is told, unless this is a time to hold it back: `told`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from probe.alarms.alarm import Alarm, Place
from probe.alarms.document import MAX_ENDPOINTS, Event, Facts, Notice
from probe.alarms.policy import Policy
from probe.alarms.seen import Look
from probe.eop.vocabulary import WORST_FIRST, Outcome

#: An alarm that nobody has looked at for so long is about an endpoint that is no longer watched.
FORGOTTEN_AFTER = timedelta(days=30)

_Alarms = dict[str, Alarm]


class Told(NamedTuple):
    """A notice, and the key of the endpoint that it is about; None: of a certificate."""

    endpoint: str | None
    notice: Notice


class Step(NamedTuple):
    """Every alarm that is to be kept, and what is to be told: at once, and what was held back until now.

    The worst is told first.
    """

    alarms: Mapping[str, Alarm]
    notices: Sequence[Told]
    late: Sequence[Told]


def step(alarms: Mapping[str, Alarm], looks: Sequence[Look], policy: Policy, now: datetime) -> Step:
    """What becomes of the alarms by `looks`, which are in the order they were made."""
    known = dict(alarms)
    touched: set[str] = set()
    of_certificates = [key for key, alarm in known.items() if alarm.certificate]
    of_endpoints: dict[str, set[str]] = {}
    for key, alarm in known.items():
        if not alarm.certificate:
            of_endpoints.setdefault(next(iter(alarm.places)), set()).add(key)
    for look in looks:
        touched |= _endpoint(known, of_endpoints.setdefault(look.key, set()), look, policy)
        touched |= _certificates(known, of_certificates, look, policy)
    notices: list[Told] = []
    late: list[Told] = []
    for key, alarm in list(known.items()):
        notice, left = _told(alarm, policy, now, repeats=key in touched)
        if notice is not None:
            endpoint = None if alarm.certificate else next(iter(alarm.places))
            (late if alarm.late else notices).append(Told(endpoint, notice))
        if left.idle:
            del known[key]
        else:
            known[key] = left
    return Step(known, sorted(notices, key=_worst_first), sorted(late, key=_worst_first))


def _worst_first(told: Told) -> int:
    return _rank(told.notice.outcome)


def _rank(outcome: str) -> int:
    return WORST_FIRST.index(Outcome(outcome))


def _endpoint(known: _Alarms, open_keys: set[str], look: Look, policy: Policy) -> set[str]:
    """Move the alarms about an endpoint, and say which."""
    problems = {
        f"{kind} {look.key}": facts
        for kind, facts in look.problems.items()
        if policy.tells(facts.outcome, critical=facts.critical)
    }
    open_keys |= problems.keys()
    told = {key for key in open_keys if key in problems or look.tells(key.partition(" ")[0])}
    for key in told:
        if key in problems or key in known:
            known[key] = moved(known.get(key), key, problems.get(key), look, policy)
    return told


def moved(alarm: Alarm | None, key: str, problem: Facts | None, look: Look, policy: Policy) -> Alarm:
    """The alarm after a look that showed `problem`, or none."""
    rule = problem.rule if problem else None
    if alarm is None:
        alarm = _new(key, look, certificate=False)
    same = rule == alarm.candidate
    side = (rule is None) == (alarm.candidate is None)
    seen = replace(
        alarm,
        candidate=rule,
        run=alarm.run + 1 if same else 1,
        off=alarm.off + 1 if side else 1,
        first=alarm.first if same else look.at,
        now=look.facts,
        places={look.key: _place(look)},
        looked=look.at,
    )
    if rule != alarm.state and not _settled(seen, problem, policy):
        return seen
    facts = problem or alarm.problem
    return replace(seen, problem=facts) if rule == alarm.state else _turned(seen, rule, facts, seen.first)


def _turned(alarm: Alarm, rule: str | None, problem: Facts, since: datetime) -> Alarm:
    raised = since if alarm.state is None and alarm.told is None else alarm.raised
    return replace(alarm, state=rule, since=since, raised=raised, problem=problem)


def _settled(alarm: Alarm, problem: Facts | None, policy: Policy) -> bool:
    """Whether what the last looks said has been said often enough to count."""
    if alarm.state is None:
        return alarm.off >= policy.fail_after
    if problem is None:
        return alarm.run >= policy.recover_after
    worse = _rank(problem.outcome) < _rank(alarm.problem.outcome)
    return alarm.run >= (policy.fail_after if worse else max(policy.fail_after, policy.recover_after))


def _new(key: str, look: Look, *, certificate: bool) -> Alarm:
    return Alarm(
        key=key,
        certificate=certificate,
        since=look.at,
        first=look.at,
        problem=look.facts,
        now=look.facts,
        places={},
        looked=look.at,
    )


def _place(look: Look) -> Place:
    return Place(name=look.name, host=look.host, labels=dict(look.labels))


def _certificates(known: _Alarms, of_certificates: list[str], look: Look, policy: Policy) -> set[str]:
    """Move the alarms about certificates that the endpoint shows, or showed, and say which."""
    ending = {
        f"certificate {sha256}": facts
        for sha256, facts in look.ending.items()
        if policy.tells(facts.outcome, critical=facts.critical)
    }
    for key, facts in ending.items():
        if key not in known:
            of_certificates.append(key)
        alarm = known.get(key) or _new(key, look, certificate=True)
        places = {**alarm.places, look.key: _place(look)}
        seen = replace(alarm, places=places, problem=facts, now=facts, looked=look.at, candidate=facts.rule)
        known[key] = seen if alarm.state == facts.rule else _turned(seen, facts.rule, facts, look.at)
    if look.shows:
        for key in of_certificates:
            if key in known and key not in ending and look.key in known[key].places:
                known[key] = _missed(known[key], look, policy)
    return set(ending)


def _missed(alarm: Alarm, look: Look, policy: Policy) -> Alarm:
    """An alarm about a certificate that one of its endpoints did not show; without the last endpoint it is over."""
    if alarm.state is None:
        return alarm
    place = alarm.places[look.key]
    missing = place.missing + 1
    if missing < policy.recover_after:
        return replace(alarm, places={**alarm.places, look.key: replace(place, missing=missing)})
    rest = {key: each for key, each in alarm.places.items() if key != look.key}
    if rest:
        return replace(alarm, places=rest)
    over = replace(alarm, now=look.facts, looked=look.at, candidate=None)
    return _turned(over, None, alarm.problem, look.at)


def _told(alarm: Alarm, policy: Policy, now: datetime, *, repeats: bool) -> tuple[Notice | None, Alarm]:
    """What is to be told of an alarm now, and the alarm after it."""
    if now - alarm.looked > FORGOTTEN_AFTER:
        gone = replace(alarm, state=None, told=None, candidate=None)
        return (_notice(alarm, "ended") if alarm.told else None), gone
    due = policy.repeat is not None and alarm.told_at is not None and now - alarm.told_at >= policy.repeat
    if alarm.state == alarm.told and not (alarm.state and repeats and due):
        return None, replace(alarm, late=False) if alarm.late else alarm
    if _held(alarm, policy, now):
        return None, replace(alarm, late=alarm.state != alarm.told)
    left = replace(alarm, told=alarm.state, told_at=now, late=False)
    return _notice(alarm, _event(alarm)), left


def _held(alarm: Alarm, policy: Policy, now: datetime) -> bool:
    if any(hours.hold(now) for hours in policy.quiet):
        return True
    going_on = [each for each in policy.maintenance if each.holds(now)]
    places = alarm.places.values()
    return bool(going_on) and all(any(m.concerns(p.host, p.labels) for m in going_on) for p in places)


def _event(alarm: Alarm) -> Event:
    if alarm.state == alarm.told:
        return "repeated"
    if alarm.told is None:
        return "raised"
    return "recovered" if alarm.state is None else "turned"


def _notice(alarm: Alarm, event: Event) -> Notice:
    over = event == "recovered"
    facts = alarm.now if over else alarm.problem
    before = alarm.problem.certificate if over else None
    names = sorted(place.name for place in alarm.places.values())
    told = {name: getattr(facts, name) for name in Facts.__struct_fields__}
    told |= {"rule": alarm.state}
    return Notice(
        **told,
        event=event,
        alarm=_identity(alarm),
        former_rule=alarm.told if alarm.told != alarm.state else None,
        since=alarm.since,
        raised=alarm.raised,
        subject="certificate" if alarm.certificate else "endpoint",
        endpoints=tuple(names[:MAX_ENDPOINTS]),
        more_endpoints=max(0, len(names) - MAX_ENDPOINTS),
        certificate_before=before if before != facts.certificate else None,
    )


def _identity(alarm: Alarm) -> str:
    """The name of an alarm from its raising to its recovery."""
    raised = alarm.raised.isoformat() if alarm.raised else ""
    return hashlib.sha256(f"{alarm.key} {raised}".encode()).hexdigest()[:32]
