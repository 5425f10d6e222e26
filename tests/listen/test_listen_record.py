"""``listen --record``: each sender's session is kept; what nobody judges is not."""

from __future__ import annotations

from pathlib import Path

from probe.history.database import Database
from probe.history.read import spans
from tests.listen.senders import HEALTHY, ISSUING, SELF_SIGNED, Listening, connect, deliver


def test_each_session(listening: Listening, tmp_path: Path) -> None:
    def sender(port: int) -> None:
        with connect(port):  # no sender
            pass
        deliver(port, SELF_SIGNED)
        deliver(port, HEALTHY, ISSUING)

    file = tmp_path / "h.sqlite"
    ended = listening(sender, "--until-accepted", "--record", "--history", str(file), "--vantage", "dmz")
    assert ended.code == 0
    assert f"eop-probe: 2 results recorded in {file}\n" in ended.err
    database = Database(str(file))
    found = database.run(lambda connection: list(spans(connection)))
    database.close()
    assert [span.state.outcome.value for span in found] == ["rejected", "accepted"]
    assert {span.endpoint for span in found} == {
        ("sender.contoso.com", "127.0.0.1", 0, "to-eop", "listener", "", "dmz")
    }


def test_without_it_nothing_is_said_or_kept(listening: Listening, tmp_path: Path) -> None:
    ended = listening(lambda port: deliver(port, HEALTHY, ISSUING), "--once")
    assert (ended.code, "recorded" in ended.err) == (0, False)
    assert list(tmp_path.glob("*.sqlite")) == []
