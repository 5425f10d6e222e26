"""The state of one alarm, as it is kept between looks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from probe.alarms.document import Facts


class Place(Struct, frozen=True, kw_only=True):
    """An endpoint that an alarm is about; `missing` counts the looks that showed it without the certificate."""

    name: str
    host: str
    labels: dict[str, str]
    missing: int = 0


class Alarm(Struct, frozen=True, kw_only=True):
    """`state` is the rule that holds now, `told` the one that was told last; None: all is well.

    `candidate` is what the last look said, `run` of them in a row since `first`; `off` of them agreed whether all is
    well. `problem` is the last look with a problem, `now` the last one at all. `late` says that telling was held back.
    """

    key: str
    certificate: bool = False
    state: str | None = None
    told: str | None = None
    since: datetime
    raised: datetime | None = None
    told_at: datetime | None = None
    late: bool = False
    candidate: str | None = None
    run: int = 0
    off: int = 0
    first: datetime
    problem: Facts
    now: Facts
    places: Mapping[str, Place]
    looked: datetime

    @property
    def idle(self) -> bool:
        """Whether nothing needs to be remembered of it."""
        return self.state is None and self.told is None and self.candidate is None
