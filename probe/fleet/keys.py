"""The keys of a target, as they stand in fleet.toml, in a line of JSON and above a column of CSV.

The only table of them: values are read by it, docs/schema/ is made of it, and each description is what a mistake says
is needed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

#: Characters of one value.
MAX_VALUE = 1_000
#: Values of one list, and labels of one target.
MAX_VALUES = 100

Text = Annotated[str, Meta(min_length=1, max_length=MAX_VALUE)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=MAX_VALUES)]
Days = Annotated[int, Meta(ge=0, le=3650)]
Thumbprint = Annotated[str, Meta(pattern="^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$")]
#: As Prometheus has it: labels become its labels.
LabelName = Annotated[str, Meta(pattern="^[a-zA-Z_][a-zA-Z0-9_]{0,63}$")]
Interval = Annotated[str, Meta(pattern="^[1-9][0-9]{0,5}[smhd]$")]
OutcomeWord = Literal["accepted", "at-risk", "rejected", "unknown"]


class Expect(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is pinned: another certificate, issuer, name or outcome is a finding."""

    sha256: Annotated[
        Annotated[tuple[Thumbprint, ...], Meta(max_length=MAX_VALUES)] | None,
        Meta(description="a list of SHA-256 thumbprints (64 hex digits), one of which the certificate has"),
    ] = None
    issuer: Annotated[
        Text | None, Meta(description="the issuer's name as Windows writes it, or its CN alone")
    ] = None
    names: Annotated[
        Texts | None, Meta(description="a list of DNS names, all of which the certificate bears")
    ] = None
    outcome: Annotated[
        OutcomeWord | None, Meta(description="one of accepted, at-risk, rejected, unknown")
    ] = None


_EVERY = 'a number with s, m, h or d behind it, such as "6h"'
_HOURS = 'a list of hours, such as "22:00-07:00" or "Sat-Sun 00:00-24:00"'
Looks = Annotated[int, Meta(ge=1, le=100)]
_Instant = Annotated[datetime, Meta(tz=True)]


class AlarmKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """[alarms]: when somebody is told; `probe.alarms.policy` has the defaults."""

    fail_after: Annotated[Looks | None, Meta(description="a number of looks from 1 to 100")] = None
    recover_after: Annotated[Looks | None, Meta(description="a number of looks from 1 to 100")] = None
    repeat: Annotated[
        Annotated[str, Meta(pattern="^(?:[1-9][0-9]{0,5}[smhd]|never)$")] | None,
        Meta(description=f'{_EVERY}, or "never"'),
    ] = None
    digest_over: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | None, Meta(description="a number of changes from 1 to 1000")
    ] = None
    at_risk: Annotated[bool | None, Meta(description="true, or false: what is at risk is not told")] = None
    quiet_hours: Annotated[Texts | None, Meta(description=_HOURS)] = None
    time_zone: Annotated[Text | None, Meta(description='a time zone, such as "Europe/Berlin"')] = None
    page_url: Annotated[
        Annotated[str, Meta(pattern="^https?://[!-~]+$", max_length=MAX_VALUE)] | None,
        Meta(description="the URL of a page, http or https"),
    ] = None


class MaintenanceKeys(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"start": "from", "until": "to", "time_zone": "time-zone"},
):
    """[[maintenance]]: a time in which alarms of some endpoints are held back."""

    hosts: Annotated[Texts | None, Meta(description="a list of host names")] = None
    labels: Annotated[
        dict[LabelName, Annotated[str, Meta(max_length=MAX_VALUE)]] | None,
        Meta(description="a table of texts whose names are letters, digits and underscores"),
    ] = None
    start: Annotated[
        _Instant | None, Meta(description="a date and time with an offset, such as 2026-12-01T22:00:00+01:00")
    ] = None
    until: Annotated[
        _Instant | None, Meta(description="a date and time with an offset, such as 2026-12-02T02:00:00+01:00")
    ] = None
    weekly: Annotated[Texts | None, Meta(description=_HOURS)] = None
    time_zone: Annotated[Text | None, Meta(description='a time zone, such as "Europe/Berlin"')] = None


