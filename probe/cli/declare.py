"""How commands declare options: the environment variable follows from the flag, and options come in classes."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from functools import wraps
from pathlib import Path
from typing import Any, get_type_hints

import typer

from probe.errors import OutputError
from probe.text import printable

#: Parameters whose texts are names of files, or words that no file has for a name.
_MAY_BE_FILES = frozenset({"store", "ca_names", "expect", "history"})


def option(flags: str, help_text: str, *, default: object = None, variable: str = "", **settings: Any) -> Any:  # noqa: ANN401 - typer's own
    """Declare an option: `flags` as a help page shows them, as "--verbose -v" or "--output FILE", the long one first.

    The variable is EOP_PROBE_ and the flag's name, or `variable` where the flag means something else to another
    command; `settings` are those of `typer.Option`. Where it stands in an Annotated type, the parameter's own
    default counts.
    """
    names = [word for word in flags.split() if word.startswith("-")]
    metavar = next((word for word in flags.split() if not word.startswith("-")), None)
    name = variable or names[0].partition("/")[0].lstrip("-").replace("-", "_").upper()
    variables = f"EOP_PROBE_{name}"
    return typer.Option(default, *names, envvar=variables, metavar=metavar, help=help_text, **settings)


def finite(value: float | None) -> float | None:
    """Refuse what is no number: "nan" lies in every range."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("not a number")
    return value


def seconds(flag: str, help_text: str, *, longest: float = 3600, **settings: Any) -> Any:  # noqa: ANN401 - typer's own
    """Declare an option in seconds."""
    return option(f"{flag} SECONDS", help_text, callback=finite, min=0.1, max=longest, **settings)


def refuse_read(output: str | None, read: Iterable[str | Path]) -> None:
    """Raise OutputError where the result would be written over a file that is read."""
    for path in read if output else ():
        with contextlib.suppress(OSError, ValueError):  # there is none, or it can have no such name
            if Path(path).samefile(str(output)):
                raise OutputError(
                    f"--output would write over {printable(str(path))}, which is read; name another file"
                )


def _read(values: dict[str, Any]) -> Iterator[str | Path]:
    """The files that a command's parameters name."""
    for name, value in values.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, Path) or (isinstance(one, str) and name in _MAY_BE_FILES):
                yield one
            elif isinstance(one, str) and one.startswith("@"):
                yield one[1:]


def _parameter(name: str, hint: Any, default: object) -> inspect.Parameter:  # noqa: ANN401 - any type there is
    """A parameter as typer wants it: what its Annotated type declares stands as its default, and has the default."""
    if hasattr(hint, "__metadata__") and default is not inspect.Parameter.empty:
        declared = copy(hint.__metadata__[0])
        declared.default, default, hint = default, declared, hint.__origin__
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def opened(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with each parameter that is a class of options (a NamedTuple) opened into its fields for typer."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if hasattr(hint, "_fields")}
    parameters: list[inspect.Parameter] = []
    for one in inspect.signature(command).parameters.values():
        defaults = groups[one.name]._field_defaults if one.name in groups else {one.name: one.default}
        own = get_type_hints(groups[one.name], include_extras=True) if one.name in groups else hints
        parameters += (_parameter(name, own[name], default) for name, default in defaults.items())

    @wraps(command)
    def run(**values: Any) -> None:  # noqa: ANN401 - any option there is
        refuse_read(values.get("output"), _read(values))
        for name, group in groups.items():
            values[name] = group(**{field: values.pop(field) for field in group._fields})
        command(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # where inspect looks first
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run
