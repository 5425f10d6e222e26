"""The web application: which path is answered by what, and what stands in every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from probe.serve.counted import Counted
from probe.serve.probing import EXPOSITION, Probing
from probe.serve.standing import Standing

#: Headers of every answer that does not bear them itself.
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)

Answer = Callable[[Scope, Receive], Awaitable[Response]]


class Application:
    """Answers requests: what scrapers ask for at once, pages through their routes."""

    def __init__(self, answers: Mapping[str, Answer], pages: Sequence[BaseRoute], counted: Counted) -> None:
        self._answers, self._counted = answers, counted
        self._pages = Starlette(routes=pages)
        self._pages.router.redirect_slashes = False  # it would redirect to whatever host a client names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI 3)."""
        code = 500

        async def sent(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                given = {name for name, _ in message["headers"]}
                more = [each for each in HEADERS if each[0] not in given]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        path = scope["path"]
        answer = self._answers.get(path)
        try:
            if answer is None:
                await self._pages(scope, receive, sent)
                route = scope.get("route")
                path = route.path if route is not None else "other"
            elif scope["method"] in {"GET", "HEAD"}:
                await (await answer(scope, receive))(scope, receive, sent)
            else:
                refusal = PlainTextResponse("Method Not Allowed\n", 405, {"Allow": "GET, HEAD"})
                await refusal(scope, receive, sent)
        finally:
            self._counted.answered(path, code)


def application(
    probing: Probing, counted: Counted, standing: Standing | None = None, pages: Sequence[BaseRoute] = ()
) -> Application:
    """What answers requests; `standing` is that of a fleet that is watched."""

    async def healthy(_: Scope, __: Receive) -> Response:
        return PlainTextResponse("ok\n")

    async def metrics(_: Scope, __: Receive) -> Response:
        fleet = standing.kept.exposition if standing else b""
        return Response(fleet + counted.text(), media_type=EXPOSITION)

    answers: Mapping[str, Answer] = {"/healthz": healthy, "/probe": probing.answer, "/metrics": metrics}
    return Application(answers, pages, counted)
