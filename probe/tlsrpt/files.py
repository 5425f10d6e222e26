"""TLS reports out of files, folders, mailboxes and mails: what one of them is, its content says.

What cannot be read is told in one sentence, and takes nothing from the others.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from probe.exchange.messages.mail import MAX_DEPTH, is_mail
from probe.exchange.messages.mbox import MAX_MAIL_BYTES, is_mbox, mails_of, unquoted
from probe.exchange.messages.outlook import attachments, is_outlook_mail
from probe.exchange.messages.parts import Part, parts_of, split_mail
from probe.exchange.problem import Problem, Problems
from probe.exchange.tlsrpt.packed import PackedError, is_packed, unpacked
from probe.exchange.tlsrpt.read import MAX_REPORT_BYTES, looks_like_report, read_reports
from probe.exchange.tlsrpt.received import Received, once
from probe.exchange.tlsrpt.report import Proof, TlsReport
from probe.files import expand, open_file
from probe.report.failed import Guard
from probe.report.tlsrpt import TlsReports
from probe.text import printable
from probe.tlsrpt.keys import Keys
from probe.tlsrpt.proof import WITHOUT_MAIL, proof_of

#: Reports of one run: ten senders, for two years, of two domains.
MAX_REPORTS = 20_000
#: Policies, failures and lines of all of them, and bytes of their JSON: gzip makes a thousand bytes out of one.
MAX_ENTRIES, MAX_BYTES = 1_000_000, 512 << 20
#: Problems of one run that are told: each mail of a mailbox may have some.
MAX_PROBLEMS = 1_000
#: Bytes of one line of an mbox; a longer one is taken in pieces.
MAX_LINE_BYTES = 1 << 20

_HEAD_BYTES = 8_192
# RFC 8460 5.1: submitter!domain!begin!end!id.json.gz
_FILE_NAME = re.compile(
    r"[^!/\\]{1,253}!([^!/\\]{1,253})![0-9]+![0-9]+(?:![^/\\]*)?\.json(?:\.gz)?", re.ASCII
)
_OWN_TYPES = ("application/tlsrpt+json", "application/tlsrpt+gzip")
#: What a mail that Outlook saved can be shown to be.
OUTLOOK = Proof(reason="Outlook's file does not hold the mail as it was signed; save it as .eml.")


class Reading:
    """Reads files one after the other and keeps what they hold; `result` says it together.

    `other` hears of each mail of an mbox that holds no report, and where it stands.
    """

    def __init__(
        self, keys: Keys, now: datetime, other: Callable[[bytes, str], object] | None = None
    ) -> None:
        self._keys, self._now, self._other = keys, now, other
        self._found: list[Received] = []
        self._problems: list[Problem] = []
        self._unread = self._others = self._entries = self._bytes = 0

    @property
    def result(self) -> TlsReports:
        received, contradicted = once(self._found, self._now)
        problems = (*self._problems, *contradicted)
        return TlsReports(received=received, problems=problems, unread=self._unread, others=self._others)

    def read(self, paths: Sequence[Path]) -> None:
        """Read files, folders and patterns; raises InputError where a path means nothing at all."""
        named = set(paths)
        for path in expand(paths):
            problems = Problems(printable(str(path)))
            if path not in named and _unfinished(path):
                continue
            try:
                with open_file(path) as file:
                    self.take(file, problems, named=path in named)
            except OSError as error:
                self._unreadable(problems, f"cannot be read: {error.strerror or error}.")
                self._note(problems)

    def take(self, file: BinaryIO, problems: Problems, *, named: bool = True) -> bool:
        """Read one file, and say whether it holds a report; the user is told where one that was `named` holds none."""
        held = True
        with Guard() as guard:
            held = self._file(file, problems, named=named)
        if guard.failure:
            self._unreadable(
                problems,
                f"was not read to its end: a defect of eop-probe; please report it: {guard.failure}.",
            )
        elif not held and named:
            self._unreadable(problems, "holds no TLS report.")
        else:
            self._others += not held
        self._note(problems)
        return held

    def _note(self, problems: Problems) -> None:
        room = max(MAX_PROBLEMS - len(self._problems), 0)
        self._problems += problems.found[:room]
        if len(problems.found) > room and len(self._problems) == MAX_PROBLEMS:
            more = f"has, as others may, further problems: {MAX_PROBLEMS:,} of one run are listed."
            self._problems.append(Problem(problems.source, None, None, more))

    def _unreadable(self, problems: Problems, why: str) -> bool:
        problems.add(why)
        self._unread += 1
        return True

    def _file(self, file: BinaryIO, problems: Problems, *, named: bool) -> bool:
        """Whether a file holds a report, be it one that cannot be read."""
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        if is_mbox(head):
            return self._mbox(iter(partial(file.readline, MAX_LINE_BYTES), b""), problems)
        data = file.read(MAX_MAIL_BYTES + 1)
        expected = named or _FILE_NAME.search(problems.source) is not None
        if len(data) > MAX_MAIL_BYTES:
            too_large = f"is larger than {MAX_MAIL_BYTES} bytes, and was not read."
            return expected and self._unreadable(problems, too_large)
        return self._content(data, problems, expected=expected)

    def _content(self, data: bytes, problems: Problems, *, expected: bool) -> bool:
        if is_packed(data):
            try:
                data = unpacked(data, MAX_REPORT_BYTES)
            except PackedError as error:
                return expected and self._unreadable(problems, str(error))
        if looks_like_report(data):
            about = _FILE_NAME.search(problems.source)
            self._keep(
                self._reports(data, problems, about[1].lower() if about else ""), WITHOUT_MAIL, problems
            )
            return True
        if is_outlook_mail(data):
            return self._outlook(data, problems, expected=expected)
        if is_mbox(data):
            return self._mbox(io.BytesIO(data), problems)
        return is_mail(data) and self._mail(data, problems)

    def _mbox(self, lines: Iterable[bytes], problems: Problems) -> bool:
        held = False
        for number, mail in enumerate(mails_of(lines), 1):
            own = Problems(f"{problems.source}, mail {number}")
            if mail is None:
                self._unreadable(own, f"is larger than {MAX_MAIL_BYTES} bytes, and was not read.")
            elif self._mail(mail, own):
                held = True
            else:
                self._others += 1
                if self._other:
                    self._other(mail, own.source)
            self._note(own)
        return held

    def _mail(self, data: bytes, problems: Problems, depth: int = 0) -> bool:
        """Whether a mail, or one inside it, holds a report."""
        mail = split_mail(data)
        about = mail.first(b"tls-report-domain").lower()
        held, found = False, list[TlsReport]()
        for part in parts_of(data):
            if part.kind == "message/rfc822" or _attached(part):
                held |= depth < MAX_DEPTH and self._mail(part.content, problems, depth + 1)
            elif (reports := self._part(part, problems, about)) is not None:
                held = True
                found += reports
        if found:
            proof = proof_of(mail, self._keys, self._now)
            if not proof.proven and b"\n>" in data:
                proof = max(
                    proof,
                    proof_of(split_mail(unquoted(data)), self._keys, self._now),
                    key=lambda one: one.proven,
                )
            self._keep(found, proof, problems)
        elif about and not held:
            return self._unreadable(problems, "is the mail of a TLS report, which is not in it.")
        return held

    def _part(self, part: Part, problems: Problems, about: str) -> Sequence[TlsReport] | None:
        """The reports of a part of a mail, perhaps none that can be read; None where it is none."""
        data, named = part.content, _FILE_NAME.search(part.name)
        own = part.kind in _OWN_TYPES or named is not None or (bool(about) and is_packed(data))
        if is_packed(data):
            try:
                data = unpacked(data, MAX_REPORT_BYTES)
            except PackedError as error:
                return [] if own and self._unreadable(problems, str(error)) else None
        if not looks_like_report(data):
            return (
                []
                if own and self._unreadable(problems, "holds a TLS report that is no JSON, or is cut off.")
                else None
            )
        return self._reports(data, problems, about or (named[1].lower() if named else ""))

    def _outlook(self, data: bytes, problems: Problems, *, expected: bool) -> bool:
        files = attachments(data)
        if files is None:
            return expected and self._unreadable(
                problems, "is an Outlook file that cannot be read; save the mail as .eml."
            )
        held = False
        for file in files:
            reports = self._part(Part("", "", file), problems, "")
            if reports is not None:
                held = True
                self._keep(reports, OUTLOOK, problems)
            elif is_mail(file):
                held |= self._mail(file, problems)
        return held

    def _reports(self, data: bytes, problems: Problems, about: str) -> tuple[TlsReport, ...]:
        if self._entries > MAX_ENTRIES or self._bytes > MAX_BYTES:
            most = f"{MAX_ENTRIES:,} policies, failures and lines, and {MAX_BYTES:,} bytes of JSON"
            self._unreadable(problems, f"is beyond what is read in one run ({most}), and was left out.")
            return ()
        reports = read_reports(data, problems, printable(about, 253))
        self._bytes += len(data)
        self._entries += sum(map(_entries, reports))
        self._unread += not reports
        return reports

    def _keep(self, reports: Sequence[TlsReport], proof: Proof, problems: Problems) -> None:
        room = max(MAX_REPORTS - len(self._found), 0)
        if len(reports) > room:
            self._unreadable(problems, f"is beyond the {MAX_REPORTS} reports of one run, and was left out.")
        self._found += [
            Received(report=one, proof=proof, places=(problems.source,)) for one in reports[:room]
        ]


def _attached(part: Part) -> bool:
    """Whether a part is a mail that was attached as a file, as gateways and some programs forward it."""
    return part.name.lower().endswith(".eml") and is_mail(part.content)


def _entries(report: TlsReport) -> int:
    return sum(1 + len(one.failures) + len(one.strings) + len(one.hosts) for one in report.policies)


def _unfinished(path: Path) -> bool:
    """Whether a file is one that a Maildir is still being given (maildir(5))."""
    return path.parent.name == "tmp" and (path.parent.parent / "cur").is_dir()
