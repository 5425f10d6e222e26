"""What this product's own reports (``eop-probe/report/1``) say of a certificate: the listener's above all.

A listener saw the chain that the sender itself presented, intermediates included: nothing proves more.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from probe.exchange.exports.json_text import objects
from probe.exchange.logs.certificate import instant
from probe.text import printable

if TYPE_CHECKING:
    from probe.exchange.problem import Problems

#: Assessments of one file that are read.
MAX_CAPTURES = 10_000
#: Objects of one file that are looked at.
MAX_OBJECTS = 100_000
#: Certificates of one chain.
_MAX_CHAIN = 64


class ReportedCapture(NamedTuple):
    """One assessment of a report, escaped; thumbprints are lower-case SHA-1, the end certificate's first.

    `basis`, `outcome`, `reply`, `rule`, `direction` and `confidence` are those of its first prediction; `leaves` is the
    end certificate's SHA-256.
    """

    source: str
    target: str
    address: str
    at: datetime | None
    basis: str
    outcome: str
    reply: str | None
    rule: str | None
    thumbprints: tuple[str, ...]
    subject: str | None
    host: str = ""
    port: int = 0
    direction: str = ""
    confidence: str = ""
    leaves: tuple[str, ...] = ()

    @property
    def by_listener(self) -> bool:
        """Whether the sender's own chain was captured."""
        return self.basis == "listener"


def read_captures(name: str, data: bytes, problems: Problems | None = None) -> tuple[ReportedCapture, ...]:
    """The assessments of a report or of lines of assessments; empty where the file is neither."""
    if b"presented_chain" not in data or not data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        return ()
    values = (found.value for found in islice(objects(data.decode("utf-8-sig", "replace")), MAX_OBJECTS))
    found = (one for one in values if isinstance(one, dict) and isinstance(one.get("presented_chain"), list))
    captures = tuple(_capture(name, one) for one in islice(found, MAX_CAPTURES))
    if problems and next(found, None):
        problems.add(f"holds more than {MAX_CAPTURES} assessments; the others were left out.")
    return captures


def _capture(name: str, assessment: dict[str, Any]) -> ReportedCapture:
    predictions = assessment.get("predictions")
    first = predictions[0] if isinstance(predictions, list) and predictions else {}
    made = first if isinstance(first, dict) else {}
    chain = [one for one in assessment["presented_chain"][:_MAX_CHAIN] if isinstance(one, dict)]
    return ReportedCapture(
        source=name,
        target=_text(assessment, "target") or "",
        address=_text(assessment, "address") or "",
        at=instant(_text(assessment, "started_at") or ""),
        basis=_text(made, "basis") or "",
        outcome=_text(assessment, "outcome") or "",
        reply=_text(made, "reply"),
        rule=_text(made, "rule"),
        thumbprints=tuple((_text(one, "sha1") or "").lower() for one in chain),
        subject=_text(chain[0], "subject") if chain else None,
        host=_text(assessment, "host") or "",
        port=port if isinstance(port := assessment.get("port"), int) else 0,
        direction=_text(made, "direction") or "",
        confidence=_text(made, "confidence") or "",
        leaves=tuple((_text(one, "sha256") or "").lower() for one in chain[:1]),
    )


def _text(values: dict[str, Any], key: str) -> str | None:
    value = values.get(key)
    return printable(value) if isinstance(value, str) else None
