"""The answer to a scrape of one target: metrics of blackbox_exporter that mean the same, and those of each endpoint."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from operator import is_
from typing import NamedTuple

from probe.pki.recent import Recent
from probe.render.report.facts import soonest_expiry
from probe.render.report.metrics import Lines, Metric, families, labels_of, lines_of, own_labels, sent
from probe.report.assessment import Assessment

#: Targets whose texts are remembered at least, about 6 KB for an address of each.
MAX_TEXTS = 1024

#: Stands where a look writes its own number; no label holds it, for it is escaped there.
_OPEN = "\0"
_ANEW = (Metric.DURATION_SECONDS, Metric.LAST_PROBE_TIMESTAMP_SECONDS)

#: An endpoint, by what its labels are made of.
_Key = tuple[object, ...]


class _Text(NamedTuple):
    """What one answer said, and the pieces between the numbers that each look writes anew."""

    said: tuple[object, ...]
    pieces: list[str]


class Texts:
    """Answers to scrapes. Where a target's assessments rest on the very verdicts of the last ones, so does its text."""

    def __init__(self) -> None:
        self._known: Recent[_Key, _Text] = Recent(MAX_TEXTS)

    def of(self, assessments: Sequence[Assessment], seconds: float) -> str:
        """The answer to a scrape of one target that took so long."""
        found = {_key(each): each for each in assessments}
        key, said = tuple(found), tuple(part for each in found.values() for part in _said(each))
        known = self._known.get(key)
        if known is None or not all(map(is_, known.said, said)):
            known = self._known[key] = _Text(said, _text(found.values()).split(_OPEN))
        spent = (each.elapsed_ms / 1000 for each in found.values())
        at = (each.started_at.timestamp() for each in found.values())
        numbers = (f"{number:.15g}" for number in (seconds, *spent, *at))
        first, *rest = known.pieces
        return first + "".join(number + piece for number, piece in zip(numbers, rest, strict=True))


def _key(one: Assessment) -> _Key:
    capture = one.capture
    return (one.target, capture.host, capture.address or "", capture.port, one.evidence.direction)


def _said(one: Assessment) -> tuple[object, ...]:
    """What its text tells, but for the numbers of the look; paths come of one chain, where there are any."""
    return (one.findings, one.predictions, one.forecast, one.stores or object())


def _text(assessments: Collection[Assessment]) -> str:
    return "".join(_as_blackbox_exporter(assessments)) + families(list(map(_lines, assessments)))


def _lines(one: Assessment) -> Lines:
    own = labels_of(own_labels(one, {}))
    return lines_of(one, own) | {each: f"{each.label}{{{own}}} {_OPEN}\n" for each in _ANEW}


def _as_blackbox_exporter(found: Collection[Assessment]) -> Iterator[str]:
    good = bool(found) and all(each.outcome.exit_code <= 1 for each in found)
    yield _metric("probe_success", "Displays whether or not the probe was a success", f"{good:d}")
    yield _metric("probe_duration_seconds", "Returns how long the probe took to complete in seconds", _OPEN)
    expiry = soonest_expiry(cert for each in found for _, cert in sent(each))
    if expiry is not None:
        name = "probe_ssl_earliest_cert_expiry"
        yield _metric(name, "Returns earliest SSL cert expiry in unixtime", f"{expiry.timestamp():.15g}")
    versions = {6 if ":" in each.capture.address else 4 for each in found if each.capture.address}
    if len(versions) == 1:
        [version] = versions
        yield _metric("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6", str(version))


def _metric(name: str, told: str, value: str) -> str:
    return f"# HELP {name} {told}\n# TYPE {name} gauge\n{name} {value}\n"
