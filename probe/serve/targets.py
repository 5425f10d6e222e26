"""What a scrape names: a configured target, or any, and the way it is probed (its module)."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from probe.check.options import SUBMISSIONS_PORT
from probe.check.run import Job
from probe.eop.expectations import Expectation
from probe.eop.vocabulary import Direction
from probe.errors import ProbeError
from probe.fleet.entries import Entry
from probe.fleet.keys import TargetKeys
from probe.fleet.watch.described import Described
from probe.net.target import SMTP_PORT, Target, parse_target
from probe.serve.any_target import public
from probe.text import listed, printable

#: Names of modules that an answer tells.
_NAMES = 20
_DIRECTIONS = tuple(each.value for each in Direction)


class UnknownModuleError(ProbeError):
    """There is no such module, or it does not fit the target."""


class NotConfiguredError(ProbeError):
    """The target is none of the configured ones."""


class Meant(NamedTuple):
    """A target to be probed, what is pinned of it, and whether it is a configured one."""

    job: Job
    expectation: Expectation | None
    configured: bool


class Targets:
    """The targets that may be asked for: those of a fleet, and `any_target` where that is allowed.

    Without `private` those are mail ports of public addresses.
    """

    def __init__(self, what: Described, *, any_target: bool, private: bool = False) -> None:
        self._any, self._private = any_target, private
        self.follow(what)

    def follow(self, what: Described) -> Described:
        """What is configured from now on."""
        self._what = what
        self._named: dict[tuple[str, bool], list[Entry]] = {}
        for entry in what.entries.values():
            self._named.setdefault((entry.target.host, entry.target.mx), []).append(entry)
        self._groups = {name for name in what.ways if name}
        self._groups |= {entry.keys.group for entry in what.entries.values() if entry.keys.group}
        return what

    def meant(self, text: str, module: str) -> Meant:
        """What a target and a module mean; the module may be empty.

        Raises TargetError, UnknownModuleError, NotConfiguredError, each with a sentence that may be shown.
        """
        asked = parse_target(text)
        if module and module not in _DIRECTIONS and module not in self._groups:
            names = listed([*_DIRECTIONS, *sorted(self._groups)], _NAMES)
            raise UnknownModuleError(f'there is no module "{printable(module, 60)}"; there are {names}')
        found = [one for one in self._named.get((asked.host, asked.mx), ()) if _port_meant(asked, one)]
        if not found and not self._any:
            raise NotConfiguredError(f'"{printable(text, 100)}" is no configured target')
        entry = _only(_by_module(found, module), asked, module) if found else self._way(asked, module)
        job = entry.job(0, self._what.base)
        if not found and not self._private:
            job = job._replace(options=public(asked, job.options))
        if module in _DIRECTIONS:
            job = job._replace(options=replace(job.options, direction=Direction(module)))
        return Meant(job, entry.expectation, configured=bool(found))

    def _way(self, asked: Target, module: str) -> Entry:
        """How a target is probed that is not configured."""
        way = self._what.ways.get("" if module in _DIRECTIONS else module)
        if way is None:
            return Entry(target=asked, keys=TargetKeys(), stores=self._what.base.stores)
        return replace(way, target=asked)


def _port_meant(asked: Target, entry: Entry) -> bool:
    usual = SUBMISSIONS_PORT if entry.keys.implicit_tls else SMTP_PORT
    return asked.port is None or asked.port == (entry.target.port or usual)


def _by_module(found: list[Entry], module: str) -> list[Entry]:
    """The entries that a module means; another direction than its own may be asked of any of them."""
    if not module:
        return found
    if module not in _DIRECTIONS:
        return [one for one in found if one.keys.group == module]
    own = [one for one in found if (one.keys.direction or Direction.TO_EOP.value) == module]
    return own or found


def _only(found: list[Entry], asked: Target, module: str) -> Entry:
    """The one that is meant: of several that whose text was given."""
    exact = [one for one in found if one.target.text == asked.text]
    meant = exact if len(exact) == 1 else found
    if len(meant) == 1:
        return meant[0]
    name = printable(asked.text, 100)
    if not meant:
        raise UnknownModuleError(f'"{name}" is not in the group "{printable(module, 60)}"')
    raise UnknownModuleError(
        f'{len(meant)} configured targets are called "{name}": add the port, or a module'
    )
