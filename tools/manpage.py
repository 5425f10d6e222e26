"""The man page, from the commands' own help: nothing is said here that ``--help`` does not say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer


def manpage() -> str:
    """``docs/eop-probe.1``, in the man macros that groff and mandoc share."""
    from probe import __version__
    from probe.cli.app import COMMANDS, every_command

    commands = dict(every_command())
    lines = [
        f'.TH EOP\\-PROBE 1 "" "eop\\-probe {__version__}" "User Commands"',
        ".SH NAME",
        "eop\\-probe \\- says what Exchange Online Protection thinks of the certificate chain of an SMTP endpoint",
        ".SH SYNOPSIS",
    ]
    for words, command in commands.items():
        if not getattr(command, "commands", None):
            lines += [f".B eop\\-probe {_escaped(words)}", _escaped(_usage(words, command)), ".br"]
    lines += [".SH DESCRIPTION", *_paragraphs(commands.pop("").help), ".SH COMMANDS"]
    for words, command in commands.items():
        lines += [f".SS {_escaped(words)}", *_paragraphs(command.help or COMMANDS.get(words, ""))]
        context = typer.Context(command, info_name=words)
        records = (param.get_help_record(context) for param in command.params)
        for names, text in filter(None, records):
            lines += [".TP", f".B {_escaped(names)}", _escaped(" ".join(text.split()))]
    lines += [
        ".SH ENVIRONMENT",
        "Each option names its variable in brackets; the command line wins. Several values stand apart by spaces.",
        ".SH SEE ALSO",
        ".BR openssl\\-s_client (1)",
    ]
    return "\n".join(lines) + "\n"


def _usage(words: str, command: Any) -> str:  # noqa: ANN401 - typer's own types are private
    return " ".join(command.collect_usage_pieces(typer.Context(command, info_name=words)))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield ".PP"
        yield _escaped(" ".join(paragraph.split()))


def _escaped(text: str) -> str:
    """Text as roff takes it: no backslash, no leading control character, hyphens that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text
