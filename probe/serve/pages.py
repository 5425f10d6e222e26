"""The dashboard: the pages of a fleet that is watched, and "check now" for its targets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from probe import __version__
from probe.eop.vocabulary import Outcome
from probe.errors import ConfigurationError
from probe.history.database import Database, HistoryError
from probe.history.overview import Lasting, lasting
from probe.net import clock
from probe.render.history.words import minute, place
from probe.render.page.html import ASSETS, asset, compile_early, render_page, static
from probe.render.report.facts import instant
from probe.render.report.html import Endpoint as View
from probe.render.report.html import endpoint_view
from probe.render.report.recorded import recorded_view
from probe.report.assessment import Assessment
from probe.report.record import Endpoint
from probe.serve.aside import Aside, BusyError
from probe.serve.check_now import CheckNow, form_of, from_here
from probe.serve.events import Events
from probe.serve.looks import Past, past, week, weighed
from probe.serve.standing import Standing, Stands, Watched
from probe.serve.views import (
    MAX_CERTIFICATES,
    MAX_PLACES,
    asked_of,
    awaited_words,
    certificates,
    fleet_table,
    target_facts,
    worst,
)
from probe.text import counted

#: What a page may load and run: this server's style and scripts, nothing else.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
#: How long a browser keeps what never changes under its path.
FOR_EVER = "public, max-age=31536000, immutable"
#: Targets that are looked through before the loop turns to others.
SLICE = 200
#: Time for which it is not asked anew since when outcomes last.
ASKED_ANEW = timedelta(minutes=10)
#: Seconds for which a look that was asked for is awaited.
AWAITED_S = 120
#: Seconds before which a look began at most that is under way.
UNDER_WAY_S = 60

T = TypeVar("T")
_Answer = Callable[[Request], Awaitable[Response]]


class Dashboard:
    """Answers requests for pages; `history` is where the watch writes, `url` of a database or a file."""

    def __init__(self, standing: Standing, history: str, tell: Callable[[str], None]) -> None:
        self._standing, self._url, self._tell = standing, history, tell
        self._events, self._check, self._aside = Events(standing), CheckNow(), Aside()
        self._database: Database | None = None
        self._lasting: Mapping[Endpoint, Lasting] = {}
        self._lasting_at: datetime | None = None
        threading.Thread(target=compile_early, name="templates", daemon=True).start()

    def close(self) -> None:
        """End what goes on as long as its client stays."""
        self._events.close()

    @property
    def routes(self) -> list[BaseRoute]:
        """Every path, and in the end what is answered where there is none."""
        pages: dict[str, _Answer] = {
            "/": self._now,
            "/certificates": self._certificates,
            "/certificates/{sha256}": self._certificate,
            "/changes": self._changes,
            "/target/{key}": self._target,
        }
        return [
            *(Route(path, self._whole(answer)) for path, answer in pages.items()),
            Route("/target/{key}/check", self._whole(self._looked), methods=["POST"]),
            Route("/target/{key}/check", self._whole(self._unasked)),
            Route("/events", self._stream),
            Route("/static/{digest}/{name}", _static),
            Route("/{path:path}", self._whole(self._nothing)),
        ]

    def _whole(self, answer: _Answer) -> _Answer:
        """The same, with a page where it fails."""

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except BusyError:
                return self._message("Too much is asked at once", 503, "Try again in a moment.")
            except (HistoryError, ConfigurationError) as error:
                return self._message("The history cannot be read", 503, str(error))
            except Exception as error:  # noqa: BLE001 - a defect costs one page, and is told
                self._tell(f"a page failed: {type(error).__name__}: {error}")
                return self._message("This page failed", 500, "That is a defect of eop-probe's own.")

        return answered

    async def _now(self, request: Request) -> Response:
        asked = asked_of(request.query_params, request.query_params.getlist("outcome"))
        progress, number, fleet = self._standing.progress(), self._standing.number, await self._fleet()
        since = await self._since()

        def made() -> str:
            table = fleet_table(fleet, since, asked)
            counts = [f"{count:,} {outcome}" for outcome, count in table.counts]
            told = [counted(progress.targets, "target")]
            unseen = sum(not target.endpoints for target in fleet)
            told += [f"{unseen:,} not looked at yet"] if unseen else []
            told += [f"the next look at {minute(progress.due)} UTC"] if progress.due else []
            values = {
                "table": table,
                "asked": asked,
                "outcome": table.counts[0][0] if table.counts else Outcome.UNKNOWN.value,
                "tally": ", ".join(counts) or "nothing to watch",
                "words": ", ".join(told),
                "events": f"/events?after={number}",
            }
            return self._page("now.html", "/", values, "Fleet")

        return _html(await self._aside.do(made))

    async def _certificates(self, request: Request) -> Response:
        words, fleet = request.query_params.get("q", "")[:200], await self._fleet()

        def made() -> str:
            found = certificates(fleet, words, clock.now())
            total = counted(len(found), "certificate") if found else "No certificate"
            cut = (
                f"; listed are the {MAX_CERTIFICATES} that expire first"
                if len(found) > MAX_CERTIFICATES
                else ""
            )
            values = {"listed": found[:MAX_CERTIFICATES], "words": f"{total}, the first to expire first{cut}.",
                      "asked": words, "places": MAX_PLACES, "alone": False}  # fmt: skip
            return self._page("certificates.html", "/certificates", values, "Certificates")

        return _html(await self._aside.do(made))

    async def _certificate(self, request: Request) -> Response:
        sha256, fleet = request.path_params["sha256"], await self._fleet()

        def made() -> str | None:
            found = [one for one in certificates(fleet, "", clock.now()) if one.certificate.sha256 == sha256]
            if not found:
                return None
            words = f"SHA-256 {sha256}, shown by {counted(len(found[0].places), 'endpoint')}."
            values = {
                "listed": found,
                "words": words,
                "asked": "",
                "places": len(found[0].places),
                "alone": True,
            }
            return self._page("certificates.html", "/certificates/", values, "Certificate")

        page = await self._aside.do(made)
        return _html(page) if page else await self._nothing(request)

    async def _changes(self, _: Request) -> Response:
        what = self._standing.what

        def made() -> str:
            found = self._read(lambda connection: week(connection, clock.now(), what))
            return self._page("changes.html", "/changes", found._asdict(), "Changes of the week")

        return _html(await self._aside.do(made))

    async def _target(self, request: Request) -> Response:
        key, asked = request.path_params["key"], request.query_params.get("asked", "")
        target = self._standing.target(key)
        if target is None:
            return await self._nothing(request)
        since, latest = await self._since(), self._standing.latest(key)
        pending = asked if _awaited(asked, target) else ""
        token = self._check.token(key, clock.monotonic()) if self._standing.looking else ""

        def made() -> str:
            found, trouble = self._past(target)
            values = {
                "name": target.text,
                "outcome": worst(target).value,
                "facts": target_facts(target, since),
                "endpoints": [self._view(one, latest, found, n) for n, one in enumerate(target.endpoints)],
                "lives": found.lives,
                "differing": found.differing,
                "trouble": trouble,
                "token": token,
                "pending": pending,
                "told": awaited_words(target) if pending else "",
                "events": f"/events?target={key}&after={pending or int(_seconds())}",
            }
            return self._page("target.html", f"/target/{key}", values, target.text)

        return _html(await self._aside.do(made))

    def _past(self, target: Watched) -> tuple[Past, str]:
        try:
            return self._read(lambda connection: past(connection, target, clock.now())), ""
        except (HistoryError, ConfigurationError) as error:
            return Past([], {}), str(error)

    def _view(self, stands: Stands, latest: tuple[Assessment, ...], found: Past, number: int) -> View:
        """All of the last look where its evidence is at hand, else what the history tells of it."""
        endpoint, anchor = stands.span.endpoint, f"e{number + 1}"
        for each in latest:
            if (each.capture.host, each.capture.address or "") == (endpoint.host, endpoint.address):
                return endpoint_view(each, anchor)
        presented, what = found.chains.get(endpoint), self._standing.what
        entry = next((one for one in what.entries.values() if one.target.text == stands.span.target), None)
        evidence = (
            weighed(stands, presented, entry, what) if presented and presented.entries and entry else None
        )
        where = place(endpoint).removeprefix(f"{endpoint.host} ")
        return recorded_view(stands.span, where, evidence, anchor)

    async def _looked(self, request: Request) -> Response:
        """Have a target looked at now."""
        key, now, looking = request.path_params["key"], clock.monotonic(), self._standing.looking
        form = await form_of(request)
        if not from_here(request.headers) or form is None or not self._check.meant(key, form, now):
            return self._message("Not from here", 403, "Load the target's page again, and check from there.")
        target = self._standing.target(key)
        if looking is None or target is None:
            return await self._nothing(request)
        if wait := self._check.wait_s(key, now):
            page = self._message("Too soon", 429, f"Try again in {counted(int(wait) + 1, 'second')}.")
            page.headers["Retry-After"] = str(int(wait) + 1)
            return page
        self._check.asked(key, now)
        since = _awaited_since(target, _seconds(), hastened=looking.look_now(key))
        return RedirectResponse(f"/target/{key}?asked={since}", 303, HEADERS)

    async def _unasked(self, _: Request) -> Response:
        page = self._message(
            "Nothing was asked for", 405, "The button of the target's page has it looked at."
        )
        page.headers["Allow"] = "POST"
        return page

    async def _stream(self, request: Request) -> Response:
        key, after = request.query_params.get("target"), _number(request.query_params.get("after", ""))
        standing = self._standing

        def news() -> Mapping[str, object]:
            if key is None:
                return {"news": max(0, standing.number - after)}
            target = standing.target(key)
            if target is None:
                return {"news": 0}
            again = instant(target.again)
            return {"news": int(_last(target) >= after), "again": again, "told": awaited_words(target)}

        return self._events.answer(news)

    async def _nothing(self, _: Request) -> Response:
        return self._message("There is no such page", 404)

    async def _fleet(self) -> list[Watched]:
        """How every target stands."""
        found = []
        for number, key in enumerate(list(self._standing.what.entries)):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            if target := self._standing.target(key):
                found.append(target)
        return found

    async def _since(self) -> Mapping[Endpoint, Lasting]:
        """Since when outcomes last, by the history; by what was known of it where it cannot be read."""
        now = clock.now()
        if self._url and (self._lasting_at is None or now - self._lasting_at > ASKED_ANEW):
            self._lasting_at = now
            try:
                self._lasting = await self._aside.do(partial(self._read, lasting))
            except (HistoryError, ConfigurationError) as error:
                self._tell(str(error))
        return self._lasting

    def _read(self, work: Callable[[Connection], T]) -> T:
        """Ask the history, on the thread beside; raises HistoryError, ConfigurationError."""
        if not self._url:
            raise ConfigurationError("no fleet is watched: name one with --config")
        if self._database is None:
            self._database = Database(self._url, create=False, read=True)
        return self._database.run(work)

    def _page(self, template: str, here: str, values: Mapping[str, object], title: str) -> str:
        frame = {"here": here, "at": f"{minute(clock.now())} UTC", "version": __version__}
        return render_page(template, {**frame, **values}, title=f"{title} - eop-probe", inline=False)

    def _message(self, title: str, code: int, *lines: str) -> Response:
        return _html(self._page("message.html", "", {"lines": lines, "heading": title}, title), code)


def _html(text: str, code: int = 200) -> Response:
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), code, HEADERS)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ASSETS or request.url.path != static(name):
        return Response(status_code=404)
    return Response(asset(name), media_type=ASSETS[name], headers={"Cache-Control": FOR_EVER})


def _seconds() -> float:
    return clock.now().timestamp()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def _last(target: Watched) -> float:
    return max((one.span.last.timestamp() for one in target.endpoints), default=0.0)


def _awaited_since(target: Watched, now: float, *, hastened: bool) -> int:
    """From when on a look is the one that was asked for: where it is under way already, it began before now."""
    return int(now if hastened else max(_last(target) + 1, now - UNDER_WAY_S))


def _awaited(asked: str, target: Watched) -> bool:
    """Whether a look that was asked for has not come yet, and may still."""
    at = _number(asked)
    return _last(target) < at and 0 <= _seconds() - at < AWAITED_S
