"""How a fleet stands by its history: before a watch has looked, or where another process watches."""

from __future__ import annotations

from asyncio import sleep, to_thread
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import chain

from sqlalchemy import Connection

from probe.errors import ProbeError
from probe.history.database import Database
from probe.history.due import last_spans
from probe.history.query import held
from probe.history.read import domains
from probe.pki.certificate import Certificate
from probe.report.record import Span
from probe.serve.standing import Certified, Standing, Stands, certified

#: Seconds between two looks at a history that another process writes.
EVERY_S = 60.0


def told(
    connection: Connection, spans: Sequence[Span], known: dict[str, Certified] | None = None
) -> list[Stands]:
    """How each endpoint stood that these spans are the last ones of; `known` grows by the certificates read."""
    known = {} if known is None else known
    shown = [tuple(dict.fromkeys(chain.from_iterable(span.state.chains))) for span in spans]
    new = set(chain.from_iterable(shown)) - known.keys()
    read = held(connection, new)
    for sha256 in new:
        certificate = read(sha256)
        if isinstance(certificate, Certificate):
            known[sha256] = certified(certificate)
    found, named = [], domains(connection)
    for span, thumbprints in zip(spans, shown, strict=True):
        certificates = tuple(known[each] for each in thumbprints if each in known)
        expires = min((each.not_after for each in certificates), default=None)
        found.append(Stands(span, expires, None, certificates, named.get(span.endpoint, ())))
    return found


async def follow(standing: Standing, history: str, vantage: str, tell: Callable[[str], None]) -> None:
    """Show what another process writes to a history, as long as the task is let live."""
    known: dict[str, Certified] = {}
    trouble = ""
    while True:
        before, trouble = trouble, ""
        try:
            found = await to_thread(_read, history, vantage, known)
        except ProbeError as error:
            trouble = str(error)
        else:
            known = {each.sha256: each for one in found for each in one.certificates}
            standing.tell(found)
        if trouble != before:
            tell(trouble or "the history can be read again")
        await sleep(EVERY_S)


def _read(history: str, vantage: str, known: dict[str, Certified]) -> list[Stands]:
    with closing(Database(history, create=False, read=True)) as database:
        return database.run(lambda c: told(c, last_spans(c, vantage), known))
