"""TLS reports in files, folders, mailboxes and mails: found, proven or supplied, counted once, told where broken."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example
from hypothesis import given as any_of
from hypothesis import strategies as st

from probe.exchange.messages import mbox, parts
from probe.exchange.messages.mail import MAX_DEPTH, MAX_HEADER, MAX_NAMES, MAX_PARTS, is_mail
from probe.exchange.problem import Problems
from probe.exchange.tlsrpt.read import MAX_REPORT_BYTES
from probe.exchange.tlsrpt.report import MICROSOFT as SENDER
from probe.report.tlsrpt import TlsReports
from probe.tlsrpt import files
from probe.tlsrpt.files import Reading
from probe.tlsrpt.keys import Keys
from tests.exchange.compound import compound_file
from tests.tlsrpt.mailing import GOOGLE, MICROSOFT, NAME, SAMPLES, attachment, key, mail, signed

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PACKED = gzip.compress(MICROSOFT, mtime=0)
OTHER = b"From: anna@contoso.com\r\nTo: ben@contoso.com\r\nSubject: lunch\r\n\r\nAt one?\r\n"
FROM = b"From tlsrpt-noreply@microsoft.com Fri Nov 20 18:20:11 2026\n"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    path = tmp_path / "lab.pem"
    path.write_bytes(key().pem)
    return Keys([path])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "given"
    path.mkdir()
    return path


def outlook(attached: bytes) -> bytes:
    return compound_file({"__attach_version1.0_#00000000": {"__substg1.0_37010102": attached}})


def read(keys: Keys, *paths: Path) -> TlsReports:
    reading = Reading(keys, NOW)
    reading.read(paths)
    return reading.result


def given(keys: Keys, folder: Path, data: bytes, name: str = "a") -> TlsReports:
    (folder / name).write_bytes(data)
    return read(keys, folder / name)


def peak(work: Callable[[], object]) -> int:
    """The most bytes that are held at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def told(found: TlsReports) -> list[str]:
    return [one.sentence for one in found.problems]


SOFT = MICROSOFT.replace(b"=", b"=3D").replace(b",", b",=\r\n")
AROUND = {"kind": b"multipart/mixed", "sender": b"contoso.com", "boundary": b"around"}

