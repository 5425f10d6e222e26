"""``history prune`` and ``history doctor``: the history's own database."""

from __future__ import annotations

from typing import Annotated

from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.history.common import Reading, age
from probe.errors import ConfigurationError


def prune(
    *,
    keep: Annotated[
        str | None, option("--keep TIME", "Keep what was seen within it, as 400d; has to be said.")
    ] = None,
    reading: Reading,
) -> None:
    """Remove what was last seen before that, and the certificates that nothing shows any more.

    A state that lasts is kept whole, however long ago it began. Whoever records meanwhile waits for a moment at most.
    """
    from probe.history.prune import prune as remove
    from probe.net import clock
    from probe.render.history import upkeep as page

    if keep is None:
        raise ConfigurationError("say how much is to be kept: --keep 400d")
    kept = age(keep, "--keep")
    if not kept:
        raise ConfigurationError(
            f"--keep {keep} keeps nothing; a history that is not wanted is removed as a whole"
        )
    before = clock.now() - kept
    with reading.opened(read=False) as database:
        pruned = remove(database, before)
    reading.deliver(
        lambda: page.prune(pruned),
        lambda: page.prune_csv(pruned),
        lambda options: page.prune_page(pruned, options),
    )
    finish(0)


def doctor(*, reading: Reading) -> None:
    """Examine the database: is the file whole, does everything refer to something, is there room.

    The exit code is 1 where something is wrong.
    """
    from probe.history.doctor import examine
    from probe.render.history import upkeep as page

    with reading.opened() as database:
        health = examine(database)
    reading.deliver(
        lambda: page.doctor(health),
        lambda: page.doctor_csv(health),
        lambda options: page.doctor_page(health, options),
    )
    finish(1 if health.problems else 0)
