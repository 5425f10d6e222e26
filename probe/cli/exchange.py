"""``eop-probe exchange``: what an administrator can export, and what it says without touching a server."""

from __future__ import annotations

from probe.cli import exchange_attribute, exchange_diagnose, exchange_log, exchange_select, exchange_show
from probe.cli.app import new_app

app = new_app(no_args_is_help=True)


@app.callback()
def exchange() -> None:
    """Exports and logs of Exchange: which certificate is sent, which connector it matches, what the logs say."""


app.command("export")(exchange_show.export)
app.command("show")(exchange_show.show)
app.command("select")(exchange_select.select)
app.command("attribute")(exchange_attribute.attribute)
app.command("log")(exchange_log.log)
app.command("diagnose")(exchange_diagnose.diagnose)
