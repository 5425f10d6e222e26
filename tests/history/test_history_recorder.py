from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.errors import ConfigurationError
from probe.history import engine
from probe.history.database import Database
from probe.history.recorder import BATCH, OPEN_S, Bounds, Kept, Recorder, spool_folder
from probe.history.spool import Batch, Spool
from tests.history.looks import found, look

#: A database that was away is asked again at once.
AT_ONCE = Bounds(away_s=0.0, flush_s=60.0)
#: However busy this machine is.
PATIENT = Bounds(away_s=600.0, flush_s=60.0)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "mounted" / "history.sqlite"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://probe:secret@127.0.0.1:{server.getsockname()[1]}/history"


class TestThere:
    def test_everything_is_recorded_in_its_order(self, history: Path, spool: Path) -> None:
        history.parent.mkdir()
        with Recorder(str(history), spool, bounds=PATIENT) as recorder:
            for number in range(BATCH + 3):
                recorder.add(look(number))
        assert recorder.kept == Kept(BATCH + 3)
        assert list(found(history)) == list(range(BATCH + 3))
        assert not spool.exists()
        assert recorder.notes == []

    def test_a_database_that_is_open_stays_so(self, history: Path, spool: Path) -> None:
        history.parent.mkdir()
        database = Database(str(history))
        for number in (1, 2):
            with Recorder(database, spool, bounds=PATIENT) as recorder:
                recorder.add(look(number))
        database.close()
        assert list(found(history)) == [1, 2]

    def test_a_flush_tells_what_is_committed(self, history: Path, spool: Path) -> None:
        history.parent.mkdir()
        with Recorder(str(history), spool, bounds=PATIENT) as recorder:
            recorder.add(look(1))
            assert recorder.flush() == Kept(1)
            assert list(found(history)) == [1]
            assert recorder.flush() == Kept(1)

    def test_without_a_flush_it_is_written_soon(self, history: Path, spool: Path) -> None:
        history.parent.mkdir()
        with Recorder(str(history), spool, bounds=PATIENT) as recorder:
            recorder.add(look(1))
            ends = time.monotonic() + 60
            while recorder.kept == Kept(0):
                assert time.monotonic() < ends
            assert list(found(history)) == [1]


class TestAway:
    def test_what_waited_is_delivered_first_by_the_next_run(self, history: Path, spool: Path) -> None:
        for number in (1, 2):
            with Recorder(str(history), spool, bounds=PATIENT) as recorder:
                recorder.add(look(number))
            assert recorder.kept == Kept(0, 1)
            assert len(recorder.notes) == 1
            assert f"the history {history} cannot be used" in recorder.notes[0]
        history.parent.mkdir()
        with Recorder(str(history), spool, bounds=PATIENT) as recorder:
            recorder.add(look(3))
        assert recorder.kept == Kept(1, delivered=2)
        assert list(found(history)) == [1, 2, 3]
        assert Spool(spool).waiting() == []

    def test_it_comes_back_in_the_same_run(self, history: Path, spool: Path) -> None:
        with Recorder(str(history), spool, bounds=AT_ONCE) as recorder:
            recorder.add(look(1))
            assert recorder.flush() == Kept(0, 1)
            history.parent.mkdir()
            recorder.add(look(2))
            assert recorder.flush() == Kept(2)
        assert list(found(history)) == [1, 2]
        assert recorder.notes[-1] == f"the history {history} can be used again"

    def test_it_is_asked_again_after_a_while_only(self, history: Path, spool: Path) -> None:
        """The control of AT_ONCE."""
        with Recorder(str(history), spool, bounds=PATIENT) as recorder:
            recorder.add(look(1))
            recorder.flush()
            history.parent.mkdir()
            assert recorder.flush() == Kept(0, 1)

    def test_another_process_may_deliver_what_this_one_left(self, history: Path, spool: Path) -> None:
        with Recorder(str(history), spool, bounds=PATIENT) as recorder:
            recorder.add(look(1))
            assert recorder.flush() == Kept(0, 1)
            history.parent.mkdir()
            with Recorder(str(history), spool, bounds=PATIENT) as other:
                pass
            assert other.kept == Kept(delivered=1)
            assert recorder.kept == Kept(1)

    def test_a_batch_that_was_committed_is_not_written_again(self, history: Path, spool: Path) -> None:
        waiting = Spool(spool)
        path = waiting.put(Batch(1, "a" * 32, [look(1)]))
        content = path.read_bytes()
        history.parent.mkdir()
        for _ in range(2):  # as where the process was killed before it removed the file
            path.write_bytes(content)
            Recorder(str(history), spool, bounds=PATIENT).close()
        assert list(found(history)) == [1]

    def test_one_that_fails_while_it_is_open(self, history: Path, spool: Path) -> None:
        history.parent.mkdir()
        with Recorder(str(history), spool, bounds=AT_ONCE) as recorder:
            recorder.add(look(1))
            assert recorder.flush() == Kept(1)
            with sqlite3.connect(history) as connection:
                connection.execute("ALTER TABLE batches RENAME TO taken")
            recorder.add(look(2))
            assert recorder.flush() == Kept(1, 1)
            with connection:
                connection.execute("ALTER TABLE taken RENAME TO batches")
            connection.close()
        assert recorder.kept == recorder.close() == Kept(2)
        assert list(found(history)) == [1, 2]