class ChannelKeys(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename=lambda name: {"sender": "from", "kind": "type"}.get(name, name.replace("_", "-")),
):
    """[[channel]]: how somebody is told; a secret stands in a variable or a file, which are named here."""

    name: Annotated[Text | None, Meta(description="a name of its own, a text")] = None
    kind: Annotated[
        Literal["email", "webhook", "apprise"] | None, Meta(description='"email", "webhook" or "apprise"')
    ] = None
    host: Annotated[Text | None, Meta(description="the mail server's name")] = None
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65_535)] | None, Meta(description="a port, a number from 1 to 65535")
    ] = None
    tls: Annotated[
        Literal["starttls", "implicit", "none"] | None, Meta(description='"starttls", "implicit" or "none"')
    ] = None
    sender: Annotated[Text | None, Meta(description="the sender's address")] = None
    to: Annotated[Texts | None, Meta(description="a list of the recipients' addresses")] = None
    user: Annotated[Text | None, Meta(description="a user's name, a text")] = None
    password_env: Annotated[Text | None, Meta(description="the name of a variable")] = None
    password_file: Annotated[Text | None, Meta(description="the name of a file")] = None
    url: Annotated[Text | None, Meta(description="an https URL")] = None
    url_env: Annotated[Text | None, Meta(description="the name of a variable")] = None
    url_file: Annotated[Text | None, Meta(description="the name of a file")] = None
    secret_env: Annotated[Text | None, Meta(description="the name of a variable")] = None
    secret_file: Annotated[Text | None, Meta(description="the name of a file")] = None
    ca_file: Annotated[Text | None, Meta(description="the name of a file of root certificates, PEM")] = None
    timeout: Annotated[
        Annotated[float, Meta(ge=1, le=300)] | None, Meta(description="seconds from 1 to 300")
    ] = None


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What [defaults], a [[group]] and a [[target]] can say alike."""

    port: Annotated[
        Annotated[int, Meta(ge=1, le=65_535)] | None, Meta(description="a port, a number from 1 to 65535")
    ] = None
    implicit_tls: Annotated[
        bool | None, Meta(description="true (TLS from the first byte) or false (STARTTLS)")
    ] = None
    sni: Annotated[Text | None, Meta(description='a host name to ask for in TLS, or "none"')] = None
    ehlo: Annotated[Text | None, Meta(description="a name to say EHLO with")] = None
    direction: Annotated[Literal["to-eop", "from-eop"] | None, Meta(description='"to-eop" or "from-eop"')] = (
        None
    )
    stores: Annotated[
        Texts | None,
        Meta(description='a list of "microsoft", "mozilla" and PEM files, the first of which decides'),
    ] = None
    tls_sender_certificate_name: Annotated[
        Text | None, Meta(description="TlsSenderCertificateName of the inbound connector, a text")
    ] = None
    accepted_domains: Annotated[Texts | None, Meta(description="a list of the tenant's accepted domains")] = (
        None
    )
    tls_domain: Annotated[Text | None, Meta(description="TlsDomain of the outbound connector, a text")] = None
    dnssec_resolver: Annotated[
        Text | None,
        Meta(description="the IP address, with or without a port, of a resolver that validates"),
    ] = None
    connector_mode: Annotated[
        Literal["opportunistic", "mandatory", "none"] | None,
        Meta(description='"opportunistic", "mandatory" (DANE has to hold) or "none"'),
    ] = None
    resolver: Annotated[
        Text | None, Meta(description="the IP address, with or without a port, of a DNS server to ask")
    ] = None
    force_ip: Annotated[Literal[4, 6] | None, Meta(description="4 or 6: only addresses of that version")] = (
        None
    )
    key_type: Annotated[
        Literal["any", "rsa", "ecdsa", "eddsa", "ml-dsa"] | None,
        Meta(description='"any", "rsa", "ecdsa", "eddsa" or "ml-dsa"'),
    ] = None
    revocation: Annotated[
        bool | None, Meta(description="true (issuers are asked whether certificates are revoked) or false")
    ] = None
    revocation_allow_private: Annotated[
        bool | None, Meta(description="true (they are asked at addresses that are not public, too) or false")
    ] = None
    expiring_days: Annotated[Days | None, Meta(description="whole days from 0 to 3650")] = None
    expiring_share: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None, Meta(description="a share from 0 to 1")
    ] = None
    critical_days: Annotated[Days | None, Meta(description="whole days from 0 to 3650")] = None
    timeout: Annotated[
        Annotated[float, Meta(ge=0.1, le=3600)] | None, Meta(description="seconds from 0.1 to 3600")
    ] = None
    total_timeout: Annotated[
        Annotated[float, Meta(ge=0.1, le=86_400)] | None, Meta(description="seconds from 0.1 to 86400")
    ] = None
    samples: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None,
        Meta(description="connections to each address, a number from 1 to 100"),
    ] = None
    thorough: Annotated[
        bool | None, Meta(description="true (both key types, with and without SNI, 3 samples) or false")
    ] = None
    interval: Annotated[
        Interval | None,
        Meta(description='a number with s, m, h or d behind it, such as "6h"'),
    ] = None
    labels: Annotated[
        dict[LabelName, Annotated[str, Meta(max_length=MAX_VALUE)]] | None,
        Meta(description="a table of texts whose names are letters, digits and underscores"),
    ] = None
    expect: Annotated[Expect | None, Meta(description="a table of what is expected")] = None


class Group(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Options that targets take by naming the group."""

    name: Annotated[Text | None, Meta(description="the group's name, a text")] = None