#: Microsoft's report as it may be given, and whether it is proven.
WAYS: dict[str, tuple[bytes, bool]] = {
    "JSON": (MICROSOFT, False),
    "gzip": (PACKED, False),
    "gzip with a line end": (PACKED + b"\r\n", False),
    "gzip in two pieces": (gzip.compress(MICROSOFT[:700]) + gzip.compress(MICROSOFT[700:]), False),
    "the mail": (signed(), True),
    "the mail, gzipped": (gzip.compress(signed()), True),
    "the mail with lines of Unix": (signed().replace(b"\r\n", b"\n"), True),
    "the mail as a mailbox has it": (FROM + signed().replace(b"\r\n", b"\n"), True),
    "an unsigned mail": (mail(), False),
    "a mail with the JSON itself": (signed(mail(attachment(MICROSOFT, b"application/tlsrpt+json"))), True),
    "a mail with JSON in plain text": (signed(mail(b"Content-Type: text/plain\r\n\r\n" + MICROSOFT)), True),
    "a mail with gzip under another name": (signed(mail(attachment(PACKED, b"application/octet-stream"))), True),
    "quoted-printable": (
        mail(b"Content-Type: application/json\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + SOFT),
        False,
    ),
    "a mail that is nothing else": (
        OTHER.partition(b"\r\n\r\n")[0] + b"\r\n" + attachment(PACKED), False,
    ),
    "the mail in another": (
        mail(b"Content-Type: message/rfc822\r\n\r\n" + signed(), **AROUND), True,
    ),
    "the mail in another, in base64": (
        mail(attachment(signed(), b"message/rfc822"), **AROUND), True,
    ),
    "the mail in another, as a file": (
        mail(attachment(signed(), b'application/octet-stream; name="Report.EML"'), **AROUND), True,
    ),
    "an Outlook file": (outlook(PACKED), False),
    "the mail in an Outlook file": (outlook(signed()), True),
}  # fmt: skip


#: Mails whose makers took liberties; the report is still found.
ODD: dict[str, bytes] = {
    "a boundary in a charset nobody has": mail(boundary=b"b2").replace(
        b'boundary="b2"', b"boundary*=nobody'en'b2"
    ),
    "a name in a charset nobody has": mail(
        attachment(PACKED).replace(b"tlsrpt+gzip", b"x; name*=nobody'en'%ff")
    ),
    "base64 with a digit too many": mail(attachment(PACKED + bytes(2)).replace(b"==", b"A")),
    "a part cut off within its digits": mail(attachment(PACKED + bytes(6))).partition(b"\r\n\r\n--b1--")[0][
        :-3
    ],
    "a boundary that stands nowhere": (
        b"From: a@b.test\r\nTo: c@d.test\r\nSubject: x\r\n"
        b"Content-Type: multipart/report; boundary=b1\r\n\r\n" + MICROSOFT
    ),
    "no part but one without headers": mail(b"\r\n" + MICROSOFT),
    "a part that has a blank line alone": mail(b"\n" + MICROSOFT),
}


PIECES = (
    "boundary", "name", "filename", "report-type", "*", "*0", "*1*", "*0*", "=", '"', "'", "''", ";", "utf-8", "%ff",
    "nobody'en'x", "%", "\\", "a", "(", ",", "*9999999999", "*-1", "é", "\xff", "\0", "\n",
)  # fmt: skip


@any_of(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
@example(pieces=["boundary", "=", "boundary"])
def test_any_type_at_all_is_read(pieces: list[str]) -> None:
    """The library raises for some of them where a text holds surrogates."""
    said = "".join(pieces).encode("latin-1")
    head = (
        b"From: a\r\nTo: b\r\nContent-Type: multipart/mixed; " + said + b"\r\nContent-Disposition: x; " + said
    )
    assert [*parts.parts_of(head + b"\r\n\r\n" + MICROSOFT)]


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_a_mail_that_keeps_to_no_rule(keys: Keys, folder: Path, data: bytes) -> None:
    assert [one.report.organization for one in given(keys, folder, data).received] == [SENDER]


@pytest.mark.parametrize(("data", "proven"), WAYS.values(), ids=WAYS)
def test_the_report_however_it_is_given(keys: Keys, folder: Path, data: bytes, *, proven: bool) -> None:
    found = given(keys, folder, data)
    assert (told(found), found.unread, found.others) == ([], 0, 0)
    (one,) = found.received
    assert (one.report.organization, len(one.report.policies)) == (SENDER, 2)
    assert (one.proof.proven, bool(one.proof.reason)) == (proven, not proven)
    assert one.places[0].removesuffix(", mail 1") == str(folder / "a")


def test_the_same_of_a_mailbox_that_quotes_lines(keys: Keys, folder: Path) -> None:
    """An mbox has ">From " where a body line began so; the signature is of the line as it was."""
    message = signed(mail(attachment(PACKED), b"Content-Type: text/plain\r\n\r\nFrom now on\r\n>From then"))
    quoted = message.replace(b"\nFrom now", b"\n>From now").replace(b"\n>From then", b"\n>>From then")
    found = given(keys, folder, FROM + quoted.replace(b"\r\n", b"\n"))
    assert [one.proof.proven for one in found.received] == [True]
    found = given(keys, folder, FROM + quoted.replace(b"\r\n", b"\n").replace(b"now on", b"never"))
    assert [one.proof.proven for one in found.received] == [False]


#: Mails that do not prove their report, and why.
UNPROVEN: dict[str, tuple[bytes, str]] = {
    "unsigned": (mail(), "The mail has no DKIM signature."),
    "by another key": (signed(by=key("forger")), "The signature of microsoft.com (lab) was not made with this key"),
    "by another domain": (signed(domain=b"fabrikam.com"), "The signature of fabrikam.com (lab) is not Microsoft's."),
    "of a name below": (signed(domain=b"mail.microsoft.com"), "(lab) is not Microsoft's."),
    "of a mail that is no report": (signed(mail(kind=b"multipart/mixed")), "is on a mail that is no TLS report"),
    "of another kind that says so": (
        signed(mail().replace(b"multipart/report", b"multipart/mixed")), "is on a mail that is no TLS report",
    ),
    "of another submitter": (
        signed(mail().replace(b"Submitter: microsoft.com", b"Submitter: fabrikam.com")),
        "does not say it is from microsoft.com",
    ),
    "from another": (
        signed(mail(sender=b"fabrikam.com")), "is on a mail that does not say it is from microsoft.com",
    ),
    "from two": (
        signed().replace(b"From: <", b"From: eve@fabrikam.com, <"), "does not say it is from microsoft.com",
    ),
    "with a second From": (signed().replace(b"From: ", b"From: x@microsoft.com\r\nFrom: "), "needs one field from"),
    "with a changed text": (signed().replace(b"aggregate", b"forged"), "does not fit the body, which was changed."),
    "with a broken signature": (b"DKIM-Signature: v=1\r\n" + mail(), "A DKIM signature lacks a=."),
}  # fmt: skip


@pytest.mark.parametrize(("data", "why"), UNPROVEN.values(), ids=UNPROVEN)
def test_a_mail_that_proves_nothing(keys: Keys, folder: Path, data: bytes, why: str) -> None:
    (one,) = given(keys, folder, data).received
    assert not one.proof.proven
    assert why in one.proof.reason


def test_of_two_signatures_microsofts_counts(keys: Keys, folder: Path) -> None:
    both = signed(signed(), domain=b"contoso.com")
    (one,) = given(keys, folder, both).received
    assert one.proof.proven
    forged = both.replace(b"aggregate", b"forged")
    (one,) = given(keys, folder, forged).received
    assert one.proof.reason.startswith("The signature of microsoft.com (lab) does not fit the body")


class TestOnce:
    def test_mail_and_attachment(self, keys: Keys, folder: Path) -> None:
        (folder / "1.json.gz").write_bytes(PACKED)
        (folder / "2.eml").write_bytes(signed())
        (folder / "3.eml").write_bytes(b"Received: from elsewhere\r\n" + signed())  # replayed
        (one,) = (found := read(keys, folder)).received
        assert one.proof.proven
        assert [Path(place).name for place in one.places] == ["1.json.gz", "2.eml", "3.eml"]
        assert told(found) == []

    def test_what_comes_again_without_its_mail_stays_proven(self, keys: Keys, folder: Path) -> None:
        (folder / "1.eml").write_bytes(signed())
        (folder / "2.json.gz").write_bytes(PACKED)
        (one,) = read(keys, folder).received
        assert (one.proof.proven, len(one.places)) == (True, 2)

    def test_a_forgery_under_the_same_id(self, keys: Keys, folder: Path) -> None:
        (folder / "1.json").write_bytes(MICROSOFT.replace(b'count":2', b'count":60'))
        (folder / "2.eml").write_bytes(signed())
        (one,) = (found := read(keys, folder)).received
        assert one.proof.proven
        (said,) = told(found)
        assert (
            said
            == "'134080000000000000+contoso.com' is the id of another report that is proven, and was left out."
        )
        assert found.problems[0].source.endswith("1.json")

    def test_two_that_differ_and_are_proven_by_nobody(self, keys: Keys, folder: Path) -> None:
        (folder / "1.json").write_bytes(GOOGLE)
        (folder / "2.json").write_bytes(GOOGLE.replace(b":211", b":212"))
        found = read(keys, folder)
        assert len(found.received) == 2
        assert told(found)[0].endswith(f"is the id of another report in {folder}/1.json; both count.")

    def test_two_without_an_id_are_two(self, keys: Keys, folder: Path) -> None:
        without = MICROSOFT.replace(b"134080000000000000+contoso.com", b"")
        (folder / "1.json").write_bytes(without)
        (folder / "2.json").write_bytes(without.replace(b":58", b":59"))
        found = read(keys, folder)
        assert (len(found.received), told(found)) == (2, [])


#: What cannot be read, and what is told of it.
BROKEN: dict[str, tuple[bytes, str]] = {
    "a truncated JSON": (MICROSOFT[:300], "is no JSON"),
    "a truncated gzip": (PACKED[:200], "is cut off where it is compressed, and was not read."),
    "a gzip without its sum": (PACKED[:-8], "is cut off where it is compressed"),
    "a gzip with a wrong sum": (PACKED[:-8] + bytes(8), "is damaged where it is compressed"),
    "a damaged gzip": (PACKED[:60] + b"\xff" * 20 + PACKED[80:], "is damaged where it is compressed"),
    "a bomb": (gzip.compress(bytes(MAX_REPORT_BYTES + 1)), f"unpacks to more than {MAX_REPORT_BYTES:,} bytes"),
    "a mail with a truncated report": (signed(mail(attachment(PACKED[:200]))), "is cut off where it is compressed"),
    "a mail with a bomb": (mail(attachment(gzip.compress(bytes(MAX_REPORT_BYTES + 1)))), "unpacks to more than"),
    "a truncated mail": (signed()[:1500], "is cut off where it is compressed"),
    "a mail cut off before the report": (signed()[:1040], "is the mail of a TLS report, which is not in it."),
    "a mail with a report that is prose": (mail(attachment(b"none today")), "holds a TLS report that is no JSON"),
    "something else": (b"%PDF-1.7", "holds no TLS report."),
    "another mail": (OTHER, "holds no TLS report."),
    "another gzip": (gzip.compress(b"hello"), "holds no TLS report."),
    "another JSON": (b'{"outcome": "accepted"}', "holds no TLS report."),
    "a JSON that has the name of one alone": (b'{"report-id": "1"}', "is no TLS report (RFC 8460)"),
    "a broken Outlook file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an Outlook file"),
    "an Outlook file without any": (compound_file({"__substg1.0_0037001F": b"a\0"}), "holds no TLS report."),
    "nothing": (b"", "holds no TLS report."),
}  # fmt: skip


@pytest.mark.parametrize(("data", "why"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_told_and_takes_nothing_from_others(
    keys: Keys, folder: Path, data: bytes, why: str
) -> None:
    (folder / "good.json").write_bytes(GOOGLE)
    (folder / "bad").write_bytes(data)
    found = read(keys, folder / "bad", folder / "good.json")
    assert [one.report.organization for one in found.received] == ["Google Inc."]
    assert why in told(found)[0]
    assert (found.unread, found.outcome.value) == (1, "unknown")


def test_a_mail_whose_attachment_alone_is_broken_gives_the_other(keys: Keys, folder: Path) -> None:
    found = given(keys, folder, signed(mail(attachment(PACKED[:200]), attachment(PACKED))))
    assert (len(found.received), found.unread) == (1, 1)


class TestFolders:
    def test_a_maildir(self, keys: Keys, folder: Path) -> None:
        for name, data in {
            "cur/1.M1.host:2,S": signed(), "new/2.M2.host": mail(attachment(GOOGLE), sender=b"google.com"),
            "cur/3.M3.host:2,": OTHER, "tmp/4.M4.host": signed()[:900], "dovecot.index": bytes(99),
        }.items():  # fmt: skip
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
        found = read(keys, folder)
        assert [one.proof.proven for one in found.received] == [True, False]
        assert (found.others, found.unread, told(found)) == (2, 0, [])
        assert read(keys, folder / "tmp/4.M4.host").unread == 1  # who names it means it

    def test_an_mbox(self, keys: Keys, folder: Path) -> None:
        cut = signed(mail(attachment(PACKED[:99]))).replace(b"\r\n", b"\n")
        data = b"".join(
            FROM + one.replace(b"\r\n", b"\n") + b"\n"
            for one in (OTHER, signed(), cut, mail(attachment(GOOGLE)))
        )
        found = given(keys, folder, data)
        assert [one.places[0].removeprefix(str(folder)) for one in found.received] == [
            "/a, mail 2",
            "/a, mail 4",
        ]
        assert (found.others, found.unread) == (1, 1)
        assert [one.source.removeprefix(str(folder)) for one in found.problems] == ["/a, mail 3"]

    def test_an_mbox_without_any(self, keys: Keys, folder: Path) -> None:
        assert told(given(keys, folder, FROM + OTHER)) == ["holds no TLS report."]

    def test_a_packed_mbox(self, keys: Keys, folder: Path) -> None:
        assert len(given(keys, folder, gzip.compress(FROM + signed())).received) == 1

    def test_other_files_of_a_folder_are_counted(self, keys: Keys, folder: Path) -> None:
        for number, data in enumerate((GOOGLE, b"x", PACKED[:99], bytes(mbox.MAX_MAIL_BYTES + 1))):
            (folder / str(number)).write_bytes(data)
        (folder / NAME.decode()).write_bytes(PACKED[:99])  # its name says what it would be
        found = read(keys, folder)
        assert (len(found.received), found.others, found.unread) == (1, 3, 1)
        assert found.problems[0].source.endswith(NAME.decode())

    def test_a_name_tells_the_domain_of_a_policy_that_has_none(self, keys: Keys, folder: Path) -> None:
        text = b'{"policies": [{"policy": {"policy-type": "no-policy-found"}, "summary": {}}]}'
        (one,) = given(keys, folder, text, NAME.decode()).received
        assert one.report.policies[0].domain == "contoso.com"
        (one,) = given(
            keys, folder, mail(attachment(text, name=b"fabrikam.com!a.test!1!2.json"), about=b"")
        ).received
        assert one.report.policies[0].domain == "a.test"
        (one,) = given(keys, folder, mail(attachment(text), about=b"B.test")).received
        assert one.report.policies[0].domain == "b.test"

    def test_what_is_no_file(self, keys: Keys, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        assert told(read(keys, folder / "pipe")) == ["cannot be read: it is a pipe, not a file."]


class TestBounds:
    """Each is reached, and passed once."""

    def test_the_size_of_a_file(self, keys: Keys, folder: Path) -> None:
        fits = signed() + b"\n" * (mbox.MAX_MAIL_BYTES - len(signed()))
        assert len(given(keys, folder, fits).received) == 1
        assert told(given(keys, folder, fits + b"\n")) == [
            f"is larger than {mbox.MAX_MAIL_BYTES} bytes, and was not read."
        ]
        os.truncate(folder / "a", 8 * mbox.MAX_MAIL_BYTES)
        assert peak(lambda: read(keys, folder / "a")) < 4 * mbox.MAX_MAIL_BYTES

    def test_the_size_of_a_mail_of_an_mbox(self, keys: Keys, folder: Path) -> None:
        large = OTHER + (b"x" * 76 + b"\n") * (mbox.MAX_MAIL_BYTES // 76) + b"\n"
        found = given(keys, folder, FROM + large + FROM + signed())
        assert (len(found.received), found.unread) == (1, 1)
        assert found.problems[0].source.endswith("a, mail 1")
        found = given(keys, folder, FROM + signed() + b"\n" + FROM + large)
        assert (len(found.received), found.unread) == (1, 1)

    def test_a_line_of_an_mbox_is_taken_in_pieces(self, keys: Keys, folder: Path) -> None:
        long = (
            b"X-Long: "
            + b"x" * (files.MAX_LINE_BYTES // 2)
            + b"\n"
            + OTHER
            + b"y" * (2 * files.MAX_LINE_BYTES)
            + b"\n\n"
        )
        assert len(given(keys, folder, FROM + long + FROM + signed()).received) == 1
        with (folder / "b").open("wb") as file:
            file.write(FROM + OTHER)
            file.seek(8 * mbox.MAX_MAIL_BYTES)  # what is between takes no room on a disk
            file.write(b"\n\n" + FROM + signed())
        assert peak(lambda: read(keys, folder / "b")) < 4 * mbox.MAX_MAIL_BYTES
        found = read(keys, folder / "b")
        assert (len(found.received), found.unread) == (1, 1)

    def test_reports_of_a_run(self, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "MAX_REPORTS", 2)
        names = ("google", "mail.ru", "microsoft")
        found = read(keys, *(SAMPLES / f"{name}.json" for name in names))
        assert (len(found.received), found.unread) == (2, 1)
        assert told(found) == ["is beyond the 2 reports of one run, and was left out."]

    @pytest.mark.parametrize(("bound", "most"), [("MAX_ENTRIES", 40), ("MAX_BYTES", len(MICROSOFT))])
    def test_what_one_run_reads(
        self, keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
    ) -> None:
        """One that takes all there is, one more of a mail of many, and what comes after that."""
        failures = b",".join([b'{"result-type": "starttls-not-supported", "failed-session-count": 1}'] * 41)
        large = gzip.compress(
            b'{"policies": [{"policy": {"policy-type": "sts"}, "failure-details": [' + failures + b"]}]}"
        )
        (folder / "1").write_bytes(mail(attachment(PACKED), attachment(large), attachment(GOOGLE)))
        (folder / "2").write_bytes(GOOGLE)
        assert len(read(keys, folder).received) == 3
        monkeypatch.setattr(files, bound, most)
        found = read(keys, folder)
        assert [len(one.report.policies) for one in found.received] == [2, 1]
        beyond = [one for one in told(found) if one.startswith("is beyond what is read in one run (")]
        assert (found.unread, len(beyond)) == (2, 2)

    def test_problems_that_are_told(self, keys: Keys, folder: Path) -> None:
        """Each mail of an mbox may have some."""
        empty = FROM + b"From: a\nTLS-Report-Domain: a.test\n\n\n"
        most = files.MAX_PROBLEMS
        assert len(told(given(keys, folder, empty * most))) == most
        found = given(keys, folder, empty * (most + 9))
        assert (len(found.problems), found.unread) == (most + 1, most + 9)
        assert told(found)[-1] == "has, as others may, further problems: 1,000 of one run are listed."

    def test_parts_of_a_mail(self) -> None:
        """The mail is one itself, and so is each that has parts."""
        head, part = b"From: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n", b"--x\r\n\r\nword\r\n"
        assert len([*parts.parts_of(head + part * (MAX_PARTS + 9))]) == MAX_PARTS - 1
        many = head + part * (200 * MAX_PARTS)
        assert peak(lambda: [*parts.parts_of(many)]) < 4 * len(many)

    def test_mails_inside_one_another(self, keys: Keys, folder: Path) -> None:
        around = b"From: a\r\nTo: b\r\nContent-Type: message/rfc822\r\n\r\n"
        assert len(given(keys, folder, around * MAX_DEPTH + signed()).received) == 1
        assert told(given(keys, folder, around * (MAX_DEPTH + 1) + signed())) == ["holds no TLS report."]

    def test_a_field_of_a_part(self) -> None:
        for more, name in ((-len("; name=a"), "a"), (0, "")):
            kind = b"a/b; c=".ljust(MAX_HEADER + more, b"d") + b"; name=a"
            (one,) = parts.parts_of(b"From: a\r\nContent-Type: " + kind + b"\r\n\r\n")
            assert one.name == name

    def test_headers_of_a_mail(self, keys: Keys, folder: Path) -> None:
        begin, padding = b"Received: a\r\nReturn-Path: b\r\n", b"X-A: " + b"b" * 990 + b"\r\n"
        most = parts.MAX_HEADER_BYTES // len(padding)
        assert given(keys, folder, begin + padding * (most - 9) + signed()).received[0].proof.proven
        assert told(given(keys, folder, begin + padding * (most + 9) + signed())) == ["holds no TLS report."]

    def test_names_by_which_a_mail_is_known(self) -> None:
        """A mail that came through Exchange Online has more headers than are looked at."""
        more = b"".join(b"X-MS-%d: a\r\n" % number for number in range(MAX_NAMES))
        assert is_mail(b"From: a\r\nReceived: b\r\n" + more + OTHER)
        assert not is_mail(more + OTHER)

    def test_a_defect_of_ours_costs_one_file(self, keys: Keys) -> None:
        class Broken(io.BytesIO):
            def readline(self, size: int | None = -1, /) -> bytes:
                raise ZeroDivisionError(str(size))

        reading = Reading(keys, NOW)
        reading.take(Broken(FROM + OTHER), Problems("x"))
        reading.read([SAMPLES / "google.json"])
        assert (len(reading.result.received), reading.result.unread) == (1, 1)
        assert "please report it: ZeroDivisionError: " in told(reading.result)[0]
