"""A token that came without its reply: which of the catalogue's texts carry it."""

from __future__ import annotations

import re
from typing import NamedTuple

from probe.exchange.replies.catalogue import CATALOGUE
from probe.exchange.replies.entry import Entry
from probe.exchange.replies.recognise import explain_text

#: Characters of a text that is looked at for a token alone.
MAX_FRAGMENT = 80

_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9-]{3,63}")


class Carriers(NamedTuple):
    """A token, and the entries that carry it, each with an example."""

    token: str
    entries: tuple[tuple[Entry, str], ...]


def carriers(fragment: str) -> Carriers | None:
    """The first token of a short text that the catalogue's examples carry; None where there is none."""
    words = {word.lower(): word for word in _TOKEN.findall(fragment)} if len(fragment) <= MAX_FRAGMENT else {}
    found: dict[str, dict[Entry, str]] = {}
    for entry in CATALOGUE if words else ():
        for example in entry.examples:
            token = (explain_text(example)[0].token or "").lower()
            if token in words:
                found.setdefault(token, {}).setdefault(entry, example)
    return next((Carriers(words[one], tuple(found[one].items())) for one in words if one in found), None)
