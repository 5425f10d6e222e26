"""Until when a verdict stands: the first instant at which judging the same once more could say another word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from probe.eop.evidence import Evidence
from probe.eop.rules.leaf import path_certificates, threshold
from probe.pki.memory import Memory, turning_points
from probe.pki.truststore import TrustStore

_MICROSECOND, _HOUR = timedelta(microseconds=1), timedelta(hours=1)
_LAST = datetime.max.replace(tzinfo=UTC)


def unchanged_until(evidence: Evidence, stores: Sequence[TrustStore], memory: Memory) -> datetime:
    """Until then findings and forecast are what they are at `evidence.at`, in every word; pure.

    `stores` have to be those of `evidence.stores`. Where the paths are not remembered it is `evidence.at` itself.
    What a forecast tells lies behind these instants: until then it stands, too.
    """
    presented, coming = evidence.capture.presented, [_LAST]
    if presented is None or not evidence.stores:
        return _LAST
    for store, path in zip(stores, evidence.stores, strict=True):
        coming.append(memory.until(presented, store, tuple(path.paths), evidence.at))
        dated = [turn for each in path.certificates for turn in (*turning_points(each), *store.dates(each))]
        coming += (turn for turn in dated if turn > evidence.at)
    return min(*coming, *_words(evidence))


def _words(evidence: Evidence) -> Iterator[datetime]:
    """When what is said of the time that is left becomes another one; it is told in hours at the finest."""
    critical = timedelta(days=evidence.settings.critical_days)
    for certificate in path_certificates(evidence):
        left, soon = certificate.not_after - evidence.at, threshold(certificate, evidence)
        if left > soon:
            yield evidence.at + (left - soon)
        elif left >= timedelta():
            yield evidence.at + left % _HOUR + _MICROSECOND
        if left >= critical:
            yield evidence.at + (left - critical) + _MICROSECOND
