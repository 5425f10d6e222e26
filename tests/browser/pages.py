"""Every page there is, as the product writes it, by name; in some all that a peer says would like to be markup."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from probe.cli.exit_codes import run_to_exit
from probe.eop.vocabulary import Outcome
from probe.exchange.problem import Problem
from probe.history.database import Database
from probe.ledger.gather import Gathering, predicted
from probe.powershell import Command, quoted
from probe.render.exchange import diagnosis_html
from probe.render.ledger import html as ledger_page
from probe.render.page.options import RenderOptions
from probe.render.report import html
from probe.report.assessment import Assessment
from probe.report.diagnosis import DiagnosedFault, Diagnosis, Proof
from probe.report.ledger.values import Entry
from probe.statement import documented
from probe.tlsrpt.keys import Keys
from tests.browser.browsing import MARKER
from tests.cli.running import ISSUING
from tests.ledger.example import SAMPLES as LEDGER
from tests.ledger.example import history
from tests.ledger.month import NOW
from tests.render import html_samples, samples
from tests.serve.dashboard import Site

#: What would run, were it not escaped: in text, in an attribute, in a script, in a style, in a template.
HOSTILE = (
    f'</pre></style></script></title><script>{MARKER}()</script><img src=x onerror={MARKER}()> " autofocus '
    f"onfocus={MARKER}() ' onclick='{MARKER}() <svg onload={MARKER}()> javascript:{MARKER}() {{{{ 6 * 7 }}}} {{% if %}}"
)
_ROOT = Path(__file__).parent.parent.parent
_CERTIFICATE = "F5770C7F9A5EB836EE4670B72C25B24001E522D3"


def _page(*assessments: Assessment) -> str:
    return html.render(html_samples.report(*assessments), RenderOptions())


def fleet(size: int) -> str:
    """A report of so many endpoints, most of them accepted."""
    well, ill = samples.accepted(), samples.expired()
    found = []
    for number in range(size):
        one = ill if number % 50 == 0 else well
        host = f"host-{number:05}.contoso.com"
        seen = dataclasses.replace(one.evidence.capture, host=host)
        found.append(
            dataclasses.replace(one, target=host, evidence=dataclasses.replace(one.evidence, capture=seen))
        )
    return _page(*found)


def _hostile() -> str:
    """A report in which the server's name, banner, reply and certificate would like to be markup."""
    name = {"O": HOSTILE, "CN": HOSTILE}
    shown = samples.certificate(name, name, signer="hostile", dns=(HOSTILE, samples.HOST))
    whole = samples.hostile()
    line = dataclasses.replace(samples.SMTP.transcript[0], text=HOSTILE)
    smtp = dataclasses.replace(samples.SMTP, banner=HOSTILE, ehlo=(HOSTILE,), transcript=(line,) * 3)
    fault = whole.evidence.capture.fault
    seen = dataclasses.replace(
        samples.capture(shown),
        host=HOSTILE,
        smtp=smtp,
        fault=dataclasses.replace(fault, message=HOSTILE, server_text=HOSTILE) if fault else None,
    )
    finding = dataclasses.replace(
        whole.findings[0],
        summary=HOSTILE,
        detail=HOSTILE,
        remedy=(HOSTILE, Command(f"Get-ExchangeCertificate {quoted(HOSTILE)}")),
        references=(f"javascript:{MARKER}()", HOSTILE),
    )
    path = samples.built(samples.element(shown))
    made = samples.prediction(Outcome.REJECTED, "self-signed", reply=HOSTILE)
    one = samples.assess(seen, made, samples.store(path), findings=(finding,), target=HOSTILE)
    return _page(one, one)


def _hostile_diagnosis() -> str:
    said = (documented(HOSTILE, HOSTILE),)
    steps = (HOSTILE, Command(f"Get-SendConnector {quoted(HOSTILE)}"))
    fault = DiagnosedFault(
        id="x", title=HOSTILE, outcome=Outcome.REJECTED, seen=True, connector=HOSTILE, thumbprint="ab" * 20,
        reply=HOSTILE, happens=said, proof=(Proof(HOSTILE, ((HOSTILE, HOSTILE),)),), cause=said,
        remedy=steps, verify=steps,
    )  # fmt: skip
    problem = Problem(HOSTILE, 1, HOSTILE, HOSTILE)
    found = Diagnosis(
        at=samples.AT, faults=(fault, fault), notes=said, problems=(problem,), outcome=Outcome.REJECTED
    )
    return diagnosis_html.render(found, RenderOptions())


def _run(*arguments: str) -> str:
    """What the command writes of the sample evidence."""
    out = io.StringIO()
    with contextlib.chdir(_ROOT), contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        run_to_exit(["exchange", *arguments, "tests/samples", "--format", "html"])
    return out.getvalue()


def _ledger(folder: Path, *, hostile: bool = False) -> str:
    """The month's example; hostile: the names in what was given would like to be markup."""
    history(folder / "history.sqlite")
    gathering = Gathering(Keys([LEDGER / "lab.pem"]), NOW)
    gathering.read([LEDGER])
    database = Database(str(folder / "history.sqlite"))
    series = predicted(database)
    database.close()
    made = gathering.ledger(series)
    if hostile:
        entries = tuple(_hostile_entry(one) for one in made.entries)
        made = dataclasses.replace(made, entries=entries, problems=(Problem(HOSTILE, 1, HOSTILE, HOSTILE),))
    return ledger_page.render(made, RenderOptions())


def _hostile_entry(entry: Entry) -> Entry:
    endpoint = entry.series.endpoint._replace(host=HOSTILE, variant=HOSTILE, vantage=HOSTILE)
    joined = tuple(
        one._replace(word=dataclasses.replace(one.word, kind=HOSTILE, place=HOSTILE, domain=HOSTILE))
        for one in entry.joined
    )
    return dataclasses.replace(entry, series=entry.series._replace(endpoint=endpoint), joined=joined)


def _in_folder(**options: bool) -> str:
    with TemporaryDirectory() as folder:
        return _ledger(Path(folder), **options)


PAGES: dict[str, Callable[[], str]] = {
    "everything": lambda: _page(
        *html_samples.several(("accepted", "at-risk", "missing-intermediate", "balancer", "order", "refused"))
    ),
    "report": lambda: _page(html_samples.ONE["untrusted-root"]()),
    "awkward": lambda: _page(samples.awkward()),
    "nothing": _page,
    "hostile": _hostile,
    "diagnosis": partial(_run, "diagnose"),
    "diagnosis-hostile": _hostile_diagnosis,
    "ledger": _in_folder,
    "ledger-hostile": partial(_in_folder, hostile=True),
    "selection": partial(_run, "select", "--at", "2026-11-20T12:00:00Z", "--without", _CERTIFICATE),
}

#: The pages of the dashboard: the path by the page's name.
SITE: dict[str, Callable[[Site], str]] = {
    "now": lambda _: "/",
    "target": lambda site: site.target(1),
    "target-hostile": lambda site: site.target(4),
    "certificates": lambda _: "/certificates",
    "certificate": lambda _: f"/certificates/{ISSUING.sha256}",
    "changes": lambda _: "/changes",
}
