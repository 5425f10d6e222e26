"""Format-List output as records: wrapped values, merged labels, pasted shell windows.

Shape: ``Name<blanks> : value``, the rest of a long value on indented lines, a blank line between
records. Copies from web pages run labels together, so known names are also looked for inside a line.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from probe.exchange.exports.record import MAX_RECORDS, Field, Record, Records
from probe.exchange.problem import Problems

#: Lines of one text that are read: the records that are read, at forty lines each.
MAX_LINES = 40 * MAX_RECORDS
#: Labels of one record; a connector has some eighty.
_MAX_LABELS = 1_000
#: Characters of one line that are read; Format-List breaks lines at the console's width.
MAX_LINE = 65_536
#: A word, Format-List's padding, and the colon; each word is looked at once.
_LABEL = re.compile(r"(?a:(?<!\w)(\w++))\s{1,100}+(?<=[ \t]):(?=[ \t]|$)")
_NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_LINE_END = re.compile(r"\r\n|\n|\r")
#: What PowerShell 7 colours labels and headers with; files written by some of its versions keep it.
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,16}m")
#: The certificate a pasted command asked for, which its output may not name (KB 2888788).
_ASKED_FOR = re.compile(r"-Thumbprint\s+[\"']?([0-9A-Fa-f]{40})\b")
#: The server whose certificates a pasted command asked for, which its output does not name either.
_ASKED_SERVER = re.compile(
    r"Get-ExchangeCertificate\b[^|;]*?\s-Server(?::|\s+)[\"']?([\w.-]+)", re.IGNORECASE
)
_COMMAND = re.compile(r"\b(?:Get|Set|Enable|Import|Remove)-\w+")

#: Names that are labels even inside a line; none is so short that a value would hold it by chance.
KNOWN_NAMES = frozenset({
    "AccessRules", "AddressSpaces", "AssociatedAcceptedDomains", "AuthMechanism", "Bindings",
    "CertificateDomains", "CertificateRequest", "CloudServicesMailEnabled", "ConnectorSource",
    "ConnectorType", "DnsNameList", "DNSRoutingEnabled", "DomainName", "DomainSecureEnabled", "DomainType",
    "EnhancedKeyUsageList", "FriendlyName", "FrontendProxyEnabled", "HasPrivateKey", "Identity",
    "IgnoreSTARTTLS", "IisServices", "IsSelfSigned", "Issuer", "KeyIdentifier", "MatchSubDomains",
    "NotAfter", "NotBefore", "PermissionGroups", "PrivateKeyExportable", "ProtocolLoggingLevel",
    "PSComputerName", "PSShowComputerName", "PublicKeySize", "RawData", "RecipientDomains",
    "RemoteIPRanges", "RequireTls", "RequireTLS", "RestrictDomainsToCertificate",
    "RestrictDomainsToIPAddresses", "RootCAType", "RunspaceId", "SenderDomains", "SenderIPAddresses",
    "SerialNumber", "Services", "ServicesStringForm", "SmartHosts", "SourceTransportServers", "Status",
    "Subject", "SubjectKeyIdentifier", "Thumbprint", "TlsAuthLevel", "TlsCertificateName", "TlsDomain",
    "TlsDomainCapabilities", "TlsSenderCertificateName", "TlsSettings", "TreatMessagesAsInternal",
    "TrustedOrganizations",
})  # fmt: skip
_LENGTHS = range(min(map(len, KNOWN_NAMES)), max(map(len, KNOWN_NAMES)) + 1)


class _Label(NamedTuple):
    """A label in a line: its name, where it begins, and where its value begins."""

    name: str
    start: int
    value: int


class TextLines:
    """The first `MAX_LINES` lines of a text, by carriage return and line feed only, as editors count them.

    Without the blanks at their ends, without colours, and `MAX_LINE` characters of each. None is held.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        ends = (end.end() for end in islice(_LINE_END.finditer(text), MAX_LINES))
        self._starts = array("L", (0, *ends))
        if len(self._starts) <= MAX_LINES:
            self._starts.append(len(text) + 1)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[str]:
        return map(self._line, self._starts, islice(self._starts, 1, None))

    def __getitem__(self, place: int) -> str:
        return self._line(*self._starts[place : place + 2])

    def _line(self, start: int, end: int) -> str:
        return plain(self._text[start : min(end, start + MAX_LINE)]).rstrip()


