"""Where a source that is named in words can be read: only addresses that follow from the name alone."""

from __future__ import annotations

import re

_KNOWN = (
    (re.compile(r"RFC (\d+)(?: (\d[\d.]*))?"), "https://www.rfc-editor.org/rfc/rfc{0}", "#section-{1}"),
    (re.compile(r"(?:Microsoft )?KB (\d+)"), "https://support.microsoft.com/kb/{0}", ""),
    (re.compile(r"(CVE-\d+-\d+)"), "https://www.cve.org/CVERecord?id={0}", ""),
    (re.compile(r"([\w-]+/[\w-]+) (?:issue|pull request) (\d+)"), "https://github.com/{0}", "/issues/{1}"),
)


def is_link(text: str) -> bool:
    """Whether a text is an address to be linked to: never a script's."""
    return text.startswith(("https://", "http://", "#"))


def address(source: str) -> str:
    """The address of a source; empty where its name does not tell."""
    if is_link(source):
        return source
    for pattern, place, part in _KNOWN:
        if found := pattern.match(source):
            return (place + (part if found[found.re.groups] else "")).format(*found.groups())
    return ""
