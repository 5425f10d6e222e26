"""MTA-STS (RFC 8461): the TXT record that announces a domain's policy, and the policy's text."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import NamedTuple

from probe.text import counted, printable
from probe.values import value

#: Bytes of a policy's text that are read (RFC 8461 3.3 suggests 64 KiB).
MAX_POLICY_BYTES = 64 * 1024
#: Patterns of one policy that are looked at; domains have about a dozen mail exchangers at most.
MAX_PATTERNS = 256
#: Deviations of one text that are told.
MAX_DEVIATIONS = 20

_LONGEST_AGE = 31_557_600  # seconds, RFC 8461 3.2
_BLANKS = b" \t"
_KEYS = ("version", "mode", "max_age", "mx")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_QUOTED = 260  # characters: a pattern of the greatest length, RFC 1035 2.3.4

_BEGINNING = b"v=STSv1;"
# The grammar allows blanks before the semicolon, the text beside it does not.
_VERSION = re.compile(rb"v=STSv1[ \t]*(?:;|\Z)")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_WANTED = (
    ("version", re.compile(r"STSv1"), '"STSv1"'),
    ("mode", re.compile(r"enforce|testing|none"), "enforce, testing or none"),
    ("max_age", re.compile(r"[0-9]{1,10}"), "a number of seconds of one to ten digits"),
)
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")


class Mode(enum.Enum):
    """What a policy asks of senders (RFC 8461 5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@value
class Policy:
    """A policy as it was served (RFC 8461 3.2); `mx` are patterns in lower case, `deviations` what a strict reader
    would object to, in words. `max_age` is in seconds, as written: more than a year counts as a year.
    """

    mode: Mode
    max_age: int
    mx: tuple[str, ...]
    deviations: tuple[str, ...] = ()


class Unusable(NamedTuple):
    """A text that is no policy: why, in a sentence, and what else a strict reader would object to."""

    reason: str
    deviations: tuple[str, ...] = ()


@value
class Record:
    """What the TXT records of ``_mta-sts.DOMAIN`` say: without `id` and `fault` nothing of MTA-STS.

    `fault`: why no sender looks for a policy, in a sentence. Texts are escaped.
    """

    id: str | None = None
    fault: str = ""
    deviations: tuple[str, ...] = ()


def read_record(texts: Iterable[bytes]) -> Record:
    """Read the TXT records of ``_mta-sts.DOMAIN``, the strings of each joined (RFC 8461 3.1)."""
    candidates = [text for text in texts if b"stsv1" in text.lower()]
    ours = [text for text in candidates if text.startswith(_BEGINNING)] or [
        text for text in candidates if _VERSION.match(text)
    ]
    told = [
        f'the TXT record "{printable(text, _QUOTED)}" does not begin with "v=STSv1;"'
        for text in candidates
        if not text.startswith(_BEGINNING)
    ]
    if len(ours) > 1:
        fault = f"there are {len(ours)} TXT records for MTA-STS, and senders take one only"
        return Record(fault=fault, deviations=_bounded(told))
    if not ours:
        return Record(deviations=_bounded(told))
    fields = [field.strip(_BLANKS) for field in ours[0].split(b";")[1:]]
    if fields and not fields[-1]:
        fields.pop()  # a last semicolon may stand there
    return _record(fields, told)


def _record(fields: list[bytes], told: list[str]) -> Record:
    ids = []
    for field in fields:
        key, sign, content = field.partition(b"=")
        if key == b"id" and sign:
            ids.append(printable(content, _QUOTED))
        elif not key or not content:
            told.append(f'in the TXT record "{printable(field, _QUOTED)}" is no key with a value')
    if len(ids) > 1:
        told.append('of the TXT record\'s "id" the first one counts, no other')
    if not ids:
        return Record(fault='the TXT record has no "id"', deviations=_bounded(told))
    wrong = f'the "id" of the TXT record has 1 to 32 letters and digits, not "{ids[0]}"'
    fault = "" if _ID.fullmatch(ids[0]) else wrong
    return Record(id=ids[0], fault=fault, deviations=_bounded(told))


def read_policy(text: bytes) -> Policy | Unusable:
    """Read a policy's text (RFC 8461 3.2): what a sender can make sense of counts, the rest is told."""
    lines = _Lines(text)
    mode, patterns = lines.first("mode"), lines.patterns()
    reasons = lines.faults()
    if not patterns and mode != Mode.NONE.value:
        reasons.append('it has no "mx"')
    if not lines.values:
        reasons = ["it has no line of one"]
    if reasons:
        return Unusable("the text is no policy: " + ", ".join(reasons), _bounded(lines.told))
    age = int(lines.first("max_age"))
    if age > _LONGEST_AGE:
        lines.told.append(f"max_age is {age}, and {_LONGEST_AGE} is the most that RFC 8461 3.2 allows")
    return Policy(mode=Mode(mode), max_age=age, mx=patterns, deviations=_bounded(lines.told))


class _Lines:
    """The lines of a policy: the values of its known keys in their order, and what is told of the others."""

    def __init__(self, text: bytes) -> None:
        self.told: list[str] = []
        self.values: dict[str, list[str]] = {}
        if text.startswith(_BYTE_ORDER_MARK):
            self.told.append("the text begins with a byte order mark")
        # By CRLF or LF, and by nothing else that some library calls the end of a line.
        lines = text.removeprefix(_BYTE_ORDER_MARK).replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
        for number, line in enumerate(lines, 1):
            self._take(number, line)
        if self.values and next(iter(self.values)) != "version" and "version" in self.values:
            self.told.append('"version" is not the first line')

    def _take(self, number: int, line: bytes) -> None:
        before, colon, after = line.partition(b":")
        if not colon:
            shown = printable(line, _QUOTED)
            self.told.append(
                f'line {number}: "{shown}" is no key with a value' if shown else f"line {number} is empty"
            )
            return
        key = printable(before.strip(_BLANKS), _QUOTED)
        if key not in _KEYS:
            self.told.append(
                f'line {number}: the key "{key}" is not one of {", ".join(_KEYS)}, and is ignored'
            )
            return
        if before != before.strip(_BLANKS):
            self.told.append(f'line {number} has blanks beside the key "{key}"')
        known = self.values.setdefault(key, [])
        if known and key != "mx":
            self.told.append(f'line {number}: of "{key}" the first one counts, no other')
        known.append(printable(after.strip(_BLANKS), _QUOTED))

    def first(self, key: str) -> str:
        return self.values.get(key, [""])[0]

    def faults(self) -> list[str]:
        """What a policy has to say once, and this one does not."""
        found = []
        for key, form, wanted in _WANTED:
            if key not in self.values:
                found.append(f'it has no "{key}"')
            elif not form.fullmatch(said := self.first(key)):
                found.append(f'its "{key}" is "{said}", not {wanted}')
        return found

    def patterns(self) -> tuple[str, ...]:
        """The patterns for MX hosts in lower case, without a final dot, each once; those that are none are told."""
        found: dict[str, None] = {}
        for written in self.values.get("mx", ()):
            pattern = written.lower().removesuffix(".")
            if not _PATTERN.fullmatch(pattern):
                self.told.append(
                    f'"{written}" names no host, with or without "*." before it: no host matches it'
                )
            elif written.endswith("."):
                self.told.append(f'"{written}" ends with a dot')
            if pattern:
                found[pattern] = None
        if len(found) > MAX_PATTERNS:
            self.told.insert(0, f"of {len(found)} patterns the first {MAX_PATTERNS} are looked at")
        return tuple(found)[:MAX_PATTERNS]


def _bounded(told: list[str]) -> tuple[str, ...]:
    more = len(told) - MAX_DEVIATIONS
    return (*told[:MAX_DEVIATIONS], *((f"and {counted(more, 'deviation')} more",) if more > 0 else ()))
