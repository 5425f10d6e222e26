"""``fleet watch``: a fleet looked at again and again, each target when it is due."""

from __future__ import annotations

from probe.cli import options as shared
from probe.cli.exit_codes import finish
from probe.cli.fleet.common import FleetWord, Wanted
from probe.cli.fleet.description import FLEET_FILE
from probe.cli.fleet.watching import Status, watching
from probe.cli.recording import History, Vantage, own_history, writable


def watch(
    file: FleetWord = FLEET_FILE,
    *,
    wanted: Wanted,
    stores: shared.Stores,
    history: History = None,
    vantage: Vantage = None,
) -> None:
    """Look at every target of a fleet when it is due, record what is seen, and say what changed, a line each.

    SIGHUP reads the fleet anew, Ctrl-C and SIGTERM end the watch in order, with 0. One watch at a time has a history.
    """
    kept_in = history or own_history()
    writable(kept_in)  # before what needs the extra is loaded: it says so where that is missing
    with Status() as status, watching(file, wanted, stores, kept_in, vantage or "", status) as (watched, _):
        watched.run(wanted.pace())
    finish(0)