class TestHanging:
    def test_nobody_waits_and_nothing_is_lost(
        self, silent: str, spool: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "CONNECT_S", 60)
        bounds = Bounds(queue=3, flush_s=0.1)
        began = time.monotonic()
        recorder = Recorder(silent, spool, bounds=bounds)
        assert time.monotonic() - began < OPEN_S + 30
        began = time.monotonic()
        for number in range(10):
            recorder.add(look(number))
        kept = recorder.close()
        assert time.monotonic() - began < 50
        assert kept == Kept(0, 10)
        waiting = Spool(spool)
        numbers = [each.elapsed_ms for path in waiting.waiting() for each in waiting.read(path).records]
        assert numbers == list(range(10))
        assert "secret" not in " ".join(recorder.notes)

    def test_more_than_memory_holds_waits_on_disk_before_any_flush(self, silent: str, spool: Path) -> None:
        recorder = Recorder(silent, spool, bounds=Bounds(queue=3, flush_s=0.1))
        for number in range(3):
            recorder.add(look(number))
        assert not spool.exists()  # the control
        recorder.add(look(3))
        assert recorder.kept == Kept(0, 4)
        recorder.close()

    @pytest.mark.parametrize(("files", "meanwhile"), [(9, Kept(0, 1)), (0, Kept(0, 0, 1))])
    def test_a_batch_under_way_counts_once_it_is_written(
        self, history: Path, spool: Path, monkeypatch: pytest.MonkeyPatch, files: int, meanwhile: Kept
    ) -> None:
        """It waits on disk meanwhile, or has no room there; then it is in the database, once."""
        monkeypatch.setattr(engine, "BUSY_S", 60.0)
        history.parent.mkdir()
        database = Database(str(history))
        recorder = Recorder(database, spool, bounds=Bounds(flush_s=0.5, spool_files=files))
        locked = sqlite3.connect(history, isolation_level=None)
        locked.execute("BEGIN IMMEDIATE")
        recorder.add(look(1))
        assert recorder.flush() == meanwhile
        locked.execute("ROLLBACK")
        locked.close()
        recorder._bounds = PATIENT
        assert recorder.flush() == Kept(1)
        assert Spool(spool).waiting() == []
        recorder.close()
        database.close()
        assert list(found(history)) == [1]


