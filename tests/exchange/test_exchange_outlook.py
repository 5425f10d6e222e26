"""Mails as Outlook saves them (.msg): bodies, a report's diagnosis with its recipients, attached mails, damage."""

from __future__ import annotations

import base64
import time

import pytest

from probe.exchange.messages.outlook import MAX_STREAMS
from probe.exchange.messages.read import readable
from probe.exchange.problem import Problems
from probe.exchange.replies.recognise import explain_text
from tests.exchange.compound import Tree, compound_file

REPLY = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot] [LastAttemptedIP=203.0.113.9:25]"
SAID = f"mx.northwind.com returned '{REPLY}'"
MAIL = (
    b"From: a@northwind.com\r\nTo: b@contoso.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(SAID.encode())
)


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def message(**more: bytes | Tree) -> Tree:
    return {"__substg1.0_0037001F": wide("Unzustellbar: Größe"), "__properties_version1.0": bytes(64), **more}


def stream(number: str, data: bytes) -> dict[str, bytes | Tree]:
    return {f"__substg1.0_{number}": data}


SAVED: dict[str, Tree] = {
    "a body": message(**stream("1000001F", wide(SAID))),
    "a long body": message(**stream("1000001F", wide(SAID + "\r\n" + "and so on\r\n" * 900))),
    "an ANSI body": message(**stream("1000001E", SAID.encode())),
    "HTML alone": message(**stream("10130102", f"<html><body><p>{SAID}</p></body></html>".encode())),
    "a report": message(**{"__recip_version1.0_#00000000": stream("0C1B001F", wide(SAID))}),
    "the second recipient's": message(
        **{
            "__recip_version1.0_#00000000": stream("3001001F", wide("Anna")),
            "__recip_version1.0_#00000001": stream("0C1B001E", SAID.encode()),
        }
    ),
    "a report's text": message(**{"__recip_version1.0_#00000000": stream("1001001F", wide(SAID))}),
    "an attached mail": message(
        **{"__attach_version1.0_#00000000": {"__substg1.0_3701000D": message(**stream("1000001F", wide(SAID)))}}
    ),
    "an attached .eml": message(**{"__attach_version1.0_#00000000": stream("37010102", MAIL)}),
}  # fmt: skip


@pytest.mark.parametrize("tree", SAVED.values(), ids=SAVED)
def test_the_reply_is_found_wherever_outlook_keeps_it(tree: Tree) -> None:
    problems = Problems("a.msg")
    text = readable(compound_file(tree), problems)
    assert problems.found == ()
    assert "Unzustellbar: Größe" in text
    (found,) = explain_text(text)
    assert (found.entry.id, found.reply) == ("from-eop-untrusted-root", REPLY)


def test_an_attached_picture_is_no_text() -> None:
    tree = message(**{"__attach_version1.0_#00000000": stream("37010102", b"\x89PNG" + bytes(9_000))})
    assert readable(compound_file(tree), Problems("a.msg")) == "Unzustellbar: Größe"


@pytest.mark.parametrize("tree", [{}, {"__substg1.0_10090102": b"RTF"}], ids=["empty", "RTF alone"])
def test_a_file_without_a_text_says_so(tree: Tree) -> None:
    problems = Problems("a.msg")
    assert readable(compound_file(tree), problems) == ""
    assert "without a text that can be read; paste its text" in str(problems.found[0])


def damaged(place: int, value: bytes) -> bytes:
    data = bytearray(compound_file(SAVED["a long body"]))
    data[place : place + len(value)] = value
    return bytes(data)


DAMAGED = {
    "a head alone": compound_file(SAVED["a body"])[:512],
    "cut in two": compound_file(SAVED["a long body"])[:9_000],
    "no byte order": damaged(28, b"\0\0"),
    "huge sectors": damaged(30, b"\xff\xff"),
    "no directory": damaged(48, b"\xf0\xff\xff\x7f"),
    "a FAT elsewhere": damaged(76, b"\xff\xff\xff\x0f"),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_one_sentence(data: bytes) -> None:
    problems = Problems("a.msg")
    readable(data, problems)
    assert len(problems.found) == 1
    assert "is an Outlook file" in str(problems.found[0])


def test_every_single_byte_of_the_head_may_be_wrong() -> None:
    whole = compound_file(SAVED["a report"])
    for place in range(8, 96):
        for value in (0, 1, 0x7F, 0xFF):
            data = whole[:place] + bytes([value]) + whole[place + 1 :]
            assert isinstance(readable(data, Problems("a.msg")), str)


def test_a_chain_that_never_ends_does() -> None:
    data = bytearray(compound_file(SAVED["a long body"]))
    fat = data.rindex(b"\x01\0\0\0\x02\0\0\0\x03\0\0\0")
    data[fat : fat + 8] = b"\0\0\0\0\0\0\0\0"  # the first sector follows itself
    started = time.process_time()
    assert isinstance(readable(bytes(data), Problems("a.msg")), str)
    assert time.process_time() - started < 3


def test_streams_are_bounded() -> None:
    many: Tree = {
        f"__recip_version1.0_#{n:08X}": stream("0C1B001F", wide(f"number {n}.")) for n in range(MAX_STREAMS // 2 + 500)
    }  # fmt: skip
    started = time.process_time()
    text = readable(compound_file(many), Problems("a.msg"))
    assert time.process_time() - started < 10
    assert text.count("number") <= MAX_STREAMS


def test_streams_that_are_one_anothers_are_refused() -> None:
    recipients: Tree = {f"__recip_version1.0_#{n:08X}": stream("0C1B0102", b"b") for n in range(20)}
    data = bytearray(compound_file(message(**stream("10000102", b"a" * 8_000), **recipients)))
    where = data.index(wide("10000102")) + 92  # of an entry: where it begins, and its size
    at = 0
    while (at := data.find(wide("0C1B0102"), at + 1)) >= 0:
        data[at + 92 : at + 104] = data[where : where + 12]
    problems = Problems("a.msg")
    assert readable(bytes(data), problems) == ""
    assert "is an Outlook file that cannot be read" in str(problems.found[0])
