"""Real runs for the documentation's examples, against the built-in servers on loopback."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from probe.demo_servers import Simulator

Run = Callable[[list[str]], str]


def sample_output(name: str, run: Run) -> str:
    """The output of the example `name`: ``demo``, ``json``, or ``top-`` and a situation of the simulator."""
    if name == "demo":
        # The last block says it all; the whole is a page long.
        said = run(["demo"])
        return "...\n" + said[said.index("The five verdicts") :]
    if name == "json":
        return _check("internal-ca", run, "--format", "json")
    return _check(name.removeprefix("top-"), run).partition("\nFindings\n")[0] + "\n...\n"


def _check(situation: str, run: Run, *options: str) -> str:
    with Simulator.start(datetime.now(UTC)) as simulator:
        server = {server.name: server for server in simulator.servers}[situation]
        said = run(
            ["check", f"{server.host}:{server.port}", "--resolve", f"{server.host}=127.0.0.1", *options]
        )
    # A port of the day tells nobody anything: the address is the one thing that is not as it was.
    return (
        said.replace(f"127.0.0.1:{server.port}", "192.0.2.10:25")
        .replace(f'"port": {server.port}', '"port": 25')
        .replace("127.0.0.1", "192.0.2.10")
        .replace(f":{server.port}", "")
    )


#: The options of a ``history`` command of the documentation.
_HISTORY = {
    "show": ["show", "mail.contoso.example"],
    "changes": ["changes", "--since", "2026-11-01"],
    "diff": ["diff", "2026-11-08T12:00", "2026-11-11"],
    "certificates": ["certificates", "--expiring", "9999d"],
    "csv": ["changes", "--since", "2026-11-10", "--kind", "verdict", "--format", "csv"],
}


def history_output(name: str, run: Run) -> str:
    """The output of a ``history`` command on ten days of a host with two addresses, a look an hour."""
    from tests.history.example import history

    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.sqlite"
        history(path)
        return run(["history", *_HISTORY[name], "--history", str(path)])


#: The sample evidence, as the documentation calls it.
_SAMPLES = "tests/samples"


def evidence_output(name: str, run: Run) -> str:
    """The output of a command on sample evidence: ``diagnose`` (its first story), ``select``, ...."""
    if name == "ledger":
        return _ledger(run)
    if name == "tlsrpt":
        return run(
            ["tlsrpt", *(f"tests/tlsrpt/samples/{one}.json" for one in ("microsoft", "microsoft-next-day"))]
        )
    if name == "diagnose":
        said = run(["exchange", "diagnose", _SAMPLES])
        return said.partition("\n2. ")[0] + "\n...\n"
    exports = [f"{_SAMPLES}/get-{kind}.json" for kind in ("exchangecertificate", "sendconnector")]
    one = ["--connector", "Outbound to Office 365", "--at", "2026-11-03T09:14:00"]
    return run(["exchange", "select", *exports, f"{_SAMPLES}/sample-ca-certificates.pem", *one])


def _ledger(run: Run) -> str:
    from tests.ledger.example import history

    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.sqlite"
        history(path)
        said = "tests/ledger/samples"
        return run(
            ["ledger", said, "--history", str(path), "--dkim-key", f"{said}/lab.pem", "--at", "2026-12-03"]
        )
