"""Real mail servers deliver to the listener: the verdict on each, what it was told, and that its message is kept."""

from __future__ import annotations

import json
import smtplib
import subprocess
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import jsonschema
import pytest

from tests.lab.running import HERE, ROOT, START_SECONDS, Lab
from tests.lab.situations import ADDRESS, NO_MAIL, SENDERS, Sender

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]

Found = TypeVar("Found")

PATIENCE_SECONDS = 30.0
QUEUES = {"sender": ["postqueue", "-p"], "exim": ["exim4", "-bp"]}


def run_lab(*arguments: str) -> str:
    done = subprocess.run(
        [HERE / "lab", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def wait_for(look: Callable[[], Found | None], what: str) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"{what} did not come about"
    return found


def heard(recipient: str) -> dict[str, Any] | None:
    """The listener's assessment of the session in which somebody sent to the recipient."""
    for said in run_lab("logs", "listener").splitlines():
        if said.startswith("{") and recipient in said:
            return json.loads(said)
    return None


def queued(service: str, recipient: str) -> str | None:
    """What the queue says, once the recipient is in it, deferred: mail that was given up is not there."""
    listing = run_lab("exec", service, *QUEUES[service.partition("-")[0]])
    return listing if recipient in listing else None


def give(lab: Lab, sender: Sender) -> str:
    """Give the sender a message for somebody who never was before; the recipient."""
    recipient = f"{uuid.uuid4().hex}@contoso.example"
    with smtplib.SMTP(ADDRESS, lab.port(sender.service), timeout=PATIENCE_SECONDS) as client:
        client.sendmail("a@contoso.test", [recipient], "Subject: lab\r\n\r\nlab\r\n")
    return recipient


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
    assessment = wait_for(lambda: heard(recipient), "a session at the listener")
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
    listing = wait_for(lambda: queued(sender.service, recipient), "the message in the sender's queue")
    if sender.service.startswith("sender"):  # Exim's listing gives no reasons
        assert sender.told in listing.replace("\n", " ")


def test_the_listeners_lines_are_valid(lab: Lab) -> None:
    recipient = give(lab, SENDERS[0])
    assessment = wait_for(lambda: heard(recipient), "a session at the listener")
    schema = json.loads((ROOT / "docs/schema/report-1.schema.json").read_text("utf-8"))
    jsonschema.validate(assessment, {**schema, **schema["$defs"]["assessment"], "required": []})
    assert assessment["presented_chain"][0]["key"] == "rsa-2048"
    assert heard("nobody@contoso.example") is None