class TargetKeys(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """One target: a host, or a domain whose mail exchangers are meant."""

    host: Annotated[Text | None, Meta(description="a host name or an IP address")] = None
    mx: Annotated[Text | None, Meta(description="a domain, all of whose mail exchangers are probed")] = None
    addresses: Annotated[
        Texts | None, Meta(description="a list of IP addresses to probe instead of asking DNS")
    ] = None
    group: Annotated[Text | None, Meta(description="the name of a [[group]]")] = None


class Ping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told that the watch goes on."""

    url: Annotated[
        Annotated[str, Meta(pattern="^https?://[^/?#@\\\\\\s]+([/?#]\\S*)?$", max_length=MAX_VALUE)] | None,
        Meta(description="an http or https URL that is asked for after each round", extra={"secret": True}),
    ] = None


class Watch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How `fleet watch` works."""

    recheck_after: Annotated[
        Interval | None, Meta(description='a number with s, m, h or d behind it, such as "60s"')
    ] = None
    takeover_after: Annotated[
        Interval | None, Meta(description='a number with s, m, h or d behind it, such as "60s"')
    ] = None
    ping: Annotated[Ping | None, Meta(description="a table with a url")] = None


class FleetFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """fleet.toml."""

    include: Annotated[
        Texts | None, Meta(description="a list of files of targets: TOML, CSV or JSON lines")
    ] = None
    defaults: Annotated[Options | None, Meta(description="a table, [defaults]")] = None
    group: Annotated[tuple[Group, ...] | None, Meta(description="a list of tables, [[group]]")] = None
    target: Annotated[tuple[TargetKeys, ...] | None, Meta(description="a list of tables, [[target]]")] = None
    alarms: Annotated[AlarmKeys | None, Meta(description="a table, [alarms]")] = None
    channel: Annotated[tuple[ChannelKeys, ...] | None, Meta(description="a list of tables, [[channel]]")] = (
        None
    )
    maintenance: Annotated[
        tuple[MaintenanceKeys, ...] | None, Meta(description="a list of tables, [[maintenance]]")
    ] = None
    watch: Annotated[Watch | None, Meta(description="a table, [watch]")] = None


def seconds(interval: str) -> int:
    """An interval as it is written, such as ``6h``, in seconds."""
    return int(interval[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[interval[-1]]


class Key:
    """One key: its value's type, without null, the words for it, and whether the value is shown to nobody."""

    def __init__(self, hint: object) -> None:
        meta: Meta = hint.__metadata__[-1]  # type: ignore[attr-defined]  # an Annotated
        self.needed = meta.description or ""
        self.secret = bool(meta.extra)
        (self.type,) = (one for one in get_args(get_args(hint)[0]) if one is not type(None))
        bare = self.type.__origin__ if hasattr(self.type, "__metadata__") else self.type
        self.is_list = get_origin(bare) is tuple
        self.item = get_args(bare)[0] if self.is_list else None
        self.is_table = get_origin(bare) is dict


def _keys(shape: type[Struct]) -> dict[str, Key]:
    hints = get_type_hints(shape, include_extras=True)
    names = zip(shape.__struct_fields__, shape.__struct_encode_fields__, strict=True)
    return {encoded: Key(hints[name]) for name, encoded in names}


KEYS: dict[type[Struct], dict[str, Key]] = {
    shape: _keys(shape)
    for shape in (
        Expect,
        Options,
        Group,
        TargetKeys,
        AlarmKeys,
        MaintenanceKeys,
        ChannelKeys,
        Ping,
        Watch,
        FleetFile,
    )
}
