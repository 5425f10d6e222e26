"""``/probe?target=&module=``: one target probed while the scraper waits, in blackbox_exporter's manner."""

from __future__ import annotations

from asyncio import ensure_future
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope

from probe.capture import Capture, Fault, FaultKind, Phase
from probe.check.endpoints import Host, without_address
from probe.check.run import concluded
from probe.errors import ProbeError
from probe.fleet.run import compared
from probe.net import clock
from probe.render.report.scrape import Texts
from probe.report.failed import Guard
from probe.serve.counted import Counted
from probe.serve.debug import debug_text
from probe.serve.demand import Asked, Demand, FullError
from probe.serve.question import limit, patience, question
from probe.serve.targets import Meant, NotConfiguredError, Targets

if TYPE_CHECKING:
    from probe.report.assessment import Assessment

#: Content type of the text format (Prometheus, Exposition formats).
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
#: Seconds between the end of the connections and that of the waiting for them: what they showed is judged in it.
JUDGING_S = 0.25


class Probing:
    """Answers `/probe`."""

    def __init__(self, demand: Demand, targets: Targets, counted: Counted) -> None:
        self._demand, self._targets, self._counted = demand, targets, counted
        self._texts = Texts()

    async def answer(self, scope: Scope, receive: Receive) -> Response:
        """The metrics of one target; 400 where the question makes no sense, 403 where it is not allowed."""
        began = clock.monotonic()
        try:
            asked = question(scope["query_string"])
            waits_s = patience(scope["headers"])
            meant = self._targets.meant(asked.target, asked.module)
        except NotConfiguredError as error:
            return PlainTextResponse(f"{error}\n", 403)
        except ProbeError as error:
            return PlainTextResponse(f"{error}\n", 400)
        meant = _within(meant, limit(waits_s))
        gone = ensure_future(_gone(receive))
        try:
            judging_s = JUDGING_S * min(1.0, waits_s)
            result = await self._demand.probe(meant.job, limit(waits_s), judging_s, gone)
        except FullError:
            self._counted.refused.inc()
            return PlainTextResponse("too many probes are under way\n", 503, {"Retry-After": "1"})
        finally:
            gone.cancel()
        found = _found(result, meant)
        seconds = clock.monotonic() - began
        self._counted.probed(found, seconds)
        text = self._texts.of(found, seconds)
        if asked.debug:
            return PlainTextResponse(debug_text(found, text))
        return Response(text, media_type=EXPOSITION)


async def _gone(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _within(meant: Meant, seconds: float) -> Meant:
    """The same, all its connections within so many seconds."""
    options = meant.job.options
    total_s = min(options.total_s or seconds, seconds)
    return meant._replace(
        job=meant.job._replace(
            options=replace(options, timeout_s=min(options.timeout_s, seconds), total_s=total_s)
        )
    )


def _found(asked: Asked, meant: Meant) -> tuple[Assessment, ...]:
    """What was seen, compared with what is pinned; and that something is missing, where time was over."""
    found = tuple(compared(each, meant.expectation) for each in asked.found)
    return found if asked.complete else (*found, _missed(meant))


def _missed(meant: Meant) -> Assessment:
    """What is to be said of a target that was not looked at in the time there was."""
    target, options = meant.job.target, meant.job.options
    endpoint = without_address(target, options, Host(target.host))
    words = "No result within the time of this scrape."
    fault = Fault(phase=Phase.TIMEOUT, kind=FaultKind.TIMEOUT, message=words)
    capture = Capture(host=endpoint.host, address=None, port=endpoint.port, fault=fault)
    return concluded(endpoint, options, (capture,), clock.now(), clock.monotonic(), Guard())
