"""What a run would do, from the description alone: how many connections, and how long they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from math import ceil

from probe.check.observe import THOROUGH_SAMPLES
from probe.check.pace import Pace
from probe.fleet.entries import Entry
from probe.render.page.options import RenderOptions
from probe.render.page.text import Page, Style
from probe.text import counted

#: Targets that are listed.
MAX_LISTED = 20


@dataclass(slots=True, kw_only=True)
class Plan:
    """`connections` holds those to addresses that are given, `names` and `domains` what DNS will be asked for."""

    pace: Pace
    timeout_s: float
    targets: int = 0
    names: int = 0
    domains: int = 0
    connections: int = 0
    waiting_s: float = 0.0
    listed: list[str] = field(default_factory=list)
    directions: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    addresses: Counter[str] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Count one target in."""
        keys, target = entry.keys, entry.target
        known = keys.addresses or ((target.host,) if target.is_address else ())
        self.targets += 1
        self.domains += target.mx
        self.names += not (target.mx or known)
        made = keys.samples or (THOROUGH_SAMPLES if keys.thorough else 1)
        self.connections += len(known) * made
        self.waiting_s += (keys.timeout or self.timeout_s) * (len(known) or 1) * made
        self.directions[keys.direction or "to-eop"] += 1
        if keys.group:
            self.groups[keys.group] += 1
        for address in known:
            bare = address.partition("%")[0]
            self.addresses[bare] += made
            self.networks[str(ip_network(f"{bare}/{64 if ':' in bare else 24}", strict=False))] += made
        if len(self.listed) < MAX_LISTED:
            at = f" at {', '.join(keys.addresses)}" if keys.addresses else ""
            labels = "".join(f", {name}={value}" for name, value in entry.labels.items())
            self.listed.append(f"{target.text}{at}, {keys.direction or 'to-eop'}{labels}")

    @property
    def at_least(self) -> timedelta:
        """How long the rates alone take, where every server answers at once."""
        one, network = max(self.addresses.values(), default=0), max(self.networks.values(), default=0)
        return timedelta(
            seconds=ceil(max(one / self.pace.per_address_rate, network / self.pace.per_network_rate))
        )

    @property
    def at_most(self) -> timedelta:
        """How long it takes where nobody answers and every name has one address."""
        at_once = min(self.pace.concurrency, self.connections + self.names + self.domains) or 1
        return self.at_least + timedelta(seconds=ceil(self.waiting_s / at_once))


def planned(entries: Iterable[Entry], pace: Pace, timeout_s: float) -> Plan:
    """The plan of a run over `entries`, which are read one by one."""
    plan = Plan(pace=pace, timeout_s=timeout_s)
    for entry in entries:
        plan.add(entry)
    return plan


def render(plan: Plan, options: RenderOptions) -> str:
    """The page of a plan."""
    page, pace = Page(options), plan.pace
    page.add(counted(plan.targets, "target"), first="Would probe  ", style=Style.STRONG)
    for text in plan.listed:
        page.add(text, first="  ", rest="    ")
    if plan.targets > len(plan.listed):
        page.add(f"and {plan.targets - len(plan.listed):,} more", first="  ")
    page.blank()
    asked = [
        counted(count, noun)
        for count, noun in ((plan.names, "host name"), (plan.domains, "mail domain"))
        if count
    ]
    given = [f"{plan.connections:,} to addresses that are given"] if plan.connections or not asked else []
    if asked:
        given.append(f"at least one to each of {' and '.join(asked)}, as many as DNS has addresses")
    rows = {
        "connections": "; ".join(given),
        "directions": _tally(plan.directions),
        "groups": _tally(plan.groups),
        "pace": f"{pace.concurrency:,} connections at once, never two to one address; a second "
        f"at most {pace.per_address_rate:g} to one address, {pace.per_network_rate:g} to one network "
        f"(/24, /64), {pace.per_operator_rate:g} to one operator's exchangers",
        "takes": f"{plan.at_least} at least at these rates, {plan.at_most} where nobody answers",
    }
    for name, text in rows.items():
        if text:
            page.add(text, first=f"  {name:<12}")
    page.blank()
    page.add("No connection was opened, and no name was looked up.")
    return page.text


def _tally(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common(MAX_LISTED))