def plain(text: str) -> str:
    """A piece of a text without the colours of a console."""
    return _COLOURS.sub("", text) if "\x1b" in text else text


def asked_server(command: str) -> str | None:
    """The server that a pasted Get-ExchangeCertificate names with -Server."""
    found = _ASKED_SERVER.search(command)
    return found[1] if found else None


def read_lists(lines: TextLines, problems: Problems) -> list[Record]:
    """Return the records of Format-List output; lines that belong to none are left out."""
    # A copy may put a blank line between any two lines, so that blank lines separate nothing.
    spaced = sum(map(bool, lines)) > 2 and not any(a and b for a, b in pairwise(lines))
    records = Records(problems)
    reader = _Reader(records, spaced=spaced)
    for number, line in enumerate(lines, 1):
        if records.full(number):
            break
        reader.take(number, line)
    reader.end()
    if len(lines) >= MAX_LINES:
        problems.add(f"has more than {MAX_LINES} lines; the others are not read.", line=MAX_LINES)
    return records.found


def _labels(line: str) -> Iterator[_Label]:
    for found in _LABEL.finditer(line):
        word = found[1]
        if found.start() > 0 or not _NAME.fullmatch(word):
            # The longest known name at the end, glued to what stands before it or not.
            word = next((word[-n:] for n in reversed(_LENGTHS) if word[-n:] in KNOWN_NAMES), "")
        if word:
            yield _Label(word, found.end(1) - len(word), found.end())


class _Reader:
    """Collects labels and values line by line; a blank line or a repeated label ends a record."""

    def __init__(self, records: Records, *, spaced: bool) -> None:
        self._records = records
        self._spaced = spaced
        self._values: dict[str, list[str]] = {}
        self._lines: dict[str, int] = {}
        self._current: str | None = None
        self._asked_for: str | None = None
        self._server: str | None = None

    def take(self, number: int, line: str) -> None:
        if not line and not self._spaced:
            self._current = None
            if len(self._values) > 1:
                self.end()
        if not line:
            return
        labels = list(_labels(line))
        self._before_labels(line[: labels[0].start] if labels else line)
        ends = [label.start for label in labels[1:]] + [len(line)]
        for label, end in zip(labels, ends, strict=False):
            key = label.name.lower()
            if key in self._values or len(self._values) >= _MAX_LABELS:
                self.end()
            self._values[key], self._lines[key], self._current = [], number, key
            self._append(line[label.value : end])

    def end(self) -> None:
        """Close the record under way."""
        if self._values:
            fields = {name: Field(_joined(parts), self._lines[name]) for name, parts in self._values.items()}
            first = min(self._lines.values())
            if self._asked_for and "services" in fields:
                fields.setdefault("thumbprint", Field(self._asked_for, first))
            if self._server:
                fields.setdefault("server", Field(self._server, first))
            self._records.add(fields, first)
        self._values, self._lines, self._current = {}, {}, None

    def _before_labels(self, text: str) -> None:
        """What no label precedes on its line: the rest of a value, a command, or something else."""
        if not text.strip():
            return
        if _COMMAND.search(text) and not text[0].isspace():
            self.end()
            asked = _ASKED_FOR.search(text)
            self._asked_for = asked[1] if asked else None
            self._server = asked_server(text)
        elif self._current is not None and (text[0].isspace() or self._is_open()):
            self._append(text)

    def _is_open(self) -> bool:
        """Whether the current value has a brace that is not closed yet."""
        parts = self._values[self._current or ""]
        return parts[0].startswith("{") and not parts[-1].endswith("}")

    def _append(self, text: str) -> None:
        self._values[self._current or ""].append(text.strip())


def _joined(parts: list[str]) -> str:
    """Put a wrapped value together: PowerShell breaks at a blank, or inside a word longer than the line."""
    text = parts[0]
    for before, part in pairwise(parts):
        inside_word = " " not in before and not before.endswith((",", ";")) and " " not in part
        text += part if inside_word and before else f" {part}"
    return text.strip()
