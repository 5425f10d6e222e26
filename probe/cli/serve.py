"""``eop-probe serve``: probes over HTTP for Prometheus, and a dashboard."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option
from probe.cli.exit_codes import finish, say
from probe.cli.output import report_of
from probe.errors import ConfigurationError

LOOPBACK = "127.0.0.1"

app = new_app()


@app.command()
def serve(
    *,
    host: Annotated[
        str, option("--host IP", "Address to listen on; 0.0.0.0 or :: for every one.")
    ] = LOOPBACK,
    port: Annotated[
        int, option("--port PORT", "Port to listen on.", variable="SERVE_PORT", min=0, max=65535)
    ] = 9825,
    stores: shared.Stores,
) -> None:
    """Probe over HTTP what Prometheus asks for: /probe?target=HOST&module=to-eop."""
    try:
        from probe.serve.server import bound, served
    except ImportError:
        raise ConfigurationError("serve needs an extra: pip install 'eop-probe[serve]'") from None
    from probe.check.engine import Engine, new_loop
    from probe.check.options import CheckOptions
    from probe.check.pace import DEFAULT_PACE
    from probe.fleet.watch.signals import Signals
    from probe.serve.app import application
    from probe.serve.demand import Demand
    from probe.serve.probing import Probing

    base = CheckOptions(stores=stores.named())
    listening = bound(host, port)
    loop = new_loop()
    demand, signals = Demand(loop), Signals()
    web = application(Probing(demand, base, report_of))
    with closing(loop), signals.watched(), served(web, listening, loop):
        say(f"listening on http://{host}:{listening.getsockname()[1]}/")
        for done in Engine(demand.jobs(), DEFAULT_PACE, loop, signals, shared=True).run():
            demand.take(done)
    finish(0)
