"""The command line's root: a table of commands, each imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated

import typer
import typer.core
import typer.main

from probe.cli.declare import opened

COMMANDS = {
    "check": "Probe SMTP endpoints and predict what Exchange Online would say to their certificates.",
    "certificate": "Judge certificate files before they are installed, and whether they can be swapped in.",
    "explain": "Say what a reply, an event or a rule means, who refuses whom, and what to do.",
    "exchange": "Exports and logs of Exchange: which certificate is sent, and what is said to it.",
    "stores": "Which root lists are in use, how old they are, and what they say of a root.",
    "listen": "Stand in for Exchange Online, and judge the client certificate a sender really presents.",
    "demo": "Run the main job on built-in servers with throw-away certificates.",
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
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(import_module(f"probe.cli.{cmd_name}").app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx, formatter) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - typer's own types are private
        """Write the list of commands from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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

        typer.echo(f"eop-probe {__version__}")
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
