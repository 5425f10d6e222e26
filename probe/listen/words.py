"""How a session of the listener is told: to the sender, in the log, in the report."""

from __future__ import annotations

from dataclasses import replace

from probe.eop.verdict import Prediction, Verdict
from probe.net.server_session import SessionRecord, SessionRefusal
from probe.report.assessment import Assessment
from probe.smtp.reply import Reply
from probe.smtp.server_values import ServerProfile
from probe.text import printable


def profile(hostname: str) -> ServerProfile:
    """How the stand-in presents itself: with Exchange Online's keywords, and as what it is.

    STARTTLS is required, but by the examiner's answer, so that a sender without it is seen to offer mail.
    """
    greeting = Reply(code=220, lines=(f"{hostname} ESMTP eop-probe listener: no mail is accepted here",))
    return ServerProfile(hostname=hostname, starttls_required=False, greeting=greeting)


def log_line(record: SessionRecord, assessment: Assessment | None) -> str:
    """One line about a session: who, how, what was seen, what was said, how it ended."""
    place = f"[{record.peer_address}]" if ":" in record.peer_address else record.peer_address
    words = [f"session {record.number}: {place}:{record.peer_port}"]
    if record.client_name:
        words.append(f"({record.client_name})")
    words.append(_seen(record, assessment))
    if record.refusal:
        words.append(f"said at {record.refusal.command.name}: {record.refusal.reply};")
    words.append(f"ended: {record.ending.value}")
    if record.violation:
        words.append(f"({record.violation.detail})")
    return " ".join(words)


def _seen(record: SessionRecord, assessment: Assessment | None) -> str:
    if assessment is None:
        return "neither began TLS nor offered mail;"
    version = f"{record.tls.version}, " if record.tls and record.tls_established else ""
    leaf = assessment.evidence.leaf
    which = f" ({leaf.sha1.upper()})" if leaf else ""
    sent = (
        f"{len(record.presented) or 'no'} certificate{'' if len(record.presented) == 1 else 's'} sent{which}"
    )
    rule = assessment.predictions[0].rule
    return f"{version}{sent}, {assessment.outcome.value}{f' by {rule}' if rule else ''};"


def reply_text(prediction: Prediction) -> str:
    """The predicted reply; where its words are not known, one of our own that says so."""
    if prediction.reply is not None:
        return prediction.reply
    return (
        f"454 4.7.0 eop-probe listener: Exchange Online would refuse this certificate ({prediction.rule}); "
        "its own words for that are not known"
    )


def spoken(text: str, *, defer: bool) -> Reply:
    """A reply's text as a reply; a permanent one, if it is to be deferred, as a temporary one that quotes it."""
    code, _, words = text.partition(" ")
    if defer and code.startswith("5"):
        return Reply(code=451, lines=(f"4.7.0 eop-probe listener: Exchange Online would say {text}",))
    return Reply(code=int(code), lines=(printable(words),))


def told_stages(verdict: Verdict, refusal: SessionRefusal | None) -> Verdict:
    """Say in the deciding finding at which command the sender was told, and how much is known about that."""
    rule = verdict.prediction.rule
    if refusal is None or rule is None:
        return verdict
    said = f"This listener said so in answer to {refusal.command.name}. " + (
        "That Exchange Online says it there, for each recipient, is reported, not documented."
        if (verdict.prediction.reply or "").startswith("550 5.7.64")
        else "At which command Exchange Online says so is not documented."
    )
    findings = tuple(
        replace(each, detail=f"{each.detail}\n{said}".strip()) if each.rule == rule else each
        for each in verdict.findings
    )
    return replace(verdict, findings=findings)
