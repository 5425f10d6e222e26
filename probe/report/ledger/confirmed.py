"""What a ledger (``eop-probe/ledger/1``) says of an endpoint, for the page of a later look at it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from probe.errors import InputError
from probe.report.assessment import Assessment
from probe.text import printable

#: Bytes of one ledger; that of 1,000 endpoints and a year has 60 million.
MAX_LEDGER_BYTES = 256 << 20

_SCHEMA = "eop-probe/ledger/1"
#: An endpoint by host, address, port and direction.
_Key = tuple[str, str, int, str]


class Told(NamedTuple):
    """What a ledger says of an endpoint, escaped; `leaves` are the certificates (SHA-256) that were seen then."""

    confirmed: str
    contradicted: str
    leaves: tuple[str, ...]

    def of(self, one: Assessment) -> str:
        """The same beside what was just seen of it."""
        leaf = one.evidence.leaf
        same = leaf is not None and leaf.sha256 in self.leaves
        confirmed = (
            self.confirmed if same or not self.confirmed else f"{self.confirmed}, with another certificate"
        )
        return "; ".join(filter(None, (confirmed, self.contradicted)))


def read_ledger(data: bytes, name: str) -> dict[_Key, Told]:
    """What a ledger says of each endpoint; raises InputError where it is none."""
    try:
        document = json.loads(data)
        entries: Any = document["entries"] if document["schema"] == _SCHEMA else None
        # Of one address that is asked in several ways, or from several places, the last counts: a contradiction.
        ordered = sorted(entries, key=lambda one: one["standing"] == "contradicted")
        return {_key(entry): _told(entry) for entry in ordered}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{name} is no ledger: eop-probe ledger --format json writes one") from None


def beside(one: Assessment, known: Mapping[_Key, Told]) -> Assessment:
    """The assessment with what the ledger says of its endpoint."""
    capture = one.capture
    told = known.get((capture.host, capture.address or "", capture.port, one.evidence.direction.value))
    return replace(one, confirmed=told.of(one)) if told else one


def _key(entry: Mapping[str, Any]) -> _Key:
    return entry["host"], entry["address"], entry["port"], entry["direction"]


def _told(entry: Mapping[str, Any]) -> Told:
    against = [word for word in entry["words"] if word["reading"] == "contradicts"]
    newest, confirmed, contradicted = entry["confirmed"], "", ""
    leaves: tuple[str, ...] = ()
    if newest:
        confirmed = printable(f"confirmed for you on {newest['on']} by {newest['source']}")
        seen = [one["leaves"] for one in entry["predictions"] if one["first"][:10] <= newest["on"]]
        leaves = tuple(seen[-1]) if seen else ()
    if against:
        last = against[-1]
        contradicted = printable(
            f"contradicted on {last['begin'][:10]} by {last['source']} (prediction-contradicted)"
        )
    return Told(confirmed, contradicted, leaves)
