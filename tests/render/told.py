"""What is said of every case of the two decision tables, word for word: the rules' and the tenant's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from probe.capture import FaultKind, SmtpFacts
from probe.eop.attribution import connector_half, domain_half, of_message, outcome_of
from probe.eop.finding import Finding
from probe.eop.rules.rule import Said
from probe.eop.swap import Swap, compare, not_compared
from probe.eop.verdict import judge
from probe.eop.vocabulary import Direction, Outcome
from probe.powershell import Command
from tests.authority import DAY, Issued
from tests.eop.cases import CASES, HEALTHY, leaf
from tests.eop.weighing import (
    HOST,
    ISSUING,
    LEAF,
    NOW,
    PRIVATE_LEAF,
    SELF_SIGNED,
    capture,
    evidence,
    fault,
    finding,
    read,
)
from tests.exchange import test_exchange_tenant as tenant

BANNERS = (
    "220 a.test Microsoft ESMTP MAIL Service ready",
    "220 a.test ESMTP Postfix",
    "220 a.test ESMTP Exim 4.97",
    "220 a.test ESMTP Sendmail 8.18",
    "220 a.test ESMTP OpenSMTPD",
)
# Keys are made for each run, so thumbprints differ.
_THUMBPRINT = re.compile(r"\b(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40})\b")


def findings() -> str:
    """The prediction and the finding of each case of the rules; what else is found, by its rule."""
    lines = [line for number, case in enumerate(CASES) for line in ("", *_case(number, case.rule))]
    return _THUMBPRINT.sub("THUMBPRINT", "\n".join(lines[1:]) + "\n")


def _case(number: int, rule: str) -> Iterator[str]:
    prediction, found = (verdict := judge(CASES[number].evidence)).prediction, verdict.findings
    yield f"== {rule}, {prediction.direction.value}: {prediction.outcome.value}"
    yield f"by {prediction.rule}, {prediction.confidence.value}, {prediction.basis.value}: {prediction.reply}"
    others = [f"{each.rule} ({each.severity.value})" for each in found if each.rule != rule]
    yield from (f"besides: {', '.join(others)}",) if others else ()
    yield from _finding(next(each for each in found if each.rule == rule))


def _finding(found: Finding) -> Iterator[str]:
    yield f"{found.severity.value}, {found.confidence.value}: {found.reply}"
    yield found.summary
    yield from found.detail.splitlines()
    for step in found.remedy:
        yield f"  {step.shell.name}> {step}" if isinstance(step, Command) else f"- {step}"
    yield from (f"[{reference}]" for reference in found.references)


def servers() -> str:
    """The steps against four faults, for each kind of server, in both directions."""
    faults: dict[str, tuple[Issued, ...]] = {
        "no-starttls": (),
        "self-signed": (SELF_SIGNED,),
        "missing-intermediate": (LEAF,),
        "expires-soon": (leaf(not_after=NOW + 5 * DAY), ISSUING),
    }
    lines: list[str] = []
    for direction, banner in product(Direction, BANNERS):
        greeted = SmtpFacts(banner=banner, ehlo=(HOST,), starttls_offered=True, transcript=())
        for rule, chain in faults.items():
            met = fault(FaultKind.NO_STARTTLS) if rule == "no-starttls" else None
            seen = evidence(seen=capture(*chain, smtp=greeted, fault=met), direction=direction)
            lines += ["", f"== {rule} of {banner}, {direction.value}", *_finding(finding(judge(seen), rule))]
    return _THUMBPRINT.sub("THUMBPRINT", "\n".join(lines[1:]) + "\n")


def swaps() -> str:
    """What is said of one certificate in another's place, for each kind of difference."""
    olds = {
        "the same": [LEAF],
        "the same twice": [LEAF, LEAF],
        "another key": [leaf()],
        "the same key": [leaf(key=LEAF.key, not_after=NOW + DAY)],
        "a key of another kind": [leaf(key="ec-p384")],
        "another issuer": [PRIVATE_LEAF],
        "another subject": [leaf(subject="CN=other,O=Contoso")],
        "a name more, in capitals too": [leaf(HOST, HOST.upper(), "x.contoso.test")],
        "six names more": [leaf(HOST, *(f"{n}.contoso.test" for n in range(6)))],
        "eight names more": [leaf(HOST, *(f"{n}.contoso.test" for n in range(8)))],
        "two": [leaf(), PRIVATE_LEAF],
    }
    found = {name: compare(map(read, old), read(LEAF), Outcome.ACCEPTED) for name, old in olds.items()}
    found["the same, refused"] = compare([read(LEAF)], read(LEAF), Outcome.REJECTED)
    found["of a place that is down"] = not_compared("a.test:25", "No answer.", Outcome.ACCEPTED)
    found["of a place without TLS"] = not_compared("a.test:25", None, Outcome.REJECTED)
    lines = [
        line
        for name, swap in found.items()
        for line in ("", f"== {name}: {swap.outcome.value}", *_swap(swap))
    ]
    return _THUMBPRINT.sub("THUMBPRINT", "\n".join(lines[1:]) + "\n")


def _swap(swap: Swap) -> Iterator[str]:
    for each in swap.findings:
        yield each.rule
        yield from _finding(each)


def attributions() -> str:
    """The outcome, the replies, every statement and both halves of the verdict of each case of attribution."""
    return "\n\n".join("\n".join(_attribution(case)) for case in tenant.CASES) + "\n"


def _attribution(case: tenant.Case) -> Iterator[str]:
    found = tenant.judge(case)
    yield f"== {case.what}: {found.outcome.value}, {found.label.value}"
    yield f"taken {found.taken}, {found.taken_label.value}; partner {found.partner}; sender {found.sender_accepted}"
    yield f"null sender: {found.null_sender.outcome.value} {', '.join(found.null_sender.replies)}".rstrip()
    yield from (f"reply: {reply}" for reply in found.replies)
    yield from found.sentences()
    yield f"of a partner's connector: {len(found.statements) - len(found.own_statements)} of these"
    told = replace(HEALTHY, attribution=found)
    yield f"-- the verdict's: {outcome_of(found).value}"
    names = domain_half(told) if case.presented else None
    for half in (of_message(found, "Seen: "), connector_half(told, ("by its name",)), names):
        yield from _half(half) if half else ("nothing",)


def _half(said: Said) -> Iterator[str]:
    severity, confidence = (
        each.value if each else "as the rule" for each in (said.severity, said.confidence)
    )
    yield f"{severity}, {confidence}: {said.reply}"
    yield said.summary
    yield from (f"| {line}" for line in said.detail.splitlines())
    yield f"steps: {said.remedy}"
