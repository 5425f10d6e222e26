"""What a fleet's description says of alarms: when somebody is told, and through which channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta, tzinfo
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import convert

from probe.alarms.channels.kinds import TIMEOUT_S, Channel, Mail, Push, Webhook
from probe.alarms.policy import Maintenance, Policy, hours_of
from probe.errors import ConfigurationError
from probe.files import open_file
from probe.fleet.keys import AlarmKeys, ChannelKeys, MaintenanceKeys, seconds
from probe.fleet.mistakes import Mistakes, Place
from probe.fleet.tables import Table, checked, shown
from probe.text import printable

ALARM_TABLES = frozenset({"alarms", "channel", "maintenance"})

#: Channels and times of maintenance of one fleet; bytes of a file with a secret.
MAX_CHANNELS = 20
MAX_MAINTENANCE = 1_000
MAX_SECRET_BYTES = 65_536

_COMMON = {"name", "type", "timeout"}
#: What a channel of each type needs, and what it may have besides.
_KEYS_OF: dict[str, tuple[set[str], set[str]]] = {
    "email": (
        {"host", "from", "to"},
        {"port", "tls", "user", "password-env", "password-file", "ca-file"},
    ),
    "webhook": (set(), {"url", "url-env", "url-file", "secret-env", "secret-file", "ca-file"}),
    "apprise": (set(), {"url-env", "url-file"}),
}
_PORTS = {"starttls": 587, "implicit": 465, "none": 25}

Placed = tuple[Place, Any]


class Described(NamedTuple):
    """What was read without a mistake; `folder` is where the files with secrets are looked for."""

    keys: AlarmKeys
    channels: Sequence[ChannelKeys]
    maintenance: Sequence[MaintenanceKeys]
    folder: Path

    def policy(self) -> Policy:
        """When somebody is told."""
        keys, zone = self.keys, _zone(self.keys.time_zone)
        given: dict[str, Any] = {
            name: value
            for name in ("fail_after", "recover_after", "digest_over", "at_risk", "page_url")
            if (value := getattr(keys, name)) is not None
        }
        if keys.repeat:
            given["repeat"] = None if keys.repeat == "never" else timedelta(seconds=seconds(keys.repeat))
        return Policy(
            **given,
            quiet=tuple(hours_of(text, zone) for text in keys.quiet_hours or ()),
            maintenance=tuple(map(_window, self.maintenance)),
        )

    def every_channel(self, environment: Mapping[str, str]) -> list[Channel]:
        """All channels with their secrets; raises ConfigurationError."""
        return [self.channel(keys, environment) for keys in self.channels]

    def channel(self, keys: ChannelKeys, environment: Mapping[str, str]) -> Channel:
        """One channel with its secrets; raises ConfigurationError where one is not there."""
        name, timeout_s = keys.name or "", keys.timeout or TIMEOUT_S

        def secret(what: str) -> str | None:
            variable, file = getattr(keys, f"{what}_env"), getattr(keys, f"{what}_file")
            if variable is not None:
                return _sendable(name, _from_variable(name, variable, environment), variable)
            return None if file is None else _sendable(name, _from_file(name, self.folder / file), file)

        ca_file = None if keys.ca_file is None else str(self.folder / keys.ca_file)
        if keys.kind == "email":
            tls = keys.tls or "starttls"
            return Mail(
                name=name,
                timeout_s=timeout_s,
                host=keys.host or "",
                port=keys.port or _PORTS[tls],
                tls=tls,
                sender=keys.sender or "",
                recipients=keys.to or (),
                user=keys.user,
                password=secret("password"),
                ca_file=ca_file,
            )
        url = keys.url or (secret("url") or "").strip()
        if keys.kind == "apprise":
            return Push(name=name, timeout_s=timeout_s, url=url)
        if problem := _of_url(url):
            raise ConfigurationError(f"channel {printable(name)}: {problem}")
        return Webhook(
            name=name,
            timeout_s=timeout_s,
            url=url,
            hidden=keys.url is None,
            secret=secret("secret"),
            ca_file=ca_file,
        )


def _sendable(channel: str, secret: str, where: str) -> str:
    try:
        secret.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"channel {printable(channel)}: {printable(where)} holds no UTF-8") from None
    return secret


def _from_variable(channel: str, variable: str, environment: Mapping[str, str]) -> str:
    if not (value := environment.get(variable)):
        raise ConfigurationError(f"channel {printable(channel)}: there is no variable {printable(variable)}")
    return value


def _from_file(channel: str, path: Path) -> str:
    """The first line of a file."""
    try:
        with open_file(path) as file:
            text = file.read(MAX_SECRET_BYTES).decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(
            f"channel {printable(channel)}: {printable(str(path))} cannot be read: {why}"
        ) from None
    if not (line := (text.splitlines() or [""])[0]):
        raise ConfigurationError(f"channel {printable(channel)}: {printable(str(path))} is empty")
    return line


def described(
    alarms: tuple[Place, Table],
    channels: Sequence[Placed],
    maintenance: Sequence[Placed],
    folder: Path,
    mistakes: Mistakes,
) -> Described:
    """Read these tables, and note every mistake; the secrets that channels name are not looked for."""
    place, table = alarms
    keys = checked(table, AlarmKeys, place, mistakes)
    _check_hours(keys, "quiet-hours", place, mistakes)
    for kind, found, most in (
        ("channel", channels, MAX_CHANNELS),
        ("maintenance", maintenance, MAX_MAINTENANCE),
    ):
        if len(found) > most:
            mistakes.add(found[most][0], f"a fleet has at most {most:,} [[{kind}]]")
    named: dict[str, Place] = {}
    taken = [_channel(each, where, named, mistakes) for where, each in channels[:MAX_CHANNELS]]
    windows = [_maintenance(each, where, mistakes) for where, each in maintenance[:MAX_MAINTENANCE]]
    if mistakes.count:  # nothing of it will be used
        return Described(AlarmKeys(), (), (), folder)
    return Described(
        convert(keys, AlarmKeys),
        [convert(each, ChannelKeys) for each in taken],
        [convert(each, MaintenanceKeys) for each in windows],
        folder,
    )


def _channel(given: object, place: Place, named: dict[str, Place], mistakes: Mistakes) -> Table:
    before = mistakes.count
    table = checked(given, ChannelKeys, place, mistakes)
    name, kind = table.get("name"), table.get("type")
    if mistakes.count > before:
        return table
    if name is None or kind is None:
        mistakes.add(place, "a channel needs a name and a type: email, webhook or apprise")
        return table
    if named.setdefault(name, place) is not place:
        mistakes.add(place.at("name"), f"there is a channel {shown(name)} already")
    needed, allowed = _KEYS_OF[kind]
    for key in sorted(needed - table.keys()):
        mistakes.add(place, f"a channel of the type {kind} needs {key}")
    for key in sorted(table.keys() - needed - allowed - _COMMON):
        why = "; its URL is a secret: url-env or url-file" if key == "url" else ""
        mistakes.add(place.at(key), f"a channel of the type {kind} has no such key{why}")
    (_mail if kind == "email" else _web)(table, place, mistakes)
    return table


def _mail(table: Table, place: Place, mistakes: Mistakes) -> None:
    for key in ("from", "to"):
        for address in [table[key]] if isinstance(table.get(key), str) else table.get(key, ()):
            local, _, domain = address.rpartition("@")
            if (
                not local
                or not domain
                or not address.isascii()
                or not address.isprintable()
                or " " in address
            ):
                mistakes.add(place.at(key), f"{shown(address)} is no mail address")
    passwords = _one_of("password", table, place, mistakes)
    if passwords != ("user" in table):
        mistakes.add(place, "user goes with password-env or password-file, and they with it")
    if passwords and table.get("tls") == "none":
        mistakes.add(place.at("tls"), "without TLS no password is sent")


def _web(table: Table, place: Place, mistakes: Mistakes) -> None:
    elsewhere = _one_of("url", table, place, mistakes)
    _one_of("secret", table, place, mistakes)
    if elsewhere == ("url" in table):
        mistakes.add(place, "a channel of this type needs one of url, url-env and url-file")
    elif "url" in table and (problem := _of_url(table["url"])):
        mistakes.add(place.at("url"), problem)


def _one_of(what: str, table: Table, place: Place, mistakes: Mistakes) -> bool:
    """Whether a secret is named, which is done once."""
    named = [key for key in (f"{what}-env", f"{what}-file") if key in table]
    if len(named) > 1:
        mistakes.add(place, f"{' and '.join(named)} name the same; one of them is enough")
    return bool(named)


def _of_url(url: str) -> str:
    """What is wrong with a webhook's URL; the URL itself is not said."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is no URL"
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return "this is no URL"
    if parts.username is not None:
        return "a URL holds no user and no password here"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return ""
    return "a webhook is asked by https; by http on this machine only"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _maintenance(given: object, place: Place, mistakes: Mistakes) -> Table:
    before = mistakes.count
    table = checked(given, MaintenanceKeys, place, mistakes)
    _check_hours(table, "weekly", place, mistakes)
    if mistakes.count > before:
        return table
    if not {"from", "to", "weekly"} & table.keys():
        mistakes.add(place, "a maintenance needs a time: from and to, or weekly")
    elif "from" in table and "to" in table and table["from"] >= table["to"]:
        mistakes.add(place.at("to"), "this is not after from")
    return table


def _check_hours(table: Table, key: str, place: Place, mistakes: Mistakes) -> None:
    zone: tzinfo = UTC
    if "time-zone" in table:
        try:
            zone = _zone(table["time-zone"])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            mistakes.add(place.at("time-zone"), f"there is no time zone {shown(table['time-zone'])} here")
    for number, text in enumerate(table.get(key, ())):
        try:
            hours_of(text, zone)
        except ValueError:
            said = f'{shown(text)} are no hours such as "22:00-07:00" or "Sat-Sun 00:00-24:00"'
            mistakes.add(place.at(key).at(number), said)


def _zone(name: str | None) -> tzinfo:
    return UTC if name is None else ZoneInfo(name)


def _window(keys: MaintenanceKeys) -> Maintenance:
    zone = _zone(keys.time_zone)
    return Maintenance(
        hosts=frozenset(host.lower() for host in keys.hosts or ()),
        labels=keys.labels or {},
        start=keys.start,
        until=keys.until,
        weekly=tuple(hours_of(text, zone) for text in keys.weekly or ()),
    )
