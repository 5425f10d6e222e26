"""Every option of every command: its environment variable, and that it is one option wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from probe.cli.app import every_command
from tests.cli.running import Cli

#: Flags that mean something else to another command, and have a variable of their own there.
OWN_VARIABLES = {
    "EOP_PROBE_LISTEN_PORT", "EOP_PROBE_LISTEN_TIMEOUT", "EOP_PROBE_STORES_FORMAT", "EOP_PROBE_EXCHANGE_FORMAT",
    "EOP_PROBE_EXCHANGE_LOG_FORMAT", "EOP_PROBE_HISTORY_FORMAT", "EOP_PROBE_HISTORY_EXPORT_FORMAT",
    "EOP_PROBE_TLSRPT_FORMAT", "EOP_PROBE_LEDGER_FORMAT",
    "EOP_PROBE_SERVE_PORT",
}  # fmt: skip


def options() -> Iterator[tuple[str, Any]]:
    """Every option by its command's words, but those of the program itself."""
    return (
        (words, each) for words, command in every_command() if words
        for each in command.params if each.opts[0].startswith("--")
    )  # fmt: skip


def test_each_option_has_the_variable_of_its_flag() -> None:
    found = list(options())
    assert len(found) > 100
    for name, option in found:
        derived = "EOP_PROBE_" + option.opts[0].removeprefix("--").replace("-", "_").upper()
        assert option.envvar == derived or option.envvar in OWN_VARIABLES, (name, option.opts)


def test_what_has_a_variable_in_common_is_read_alike() -> None:
    """One value in the environment of a machine fits every command."""
    shapes: dict[str, dict[str, str]] = {}
    for name, option in options():
        shape = f"{option.type!r} {option.multiple}".partition(" object at")[0]
        shapes.setdefault(option.envvar, {})[shape] = name
    # A target of `exchange attribute` is one, of `exchange diagnose` several; apart by spaces both read one.
    # terminal and json fit all of `exchange`; html those that make a page, and the others say what they take.
    but = {"EOP_PROBE_TARGET", "EOP_PROBE_EXCHANGE_FORMAT"}
    different = {variable for variable, held in shapes.items() if len(held) > 1} - but
    assert different == set()


def test_no_line_of_any_help_is_cut_short(cli: Cli) -> None:
    for words, _ in every_command():
        ran = cli(*words.split(), "--help")
        assert (ran.code, ran.err) == (0, "")
        assert not [line for line in ran.out.splitlines()[1:] if line.endswith("...")], words


@pytest.mark.parametrize(
    "value",
    [
        str(2**31), str(2**63), "1" + 30 * "0", "1" + 5_000 * "0", "-1", "0", "1_000", " 5", "\uff15", "1e3", "1e400",
        "nan", "inf", "-inf", "0x10", "",
    ],
)  # fmt: skip
def test_a_number_is_one_of_its_range_or_refused_by_the_name_of_its_option(value: str) -> None:
    numbers = [
        (words, command, each)
        for words, command in every_command()
        for each in command.params
        if each.opts[0].startswith("--") and hasattr(each.type, "clamp")
    ]
    assert len(numbers) > 20
    for words, command, each in numbers:
        context = command.context_class(command, info_name=words)
        try:
            read, _ = each.handle_parse_result(context, {each.name: value}, [])
        except typer.BadParameter as error:
            said = error.format_message()
            assert f"'{each.opts[0]}'" in said
            assert "\n" not in said
        else:
            assert each.type.min <= read <= each.type.max, (words, each.opts)


def test_an_address_of_a_name_server_is_refused_by_the_name_of_its_option(cli: Cli) -> None:
    for flag in ("--resolver", "--dnssec-resolver"):
        for value in ("127.0.0.1:2147483648", "127.0.0.1:\uff15", "dns.contoso.test", ""):
            for words in (
                ("check", "mx:contoso.test", "--direction", "from-eop"),
                ("fleet", "run", "none.toml"),
            ):
                ran = cli(*words, flag, value)
                assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
                assert ran.err.startswith(f"eop-probe: {flag}: ")


def test_a_number_that_is_none(cli: Cli) -> None:
    for command in (["check", "mail.contoso.test"], ["certificate", "x.pem"], ["exchange", "diagnose", "x"]):
        ran = cli(*command, "--timeout", "nan")
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert "not a number" in ran.err


def test_a_report_that_cannot_be_written_is_refused_first(cli: Cli, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "no" / "report.txt")
    for command in (
        ["check", "mail.contoso.test"],
        ["explain", "expired"],
        ["exchange", "show", "missing.json"],
    ):
        ran = cli(*command, "--output", nowhere)
        assert (ran.code, ran.out) == (3, "")
        assert (
            ran.err
            == f"eop-probe: cannot write the report to {nowhere}: no folder there that can be written to\n"
        )
