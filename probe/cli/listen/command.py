"""``eop-probe listen``: stands in for Exchange Online, and judges the client certificate a sender really presents."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option, seconds
from probe.cli.exit_codes import finish
from probe.cli.listen import inputs
from probe.cli.listen.output import Reporter
from probe.cli.output import ReportOutput
from probe.cli.recording import Keep, Recording
from probe.eop.settings import Settings
from probe.eop.vocabulary import Outcome
from probe.net.target import LOOPBACK
from probe.smtp.server_values import EnvelopeCommand

if TYPE_CHECKING:
    from probe.listen.examiner import Examiner
    from probe.net.listener import Listener
    from probe.net.listener_settings import ListenerLimits, ListenerSettings
    from probe.net.server_session import SessionRecord

app = new_app()

#: A port that needs no rights; EOP's own is 25.
DEFAULT_PORT = 2525
#: Seconds without a byte, and of a whole session. RFC 5321 4.5.3.2.7 grants a client five minutes to think; this
#: listener may stand open to the Internet, and a sender that tries again later loses nothing.
IDLE_S, TOTAL_S = 60.0, 300.0


@app.command()
def listen(
    *,
    host: shared.ListenHost = LOOPBACK,
    port: int = option(
        "--port PORT",
        "Port; 0 for any free one.",
        default=DEFAULT_PORT,
        variable="LISTEN_PORT",
        min=0,
        max=65535,
    ),
    allow: list[str] | None = option(
        "--allow CIDR",
        "Addresses that may connect; others are closed without a word. Repeatable. Default: all.",
    ),
    certificate: Path | None = option(
        "--certificate FILE",
        "The listener's own certificate with its key, PEM or PFX. [default: made on the spot]",
    ),
    password_file: Path | None = shared.password_file("--certificate"),
    ca_names: str = option(
        "--ca-names none|microsoft|FILE",
        "Whom the request for a client certificate names: nobody, all of Microsoft's list, or the "
        "certificates of a file.",
        default="none",
    ),
    stage: EnvelopeCommand = option(
        "--stage", "The command that is answered with the verdict.", default=EnvelopeCommand.RCPT
    ),
    defer: bool = option(
        "--defer",
        "Say permanent refusals (550) as temporary ones, so that the sender keeps its message.",
        default=False,
    ),
    tls_sender_certificate_name: shared.SenderCertificateName = None,
    accepted_domain: shared.AcceptedDomains = None,
    inbound_connectors: list[Path] | None = option(
        "--inbound-connectors FILE",
        "Get-InboundConnector export: attribute each message as Exchange Online does. Repeatable.",
    ),
    accepted_domains: list[Path] | None = option(
        "--accepted-domains FILE", "Get-AcceptedDomain export, to go with it. Repeatable."
    ),
    sending_address: str | None = option(
        "--sending-address IP",
        "Address Exchange Online sees of the senders, where they are behind NAT.",
    ),
    expect: list[str] | None = option(
        "--expect THUMBPRINT|FILE",
        "The certificate that ought to be presented; another one is a finding. Repeatable.",
    ),
    once: bool = option("--once", "End after the first sender's session.", default=False),
    until_accepted: bool = option(
        "--until-accepted", "End when a sender would be accepted (or is at risk).", default=False
    ),
    timeout: float | None = seconds(
        "--timeout",
        "End after so many seconds. [default: never]",
        longest=31_536_000,
        variable="LISTEN_TIMEOUT",
    ),
    old_tls: bool = option("--old-tls", "Capture TLS 1.0 and 1.1 too, which EOP refuses.", default=False),
    max_sessions: int = option("--max-sessions N", "Sessions at once.", default=512, min=1, max=10_000),
    max_per_address: int = option(
        "--max-per-address N", "Of those, from one address.", default=64, min=1, max=10_000
    ),
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
    from probe.listen.examiner import Examiner, ListenOptions
    from probe.listen.words import profile
    from probe.net.listener_settings import ListenerSettings

    tenant = inputs.tenant(
        [*(inbound_connectors or ()), *(accepted_domains or ())],
        tls_sender_certificate_name,
        accepted_domain or (),
    )
    examiner = Examiner(
        ListenOptions(
            stores=stores.loader(),
            settings=Settings(
                # With connectors the attribution says more than the rules about one name.
                tls_sender_certificate_name=None if tenant.connectors else tls_sender_certificate_name,
                accepted_domains=() if tenant.connectors else tuple(accepted_domain or ()),
                expected_thumbprints=inputs.expected(expect or ()),
                expiring_days=expiring_days,
                expiring_fraction=expiring_share,
            ),
            at=shared.parse_instant(at),
            stage=stage,
            defer=defer,
            connectors=tenant.connectors,
            domains=tenant.domains,
            address=shared.parse_address(sending_address, "--sending-address"),
        )
    )
    examiner.prepare()
    hostname = inputs.own_name()
    settings = ListenerSettings(
        profile=profile(hostname),
        contexts=[inputs.context(certificate, password_file, hostname, old_tls=old_tls, ca_names=ca_names)],
        host=host,
        port=port,
        policy=examiner.answer,
        allowed=inputs.allowed(allow or ()),
        limits=_limits(max_sessions, max_per_address),
    )
    with Reporter(output) as reporter, recording.recorder(reporter.log) as keep:
        run = _Run(examiner, reporter, keep, once=once, until_accepted=until_accepted)
        run.listen(settings, hostname, timeout)
    finish(run.outcome.exit_code)


def _limits(sessions: int, per_address: int) -> ListenerLimits:
    from probe.net.listener_settings import ListenerLimits

    return ListenerLimits(sessions=sessions, per_address=per_address, idle_s=IDLE_S, total_s=TOTAL_S)


class _Run:
    """One run of the command: what came of its sessions, and when it is over."""

    def __init__(
        self, examiner: Examiner, reporter: Reporter, keep: Keep, *, once: bool, until_accepted: bool
    ) -> None:
        self._examiner = examiner
        self._reporter = reporter
        self._keep = keep
        self._once = once
        self._until_accepted = until_accepted
        self._listener: Listener | None = None
        self._over = False
        self.outcome = Outcome.UNKNOWN
        self._seen = False

    def listen(self, settings: ListenerSettings, hostname: str, seconds: float | None) -> None:
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
            listener.run(seconds)

    def note(self, record: SessionRecord) -> None:
        """Take a session that has ended."""
        if self._over:
            return
        from probe.listen.words import log_line

        assessment = self._examiner.assess(record)
        self._reporter.log(log_line(record, assessment))
        if assessment is None:
            if self._once:
                self._reporter.log("that was no sender yet: still waiting for one (--once)")
            return
        self._reporter.add(self._keep(assessment))
        if self._take(assessment.outcome):
            self._stop()

    def _take(self, outcome: Outcome) -> bool:
        """Let the outcome count; whether it was what was waited for."""
        last_counts = self._until_accepted or not self._seen
        self.outcome = outcome if last_counts else Outcome.worst((self.outcome, outcome))
        self._seen = True
        good = outcome in (Outcome.ACCEPTED, Outcome.AT_RISK)
        return self._once or (self._until_accepted and good)

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
