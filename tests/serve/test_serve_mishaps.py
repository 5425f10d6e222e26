"""What goes wrong in the HTTP server is told in one sentence, and not again and again."""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextlib import closing

import pytest
import uvicorn.server

from probe.net import clock
from probe.serve.mishaps import CUT_OFF, QUIET_S, Mishaps


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names = ("uvicorn.error", "asyncio")
    for name in names:
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "handlers", logger.handlers)
        monkeypatch.setattr(logger, "propagate", logger.propagate)
    heard: list[str] = []
    with closing(asyncio.SelectorEventLoop()) as loop:
        Mishaps(heard.append).watch(loop)
        loop.call_soon(_fail)
        loop.call_soon(_fail)
        loop.call_soon(loop.stop)
        loop.run_forever()
    return heard


def _fail() -> None:
    raise ValueError("of\x1b[2J\nmany lines")


def test_the_first_is_told(said: list[str]) -> None:
    [line] = said
    assert line.startswith(r"the server met an error and goes on: ValueError: of\x1b[2J\x0amany lines (")


def test_a_log_is_heard_as_well_after_a_while(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.monotonic() + QUIET_S
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    logging.getLogger("uvicorn.error").info("nothing")
    logging.getLogger("uvicorn.error").error("cannot %s\nat all", "write")
    assert said[1:] == ["the server met an error and goes on: cannot write"]


def test_answers_that_are_cut_off_at_the_end_are_no_error(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CUT_OFF in inspect.getsource(uvicorn.server)
    later = clock.monotonic() + QUIET_S
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    logging.getLogger("uvicorn.error").error(CUT_OFF, 2)
    assert not said[1:]
