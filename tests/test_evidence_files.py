"""Evidence on disk: what paths mean, what files are, and lines of logs found again."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.diagnosis.run import Question, diagnose
from probe.errors import InputError
from probe.evidence_files import chunks, log_files, read_evidence, session_lines
from probe.exchange.exports.joining import gather
from probe.exchange.exports.read import ExportKind
from probe.exchange.problem import Problems
from probe.files import MAX_FILES, expand
from tests.examples import examples
from tests.exchange.diagnosing import (
    HEADER,
    NEW_PRIVATE,
    NOW,
    OLD,
    SAMPLES,
    UNTRUSTED,
    Desk,
    listed,
    mail,
    session,
)


def test_folders_come_in_the_order_of_names_and_nothing_twice(tmp_path: Path) -> None:
    for name in ("b.log", "a.log", "c.txt"):
        (tmp_path / name).write_text("x", encoding="ascii")
    assert [path.name for path in expand([tmp_path, tmp_path / "a.log"])] == ["a.log", "b.log", "c.txt"]
    assert [path.name for path in expand([tmp_path / "*.log"])] == ["a.log", "b.log"]
    with pytest.raises(InputError, match="does not exist"):
        expand([tmp_path / "none"])
    with pytest.raises(InputError, match="matches no file"):
        expand([tmp_path / "*.none"])


def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "SEND[1].log"
    path.write_text("x", encoding="ascii")
    assert expand([path]) == (path,)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / str(number)).touch()
    spellings = [
        tmp_path.joinpath(*([f"../{tmp_path.name}"] * times)) for times in range(MAX_FILES // 500 + 1)
    ]
    assert len(expand(spellings[:-1])) == MAX_FILES
    with pytest.raises(InputError, match=f"more than {MAX_FILES} files"):
        expand(spellings)


def test_everything_is_what_it_holds() -> None:
    found = read_evidence([SAMPLES])
    assert len(found.logs) == 3
    assert {one.name.rpartition("/")[2] for one in found.texts} >= {"event-2004-en.txt", "event-2004-ja.txt"}
    assert sum(export.kind is ExportKind.CERTIFICATES for export in found.exports) == 5
    assert found.problems == ()


def test_only_a_file_named_by_itself_is_taken_for_a_log(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    log, text = Path(desk.log(session(OLD))), Path(desk.put("notes.txt", "hello"))
    logs, problems = log_files([tmp_path])
    assert (logs, len(problems)) == ((log,), 1)
    assert log_files([text])[0] == (text,)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    problems = Problems("x")
    assert list(chunks(tmp_path, problems)) == []
    assert "cannot be read" in str(problems.found[0])


def test_what_comes_before_the_damage_is_used(tmp_path: Path) -> None:
    packed = gzip.compress(listed(OLD).encode())
    path = tmp_path / "c.json.gz"
    path.write_bytes(packed[: len(packed) // 2])
    found = read_evidence([path])
    assert "is damaged where it is compressed" in str(found.problems[0])
    path.write_bytes(packed)
    assert read_evidence([path]).problems == ()


def test_the_lines_of_sessions_are_found_again(tmp_path: Path) -> None:
    text = HEADER + session(OLD, number=1) + session(NEW_PRIVATE, *mail(UNTRUSTED), number=2) + "half a li"
    path = tmp_path / "log"
    path.write_text(text, encoding="utf-8")
    lines = text.split("\n")
    found = session_lines(path, {"08DE1A94C37B0002", "08DE1A94C37BFFFF"}, 100)
    assert list(found) == ["08DE1A94C37B0002"]
    assert all(lines[one.number - 1] == one.text for one in found["08DE1A94C37B0002"])
    assert found["08DE1A94C37B0002"][-1].text.endswith(',-,"",Local')
    assert len(session_lines(path, {"08DE1A94C37B0002"}, 3)["08DE1A94C37B0002"]) == 3


COLUMNS = {
    "usual": "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context",
    "another order": "data,event,session-id,context,remote-endpoint,local-endpoint,sequence-number,connector-id,"
    "date-time",
    "more columns": "date-time,server,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,"
    "data,context,tenant",
    "fewer columns": "connector-id,session-id,sequence-number,event,data,context",
}


def with_columns(name: str, rows: str) -> str:
    """A log of these rows with other columns."""
    names = COLUMNS[name].split(",")
    out = [f"#Log-type: SMTP Send Protocol Log\n#Fields: {','.join(names)}\n"]
    for fields in csv.reader(rows.splitlines()):
        row = dict(zip(COLUMNS["usual"].split(","), fields, strict=True))
        out.append(",".join(f'"{row[one]}"' if one in row else "x" for one in names) + "\n")
    return "".join(out)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_log_proves_the_same_whatever_its_columns(tmp_path: Path, name: str) -> None:
    text = with_columns(name, session(OLD, *mail(UNTRUSTED)))
    path = tmp_path / "SEND.LOG"
    path.write_text(text, encoding="utf-8")
    read = read_evidence([path])
    told = diagnose(
        Question(files=read, gathered=gather(read.exports), issuers=(), stores=lambda: (), now=NOW)
    )
    [fault] = told.faults
    quotes = [quote for proof in fault.proof for _, quote in proof.quotes]
    assert [one for one in text.splitlines() if OLD.sha1.upper() in one or UNTRUSTED in one] == quotes
    assert len(quotes) == 2
    # Negative control: the columns of other fields prove nothing.
    path.write_text(text.replace("session-id", "session"), encoding="utf-8")
    assert session_lines(path, {"08DE1A94C37B0001"}, 100) == {}


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=examples(150),
)
@given(
    data=st.binary(max_size=400)
    | st.sampled_from([b"\x1f\x8b", b"{", b'{"presented_chain"', HEADER.encode()])
)
def test_no_file_raises(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "evidence"
    path.write_bytes(data)
    found = read_evidence([path])
    assert len(found.exports) + len(found.logs) + len(found.captures) + len(found.problems) >= (
        1 if data else 0
    )
