"""``eop-probe listen``: stands in for Exchange Online, and judges the client certificate a sender really presents."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.listen import inputs
from probe.cli.listen.output import Reporter
from probe.cli.output import ReportOutput
from probe.cli.recording import Keep, Recording
from probe.eop.settings import Settings
from probe.eop.vocabulary import Outcome

if TYPE_CHECKING:
    from probe.listen.examiner import Examiner
    from probe.net.listener import Listener
    from probe.net.listener_settings import ListenerSettings
    from probe.net.server_session import SessionRecord

app = new_app()


@app.command()
def listen(
    *,
    place: inputs.Place,
    own: inputs.OwnSide,
    answers: inputs.Answers,
    end: inputs.End,
    old_tls: bool = option("--old-tls", "Capture TLS 1.0 and 1.1 too, which EOP refuses.", default=False),
    at_once: inputs.AtOnce,
    output: ReportOutput,
    stores: shared.Stores,
    at: shared.At = None,
    expiring_days: shared.ExpiringDays = shared.DEFAULTS.expiring_days,
    expiring_share: shared.ExpiringShare = shared.DEFAULTS.expiring_fraction,
    recording: Recording,
) -> None:
    """Stand in for Exchange Online: ask senders for their client certificate, judge it, answer as EOP would.

    Point a test Send connector, or any mail server, here. No mail is ever accepted. This is a model of
    Exchange Online, not Exchange Online itself: every finding says how well founded it is.

    Ends on Ctrl-C, SIGTERM, --timeout, --once or --until-accepted. Exit code: with --once that session's,
    with --until-accepted the last one's, else the worst of all; 3 where no sender came.
    """
    from probe.listen.examiner import Examiner
    from probe.listen.words import profile
    from probe.net.listener_settings import ListenerSettings

    settings = Settings(expiring_days=expiring_days, expiring_fraction=expiring_share)
    examiner = Examiner(answers.options(stores, settings, shared.parse_instant(at)))
    examiner.prepare()
    hostname = inputs.own_name()
    listener = ListenerSettings(
        profile=profile(hostname),
        contexts=[own.context(hostname, old_tls=old_tls)],
        host=place.host,
        port=place.port,
        policy=examiner.answer,
        allowed=inputs.allowed(place.allow or ()),
        limits=at_once.limits(),
    )
    with Reporter(output) as reporter, recording.recorder(reporter.log) as keep:
        run = _Run(examiner, reporter, keep, end)
        run.listen(listener, hostname)
    finish(run.outcome.exit_code)


class _Run:
    """One run of the command: what came of its sessions, and when it is over."""

    def __init__(self, examiner: Examiner, reporter: Reporter, keep: Keep, end: inputs.End) -> None:
        self._examiner = examiner
        self._reporter = reporter
        self._keep = keep
        self._end = end
        self._listener: Listener | None = None
        self._over = False
        self.outcome = Outcome.UNKNOWN
        self._seen = False

    def listen(self, settings: ListenerSettings, hostname: str) -> None:
        """Serve until it is over; raises ConfigurationError if the address cannot be bound."""
        from probe.net.listener import Listener

        listener = self._listener = Listener(settings, self.note)
        place = f"[{settings.host}]" if ":" in settings.host else settings.host
        self._reporter.on_failure = self._stop
        self._reporter.log(
            f"listening on {place}:{listener.port} as {hostname}: a model of Exchange Online that takes no mail; "
            "Ctrl-C ends it"
        )
        with _stopped_by_signals(listener.stop):
            listener.run(self._end.timeout)

    def note(self, record: SessionRecord) -> None:
        """Take a session that has ended."""
        if self._over:
            return
        from probe.listen.words import log_line

        assessment = self._examiner.assess(record)
        self._reporter.log(log_line(record, assessment))
        if assessment is None:
            if self._end.once:
                self._reporter.log("that was no sender yet: still waiting for one (--once)")
            return
        self._reporter.add(self._keep(assessment))
        if self._take(assessment.outcome):
            self._stop()

    def _take(self, outcome: Outcome) -> bool:
        """Let the outcome count; whether it was what was waited for."""
        last_counts = self._end.until_accepted or not self._seen
        self.outcome = outcome if last_counts else Outcome.worst((self.outcome, outcome))
        self._seen = True
        good = outcome in (Outcome.ACCEPTED, Outcome.AT_RISK)
        return self._end.once or (self._end.until_accepted and good)

    def _stop(self) -> None:
        self._over = True
        if self._listener is not None:
            self._listener.stop()


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """End in order on the first SIGINT or SIGTERM; the second one has its usual effect."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, before[signal.Signals(number)])
        stop()

    for each in before:
        signal.signal(each, handle)
    try:
        yield
    finally:
        for each, usual in before.items():
            signal.signal(each, usual)
