"""One channel's deliveries, out of the database: its own queue, so that a channel that is dead delays no other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from probe.alarms import outbox
from probe.alarms.channels.kinds import Answer, Channel, Mail
from probe.alarms.channels.send import send
from probe.alarms.document import Document
from probe.history.database import Database, HistoryError

#: Between two looks into the outbox where nothing wakes it.
LOOK = timedelta(seconds=10)

Say = Callable[[str], None]


class Courier:
    """Sends what is due through one channel, each message until it is taken or given up."""

    def __init__(self, database: Database, channel: Channel, clock: Callable[[], datetime], say: Say) -> None:
        self.channel = channel
        self._database, self._clock, self._say = database, clock, say
        self._stop, self._wake = threading.Event(), threading.Event()
        self._not_before: datetime | None = None
        self._failures = 0
        self._away, self._defect = False, ""
        #: Recipients who have not got a message that others have, by its id.
        self._left: dict[str, tuple[str, ...]] = {}
        #: What was tried, and could not be noted yet.
        self._unsettled: list[tuple[Document, int, Answer]] = []
        self._thread = threading.Thread(target=self._run, name=f"alarms {channel.name}", daemon=True)

    def start(self) -> None:
        """Begin on a thread of its own."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it sends."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Say that there is something to send."""
        self._wake.set()

    def close(self, grace_s: float) -> None:
        """End: a message that is on its way gets `grace_s`, then it stays in the outbox."""
        self._closing = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(grace_s)
            self._stop.set()
            self._thread.join()

    _closing = False

    def deliver(self) -> None:
        """Try what is due now, until one fails: after that the channel has its pause."""
        try:
            self._settle()
            now = self._clock()
            if self._not_before and now < self._not_before:
                return
            for document, tries in self._database.run(
                lambda connection: list(outbox.due(connection, self.channel.name, now))
            ):
                if self._closing or not self._try(document, tries):
                    return
            self._away = False
        except HistoryError as error:
            if not self._away:
                self._say(str(error))
            self._away = True

    def _try(self, document: Document, tries: int) -> bool:
        channel = self.channel
        if isinstance(channel, Mail) and (left := self._left.get(document.id)):
            channel = replace(channel, only=left)
        answer = send(channel, document, self._stop)
        works = answer.sent or bool(answer.left)
        self._failures = 0 if works else self._failures + 1
        self._not_before = None if works else self._clock() + outbox.pause(self._failures - 1)
        if answer.left:
            self._left[document.id] = answer.left
        self._unsettled.append((document, tries, answer))
        self._settle()
        return works

    def _settle(self) -> None:
        """Note in the database what came of the tries; it stays here as long as that cannot be."""
        while self._unsettled:
            document, tries, answer = self._unsettled[0]
            note = partial(
                outbox.settle,
                channel=self.channel.name,
                document=document,
                tries=tries,
                answer=answer,
                now=self._clock(),
            )
            state = self._database.run(note, write=True)
            self._unsettled.pop(0)
            if state != outbox.WAITING:
                self._left.pop(document.id, None)
            if state != outbox.SENT and (tries == 0 or state == outbox.GIVEN_UP):
                then = "given up" if state == outbox.GIVEN_UP else "it will be tried again"
                whom = " to all" if answer.left else ""
                self._say(f"channel {self.channel.name}: a message was not sent{whom}, {then}: {answer.said}")

    def _run(self) -> None:
        while not self._closing:
            try:
                self.deliver()
            except Exception as error:  # noqa: BLE001 - a defect over one message must not end the channel unseen
                defect = type(error).__name__
                if defect != self._defect:
                    self._say(f"channel {self.channel.name}: {defect} while sending; it goes on")
                self._defect = defect
            left = LOOK
            if self._not_before:
                left = min(left, self._not_before - self._clock())
            self._wake.wait(max(left.total_seconds(), 0.05))
            self._wake.clear()
