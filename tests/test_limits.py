"""Each bound in the code stands in `docs/limits.md` with a test that exists; SECURITY.md claims what tests show."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.limits import limits

ROOT = Path(__file__).parent.parent
BOUND = re.compile(r"_?MAX_\w+|LINGER\w*|[A-Z]\w*_(BYTES|S|SECONDS|LINES|CHARACTERS|KEPT)")
#: Numbers of that form that bound nothing a peer or a file could drive up: how much is shown at once of what is kept
#: whole, sizes of what is read at once, pauses, pools and facts of others.
NO_BOUNDS = {
    "probe.check.engine:MAX_ASKING", "probe.check.engine:STARVED_S", "probe.check.rates:MIN_KEPT",
    "probe.cli.exchange.common:MAX_PROBLEMS",
    "probe.check.interruption:LOOK_S", "probe.check.interruption:TWIN_S",
    "probe.cli.fleet.progress:IDLE_S", "probe.cli.fleet.progress:INTERVAL_S",
    "probe.fleet.dask.run:COUNT_S", "probe.fleet.dask.worker:HOLD_S",
    "probe.fleet.tally:MAX_PLACES", "probe.history.delivery:AWAY_S", "probe.history.recorder:GATHER_S",
    "probe.cli.stores:MAX_SHOWN", "probe.cli.waiting:PATIENCE_S", "probe.diagnosis.context:_MAX_NAMED",
    "probe.diagnosis.run:MAX_NAMED", "probe.diagnosis.tenant_attribution:MAX_FIXES",
    "probe.diagnosis.tenant_attribution:_MAX_NAMES", "probe.evidence_files:CHUNK_BYTES",
    "probe.exchange.exports.tables:MAX_BEFORE", "probe.exchange.exports.tables:MAX_CELLS",
    "probe.fleet.plan:MAX_LISTED", "probe.net.request:RETRY_PAUSE_S", "probe.pki.algorithms:ORDINARY_KEY_BYTES",
    "probe.pki.der:MAX_REMEMBERED_BYTES", "probe.pki.memory:MAX_SPANS", "probe.pki.memory:MAX_EXAMPLES",
    "probe.render.exchange.diagnosis:_MAX_LINE", "probe.render.report.terminal:MAX_TURNS",
    "probe.render.ledger.terminal:MAX_SHOWN", "probe.render.tlsrpt.terminal:MAX_SHOWN",
    "probe.serve.events:HEARTBEAT_S", "probe.serve.events:PAUSE_S",
    "probe.render.report.timeline:MAX_TICKS", "probe.render.report.wording:MAX_NAMES",
    "probe.serve.mishaps:QUIET_S", "probe.serve.probing:JUDGING_S", "probe.serve.question:OFFSET_S",
    "probe.serve.told:EVERY_S", "probe.serve.connections:REST_S",
    "probe.smtp.server_values:EOP_MESSAGE_BYTES", "probe.stores.bundle:MIN_SEARCHED_BYTES", "probe.text:MAX_LISTED",
}  # fmt: skip


def assigned(source: str) -> Iterator[str]:
    """The names a module gives values to at its top."""
    for node in ast.parse(source).body:
        for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
            for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(name, ast.Name):
                    yield name.id


@cache
def bounds() -> frozenset[str]:
    """Every constant of the package whose name says that it is a bound."""
    return frozenset(
        f"{'.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')}:{name}"
        for path in (ROOT / "probe").rglob("*.py")
        if BOUND.search(source := path.read_text("utf-8"))  # else there is none: to take it apart takes time
        for name in assigned(source)
        if BOUND.fullmatch(name)
    )


@cache
def defined_in(path: str) -> frozenset[str]:
    """The tests of a file, those of classes as "Class::test"."""
    found = set()
    for node in ast.parse((ROOT / path).read_text("utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        before = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {before + each.name for each in inner if isinstance(each, ast.FunctionDef)}
    return frozenset(found)


def test_a_bound_is_found_however_it_is_written() -> None:
    """The control."""
    source = "A_S, MAX_B = 1, 2\nC_BYTES: int = 3\n_MAX_D = 4\nOTHER = 5\ndef f():\n    MAX_E = 6\n"
    assert [name for name in assigned(source) if BOUND.fullmatch(name)] == [
        "A_S",
        "MAX_B",
        "C_BYTES",
        "_MAX_D",
    ]


def test_every_bound_is_listed() -> None:
    listed = {limit.constant for limit in limits()}
    assert bounds() - listed - NO_BOUNDS == set(), "add a line with its test to tools/limits.txt"
    assert NO_BOUNDS - bounds() == set()
    assert NO_BOUNDS & listed == set()


def test_its_tests_exist() -> None:
    for limit in limits():
        for test in limit.tests.split():
            path, _, name = test.partition("::")
            assert name in defined_in(path), limit.constant
        assert limit.tests, limit.constant
        assert limit.value, limit.constant


def test_what_security_md_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::([\w:]+))?`", (ROOT / "SECURITY.md").read_text("utf-8"))
    assert len(named) > 10
    for path, name in named:
        assert not name or name in defined_in(path)
        assert (ROOT / path).is_file()
