"""One message through one channel, by a process that is ended at its deadline."""

from __future__ import annotations

import subprocess
import sys
from threading import Event

from msgspec import DecodeError, json

from probe.alarms.channels.child import Job
from probe.alarms.channels.kinds import Answer, Channel
from probe.alarms.document import Document

#: Seconds beyond a channel's own for the process to start, and between two looks at whether to give up.
START_S = 5.0
_LOOK_S = 0.25


def send(channel: Channel, document: Document, stop: Event | None = None) -> Answer:
    """Send a message; it is given up where `stop` is set or the channel's time is over."""
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "probe.alarms.channels.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C ends who waits, not a message half sent.
            start_new_session=True,
        )
    except OSError as error:
        return Answer(sent=False, said=f"no process can be started: {error.strerror}")
    with process:
        job: bytes | None = json.encode(Job(channel=channel, document=document))
        left = channel.timeout_s + START_S
        out = None
        while out is None:
            try:
                out, _ = process.communicate(job, timeout=min(_LOOK_S, max(left, 0)))
            except subprocess.TimeoutExpired:
                job, left = None, left - _LOOK_S
            if out is None and (left <= 0 or (stop and stop.is_set())):
                process.kill()
                process.communicate()
                why = "this program ended" if left > 0 else f"no answer within {channel.timeout_s:g} s"
                return Answer(sent=False, said=f"{why}; it may have been sent all the same")
    try:
        return json.decode(out, type=Answer)
    except DecodeError:
        return Answer(sent=False, said=f"the process that sends ended with {process.returncode}")
