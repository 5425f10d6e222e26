"""Real mail servers deliver to the listener: the verdict on each, what it was told, and that its message is kept."""

from __future__ import annotations

import json
import smtplib
import uuid
from functools import partial
from typing import Any

import jsonschema
import pytest

from tests.lab.running import PATIENCE_SECONDS, ROOT, START_SECONDS, Lab, run_lab, until
from tests.lab.situations import ADDRESS, NO_MAIL, SENDERS, Sender

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]


def heard(recipient: str) -> dict[str, Any] | None:
    """The listener's assessment of the session in which somebody sent to the recipient, once its line is whole."""
    for said in run_lab("logs", "listener").splitlines(keepends=True):
        if said.startswith("{") and recipient in said and said.endswith("\n"):
            return json.loads(said)
    return None


def kept(service: str, recipient: str) -> str:
    """Why the message waits in its sender's queue: Exim lists no reasons. Mail that was given up is not there."""
    if service.startswith("exim"):
        return "?" if recipient in run_lab("exec", service, "exim4", "-bp") else ""
    for line in run_lab("exec", service, "postqueue", "-j").splitlines():
        message = json.loads(line)
        [to] = message["recipients"]
        if (to["address"], message["queue_name"]) == (recipient, "deferred"):
            return str(to["delay_reason"])
    return ""


def give(lab: Lab, sender: Sender) -> str:
    """Give the sender a message for somebody who never was before; the recipient."""
    recipient = f"{uuid.uuid4().hex}@contoso.example"
    with smtplib.SMTP(ADDRESS, lab.port(sender.service), "client.contoso.test", PATIENCE_SECONDS) as client:
        client.sendmail("a@contoso.test", [recipient], "Subject: lab\r\n\r\nlab\r\n")
    return recipient


def logs(sender: Sender) -> str:
    return run_lab("logs", sender.service)[-5000:]


def session(sender: Sender, recipient: str) -> dict[str, Any]:
    """What the listener says of a message that was given, as soon as it does."""
    return until(lambda: heard(recipient), "a session at the listener", partial(logs, sender))


def replies_since(assessment: dict[str, Any], command: str) -> list[str]:
    """What the listener said after the sender had said so; senders pipeline, so it may answer much at once."""
    lines = assessment["smtp"]["transcript"]
    said = [(line["from"], line["text"]) for line in lines]
    begin = [who == "client" and text.startswith(command) for who, text in said].index(True)
    return [text for who, text in said[begin:] if who == "server"]


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.service)
def test_a_sender_is_judged_and_keeps_its_message(lab: Lab, sender: Sender) -> None:
    lab.port("listener")
    recipient = give(lab, sender)
    assessment = session(sender, recipient)
    [prediction] = assessment["predictions"]
    expected = sender.expected
    assert (prediction["outcome"], prediction["rule"]) == (expected.outcome, expected.rule)
    assert prediction["reply"] == expected.reply
    assert prediction["basis"] == "listener"
    assert len(assessment["presented_chain"]) == sender.certificates
    replies = replies_since(assessment, "MAIL")
    assert any(said.startswith(sender.told) for said in replies)
    # With DATA or BDAT, the message itself is refused only where the sender is not.
    assert (NO_MAIL in replies) == (expected.outcome == "accepted")
    why = until(
        lambda: kept(sender.service, recipient), "the message in the sender's queue", partial(logs, sender)
    )
    assert why == "?" or sender.told in why


def test_the_listeners_lines_are_valid(lab: Lab) -> None:
    recipient = give(lab, SENDERS[0])
    assessment = session(SENDERS[0], recipient)
    schema = json.loads((ROOT / "docs/schema/report-1.schema.json").read_text("utf-8"))
    jsonschema.validate(assessment, {**schema, **schema["$defs"]["assessment"], "required": []})
    assert assessment["presented_chain"][0]["key"] == "rsa-2048"
    assert heard("nobody@contoso.example") is None
