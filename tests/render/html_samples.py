"""Reports for pages, of real chains and judged as a check judges them; `python -m tests.render.html_samples FOLDER`.

Written there: a page for each, as `--format html` makes it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

from probe.capture import Capture, Fault, FaultKind, How, Phase, SmtpFacts, TlsFacts
from probe.check.endpoints import Endpoint
from probe.check.judge import assessment, judge_captures
from probe.check.options import CheckOptions
from probe.eop.vocabulary import Direction
from probe.net.target import Target
from probe.pki.certificate import Certificate, parse
from probe.pki.chain import PresentedChain
from probe.pki.truststore import AnchorStore, ListRole
from probe.render.page.options import RenderOptions
from probe.render.report import html
from probe.report.assessment import Assessment, Report
from probe.smtp.transcript import Speaker, TranscriptLine
from probe.text import printable
from tests.authority import DAY, Authority, Issued
from tests.eop.weighing import raw_name

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
HOST = "mail.contoso.com"

CA = Authority(now=NOW, name="pages")
ROOT = CA.root("CN=Fabrikam Public Root R1,O=Fabrikam\\, Inc.,C=US")
ISSUING = CA.intermediate(ROOT, "CN=Fabrikam Public TLS CA 1,O=Fabrikam\\, Inc.,C=US")
LEAF = CA.leaf(ISSUING, HOST, "autodiscover.contoso.com", key="rsa-2048")
PRIVATE_ROOT = CA.root("CN=Contoso Root CA,DC=contoso,DC=local")
PRIVATE_ISSUING = CA.intermediate(PRIVATE_ROOT, "CN=Contoso Issuing CA 01,DC=contoso,DC=local")
PRIVATE_LEAF = CA.leaf(PRIVATE_ISSUING, HOST)
SELF_SIGNED = CA.self_signed(HOST, "EXCH01.contoso.local")
SOON = CA.leaf(ISSUING, HOST, not_before=NOW - 80 * DAY, not_after=NOW + 10 * DAY)
EXPIRED = CA.leaf(ISSUING, HOST, not_before=NOW - 93 * DAY, not_after=NOW - 3 * DAY)
#: Markup, terminal and bidirectional controls, and more than any line holds.
HOSTILE = (
    "<script>alert(1)</script> \x1b[31m\u202egnp.exe\u202c\u200b '\" onload=x {{7*7}} " + "verylong" * 30
)
HOSTILE_LEAF = CA.leaf(
    ISSUING,
    HOST,
    subject=raw_name(("2.5.4.3", HOSTILE[:50]), ("2.5.4.10", HOSTILE)),
    names=(HOST, *(f"host-{number}.{'label' * 9}.contoso.com" for number in range(20))),
)


def _roots(name: str, *roots: Issued, dated: datetime) -> AnchorStore:
    role = ListRole.MICROSOFT if name == "microsoft" else ListRole.OTHER
    read = [each for root in roots if isinstance(each := parse(root.der), Certificate)]
    return AnchorStore(name, read, dated, role)


STORES = (
    _roots("microsoft", ROOT, dated=NOW - 24 * DAY),
    _roots("mozilla", ROOT, dated=NOW - 110 * DAY),
)


def _conversation(banner: str) -> SmtpFacts:
    said = (
        (2, Speaker.SERVER, banner),
        (2, Speaker.CLIENT, "EHLO probe.fabrikam.com"),
        (24, Speaker.SERVER, f"250-{HOST} Hello [192.0.2.99]"),
        (24, Speaker.SERVER, "250-SIZE 37748736"),
        (24, Speaker.SERVER, "250 STARTTLS"),
        (25, Speaker.CLIENT, "STARTTLS"),
        (47, Speaker.SERVER, "220 2.0.0 SMTP server ready"),
    )
    lines = tuple(TranscriptLine(at_ms=at, speaker=who, text=printable(text)) for at, who, text in said)
    return SmtpFacts(
        banner=printable(banner), ehlo=(HOST, "SIZE 37748736", "STARTTLS"), starttls_offered=True, transcript=lines
    )  # fmt: skip


CLEAN = Capture(
    host=HOST,
    address="192.0.2.1",
    port=25,
    smtp=_conversation(f"220 {HOST} Microsoft ESMTP MAIL Service ready"),
    tls=TlsFacts(
        version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", group="x25519", client_certificate_requested=True
    ),
)


def seen(*chain: Issued | bytes, **fields: object) -> Capture:
    """A connection that showed this chain; the keywords are fields of the capture."""
    blobs = (each if isinstance(each, bytes) else each.der for each in chain)
    return replace(CLEAN, presented=PresentedChain.from_der(blobs), **fields)


def failed(kind: FaultKind, phase: Phase, message: str, theirs: str | None = None) -> Capture:
    """A connection that showed no chain."""
    fault = Fault(phase=phase, kind=kind, message=message, server_text=theirs)
    return replace(CLEAN, smtp=None if phase is Phase.CONNECT else CLEAN.smtp, tls=None, fault=fault)


def judged(*captures: Capture, direction: Direction = Direction.TO_EOP) -> Assessment:
    """What a check says of these connections to one address."""
    first = captures[0]
    endpoint = Endpoint(Target(first.host, first.host), first.host, first.port, first.address)
    evidence, verdict = judge_captures(
        captures, endpoint, CheckOptions(stores=lambda: STORES, direction=direction), STORES, NOW
    )
    return assessment(endpoint, NOW, timedelta(milliseconds=312), evidence, verdict, STORES)


def balancer() -> Assessment:
    """Two servers behind one address; one shows its self-signed certificate."""
    chains = islice(cycle(((LEAF, ISSUING), (SELF_SIGNED,))), 6)
    return judged(*(seen(*chain, how=How(sample=n)) for n, chain in enumerate(chains, start=1)))


def hostile() -> Assessment:
    """Every text a peer controls is hostile."""
    theirs, closed = printable(f"454 4.7.0 {HOSTILE}"), FaultKind.CONNECTION_CLOSED
    fault = Fault(phase=Phase.SMTP, kind=closed, message="The server hung up", server_text=theirs)
    smtp, host = _conversation(f"220 {HOSTILE}"), printable(HOSTILE)
    return judged(seen(HOSTILE_LEAF, b"\x1b[31m", ISSUING, smtp=smtp, fault=fault, host=host))


def unreachable() -> Assessment:
    return judged(failed(FaultKind.UNREACHABLE, Phase.CONNECT, "Connection refused by 192.0.2.1 port 25"))


def refused() -> Assessment:
    said = "454 4.7.0 TLS not available due to local problem"
    message = "The server offers STARTTLS but refused to begin it"
    return judged(failed(FaultKind.STARTTLS_REFUSED, Phase.SMTP, message, said))


ONE: dict[str, Callable[[], Assessment]] = {
    "accepted": lambda: judged(seen(LEAF, ISSUING)),
    "at-risk": lambda: judged(seen(SOON, ISSUING)),
    "untrusted-root": lambda: judged(seen(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT)),
    "missing-intermediate": lambda: judged(seen(LEAF)),
    "self-signed-from-eop": lambda: judged(seen(SELF_SIGNED), direction=Direction.FROM_EOP),
    "expired": lambda: judged(seen(EXPIRED, ISSUING)),
    "order": lambda: judged(seen(LEAF, ROOT, ISSUING)),
    "balancer": balancer,
    "unreachable": unreachable,
    "refused": refused,
    "hostile": hostile,
}


def several(names: Iterable[str]) -> tuple[Assessment, ...]:
    """An assessment each, of hosts with numbers."""
    made = []
    for number, name in enumerate(names, start=1):
        found = ONE[name]()
        host = found.capture.host if name == "hostile" else f"mail{number}.contoso.com"
        capture = replace(found.capture, host=host, address=f"192.0.2.{number % 250 + 1}")
        made.append(replace(found, evidence=replace(found.evidence, capture=capture)))
    return tuple(made)


def report(*assessments: Assessment) -> Report:
    return Report(generated_at=NOW, version="1.2.3", assessments=assessments)


REPORTS: dict[str, Callable[[], Report]] = {
    **{name: lambda make=make: report(make()) for name, make in ONE.items()},
    "several": lambda: report(*several((*ONE, "accepted"))),
}


def write(folder: Path) -> None:
    """Write every page."""
    for name, made in REPORTS.items():
        (folder / f"{name}.html").write_text(html.render(made(), RenderOptions()), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
