"""Who may have a target looked at, how often, and what is done beside the loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from probe.serve import aside
from probe.serve.aside import MAX_WAITING, Aside, BusyError
from probe.serve.check_now import BETWEEN_S, MAX_A_MINUTE, MAX_FORM, TOKEN_S, CheckNow, from_here

NOW = 1_000_000_000.0


def form(token: str) -> bytes:
    return f"token={token}".encode()


def test_a_token_is_of_one_process_one_target_and_a_while() -> None:
    check, other = CheckNow(), CheckNow()
    token = check.token("key", NOW)
    assert check.meant("key", form(token), NOW)
    assert check.meant("key", form(token), NOW + TOKEN_S)
    assert not check.meant("key", form(token), NOW + 2 * TOKEN_S)
    assert not check.meant("another", form(token), NOW)
    assert not other.meant("key", form(token), NOW)
    for wrong in (b"", b"token=", b"token=%FF%FE", b"\xff", b"other=" + token.encode(), b"token=\xc3\xa9"):
        assert not check.meant("key", wrong, NOW)
    assert len(form(token)) < MAX_FORM


@pytest.mark.parametrize(
    ("headers", "here"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://proxied.example", "host": "127.0.0.1"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "http://10.0.0.5:9825", "host": "10.0.0.5:9825"}, True),
        ({"origin": "http://10.0.0.5", "host": "10.0.0.5:9825"}, False),
        ({"origin": "http://evil.example", "host": "10.0.0.5:9825"}, False),
        ({"origin": "null", "host": "10.0.0.5:9825"}, False),
        ({"origin": "http://[", "host": "10.0.0.5:9825"}, False),
        ({"origin": "", "host": "10.0.0.5:9825"}, False),
    ],
)
def test_where_a_form_comes_from(headers: dict[str, str], here: bool) -> None:
    assert from_here(headers) is here


def test_one_target_waits_and_the_others_do_not() -> None:
    check = CheckNow()
    check.asked("key", NOW)
    assert check.wait_s("key", NOW + 1) == BETWEEN_S - 1
    assert check.wait_s("another", NOW + 1) == 0
    assert check.wait_s("key", NOW + BETWEEN_S) == 0


def test_all_targets_together_have_a_rate() -> None:
    check = CheckNow()
    for number in range(MAX_A_MINUTE):
        assert check.wait_s(str(number), NOW + number) == 0
        check.asked(str(number), NOW + number)
    assert check.wait_s("one more", NOW + MAX_A_MINUTE) == 60 - MAX_A_MINUTE
    assert check.wait_s("one more", NOW + 60) == 0


def test_work_is_done_one_after_another_beside_the_loop() -> None:
    done: list[int] = []

    async def all_of_it() -> list[int]:
        beside = Aside()
        return await asyncio.gather(*(beside.do(lambda n=n: done.append(n) or n) for n in range(9)))  # type: ignore[misc]

    assert asyncio.run(all_of_it()) == done == list(range(9))


def test_what_fails_fails_where_it_is_waited_for() -> None:
    async def twice() -> float:
        beside = Aside()
        with pytest.raises(ZeroDivisionError):
            await beside.do(lambda: 1 / 0)
        return await beside.do(lambda: 1 / 2)

    assert asyncio.run(twice()) == 0.5


def test_too_much_is_refused() -> None:
    gate = threading.Event()

    async def crowd() -> None:
        beside = Aside()
        waiting = [asyncio.ensure_future(beside.do(gate.wait)) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await beside.do(gate.wait)
        gate.set()
        assert all(await asyncio.gather(*waiting))

    asyncio.run(crowd())


def test_a_thread_that_hangs_holds_up_nobody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "PATIENCE_S", 0.05)
    gate = threading.Event()

    async def hangs() -> bool:
        beside = Aside()
        for _ in range(2):  # the one under way, and who waits behind it
            with pytest.raises(BusyError):
                await beside.do(gate.wait)
        gate.set()
        monkeypatch.setattr(aside, "PATIENCE_S", 20.0)
        return await beside.do(gate.is_set)

    assert asyncio.run(hangs())
