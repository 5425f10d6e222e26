"""The command line's root: a table of commands, each imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from probe.cli.declare import opened

COMMANDS = {
    "check": "Probe SMTP endpoints and predict what Exchange Online would say to their certificates.",
    "certificate": "Judge certificate files before they are installed, and whether they can be swapped in.",
    "explain": "Say what a reply, an event or a rule means, who refuses whom, and what to do.",
    "exchange": "Exports and logs of Exchange: which certificate is sent, and what is said to it.",
    "tlsrpt": "What senders report of their TLS to your mail hosts: sessions, failures, what to do.",
    "ledger": "What was predicted, what Microsoft confirmed and when, and where the two disagree.",
    "stores": "Which root lists are in use, how old they are, and what they say of a root.",
    "listen": "Stand in for Exchange Online, and judge the client certificate a sender really presents.",
    "fleet": "Many endpoints at once, described in a file: fleet.toml, CSV or JSON lines.",
    "history": "What was recorded: what changed and when, and which certificates are shown now.",
    "serve": "Probe over HTTP what Prometheus asks for, and show how a fleet stands.",
    "demo": "Run the main job on built-in servers with throw-away certificates.",
    "completion": "Print a script that completes commands and options in a shell.",
}
"""What the list of commands says of each, so that it is printed without loading them; each has the module of its
name, probe.cli.NAME, with an `app`."""


class _LazyGroup(typer.core.TyperGroup):
    """A group that imports the module of the command that runs, and no other."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # typer's own context type is private
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx, cmd_name):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - typer's own types are private
        del ctx
        return _command(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx, args):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - typer's own types are private
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}. {_meant(args[0])}".rstrip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx, formatter) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - typer's own types are private
        """Write the list of commands from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _built(name: str) -> Any:  # noqa: ANN401 - typer's own types are private
    command = typer.main.get_command(import_module(f"probe.cli.{name}").app)
    command.name = name
    return command


_command = cache(_built)


def _meant(word: str) -> str:
    """What may have been meant by a word that is no command: one like it, a file's or a target's."""
    from difflib import get_close_matches

    from probe.powershell import eop_probe

    if close := get_close_matches(word, COMMANDS, n=1):
        return f"Did you mean {close[0]!r}?"
    if not any(mark in word for mark in ".:@/\\"):
        return ""
    command = "certificate" if Path(word).is_file() else "check"
    return f"Did you mean: {eop_probe(command, word).text}"


class _App(typer.Typer):
    """A typer application whose commands take classes of options."""

    def command(self, *arguments, **settings):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN003, ANN202 - as typer's
        def add(function: Callable[..., None]) -> Callable[..., None]:
            typer.Typer.command(self, *arguments, **settings)(opened(function))
            return function

        return add


def new_app(**options: object) -> typer.Typer:
    """A typer application with this product's switches: no markup, no pretty tracebacks, no completion."""
    return _App(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        **options,  # type: ignore[arg-type]  # passed through as they are
    )


app = new_app(cls=_LazyGroup, no_args_is_help=True)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback signature
    if wanted:
        from probe import __version__
        from probe.cli.output import write_out

        write_out(f"eop-probe {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Would Exchange Online accept the certificate this server presents? With which reply would it refuse,
    why, and what mends it?

    Exit codes, which are Nagios states too: 0 accepted, 1 at risk, 2 rejected, 3 unknown (usage and
    configuration errors included).
    """
    del version


def every_command() -> Iterator[tuple[str, Any]]:
    """Every command and group by its words, the whole program ("") first; loads all of them."""
    root = typer.main.get_command(app)
    # Built anew: a command keeps the help option of the first context it meets, and a caller's own has other names.
    root.commands = {name: _built(name) for name in COMMANDS}  # type: ignore[attr-defined]  # a group
    yield from _below("", root)


def _below(words: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - typer's own types are private
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _below(f"{words} {name}".strip(), inner)
