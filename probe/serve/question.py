"""A scrape's question as it came over HTTP, read with care: who asks may be anybody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl

from probe.errors import ProbeError

#: Bytes of a query.
MAX_QUERY = 4096
#: Parameters of a query; those that are unknown are passed over, as blackbox_exporter does.
MAX_PARAMETERS = 16
#: Seconds of a scrape's timeout that are left for the way back, as blackbox_exporter has it.
OFFSET_S = 0.5
#: Seconds that a scrape is taken to wait where it does not say.
PATIENCE_S = 120.0

_HEADER = b"x-prometheus-scrape-timeout-seconds"
_SECONDS = re.compile(rb"[0-9]{1,9}(?:\.[0-9]{1,20})?")
_SWITCH = {"": False, "false": False, "0": False, "true": True, "1": True}


class QuestionError(ProbeError):
    """The question cannot be read; the sentence may be shown."""


class Question(NamedTuple):
    """What is asked: the target's text, the module's name or nothing, and whether the whole conversation is shown."""

    target: str
    module: str
    debug: bool = False


def question(query: bytes) -> Question:
    """Read a query; raises QuestionError."""
    if len(query) > MAX_QUERY:
        raise QuestionError(f"a query has at most {MAX_QUERY:,} bytes")
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeError:
        raise QuestionError("the query is not percent-encoded UTF-8") from None
    except ValueError:
        raise QuestionError(f"a query has at most {MAX_PARAMETERS} parameters") from None
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given and name in {"target", "module", "debug"}:
            raise QuestionError(f"{name} is given twice")
        given[name] = value
    if "target" not in given:
        raise QuestionError("a target is missing: /probe?target=mail.contoso.com")
    debug = _SWITCH.get(given.get("debug", ""))
    if debug is None:
        raise QuestionError("debug is true or false")
    return Question(given["target"], given.get("module", ""), debug)


def patience(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """The seconds that whoever asks waits, as the scrape's header says; raises QuestionError."""
    given = next((value for name, value in headers if name == _HEADER), b"0")
    if not _SECONDS.fullmatch(given):
        raise QuestionError("X-Prometheus-Scrape-Timeout-Seconds is no number of seconds")
    return min(float(given) or PATIENCE_S, PATIENCE_S)


def limit(seconds: float) -> float:
    """The seconds that all connections have, so that the answer is there in time."""
    return max(seconds - OFFSET_S, seconds / 2)
