"""The web application: which path is answered by what."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from probe.serve.probing import Probing


def application(probing: Probing) -> Starlette:
    """What answers requests."""
    routes = [Route("/healthz", _healthy), Route("/probe", probing.answer)]
    return Starlette(routes=routes)


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")
