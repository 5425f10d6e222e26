"""``eop-probe history``: what changed and when; the command line's root asks this package for its `app`."""

from __future__ import annotations

from probe.cli.app import new_app
from probe.cli.history import looks, now, upkeep

app = new_app(no_args_is_help=True)


@app.callback()
def history() -> None:
    """What was recorded with --record: what changed, when, and what is shown now."""


app.command("show", short_help="The life of a target's endpoints: certificates, verdicts, outages.")(
    looks.show
)
app.command("changes", short_help="What changed, each change once.")(looks.changes)
app.command("diff", short_help="What is otherwise now, or at another instant, than at one.")(now.diff)
app.command("certificates", short_help="The certificates that are shown now, each once.")(now.certificates)
app.command("export", short_help="Everything, as JSON lines or CSV.")(now.export)
app.command("prune", short_help="Remove what was last seen long ago.")(upkeep.prune)
app.command("doctor", short_help="Whether the history's database is sound, and how large.")(upkeep.doctor)

__all__ = ["app"]
