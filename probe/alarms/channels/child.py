"""Sends one message in a process of its own: ``python -m probe.alarms.channels.child``, a job on standard input.

Whatever a server does, its deadline is the end of the process; and Apprise's threads would keep any other from ending.
"""

from __future__ import annotations

import os
import sys

from msgspec import Struct, json

from probe.alarms.channels.kinds import Answer, Channel, Mail, Webhook
from probe.alarms.document import Document
from probe.net import clock


class Job(Struct, frozen=True, kw_only=True):
    """A message, and the channel it goes through."""

    channel: Channel
    document: Document


def send(job: Job) -> Answer:
    """Send a message through its channel."""
    channel = job.channel
    if isinstance(channel, Mail):
        from probe.alarms.channels import mail

        return mail.send(channel, job.document)
    if isinstance(channel, Webhook):
        from probe.alarms.channels import webhook

        return webhook.send(channel, job.document, clock.now())
    from probe.alarms.channels import push

    return push.send(channel, job.document)


def main() -> None:
    """Do the job of standard input, and answer on standard output."""
    job = json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        answer = send(job)
    except Exception as error:  # noqa: BLE001 - whatever a library raises: its traceback could hold a secret
        answer = job.channel.answer(f"{type(error).__name__}: {error}", sent=False)
    os.write(1, json.encode(answer))
    os._exit(0)


if __name__ == "__main__":
    main()
