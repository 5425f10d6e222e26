"""What one row of the reply catalogue is made of, and how its recogniser is written."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import NamedTuple

from probe.powershell import Steps
from probe.statement import Confidence

#: What may stand where a recogniser has a blank: any white space, also the no-break and the
#: ideographic blank of web pages, and the quote mark that mail programs put before wrapped lines.
_BLANK = "[\\s\u00a0\u3000>]"


class Flow(enum.Enum):
    """Which way the mail was going; the values are those of the command line's ``--direction``."""

    TO_EOP = "to-eop"
    FROM_EOP = "from-eop"
    NEITHER = "none"
    """The text says nothing about Exchange Online, or belongs to both ways."""


class EntryKind(enum.Enum):
    """Where the text stands."""

    REPLY = "reply"
    LOG = "log"
    EVENT = "event"
    WRAPPER = "wrapper"
    """Carries another reply, which is the one that counts."""


class Entry(NamedTuple):
    """One row: what a text is, who refuses whom, how sure that is, and what to do.

    `codes` are ``"454 4.7.0"`` (both codes) or ``"4.4.317"`` (any basic code); `words` is what must
    follow such a code, "" where the code alone suffices. `phrase` recognises the text anywhere,
    without a code. `events` are Windows event numbers. In `words` and `phrase` a blank stands for any
    white space (``" ?"`` for some or none), case is ignored, and a group named ``token`` is the reason
    that the text names.
    `examples` are what it must recognise. `rule` is the related rule's id or "".
    """

    id: str = ""
    title: str = ""
    kind: EntryKind = EntryKind.REPLY
    flow: Flow = Flow.NEITHER
    judge: str = ""
    label: Confidence = Confidence.DOCUMENTED
    meaning: str = ""
    causes: tuple[str, ...] = ()
    remedy: Steps = ()
    check: Steps = ()
    references: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    words: str = ""
    phrase: str = ""
    events: tuple[int, ...] = ()
    rule: str = ""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """A recogniser, compiled when it is first needed; ASCII classes, so that no language gets in the way."""
    blanks = pattern.replace(" ?", _BLANK + "{0,20}").replace(" ", _BLANK + "{1,80}")
    return re.compile(blanks, re.IGNORECASE | re.ASCII | re.DOTALL)
