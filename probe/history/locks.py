"""Named locks of one session of PostgreSQL: they end with their process, however that ends."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from probe.errors import ConfigurationError
from probe.history.database import Database, HistoryError

#: Tells PostgreSQL early that a client's machine is gone: seconds of silence, between probes, and how many.
_KEEPALIVE = (("tcp_keepalives_idle", 30), ("tcp_keepalives_interval", 10), ("tcp_keepalives_count", 3))
#: Seconds that one who divides a fleet waits for another who does.
TURN_S = 5
_TRY = text("SELECT pg_try_advisory_lock(:number)")
_RELEASE = text("SELECT pg_advisory_unlock(:number)")
_RELEASE_ALL = text("SELECT pg_advisory_unlock_all()")
_ALONE = text("SELECT pg_advisory_xact_lock(:number)")
_BACKEND = text("SELECT pg_backend_pid()")
_SHARE = text("SELECT pg_try_advisory_lock_shared(:half, :total)")
# PostgreSQL, 54.12 pg_locks: a key of 64 bits stands in two columns, with objsubid 1; two of 32 bits with 2, as oid,
# which has no sign.
_GRANTED = (
    "FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND objsubid = "
)
_HELD = text(f"SELECT (classid::bigint << 32) | objid::bigint {_GRANTED} 1")
_TOTALS = text(f"SELECT objid::bigint {_GRANTED} 2 AND classid::bigint = :half & 4294967295")


class Locks:
    """The locks of this process. Every method raises HistoryError where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Connection | None = None
        self._backend: object = None

    def alive(self) -> bool:
        """Whether what was taken is still held; where not, nothing is any more."""
        if self._session is None:
            return False
        with contextlib.suppress(HistoryError):
            self._refuse_others(self._ask(_BACKEND))
        return self._session is not None

    def take(self, name: str) -> bool:
        """Take a lock that is not held here; whether it was free."""
        return bool(self._ask(_TRY, number=_number(name)))

    def release(self, name: str) -> None:
        """Let go of a lock."""
        self._ask(_RELEASE, number=_number(name))

    def divide(self, fleet: str, total: int) -> set[int]:
        """Say that a fleet is divided into so many shares, unless others who live say otherwise: these are answered.

        Of those that say it at the same moment one is the first.
        """
        half = int.from_bytes(digest(fleet)[:4], "big", signed=True)
        with self._asking() as session:
            session.execute(text(f"SET LOCAL lock_timeout = '{TURN_S}s'"))
            session.execute(_ALONE, {"number": _number(f"{fleet} divided")})
            others = set(session.scalars(_TOTALS, {"half": half})) - {total}
            if not others:
                session.execute(_SHARE, {"half": half, "total": total})
        return others

    def held(self, names: Collection[str]) -> set[str]:
        """Those of the locks that anybody holds."""
        held = set(self._all(_HELD))
        return {name for name in names if _number(name) in held}

    def close(self) -> None:
        """Let go of all: whoever asks next may have it."""
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(SQLAlchemyError):
                session.execute(_RELEASE_ALL)  # the server learns of a session's end a moment later
                session.commit()
            with contextlib.suppress(SQLAlchemyError):
                session.invalidate()  # not back to the pool, which would keep the locks
                session.close()

    def _ask(self, statement: TextClause, **values: int) -> object:
        return self._all(statement, **values)[0]

    def _all(self, statement: TextClause, **values: int) -> Sequence[int]:
        with self._asking() as session:
            return session.scalars(statement, values).all()

    @contextlib.contextmanager
    def _asking(self) -> Iterator[Connection]:
        """The session, for one transaction."""
        try:
            if self._session is None:
                self._session = self._database.session()
                self._begin()
            yield self._session
            self._session.commit()
        except HistoryError:
            self.close()
            raise
        except SQLAlchemyError as error:
            self.close()
            raise HistoryError(f"the history {self._database.name} is away: {type(error).__name__}") from None

    def _begin(self) -> None:
        for setting in _KEEPALIVE:
            self._ask(text(f"SELECT set_config('{setting[0]}', '{setting[1]}', false)"))
        self._backend = self._ask(_BACKEND)
        # Between transactions a pooler may lend the connection to another: that would have the locks.
        with self._database.session() as other:
            lent = other.scalar(_BACKEND) == self._backend
            now = None if lent else self._ask(_BACKEND)
        self._refuse_others(now)

    def _refuse_others(self, backend: object) -> None:
        """Refuse to go on in another session of the server."""
        if backend != self._backend:
            self.close()
            raise ConfigurationError(
                f"the history {self._database.name} is reached through a pooler that lends its connections to others "
                "between transactions: a watch needs one of its own (pgbouncer: pool_mode = session)"
            )


def digest(name: str) -> bytes:
    """What a lock is called by where names are too long."""
    return blake2b(f"watch {name}".encode(), digest_size=8).digest()


def _number(name: str) -> int:
    return int.from_bytes(digest(name), "big", signed=True)
