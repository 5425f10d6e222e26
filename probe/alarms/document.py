"""A message as it is kept and sent, the JSON schema ``eop-probe/alarm/1``: text and HTML are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from probe.powershell import Command, Shell, Steps, SubStep
from probe.powershell import Step as AnyStep

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate

#: Endpoints that one notice names, and notices that one message holds; the others are counted.
MAX_ENDPOINTS = 100
MAX_NOTICES = 100

Event = Literal["raised", "repeated", "turned", "recovered", "ended", "test"]


class Step(Struct, frozen=True, kw_only=True):
    """A step of a remedy: a command where it names its shell, part of the step before it where `part` says so."""

    text: str
    shell: str | None = None
    part: bool = False


class Shown(Struct, frozen=True, kw_only=True):
    """A certificate; digests in lower-case hex."""

    subject: str
    issuer: str
    sha1: str
    sha256: str
    not_before: datetime
    not_after: datetime


class Facts(Struct, frozen=True, kw_only=True):
    """What one look showed: `rule` and what follows it are the finding's, `verdict` is said of the endpoint."""

    target: str
    direction: str
    outcome: str
    rule: str | None = None
    confidence: str | None = None
    verdict: str
    summary: str
    detail: str = ""
    reply: str | None = None
    certificate: Shown | None = None
    remedy: tuple[Step, ...] = ()
    references: tuple[str, ...] = ()
    critical: bool = False


class Notice(Facts, frozen=True, kw_only=True):
    """What became of one alarm.

    `alarm` names it from its raising to its recovery; `since` is when the present state was first seen, `raised` when
    the alarm was raised. `certificate_before` is the one that was seen before `certificate`.
    """

    event: Event
    alarm: str
    former_rule: str | None = None
    since: datetime
    raised: datetime | None = None
    subject: Literal["endpoint", "certificate"] = "endpoint"
    endpoints: tuple[str, ...]
    more_endpoints: int = 0
    certificate_before: Shown | None = None


class Document(Struct, frozen=True, kw_only=True):
    """One message: `id` is the same however often it is sent, `held` says that it waited for a quieter time to end."""

    schema: Literal["eop-probe/alarm/1"] = "eop-probe/alarm/1"
    id: str
    at: datetime
    page_url: str | None = None
    held: bool = False
    notices: tuple[Notice, ...]
    more_notices: int = 0


def shown(certificate: Certificate) -> Shown:
    """What a message says of a certificate."""
    return Shown(
        subject=certificate.subject.windows or "(no subject)",
        issuer=certificate.issuer.windows or "(none)",
        sha1=certificate.sha1,
        sha256=certificate.sha256,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )


def kept_steps(steps: Steps) -> tuple[Step, ...]:
    """Steps of a remedy as they are kept."""
    return tuple(
        Step(text=step.text, shell=step.shell.value)
        if isinstance(step, Command)
        else Step(text=str(step), part=isinstance(step, SubStep))
        for step in steps
    )


def steps_of(kept: Sequence[Step]) -> Steps:
    """The steps again."""
    return tuple(map(_step, kept))


def _step(kept: Step) -> AnyStep:
    if kept.shell is not None:
        return Command(kept.text, Shell(kept.shell))
    return SubStep(kept.text) if kept.part else kept.text
