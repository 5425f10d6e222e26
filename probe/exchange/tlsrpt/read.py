"""TLS reports out of JSON (RFC 8460 4.4), whoever wrote it: what cannot be read costs that field, not the report.

Senders differ: mx-host is a text or a list, a text stands where a list should, Microsoft puts the TLSA records as a
JSON array into one text, policy-domain is left out, contact-info is null, prose stands in failure-reason-code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TypeAlias

from probe.exchange.exports.decoding import decode
from probe.exchange.problem import Problems, quoted
from probe.exchange.tlsrpt.report import NOT_TOLD, Failure, Policy, PolicyType, TlsReport
from probe.pki.host_names import a_labels
from probe.text import printable

#: Bytes of one report, unpacked; a large sender's has some 100,000.
MAX_REPORT_BYTES = 8 * 1024 * 1024
#: Reports of one text; there is one.
MAX_REPORTS = 100
#: Policies of one report.
MAX_POLICIES = 1_000
#: Kinds of failure of one text, in all policies: a large sender tells each pair of hosts.
MAX_FAILURES = 10_000
#: Lines of one policy, and hosts of one list.
MAX_STRINGS = 100
#: Characters of one text that are kept.
MAX_WORDS = 500
#: The most sessions that a count may say: no sender has a million million a day.
MAX_SESSIONS = 10**12

_OWN_KEYS = re.compile(r'"(?:policies|report[-_]id|date[-_]range|organization[-_]name)"', re.IGNORECASE)
_COUNT = re.compile(r"\+?[0-9]{1,13}(?:\.0+)?", re.ASCII)
_BLANKS = re.compile("[ \\t\\r\\n\ufeff]*")
_JSON = json.JSONDecoder(parse_constant=str, parse_int=str, strict=False)
_SUFFIX = re.compile(r"(?<=[0-9])[zZ]\Z")

Json: TypeAlias = "Mapping[str, object]"


def looks_like_report(data: bytes) -> bool:
    """Whether bytes begin as a JSON text and hold a key that TLS reports have."""
    text = data[:4096].replace(b"\0", b"").decode("utf-8", "replace").lstrip("\ufeff\ufffd \t\r\n[")
    return text.startswith("{") and _OWN_KEYS.search(data.replace(b"\0", b"").decode("latin-1")) is not None


def read_reports(data: bytes, problems: Problems, domain: str = "") -> tuple[TlsReport, ...]:
    """The reports of a JSON text, none where it is no report or none that can be read: `problems` say why.

    `domain` is the one that a policy without a domain is about, as its mail says.
    """
    try:
        found = _parsed(data, problems)
    except RecursionError:
        problems.add("is nested more deeply than any report, and was not read.")
        return ()
    except ValueError as error:
        at = f" ({error.msg}, line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        problems.add(f"is no JSON{at}, or was cut off, and was not read.")
        return ()
    if len(found) > MAX_REPORTS:
        problems.add(f"holds more than {MAX_REPORTS} reports; the others were left out.")
    left = iter(range(MAX_FAILURES))
    read = (_report(one, problems, _host(domain), left) for one in map(_keys, found[:MAX_REPORTS]))
    return tuple(filter(None, read))


def _parsed(data: bytes, problems: Problems) -> list[object]:
    """The reports of one text, also of several that were put one after the other."""
    if len(data) > MAX_REPORT_BYTES:
        problems.add(f"is larger than {MAX_REPORT_BYTES} bytes, and was not read.")
        return []
    text, found = decode(data, problems), list[object]()
    begin = _blanks(text, 0)
    while True:
        try:
            one, end = _JSON.raw_decode(text, begin)
        except json.JSONDecodeError as error:
            if not found:
                raise
            problems.add(
                f"goes on with what is no JSON (line {error.lineno}), or was cut off: that was left out."
            )
            return found
        found += one if one and isinstance(one, list) else [one]  # many of nothing have an end, too
        begin = _blanks(text, end)
        if begin == len(text) or len(found) > MAX_REPORTS:
            return found


def _blanks(text: str, begin: int) -> int:
    """Where blanks end, and marks (BOM) of files that were put together."""
    found = _BLANKS.match(text, begin)
    return found.end() if found else begin


def _keys(value: object) -> Json:
    """An object with its names as RFC 8460 writes them, empty where it is none."""
    if not isinstance(value, dict):
        return {}
    return {name.strip().lower().replace("_", "-"): inner for name, inner in value.items()}


def _report(told: Json, problems: Problems, domain: str, left: Iterator[int]) -> TlsReport | None:
    policies = told.get("policies")
    listed = policies if isinstance(policies, list) else [policies]
    if "policies" not in told:
        problems.add("is no TLS report (RFC 8460): it has no policies.")
        return None
    if len(listed) > MAX_POLICIES:
        problems.add(f"has more than {MAX_POLICIES} policies; the others were left out.", field="policies")
    read = [_policy(_keys(one), problems, domain, left) for one in listed[:MAX_POLICIES] if one is not None]
    if not read:
        problems.add("names no policy.", field="policies")
    found = tuple(one for one in read if one)
    names = {one.domain for one in found if one.domain}
    if len(names) == 1:  # who has no policy has no policy-domain either, with some
        found = tuple(one if one.domain else replace(one, domain=min(names)) for one in found)
    period = _keys(told.get("date-range"))
    begin, end = (_instant(period, f"{name}-datetime", problems) for name in ("start", "end"))
    if begin and end and end < begin:
        problems.add("ends before it begins; its day is not told.", field="date-range")
        begin = end = None
    return TlsReport(
        organization=_text(told.get("organization-name")) or "(sender not named)",
        contact=_text(told.get("contact-info")),
        id=_text(told.get("report-id")),
        begin=begin,
        end=end,
        policies=found,
    )


def _policy(told: Json, problems: Problems, domain: str, left: Iterator[int]) -> Policy | None:
    """One policy; its failures as far as there is anything `left` for them."""
    policy, summary = _keys(told.get("policy")), _keys(told.get("summary"))
    if not policy and not summary:
        problems.add("has a policy that cannot be read; the others were.", field="policies")
        return None
    word = _text(policy.get("policy-type")).lower()
    type_ = next((one for one in PolicyType if one.value == word), PolicyType.OTHER)
    if type_ is PolicyType.OTHER:
        problems.add(f"{quoted(word)} is no type of policy (RFC 8460 4.4).", field="policy-type")
    details = told.get("failure-details")
    listed = [one for one in (details if isinstance(details, list) else [details]) if isinstance(one, dict)]
    failures = [one for one, _ in zip(listed, left, strict=False)]
    if len(failures) < len(listed):
        problems.add(f"has more than {MAX_FAILURES}; the others were left out.", field="failure-details")
    return Policy(
        type=type_,
        domain=_host(policy.get("policy-domain")) or domain,
        strings=_strings(policy.get("policy-string"), problems),
        hosts=_hosts(_either(policy, "mx-host", "mx-host-pattern"), problems),
        succeeded=_count(summary, problems, "total-successful-session-count"),
        failed=_count(summary, problems, "total-failure-session-count", "total-failed-session-count"),
        failures=tuple(_failure(_keys(one), problems) for one in failures),
    )


def _failure(told: Json, problems: Problems) -> Failure:
    return Failure(
        kind=_text(told.get("result-type")).lower() or NOT_TOLD,
        sessions=_count(told, problems, "failed-session-count"),
        sending_address=_text(told.get("sending-mta-ip")),
        host=_host(told.get("receiving-mx-hostname")),
        helo=_text(told.get("receiving-mx-helo")),
        address=_text(told.get("receiving-ip")),
        reason=_text(_either(told, "failure-reason-code", "failure-error-code")),
        more=_text(_either(told, "additional-information", "additional-info-uri")),
    )


def _either(told: Json, name: str, older: str) -> object:
    """A value under its name, or under the one that drafts of RFC 8460 and some senders have."""
    return told[name] if name in told else told.get(older)


def _hosts(value: object, problems: Problems) -> tuple[str, ...]:
    hosts = _texts(value)
    if len(hosts) > MAX_STRINGS:
        problems.add(f"has more than {MAX_STRINGS} hosts; the others were left out.", field="mx-host")
    return tuple(filter(None, map(_host, hosts[:MAX_STRINGS])))


def _strings(value: object, problems: Problems) -> tuple[str, ...]:
    """The lines of a policy; also out of one text that holds them as a JSON array, as Microsoft writes TLSA records."""
    lines = (printable(line.strip(), MAX_WORDS) for line in _lines(value) if line.strip())
    kept = tuple(islice(lines, MAX_STRINGS))
    if next(lines, None):
        problems.add(f"has more than {MAX_STRINGS} lines; the others were left out.", field="policy-string")
    return kept


def _lines(value: object) -> Iterator[str]:
    for one in _texts(value):
        inner: object = None
        if one.lstrip().startswith("["):
            try:
                inner = json.loads(one, parse_constant=str, parse_int=str)
            except (ValueError, RecursionError):
                inner = None
        for text in _texts(inner) or [one]:
            yield from re.split(r"\\r\\n|\\n|\r?\n", text[: MAX_STRINGS * MAX_WORDS])


def _texts(value: object) -> list[str]:
    """The texts of a list, or the only one."""
    many = value if isinstance(value, list) else [value]
    return [one for one in many if isinstance(one, str)]


def _text(value: object) -> str:
    """A text that can be shown; of a list the first."""
    return next((printable(one.strip(), MAX_WORDS) for one in _texts(value)), "")


def _host(value: object) -> str:
    return a_labels(_text(value))


def _count(told: Json, problems: Problems, *names: str) -> int | None:
    """Sessions; None, and a problem, where that is no number of sessions."""
    value = next((told[name] for name in names if name in told), None)
    text = str(value).strip()
    if (
        isinstance(value, str | float)
        and _COUNT.fullmatch(text)
        and (number := int(float(text))) <= MAX_SESSIONS
    ):
        return number
    what = "is not given" if value is None else f"{quoted(value)} is no number of sessions"
    problems.add(f"{what}; it is not counted.", field=names[0])
    return None


def _instant(period: Json, name: str, problems: Problems) -> datetime | None:
    """An instant as UTC, also one that says no zone."""
    text = _text(period.get(name))
    try:
        moment = datetime.fromisoformat(_SUFFIX.sub("+00:00", text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        problems.add(f"{quoted(text)} is no instant." if text else "is not given.", field=name)
        return None
