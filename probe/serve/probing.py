"""``/probe?target=&module=``: one target probed while the scraper waits, in blackbox_exporter's manner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from probe.check.options import CheckOptions
from probe.check.run import Job
from probe.eop.vocabulary import Direction
from probe.errors import TargetError
from probe.net.target import parse_target
from probe.render.page.options import RenderOptions
from probe.render.report.prometheus import render
from probe.report.assessment import Assessment, Report
from probe.serve.demand import Demand

#: Content type of the text format (Prometheus, Exposition formats).
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Probing:
    """Answers `/probe`."""

    def __init__(
        self, demand: Demand, base: CheckOptions, report: Callable[[tuple[Assessment, ...]], Report]
    ) -> None:
        self._demand, self._base, self._report = demand, base, report

    async def answer(self, request: Request) -> Response:
        """The metrics of one target; 400 where the question makes no sense."""
        asked = request.query_params
        try:
            target = parse_target(asked.get("target", ""))
            direction = Direction(asked.get("module", Direction.TO_EOP))
        except (TargetError, ValueError) as error:
            return PlainTextResponse(f"{error}\n", status_code=400)
        job = Job(0, target, replace(self._base, direction=direction))
        found = await self._demand.probe(job, self._base.timeout_s)
        return PlainTextResponse(render(self._report(found), RenderOptions()), media_type=EXPOSITION)
