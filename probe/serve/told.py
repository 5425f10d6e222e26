"""How a fleet stands by its history: before a watch has looked, or where another process watches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from sqlalchemy import Connection

from probe.history.query import held
from probe.pki.certificate import Certificate
from probe.report.record import Span
from probe.serve.standing import Certified, Stands, certified


def told(connection: Connection, spans: Sequence[Span]) -> list[Stands]:
    """How each endpoint stood that these spans are the last ones of."""
    shown = [tuple(dict.fromkeys(chain.from_iterable(span.state.chains))) for span in spans]
    wanted = set(chain.from_iterable(shown))
    read = held(connection, wanted)
    known: dict[str, Certified] = {}
    for sha256 in wanted:
        certificate = read(sha256)
        if isinstance(certificate, Certificate):
            known[sha256] = certified(certificate)
    found = []
    for span, thumbprints in zip(spans, shown, strict=True):
        certificates = tuple(known[each] for each in thumbprints if each in known)
        expires = min((each.not_after for each in certificates), default=None)
        found.append(Stands(span, expires, None, certificates))
    return found
