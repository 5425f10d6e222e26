"""Write the generated parts of the documentation: rule pages, the lab's page, the README's blocks.

``make docs`` runs it; a test compares what is committed with what it would write. Outputs of real
runs hold thumbprints, ports and dates that differ from run to run: :func:`stable` takes them out
for the comparison.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.exchange.replies.entry import Entry
    from probe.powershell import Step

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))

_VOLATILE = (
    (
        re.compile(r"\bserial +[0-9A-F]{2,40}\b"),
        "serial NUMBER",
    ),  # random, and at times a digit or two shorter
    (re.compile(r"\b[0-9A-Fa-f]{40}\b"), "THUMBPRINT"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "SHA256"),
    (re.compile(r"\([0-9a-f]{12}\)"), "(SHA256)"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?"), "DATE"),
    (re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----"), "PEM"),
    (re.compile(r'"(serial|at_ms|elapsed_ms)": [^,\n]+'), r"\1"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\b[\d,.]+ days"), "N days"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s)\b"), "TIME"),
)
_BLOCK = re.compile(
    r"(<!-- begin (?P<name>[a-z-]+) -->\n```[a-z]*\n)(?P<body>.*?)(```\n<!-- end (?P=name) -->)", re.DOTALL
)


def stable(text: str) -> str:
    """`text` without what differs between two runs of the same build."""
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return text


def generated() -> Iterator[tuple[Path, Callable[[], str]]]:
    """Every generated file with what writes it: some run the product, so a page is made when it is asked for."""
    for path, text in rule_pages():
        yield path, partial(str, text)
    yield DOCS / "lab.md", lab_page
    yield DOCS / "replies.md", replies_page
    yield DOCS / "limits.md", limits
    for name in ("fleet", "fleet-target", "alarm"):
        yield DOCS / "schema" / f"{name}-1.schema.json", partial(struct_schema, name)
    yield DOCS / "eop-probe.1", man_page
    yield DOCS / "example-report.json", partial(sample, "json")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))):
        text = path.read_text("utf-8") if path.exists() else ""
        if _BLOCK.search(text) and path.name != "lab.md":
            yield path, partial(with_blocks, text)


def rule_pages() -> Iterator[tuple[Path, str]]:
    """One page a rule, and their index, from the table of rules."""
    from probe.eop.rules.every import EVERY_RULE

    rows = [
        f"| [`{rule.id}`]({rule.id}.md) | {rule.title} | {rule.severity.value} | {rule.confidence.value} |"
        for rule in EVERY_RULE
    ]
    head = (
        "# Rules\n\nGenerated from the table in `probe/eop/rules/` by `make docs`. The first rule of the worst "
        "severity decides; every finding is kept.\nSeverity is the worst a rule can have: *reject* ends in "
        "`rejected`, *risk* in `at-risk`, *info* changes nothing. Confidence says how well\nfounded it is: "
        "*documented* by Microsoft or another vendor, *reported* by practitioners, *inferred* by us.\n\n"
        "| Rule | Title | Severity | Confidence |\n|---|---|---|---|\n"
    )
    yield DOCS / "rules" / "README.md", head + "\n".join(rows) + "\n"
    for rule in EVERY_RULE:
        sources = "\n".join(f"- {reference}" for reference in rule.references)
        yield (
            DOCS / "rules" / f"{rule.id}.md",
            (
                f"# `{rule.id}`: {rule.title}\n\nSeverity at worst: **{rule.severity.value}**. "
                f"Confidence: **{rule.confidence.value}**.\n\n{rule.meaning}\n\n## What to do\n\n"
                f"{_steps(rule.advice)}\n\n## Sources\n\n{sources}\n"
            ),
        )


def _steps(steps: Iterable[Step]) -> str:
    """A list; commands that follow each other for one shell are one block to copy, under the shell's name."""
    from probe.powershell import Command, Shell

    parts = []
    for commands, group in groupby(steps, key=lambda step: step.shell if isinstance(step, Command) else None):
        if commands is None:
            parts += [f"- {step}" for step in group]
            continue
        fence = "sh" if commands is Shell.ANY else "powershell"
        text = "\n".join(map(str, group))
        parts.append(f"\n{commands.value}:\n\n```{fence}\n{text}\n```\n")
    return "\n".join(parts).replace("\n\n\n", "\n\n")


def replies_page() -> str:
    """Every reply, log line and event that ``explain`` knows, from its catalogue."""
    from probe.exchange.replies.catalogue import CATALOGUE

    rows = "\n".join(
        f"| [{entry.title}](#{entry.id}) | {entry.kind.value} | {entry.flow.value} | {entry.label.value} |"
        for entry in CATALOGUE
    )
    head = (
        "# Replies, log lines and events\n\nGenerated from the catalogue in `probe/exchange/replies/` by "
        "`make docs`.\n`eop-probe explain TEXT` finds these in any pasted text, wrapped or not, in any language, by "
        "their codes and\ntokens. Where several fit, the first one is what the text says.\n\n"
        "| What it says | Stands in | Mail | Confidence |\n|---|---|---|---|\n"
    )
    return head + rows + "\n" + "".join(map(_entry, CATALOGUE))


