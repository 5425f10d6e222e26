"""``eop-probe fleet``: many endpoints, described in a file; the command line's root asks this package for its `app`."""

from __future__ import annotations

from probe.cli.app import new_app
from probe.cli.fleet import description, notify, run, watch

app = new_app(no_args_is_help=True)


@app.callback()
def fleet() -> None:
    """Many endpoints at once, described in a file: fleet.toml, CSV or JSON lines."""


app.command("init", short_help="Write an example of fleet.toml, with every key explained.")(description.init)
app.command("check-config", short_help="Say what would be probed, and every mistake; connect to nothing.")(
    description.check_config
)
app.command("run", short_help="Probe every target, and report each as it is done.")(run.run)
app.command("notify-test", short_help="Send a test message through each channel, and say what came of it.")(
    notify.notify_test
)
app.command("watch", short_help="Probe each target again and again, record it, and say what changed.")(
    watch.watch
)

__all__ = ["app"]
