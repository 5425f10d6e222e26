"""What the ledger reads: everything once, nothing lost, within bounds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from probe.ledger import gather
from probe.ledger.gather import Gathering
from probe.render.ledger import html, terminal
from probe.render.ledger.words import advice
from probe.render.page.options import RenderOptions
from probe.report.ledger.values import Entry, Ledger
from probe.tlsrpt.keys import Keys
from tests.exchange.diagnosing import SAMPLES
from tests.ledger.month import BEGIN, NOW, arrived, mailed, report
from tests.ledger.test_ledger_join import BAD, series, told
from tests.tlsrpt.mailing import key


def ledger(*paths: Path, of: int = 1) -> Ledger:
    gathering = Gathering(Keys(), NOW)
    gathering.read(paths)
    hosts = [
        series(host=f"s{number}.test", address=f"192.0.2.{100 + number}", direction="to-eop")
        for number in range(of)
    ]
    return gathering.ledger(hosts)


def mbox(path: Path, *mails: bytes) -> Path:
    path.write_bytes(b"".join(b"From x@y.test Fri Nov 20 18:20:11 2026\n" + one + b"\n" for one in mails))
    return path


def test_messages_of_a_mailbox_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mbox(
        tmp_path / "a.mbox",
        *(arrived(0, BEGIN + timedelta(days=n)) for n in range(9, 12)),
        b"Subject: x\n\nHello\n",
    )
    whole = ledger(path)
    assert (len(whole.entries[0].joined), whole.unread) == (3, 0)
    monkeypatch.setattr(gather, "MAX_MESSAGES", 2)
    part = ledger(path)
    assert (len(part.entries[0].joined), part.unread) == (2, 2)
    [problem] = part.problems
    assert (
        str(problem)
        == f"{path}, mail 3: and what follows is beyond the 2 mails of one run, and was left out."
    )


def test_where_to_look_again() -> None:
    def typed(**more: object) -> str:
        one = series(told(BAD, rule="dane-mismatch"), **more)
        return str(advice(Entry(series=one, joined=()))[1])

    assert "--thorough mx:a.test --direction from-eop" in typed(target="mx:a.test")
    assert "--thorough mx1.a.test --direction from-eop" in typed()
    other = series(told(BAD))
    other = other._replace(endpoint=other.endpoint._replace(port=2525))
    assert "--port '2525'" in str(advice(Entry(series=other, joined=()))[1])


def test_an_ndr_in_a_mailbox(tmp_path: Path) -> None:
    record = "{LED=450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]};{MSG=};{FQDN=mx.x.test};{IP=};"
    ndr = f"From: a@b.test\nSubject: Undeliverable\n\n[{record}{{LRT=11/22/2026 6:00:00 PM}}]\n".encode()
    [(word, _)] = ledger(mbox(tmp_path / "a.mbox", ndr)).unjoined
    assert (word.hosts, word.place) == (("mx.x.test",), f"{tmp_path}/a.mbox, mail 1")


def test_one_message_given_twice_is_one_word(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(arrived(0, BEGIN + timedelta(days=9)))
    (tmp_path / "b.eml").write_bytes(path.read_bytes())
    mbox(tmp_path / "c.mbox", path.read_bytes().replace(b"\r\n", b"\n"))
    assert len(ledger(path, tmp_path).entries[0].joined) == 1


def test_a_mail_that_nothing_proves_neither_confirms_nor_contradicts(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(mailed(report(0, 5), key("somebody else")))
    pem = tmp_path / "lab.pem"
    pem.write_bytes(key().pem)
    gathering = Gathering(Keys([pem]), NOW)
    gathering.read([path])
    mx1 = series(host="mx1.d0.test")
    [entry] = gathering.ledger([mx1]).entries
    assert [one.note.text for one in entry.joined if one.note] == [
        "It came in a mail that Microsoft's signature does not prove: anybody can have written it."
    ]


def test_what_is_no_evidence_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\1\2" * 9)
    (tmp_path / "b.txt").write_text(
        "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]", encoding="ascii"
    )
    (tmp_path / "c").symlink_to(tmp_path / "nowhere")
    made = ledger(tmp_path)
    assert len(made.problems) > 1
    assert any("neither of which endpoint nor when" in str(one) for one in made.problems)


def test_files_of_another_kind_and_columns_nobody_documents_are_told(tmp_path: Path) -> None:
    made = ledger(SAMPLES / "get-sendconnector.json")
    assert made.others == 1
    assert "1 file of another kind" in terminal.render(made, RenderOptions())
    path = tmp_path / "validation.json"
    path.write_text('[{"TaskName": "Connect", "IsTaskSuccessful": true}]', encoding="ascii")
    assert "columns that nobody documents" in str(ledger(path).problems[0])


def test_a_file_that_says_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "half.csv").write_text('Date,Event,Detail\n"2026-11-01,Foo', encoding="ascii")
    [problem] = ledger(tmp_path).problems
    assert "half.csv: holds nothing that Microsoft said" in str(problem)
    assert not ledger(Path(__file__).parent / "samples" / "edge1.eml").problems  # it arrived, and is no reply


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    made = ledger(tmp_path / "pipe")
    assert made.unread == 1
    assert "cannot be read" in str(made.problems[0])


def test_a_page_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("nothing", encoding="ascii")
    made = ledger(path, of=30)
    assert "10 more; --verbose shows them" in terminal.render(made, RenderOptions())
    assert "s29.test" in terminal.render(made, RenderOptions(verbose=True))
    monkeypatch.setattr(html, "MAX_TOLD", 4)
    page = html.render(made, RenderOptions())
    assert "26 more stand in the formats json and csv" in page
    assert page.count("s1") < 30


def test_verbose_tells_every_confirmation(tmp_path: Path) -> None:
    path = mbox(tmp_path / "a.mbox", *(arrived(0, BEGIN + timedelta(days=n)) for n in (8, 9)))
    gathering = Gathering(Keys(), NOW)
    gathering.read([path])
    known = series(
        told(), told(begin=6, end=7), host="s0.test", direction="to-eop", variant="sni=a", vantage="far"
    )
    page = terminal.render(gathering.ledger([known], "history"), RenderOptions(verbose=True))
    assert "2026-11-09 to 2026-11-10, 2 days: arrived" in page
    assert "s0.test (192.0.2.1), to-eop, sni=a, seen from far" in page
