"""The connection of a plain check, or the look-up of its name, begun before the command line's library is loaded.

Only where the arguments leave no doubt: one target, no option or variable that could move the connection, or end
the run before it is used. A wrong guess would be a second connection, or one that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from probe.errors import TargetError
from probe.net import resolver, stream
from probe.net.target import SMTP_PORT, Target, parse_target

FORMATS = ("terminal", "json", "jsonl", "nagios", "prometheus", "junit", "html")


def begin(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Begin what `check` with these arguments is certain to ask for; `stream` and `resolver` hand it over."""
    target = plain_target(arguments, environment)
    if target is None:
        return
    port = target.port or SMTP_PORT
    if target.is_address:
        stream.begin_early(target.host, port)
    else:
        resolver.begin_early(target.host, lambda only: stream.begin_early(only, port))


def plain_target(arguments: Sequence[str], environment: Mapping[str, str]) -> Target | None:
    """The one target of a check that is probed where its text says, whatever the rest; None where in doubt."""
    if arguments[:1] != ["check"] or any(name.startswith("EOP_PROBE_") for name in environment):
        return None
    words, targets = iter(arguments[1:]), []
    for word in words:
        if word in _HARMLESS:
            value = next(words, "-")
            if value.startswith("-") or not _HARMLESS[word](value):
                return None
        elif word not in ("--verbose", "-v"):
            targets.append(word)
    return _target(targets[0]) if len(targets) == 1 else None


def _target(word: str) -> Target | None:
    try:
        target = parse_target(word)
    except TargetError:  # a word for an option, or for a file of targets, is one too
        return None
    return None if target.mx else target


def _is_host_name(value: str) -> bool:
    target = _target(value)
    return target is not None and target.host == value and not target.is_address


#: Options that say nothing of the connection, and whether a value is certainly right.
_HARMLESS: dict[str, Callable[[str], bool]] = {
    "--format": FORMATS.__contains__,
    "--store": bool,  # read when the connection has begun
    "--direction": ("to-eop", "from-eop").__contains__,
    "--sni": _is_host_name,
}
