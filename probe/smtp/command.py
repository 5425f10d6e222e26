"""SMTP commands as a server reads them (RFC 5321 4.1.1, 4.1.2; RFC 3030 for BDAT)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from probe.text import printable

_COMMAND = re.compile(r"([A-Za-z0-9]{1,16})(?:[ \t]+(.*))?", re.DOTALL)

# A path: the null one, a source route (to be ignored, RFC 5321 appendix C), a quoted local part with anything
# in it. The blank after the colon is not legal, but common.
_PATH = re.compile(r'[ \t]*<((?:"(?:[^"\\]|\\.)*"|[^<>"\s])*)>(?:[ \t]+(.*))?')
_SOURCE_ROUTE = re.compile(r"@[^:]*:")
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=]+))?")
_BDAT = re.compile(r"([0-9]{1,20})(?:[ \t]+(LAST))?[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A verb in upper case and the rest of its line as it was sent, without blanks around it."""

    verb: str
    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The address of MAIL or RCPT, printable, "" for the null path, and its ESMTP parameters.

    A parameter is a pair of its keyword in upper case and its value ("" without one), in the client's order.
    """

    address: str
    parameters: tuple[tuple[str, str], ...]


def parse_command(line: bytes) -> Command | None:
    """Return the command on `line` (without its end), or None if that is no command."""
    try:
        # RFC 6531 lets addresses be UTF-8; anything else beyond ASCII has no meaning in a command.
        match = _COMMAND.fullmatch(line.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    return Command(verb=match[1].upper(), argument=(match[2] or "").strip(" \t")) if match else None


def parse_path(argument: str, keyword: str) -> Path | None:
    """Return what stands after `keyword` ("FROM:" or "TO:") in MAIL and RCPT, or None if it is malformed.

    The null path is legal for MAIL, "postmaster" without a domain for RCPT (RFC 5321 4.1.1.2, 4.1.1.3).
    """
    start, rest = argument[: len(keyword)], argument[len(keyword) :]
    match = _PATH.fullmatch(rest)
    if start.upper() != keyword or match is None:
        return None
    mailbox = _SOURCE_ROUTE.sub("", match[1], count=1) if match[1].startswith("@") else match[1]
    parameters = _parse_parameters(match[2] or "")
    if parameters is None or not _is_mailbox(mailbox, keyword):
        return None
    return Path(address=printable(mailbox), parameters=parameters)


def parse_bdat(argument: str) -> tuple[int, bool] | None:
    """Return the chunk's size in octets and whether it is the last one (RFC 3030 2), or None."""
    match = _BDAT.fullmatch(argument)
    return (int(match[1]), match[2] is not None) if match else None


def _is_mailbox(mailbox: str, keyword: str) -> bool:
    if keyword == "FROM:" and not mailbox:
        return True
    if keyword == "TO:" and mailbox.lower() == "postmaster":
        return True
    local, _, domain = mailbox.rpartition("@")
    return bool(local and domain) and '"' not in domain


def _parse_parameters(text: str) -> tuple[tuple[str, str], ...] | None:
    matches = [_PARAMETER.fullmatch(word) for word in text.split()]
    found = tuple((match[1].upper(), match[2] or "") for match in matches if match)
    return found if len(found) == len(matches) else None