class TestLost:
    def test_a_full_spool_is_said_and_counted(self, history: Path, spool: Path) -> None:
        with Recorder(str(history), spool, bounds=Bounds(spool_files=1)) as recorder:
            for number in range(3):
                recorder.add(look(number))
                recorder.flush()
        assert recorder.kept == Kept(0, 1, 2)
        assert [note for note in recorder.notes if "lost" in note] == [
            "results are lost: the spool is full (1 files)"
        ]

    def test_without_a_place_for_the_spool(self, history: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with Recorder(str(history), tmp_path / "file" / "spool") as recorder:
            recorder.add(look(1))
        assert recorder.kept == Kept(0, 0, 1)

    def test_a_text_that_no_disk_takes_harms_no_other(self, history: Path, spool: Path) -> None:
        with Recorder(str(history), spool, bounds=PATIENT) as recorder:
            recorder.add(look(1, host="\ud800"))
            recorder.flush()
            recorder.add(look(2))
        assert recorder.kept == Kept(0, 1, 1)


class TestBroken:
    def test_a_broken_file_is_set_aside_and_blocks_nothing(self, history: Path, spool: Path) -> None:
        waiting = Spool(spool)
        paths = [waiting.put(Batch(n, f"{n:032x}", [look(n)])) for n in (1, 2, 3)]
        paths[1].write_bytes(b"{")
        history.parent.mkdir()
        recorder = Recorder(str(history), spool, bounds=PATIENT)
        assert recorder.close() == Kept(delivered=2)
        assert list(found(history)) == [1, 3]
        assert [path.name for path in spool.iterdir()] == [paths[1].with_suffix(".broken").name]
        assert len(recorder.notes) == 1
        assert f"{paths[1]} cannot be read" in recorder.notes[0]
        Recorder(str(history), spool, bounds=PATIENT).close()
        assert list(found(history)) == [1, 3]

    def test_one_that_cannot_even_be_set_aside(self, history: Path, spool: Path) -> None:
        waiting = Spool(spool)
        path = waiting.put(Batch(1, "a" * 32, [look(1)]))
        waiting.put(Batch(2, "b" * 32, [look(2)]))
        path.write_bytes(b"{")
        path.with_suffix(".broken").mkdir()
        history.parent.mkdir()
        recorder = Recorder(str(history), spool, bounds=PATIENT)
        assert recorder.close() == Kept(delivered=1)
        assert list(found(history)) == [2]
        assert "nor can it be set aside: Is a directory" in recorder.notes[0]

    def test_a_record_that_no_database_takes_is_lost_alone(self, history: Path, spool: Path) -> None:
        history.parent.mkdir()
        Database(str(history)).close()
        with sqlite3.connect(history) as connection:
            connection.execute(
                "CREATE TRIGGER no BEFORE INSERT ON spans WHEN NEW.elapsed_ms = 1 BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        with Recorder(str(history), spool, bounds=PATIENT) as recorder:
            recorder.add(look(1))
            recorder.flush()
            recorder.add(look(2))
        assert recorder.kept == Kept(1, 0, 1)
        assert list(found(history)) == [2]
        assert [path.suffix for path in spool.iterdir()] == [".broken"]
        assert "cannot be used: no" in recorder.notes[0]


@pytest.mark.usefixtures("_opened")
class TestRefused:
    @pytest.fixture
    def _opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is refused later than the opening is waited for is told at the end."""
        monkeypatch.setattr("probe.history.recorder.OPEN_S", 60.0)

    def test_what_is_no_history(self, spool: Path) -> None:
        with pytest.raises(ConfigurationError, match="SQLite or PostgreSQL, not in mysql"):
            Recorder("mysql://root:secret@localhost/x", spool)

    def test_a_newer_schema(self, history: Path, spool: Path) -> None:
        history.parent.mkdir()
        Database(str(history)).close()
        with sqlite3.connect(history) as connection:
            connection.execute("UPDATE meta SET value = '999'")
        connection.close()
        with pytest.raises(ConfigurationError, match="newer eop-probe"):
            Recorder(str(history), spool, bounds=PATIENT)

    def test_one_that_turns_out_newer_when_it_is_back(self, history: Path, spool: Path) -> None:
        with Recorder(str(history), spool, bounds=AT_ONCE) as recorder:
            recorder.add(look(1))
            recorder.flush()
            history.parent.mkdir()
            Database(str(history)).close()
            with sqlite3.connect(history) as connection:
                connection.execute("UPDATE meta SET value = '999'")
            connection.close()
            recorder.add(look(2))
        assert recorder.kept == Kept(0, 2)
        assert "newer eop-probe" in recorder.notes[-1]


DELIVER = """
import sys
from pathlib import Path
from probe.history.recorder import Bounds, Recorder
recorder = Recorder(sys.argv[1], Path(sys.argv[2]), bounds=Bounds(flush_s=60.0))
sys.stdin.readline()
print(*recorder.close())
"""


@pytest.mark.slow
def test_two_processes_deliver_one_spool_once(history: Path, spool: Path) -> None:
    waiting = Spool(spool)
    for number in range(20):
        waiting.put(Batch(number, f"{number:032x}", [look(number)]))
    history.parent.mkdir()
    command = [sys.executable, "-c", DELIVER, str(history), str(spool)]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for each in both:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    said = [each.communicate(timeout=60)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert list(found(history)) == list(range(20))
    assert waiting.waiting() == []
    assert sum(int(line.split()[3]) for line in said) == 20


class TestNames:
    def test_each_history_has_a_spool_of_its_own(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        one = spool_folder("postgresql://probe:secret@db.test/history")
        assert one.parent == tmp_path / "eop-probe" / "spool"
        assert one == spool_folder("postgresql+psycopg://other:word@db.test/history?sslmode=require")
        assert one != spool_folder("postgresql://probe:secret@db.test/other")
        assert spool_folder(str(tmp_path / "x")) == spool_folder(f"sqlite:///{tmp_path}/y/../x")

    def test_what_is_said_at_the_end(self) -> None:
        said = Kept(1).sentence("h", Path("s"))
        assert said == "1 result recorded in h"
        said = Kept(1200, 1, 3, 2).sentence("h", Path("s"))
        assert said == (
            "1,200 results recorded in h, with 2 that had waited; 1 waits in s for the next run that reaches it; 3 lost"
        )