def _entry(entry: Entry) -> str:
    examples = "\n".join(entry.examples)
    parts = (
        f'\n## <a id="{entry.id}"></a>{entry.title}\n',
        f"```text\n{examples}\n```\n" if examples else "",
        f"{entry.judge} {entry.meaning} (*{entry.label.value}*)\n",
        _listed("Causes", entry.causes),
        _listed("What to do", entry.remedy),
        _listed("What to check next", entry.check),
        _listed("Sources", entry.references),
        f"The rule about it: [`{entry.rule}`](rules/{entry.rule}.md)\n" if entry.rule else "",
    )
    return "\n".join(filter(None, parts))


def _listed(heading: str, lines: Iterable[Step]) -> str:
    steps = _steps(lines)
    return f"**{heading}**\n\n{steps}\n" if steps else ""


def lab_page() -> str:
    """The lab's services and what the product is expected to say of each, from the lab's table."""
    from tests.lab.situations import SITUATIONS, markdown

    return markdown(SITUATIONS)


def limits() -> str:
    """Every bound a peer or a file can meet."""
    from tools.limits import limits_page

    return limits_page()


def struct_schema(name: str) -> str:
    """The schema of fleet.toml, of a line of targets, or of a message about alarms, from the types it is read by."""
    import msgspec

    from probe.alarms.document import Document
    from probe.fleet.keys import FleetFile, TargetKeys

    shape, title = {
        "fleet": (FleetFile, "fleet.toml, as the data it holds, version 1"),
        "fleet-target": (TargetKeys, "One target of a fleet, a line of JSON, version 1"),
        "alarm": (Document, "A message about alarms, as a webhook gets it, version 1"),
    }[name]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:eop-probe:{name}:1",
        "title": title,
    }
    return json.dumps(head | msgspec.json.schema(shape), indent=2, ensure_ascii=False) + "\n"


def man_page() -> str:
    """The man page, from the help of every command."""
    from tools.manpage import manpage

    return manpage()


def with_blocks(text: str) -> str:
    """`text` with the output of its command in every marked block."""
    return _BLOCK.sub(lambda found: found[1] + _outputs(found["name"]) + found[4], text)


def _outputs(name: str) -> str:
    kind, _, command = name.partition("-")
    if kind == "help":
        words = [] if command == "top" else command.split("-")
        return _run([*words, "--help"])
    if kind == "sample":
        return sample(command)
    if kind == "evidence":
        return evidence(command)
    if kind == "history":
        return history(command)
    if kind in ("floors", "metrics"):
        return floors() if kind == "floors" else metrics()
    if name == "fleet-example":
        return import_module("probe.fleet.example").EXAMPLE
    raise ValueError(f"no generator for the block {name}")


def metrics() -> str:
    """Every metric, and what it says."""
    table = import_module("probe.render.report.metrics").Metric
    return "".join(f"{metric.label}\n    {metric.value}\n" for metric in table)


def floors() -> str:
    """The floors of the building with what stands behind each, as the import contract has them."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    pure = {
        module.removeprefix("probe.")
        for contract in contracts[2:]
        for module in contract.get("source_modules", ())
    }
    rows = re.findall(
        r'^    "([^"]+)",  # (.+)$', text.partition("\nlayers = [\n")[2].partition("\n]")[0], re.MULTILINE
    )
    lines = [f"{names}\n    {what}" for names, what in rows]
    line = next(n for n, (names, _) in enumerate(rows) if set(re.findall(r"\w+", names)) <= pure)
    lines.insert(line, "-- no sockets, files, clock or environment below, nor in report ".ljust(100, "-"))
    return "\n".join(lines) + "\n"


def _run(arguments: list[str]) -> str:
    from probe.cli.exit_codes import run_to_exit

    own, out = dict(os.environ), io.TextIOWrapper(io.BytesIO(), "utf-8")
    os.environ.clear()
    os.environ.update(PATH=own["PATH"], COLUMNS="96", HOME="/nonexistent")
    try:
        with contextlib.chdir(ROOT), contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            run_to_exit(arguments)
    finally:
        os.environ.clear()
        os.environ.update(own)
    out.seek(0)
    return out.read()


def sample(name: str) -> str:
    """The real output of one of the README's examples, against the built-in servers."""
    from tools.samples import sample_output

    return sample_output(name, _run)


def evidence(name: str) -> str:
    """The output of an ``exchange`` command on the sample evidence, as of its day."""
    from tools.samples import evidence_output

    return evidence_output(name, _run)


def history(name: str) -> str:
    """The output of a ``history`` command on a history that is made for it."""
    from tools.samples import history_output

    return history_output(name, _run)


def main() -> None:
    """Write everything that is generated."""
    for path, page in generated():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
