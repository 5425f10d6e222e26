"""The connection of a plain check, or the look-up of its name, begun before the command line's library is loaded.

Only where the arguments leave no doubt: one target, no option or variable that could move the connection, or end
the run before it is used. A wrong guess would be a second connection, or one that says nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import LazyLoader, find_spec, module_from_spec

from probe.errors import TargetError
from probe.net import resolver, stream
from probe.net.target import SMTP_PORT, Target, parse_target

STORES = ("microsoft", "mozilla")
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
    _put_off("cryptography.x509")


def plain_target(arguments: Sequence[str], environment: Mapping[str, str]) -> Target | None:
    """The one target of a check that is probed where its text says, whatever the rest; None where in doubt."""
    if arguments[:1] != ["check"] or any(name.startswith("EOP_PROBE_") for name in environment):
        return None
    words, targets = iter(arguments[1:]), []
    for word in words:
        if word in _HARMLESS or (word in _RECORDING and "--record" in arguments):
            value = next(words, "-")
            if value.startswith("-") or not (_HARMLESS | _RECORDING)[word](value):
                return None
        elif word not in ("--verbose", "-v", "--record"):
            targets.append(word)
    return _target(targets[0]) if len(targets) == 1 else None


def _put_off(name: str) -> None:
    """Have a module loaded when it is first used (importlib, "Implementing lazy imports").

    pyOpenSSL asks for cryptography.x509, of which a plain check uses nothing: a tenth of its processor time. Here
    alone, for the loading is safe in one thread only.
    """
    if name in sys.modules or (spec := find_spec(name)) is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, last = name.rpartition(".")
    setattr(sys.modules[parent], last, module)


def _target(word: str) -> Target | None:
    try:
        target = parse_target(word)
    except TargetError:  # a word for an option, or for a file of targets, is one too
        return None
    return None if target.mx else target


def is_store(value: str) -> bool:
    """Whether there is such a list of roots, or a file that may be one."""
    return value in STORES or os.path.isfile(value)  # noqa: PTH113 - pathlib costs milliseconds


def _is_host_name(value: str) -> bool:
    target = _target(value)
    return target is not None and target.host == value and not target.is_address


#: Options that say nothing of the connection, and whether a value is certainly right.
_HARMLESS: dict[str, Callable[[str], bool]] = {
    "--format": FORMATS.__contains__,
    "--store": is_store,  # read when the connection has begun
    "--direction": ("to-eop", "from-eop").__contains__,
    "--sni": _is_host_name,
    "--vantage": str.isalnum,
}


def _may_be_history(value: str) -> bool:
    return value.startswith("postgresql://") or os.access(os.path.dirname(value) or ".", os.W_OK)  # noqa: PTH120 - pathlib costs milliseconds


#: The same of those that go with --record.
_RECORDING: dict[str, Callable[[str], bool]] = {"--history": _may_be_history}
