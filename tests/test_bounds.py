"""Bounds that no other test meets: each is reached and passed once. `docs/limits.md` names the test of every bound."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.message import Message
from inspect import signature
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from probe.check import names as names_of_a_run
from probe.check.options import CheckOptions
from probe.cli.fleet import writer
from probe.cli.listen import inputs
from probe.cli.output import Format, ReportOutput
from probe.diagnosis import refusals, run
from probe.errors import StoreError, TargetError
from probe.evidence_files import read_sessions, session_lines
from probe.exchange.exports import clixml, format_list, json_text, read, record, tables
from probe.exchange.exports.decoding import MAX_EXPORT_BYTES
from probe.exchange.logs import certificate as log_certificate
from probe.exchange.logs import excerpt, session
from probe.exchange.logs.reader import LogReader
from probe.exchange.messages import mail, markup, outlook
from probe.exchange.messages.read import readable
from probe.exchange.problem import MAX_QUOTE, Problems, quoted
from probe.exchange.replies import last_error, mentions, segments, shown
from probe.fleet import summary
from probe.fleet.run import Result
from probe.fleet.tally import Tally
from probe.history import recorder, spool
from probe.net import http, observe, target, tls_messages
from probe.net import revocation as net_revocation
from probe.net.clock import monotonic
from probe.net.request import TIMEOUT_S, ProbeRequest
from probe.pki import ber, der, memory, names, pfx, revocation
from probe.pki.revocation_status import RevocationSource
from probe.report import failed, reader
from probe.report.failed import failed as defect
from probe.stores import update
from tests.authority import Authority
from tests.eop.weighing import evidence
from tests.exchange.compound import compound_file
from tests.exchange.diagnosing import DENIED, HEADER, NEW_PRIVATE
from tests.exchange.diagnosing import mail as message
from tests.exchange.diagnosing import session as rows
from tests.net.scripted import LEAF, NOW, Peer, ScriptedServer
from tests.net.test_net_starttls import against
from tests.pki.judging import read as parsed
from tests.revoking import ocsp_response
from tests.rootlist import oid, tlv

MARK = 20
"""Characters that say how much was cut."""


# ---- logs and their diagnosis


def logged(tmp_path: Path, text: str) -> tuple[Path, session.LogSession]:
    path = tmp_path / "a.log"
    path.write_text(HEADER + text, encoding="utf-8")
    [found] = read_sessions(LogReader(), [path], [])
    return path, found


def test_proof_of_a_refusal(tmp_path: Path) -> None:
    path, found = logged(tmp_path, rows(NEW_PRIVATE, *message(DENIED) * 200))
    assert len(session_lines(path, {found.id}, refusals.MAX_LINES)[found.id]) == refusals.MAX_LINES
    book = refusals.Refusals()
    book.add(found)
    [proven] = run._proven(book.groups, [path])
    assert 0 < len(proven.lines) < 200  # those of its first rows
    [group] = refusals.with_texts((), [("a.txt", DENIED)] * (refusals.MAX_TEXTS + 5), [])
    assert len(group.texts) == refusals.MAX_TEXTS
    book = refusals.Refusals()
    for number in range(refusals.MAX_MESSAGES + 50):
        book.add(replace(found, message_ids=(f"<{number}@contoso.com>",)))
    assert len(book.groups[0].messages) == refusals.MAX_MESSAGES


def test_replies_of_a_session(tmp_path: Path) -> None:
    _, found = logged(tmp_path, rows(None, (">", "NOOP"), ("<", "250 " + "x" * 5000)))
    assert max(len(one.text) for one in found.replies) <= session._MAX_REPLY + MARK


def test_commands_that_wait_for_a_reply() -> None:
    builder = session.SessionBuilder(
        begun=[], last=[], source="", kind=session.LogKind.SEND, reader=lambda _: None
    )
    for _ in range(session.MAX_PIPELINE + 5):
        builder.consume(["", "", "", "", "", "", ">", "RCPT TO:<a@b>", ""])
    assert len(builder.commands) == session.MAX_PIPELINE


def test_names_of_a_certificate_line() -> None:
    assert len(log_certificate._names("a;" * 1000)) == log_certificate.MAX_NAMES
    assert len(list(log_certificate._cuts("CN=a " * 1000))) <= log_certificate.MAX_NAMES


def test_lines_of_a_broken_row() -> None:
    text = "2026-11-20T12:00:00.000Z,a\n" + "b\n" * 100
    found, rest = excerpt.split_log(text)
    assert found.strip().count("b") == excerpt._MAX_BROKEN - 1
    assert rest.count("b") == 100 - (excerpt._MAX_BROKEN - 1)


# ---- exports


def test_characters_of_a_line() -> None:
    lines = format_list.TextLines("x" * (format_list.MAX_LINE + 5) + "\nSubject : CN=a\n")
    assert [len(line) for line in lines] == [format_list.MAX_LINE, 14, 0]


def test_bytes_of_an_export() -> None:
    row = b"2026-11-20T12:00:00.000Z is no log\n"
    for size, refused in ((MAX_EXPORT_BYTES, False), (MAX_EXPORT_BYTES + 1, True)):
        found = read.read("x", row + b" " * (size - len(row)))
        assert ("is larger than" in str(found.problems)) is refused


def test_characters_of_a_csv_row() -> None:
    """In cells so short that the library's own bound on one is not met."""
    row = "x," * (tables.MAX_ROW // 2 + 5)
    problems = Problems("x")
    tables.read_csv(f"Thumbprint,Services\n{'A' * 40},SMTP\n{row}\n", problems)
    assert f"a row has more than {tables.MAX_ROW} characters" in str(problems.found)


def test_a_record_of_json() -> None:
    long = {"Thumbprint": "A" * 40, "Subject": "x" * (3 * json_text.MAX_RECORD)}
    problems = Problems("x")
    assert json_text.read_json(json.dumps(long), problems) == []
    assert "characters" in problems.found[0].sentence


def test_fields_of_a_file() -> None:
    """Of small records and wide ones, in arrays that nobody closed; what began in time is read to its end."""
    many = json.dumps([{f"f{n}": n for n in range(100)}] * (record.MAX_FIELDS // 100 - 50))
    wide = json.dumps([{f"f{n}": n for n in range(60_000)}])
    problems = Problems("x")
    found = json_text.read_json(f"{many[:-1]},{wide[:-1]},{wide[1:-1]},", problems)
    assert sum(len(one.fields) for one in found) == record.MAX_FIELDS - 5_000 + 60_000
    assert f"more than {record.MAX_FIELDS} fields" in problems.found[0].sentence


def test_characters_of_a_list() -> None:
    assert record.split_list("a" * record.MAX_LIST) == (["a" * record.MAX_LIST], False)
    assert record.split_list("a" * (record.MAX_LIST + 5)) == (["a" * record.MAX_LIST], True)


def test_certificates_of_a_pem_file() -> None:
    block = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    assert len(read._read_x509(block * (read.MAX_CERTIFICATES + 5), Problems("x"))) == read.MAX_CERTIFICATES


def test_columns_of_a_table() -> None:
    rule = " ".join(["--"] * tables.MAX_COLUMNS)
    assert len(tables._columns(rule)) == tables.MAX_COLUMNS
    assert tables._columns(f"{rule} --") == []


# ---- messages and replies


def test_mails_inside_one_another() -> None:
    def nested(depth: int) -> str:
        head = b"From: a@contoso.com\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
        inside = head + b"Content-Type: message/rfc822\r\n\r\n"
        return readable(inside * depth + head + b"\r\nat the bottom\r\n", Problems("x"))

    assert "at the bottom" in nested(mail.MAX_DEPTH - 1)
    assert "at the bottom" not in nested(mail.MAX_DEPTH + 1)


def test_parts_of_a_mail() -> None:
    part = b"--x\r\nContent-Type: text/plain\r\n\r\nword\r\n"
    head = b"From: a@contoso.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    text = readable(head + part * (mail.MAX_PARTS + 50) + b"--x--\r\n", Problems("x"))
    assert text.count("word") == mail.MAX_PARTS - 1  # the mail itself is one


def test_a_subject() -> None:
    part = Message()
    part["Subject"] = "x" * 50_000
    assert len(mail._subject(part)) == mail.MAX_HEADER


def test_lines_of_a_mail() -> None:
    data = b"From: a@contoso.com\r\nMIME-Version: 1.0\r\n\r\n" + b"x\r\n" * (mail.MAX_LINES + 50)
    assert readable(data, Problems("x")).count("x") == mail.MAX_LINES - 3


def test_a_tag() -> None:
    for size, stays in ((markup.MAX_TAG - 10, False), (markup.MAX_TAG + 10, True)):
        assert ("<p" in markup.text_of_markup("a<p " + "x" * size + ">b")) is stays


def test_a_quotation() -> None:
    assert len(quoted("x" * 5000)) <= MAX_QUOTE + MARK


def test_a_last_error() -> None:
    late = last_error.read_last_error("{LED=a" + " " * last_error.MAX_RECORD + "};{MSG=late}")
    near = last_error.read_last_error("{LED=a};{MSG=near}")
    assert late is not None
    assert near is not None
    assert (late.message, near.message) == ("", "near")
    assert len(last_error.bracketed("[a=1]" * 100)) == last_error.MAX_ITEMS


def test_matches_of_a_phrase() -> None:
    one = "Send connector Relay: Message delivery was not successful. "
    assert len(mentions.mentions_in(one)) == 1
    assert len(mentions.mentions_in(one * (mentions.MAX_MATCHES + 5))) == mentions.MAX_MATCHES


def test_a_reply() -> None:
    [found] = segments.segments("550 5.7.1 " + "x" * 5000)
    assert found.end - found.start == segments.MAX_REPLY
    assert len(shown.shown("x" * 5000)) <= shown.MAX_SHOWN + MARK


# ---- certificates


def test_attributes_of_a_name() -> None:
    part = tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(0x0C, b"x")))
    assert len(names.Name(tlv(0x30, part * names.MAX_ATTRIBUTES)).rdns) == names.MAX_ATTRIBUTES
    assert names.Name(tlv(0x30, part * (names.MAX_ATTRIBUTES + 1))).rdns == ()


def test_an_object_identifier() -> None:
    for size, good in ((der.MAX_OID_BYTES, True), (der.MAX_OID_BYTES + 1, False)):
        element = der.read(tlv(6, b"\xff" * (size - 1) + b"\x7f"))
        if good:
            assert der.oid(element).startswith("2.")
        else:
            with pytest.raises(der.DerError, match="malformed"):
                der.oid(element)


def test_elements_and_pieces_inside_each_other() -> None:
    def nested(depth: int) -> bytes:
        return b"\x24\x80" * depth + b"\x04\x01x" + b"\0\0" * depth

    element, _ = ber.Walk().read(nested(ber.MAX_DEPTH))
    assert ber.Walk().octets(element) == b"x"
    with pytest.raises(der.DerError, match="inside each other"):
        ber.Walk().read(nested(ber.MAX_DEPTH + 1))


def test_elements_of_a_file() -> None:
    def several(count: int) -> list[der.Element]:
        walk = ber.Walk()
        return walk.children(walk.read(tlv(0x30, tlv(5) * count))[0])

    assert len(several(ber.MAX_ELEMENTS - 1)) == ber.MAX_ELEMENTS - 1
    with pytest.raises(der.DerError, match="elements"):
        several(ber.MAX_ELEMENTS)


def test_bags_inside_each_other() -> None:
    def nested(depth: int) -> bytes:
        bag = b""
        for _ in range(depth):
            bag = tlv(0x30, tlv(0x30, oid("1.2.840.113549.1.12.10.1.6"), tlv(0xA0, bag or tlv(0x30))))
        return bag

    file = pfx._File(ber.Walk(), None, None)  # type: ignore[arg-type]  # nothing is encrypted
    file._bags(der.read(nested(pfx._MAX_NESTING)))
    with pytest.raises(der.DerError, match="bags more than"):
        file._bags(der.read(nested(pfx._MAX_NESTING + 1)))


CA = Authority(now=NOW, name="bounds")
OCSP_SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING


def test_certificates_of_an_ocsp_response() -> None:
    root = CA.root()
    leaf = CA.leaf(root)
    signer = CA.leaf(root, "ocsp", names=(), eku=(OCSP_SIGNING,))
    for others, standing in ((revocation.MAX_RESPONDERS - 1, "GOOD"), (revocation.MAX_RESPONDERS, "UNKNOWN")):
        data = ocsp_response(leaf, root, NOW, signer=signer, embedded=(*[leaf] * others, signer))
        assert revocation.judge_ocsp(data, parsed(leaf), parsed(root), NOW).standing.name == standing


def test_certificates_that_are_remembered() -> None:
    known = memory.Memory()
    for number in range(3 * memory.MAX_CERTIFICATES):
        known.parse(b"junk %d" % number)
    assert len(known._certificates) <= 2 * memory.MAX_CERTIFICATES


def test_names_and_chains_that_are_remembered() -> None:
    known = memory.Memory()
    kept: tuple[Any, ...] = (known._names, known._chains, known._examples)
    for each in kept:
        for number in range(3 * memory.MAX_CHAINS):
            each[number] = ()
        assert len(each) <= 2 * memory.MAX_CHAINS


# ---- reports and defects


def test_what_a_reported_capture_holds() -> None:
    long = {"presented_chain": [{"sha1": "a"}] * 100}
    assert len(reader.read_captures("x", json.dumps(long).encode())[0].thumbprints) == reader._MAX_CHAIN
    late = b"{} " * (reader.MAX_OBJECTS + 1) + json.dumps(long).encode()
    assert reader.read_captures("x", late) == ()


def test_the_words_of_a_defect() -> None:
    with failed.Guard() as guard:
        raise RuntimeError("x" * 5000)
    assert guard.failure.count("x") <= failed.MAX_WORDS


# ---- the network


def test_a_host_name_and_a_target() -> None:
    assert target.parse_target("a." * 124 + "test").host
    for text, words in (("a." * 125 + "test", "253 characters"), ("x" * 1001, "1000 characters")):
        with pytest.raises(TargetError, match=words):
            target.parse_target(text)


def test_a_server_that_stays_is_left(tmp_path: Path) -> None:
    """It asks for a certificate, gets none, says no word on that (nor of sessions), and does not close."""
    pem = tmp_path / "server.pem"
    pem.write_text(LEAF.key_pem + LEAF.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0

    def silent(peer: Peer) -> None:
        peer.to_starttls()
        with context.wrap_socket(peer.socket, server_side=True) as tls:
            while tls.recv(65_536):
                pass

    began = monotonic()
    found = against(silent, timeout_s=60.0)
    assert found.fault is None
    assert found.tls is not None
    assert observe.LINGER_S <= monotonic() - began < 50


def test_bytes_of_a_certificate_message() -> None:
    """What OpenSSL shows of a message of TLS; it has a bound of its own, below this one."""

    class Shows:
        def buffer(self, data: object, size: int) -> bytes:
            return bytes(data)[:size]  # type: ignore[call-overload]  # bytes are what is given below

        def callback(self, _signature: str, function: Callable[..., None]) -> Callable[..., None]:
            return function

    note: Any = tls_messages._callback(Shows())
    for size, kept in (
        (tls_messages.CERTIFICATE_MESSAGE_BYTES, True),
        (tls_messages.CERTIFICATE_MESSAGE_BYTES + 1, False),
    ):
        note(0, 0x0304, 22, b"\x0b" + bytes(size - 1), size, None, None)
        assert (tls_messages.take() is not None) is kept


def test_what_is_taken_where_nothing_is_said() -> None:
    """Other tests meet these bounds with smaller values."""
    asked = ProbeRequest(host="a.test", address="192.0.2.1", port=25, sni=None)
    assert asked.timeout_s == CheckOptions(stores=lambda: ()).timeout_s == TIMEOUT_S
    assert http.Reach().timeout_s == http.TIMEOUT_S
    limits = inputs.AtOnce().limits()
    assert (limits.idle_s, limits.total_s) == (inputs.IDLE_S, inputs.TOTAL_S)
    taken = {one.name: one.default for one in signature(update.fetch).parameters.values()}
    assert taken["limit"] == update.MAX_DOWNLOAD_BYTES
    assert (taken["seconds"], taken["silence"]) == (update.DOWNLOAD_SECONDS, update.SILENCE_SECONDS)
    kept = recorder.Bounds()
    assert (kept.queue, kept.flush_s) == (recorder.MAX_QUEUE, recorder.FLUSH_S)
    assert (kept.spool_bytes, kept.spool_files) == (spool.MAX_BYTES, spool.MAX_FILES)


def test_bytes_of_answers_about_revocation() -> None:
    root, at = CA.root(), NOW
    big = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"

    def answering(size: int) -> Callable[[Peer], None]:
        def answer(peer: Peer) -> None:
            peer.socket.recv(65_536)
            peer.say_in_pieces((big % size, *[bytes(65_536)] * (size // 65_536 + 1)))
            peer.hold()

        return answer

    for source, size in (
        (RevocationSource.OCSP, net_revocation.MAX_OCSP_BYTES),
        (RevocationSource.CRL, net_revocation.MAX_CRL_BYTES),
    ):
        with ScriptedServer(answering(size + 1)) as server:
            asker = net_revocation._Asking(at, http.Reach(allow_private=True))
            found = asker._asked(
                source, f"http://127.0.0.1:{server.port}/x", parsed(CA.leaf(root)), parsed(root)
            )
        assert "is larger than" in found.detail


def test_names_asked_about_and_kept() -> None:
    """As many as the bound meet at a barrier; with one thread less it would be waited at in vain."""
    together = Barrier(names_of_a_run.MAX_THREADS)
    answers: list[object] = []

    async def ask() -> names_of_a_run.Names:
        asked, done = names_of_a_run.Names(asyncio.get_running_loop()), asyncio.Event()

        def answered(answer: object) -> None:
            answers.append(answer)
            if len(answers) == 2 * names_of_a_run.MAX_THREADS:
                done.set()

        for number in range(2 * names_of_a_run.MAX_THREADS):
            asked.ask(number, lambda: together.wait(60), answered)
        await done.wait()
        for number in range(names_of_a_run.MAX_KEPT + 5):
            asked._answered(-number - 1, None)
        asked.close()
        return asked

    asked = asyncio.run(ask())
    assert not [each for each in answers if isinstance(each, Exception)]
    assert asked._threads == names_of_a_run.MAX_THREADS
    assert len(asked._kept) == names_of_a_run.MAX_KEPT


def test_a_silent_download() -> None:
    with (
        ScriptedServer(Peer.hold) as server,
        pytest.raises(StoreError, match=r"takes longer|cannot be fetched"),
    ):
        update.fetch(f"http://127.0.0.1:{server.port}/x", seconds=20.0, silence=0.2)


def test_a_stream_of_an_outlook_file() -> None:
    """An attached mail with a picture, and a text after it."""
    part = "\r\n--x\r\nContent-Type: {}\r\n\r\n"
    head = "From: a@contoso.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n"
    before, after = head + part.format("image/png"), part.format("text/plain") + "late\r\n--x--\r\n"
    lines = (outlook.MAX_STREAM_BYTES - len(before + after)) // 1000
    for count, seen in ((lines, True), (lines + 2, False)):
        saved = before + ("x" * 998 + "\r\n") * count + after
        text = outlook.text_of_outlook_mail(compound_file({"__substg1.0_37010102": saved.encode()}))
        assert ("late" in (text or "")) is seen


def test_streams_of_an_outlook_file() -> None:
    one = {"__substg1.0_0C1B001F": "<text>".encode("utf-16-le")}
    some = {f"__recip_version1.0_#{number:08X}": one for number in range(50)}
    tree = {f"__attach_version1.0_#{number:08X}": some for number in range(outlook.MAX_STREAMS // 50 + 1)}
    text = outlook.text_of_outlook_mail(compound_file(tree))
    assert text is not None
    assert text.count("<") == outlook.MAX_STREAMS


# ---- fleets


@pytest.mark.parametrize("limit", [summary.MAX_ISSUERS, summary.MAX_CERTIFICATES])
def test_what_a_fleet_counts(limit: int) -> None:
    tally = Tally(limit)
    for number in range(limit):
        tally.add(str(number), "here")
    assert (len(tally), tally.exact) == (limit, True)
    for number in range(3 * limit):
        tally.add(f"more {number}", "here")
    assert len(tally) <= limit
    assert not tally.exact


def test_what_a_summary_of_a_fleet_holds() -> None:
    counted = summary.Summary()
    assert counted._issuers._limit == summary.MAX_ISSUERS
    assert counted._certificates._limit == summary.MAX_CERTIFICATES
    for soonest in (counted._expiries, counted._changes):
        for number in range(100):
            soonest.add(NOW + timedelta(days=number), "expires", "here")
        assert len(soonest.ordered()) == summary.MAX_LINES


def test_endpoints_of_a_report_that_is_one_document() -> None:
    held = writer.Writer(ReportOutput(Format.NAGIOS))
    told = defect("RuntimeError", "mail.contoso.test", evidence(), NOW)
    for number in range(writer.MAX_HELD + 5):
        held.add(Result((number, 0), told, {}, last=True))
    assert (len(held._held), held._left_out) == (writer.MAX_HELD, 5)


def test_characters_of_an_element_of_clixml() -> None:
    builder = clixml._Builder()
    builder.parse(f"<Objs><S>{'x' * 8 * clixml.MAX_CHARACTERS}</S></Objs>")
    assert len(builder.done[0].characters) < clixml.MAX_CHARACTERS + clixml._PIECE


def test_labels_of_a_record() -> None:
    text = "".join(f"Label{n} : a\n" for n in range(3 * format_list._MAX_LABELS))
    found = format_list.read_lists(format_list.TextLines(text), Problems("x"))
    assert max(len(one.fields) for one in found) <= format_list._MAX_LABELS
