"""``eop-probe exchange``: what an administrator can export, and what it says without touching a server."""

from __future__ import annotations

from probe.cli.app import new_app
from probe.cli.exchange import attribute, diagnose, log, select, show

app = new_app(no_args_is_help=True)


@app.callback()
def exchange() -> None:
    """Exports and logs of Exchange: which certificate is sent, which connector it matches, what the logs say."""


app.command("export", short_help="Print the PowerShell lines that export the evidence.")(show.export)
app.command("show", short_help="Show what evidence files hold, and what is wrong with them.")(show.show)
app.command("select", short_help="Say which certificate Exchange chooses, also after a change.")(
    select.select
)
app.command("attribute", short_help="Say which inbound connector takes a connection.")(attribute.attribute)
app.command("log", short_help="Say what SMTP protocol logs prove.")(log.log)
app.command("diagnose", short_help="Tell it all: what happens, proof, cause, remedy, verification.")(
    diagnose.diagnose
)
