"""A month of 40 endpoints: what was predicted of them, what Microsoft said, and which of it is planted.

Two exchangers each for 14 domains, and 12 senders. The recorder writes the history, a look every twelve hours; each
domain has a report of Microsoft's a day. What is planted is what has to be found; what is odd is innocent.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from probe.eop.vocabulary import Outcome
from probe.history.recorder import Recorder
from probe.report.record import Endpoint, Record, Said
from tests.exchange.diagnosing import HEADER, UNTRUSTED, session
from tests.exchange.diagnosing import mail as mail_rows
from tests.history.records import record
from tests.tlsrpt.mailing import Key, attachment, key, mail, signed

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 12, 3, tzinfo=UTC)
DAYS, DOMAINS, SENDERS = 30, 14, 12
GOOD, BAD, DOWN = Outcome.ACCEPTED, Outcome.REJECTED, Outcome.UNKNOWN

#: Host, day, source and trust of every contradiction that is planted.
PLANTED = {
    ("mx1.d0.test", 5, "TLS-RPT", "proven"), ("mx2.d0.test", 5, "TLS-RPT", "proven"),  # refused, all of it
    ("mx1.d1.test", 9, "TLS-RPT", "proven"), ("mx2.d1.test", 9, "TLS-RPT", "proven"),  # taken, against the prediction
    ("mx2.d2.test", 12, "TLS-RPT", "proven"),  # one host, which is named
    ("mx1.d3.test", 20, "TLS-RPT", "proven"), ("mx2.d3.test", 20, "TLS-RPT", "proven"),  # a few sessions of many
    ("mx1.d4.test", 15, "TLS-RPT", "supplied"), ("mx2.d4.test", 15, "TLS-RPT", "supplied"),  # handshakes, all of them
    ("s0.test", 7, "the headers of a message that arrived", "supplied"),
    ("s1.test", 8, "the headers of a message that arrived", "supplied"),  # in an mbox
    ("mx1.d3.test", 25, "TLS-RPT", "proven"), ("mx2.d3.test", 25, "TLS-RPT", "proven"),  # DANE, which was seen to hold
    ("mx2.d10.test", 18, "a message trace", "supplied"),
    ("mx1.d6.test", 22, "a reply of Exchange Online", "supplied"),  # an NDR
    ("s8.test", 12, "a protocol log", "supplied"),
    ("s11.test", 4, "the headers of a message that arrived", "supplied"),  # predicted by a report, not by the history
}  # fmt: skip

#: Failures of a domain by its day (0: every day): kind and sessions; of 50 sessions a day, or of none where all failed.
FAILURES: dict[tuple[int, int], list[dict[str, Any]]] = {
    (0, 5): [{"result-type": "certificate-expired", "failed-session-count": 50}],
    (1, 0): [{"result-type": "certificate-not-trusted", "failed-session-count": 50}],
    (2, 12): [
        {
            "result-type": "certificate-host-mismatch",
            "receiving-mx-hostname": "mx2.d2.test",
            "failed-session-count": 4,
        }
    ],
    (3, 20): [{"result-type": "starttls-not-supported", "failed-session-count": 3}],
    (4, 15): [{"result-type": "validation-failure", "failed-session-count": 50}],
    (5, 10): [{"result-type": "certificate-expired", "failed-session-count": 20}],  # renewed at noon
    (6, 11): [{"result-type": "sts-policy-fetch-error", "failed-session-count": 50}],
    (7, 0): [{"result-type": "certificate-not-trusted", "failed-session-count": 50}],  # in testing
    (8, 0): [{"result-type": "validation-failure", "failed-session-count": 1}],  # one handshake of fifty
    (11, 0): [
        {"result-type": "certificate-not-trusted", "failed-session-count": 9}
    ],  # one of the hosts is bad
    (12, 0): [
        {"result-type": "certificate-expired", "failed-session-count": 50}
    ],  # until it was first looked at
    (13, 14): [
        {"result-type": "certificate-expired", "failed-session-count": 50}
    ],  # not to be reached that day
}


def predictions() -> Iterator[Record]:
    """Every look of the month, as the fleet would make it."""
    for half in range(2 * DAYS):
        at = BEGIN + timedelta(hours=12 * half + 3)
        for domain in range(DOMAINS):
            for host in (1, 2):
                told = _exchanger(domain, host, at)
                if told:
                    yield _look(2 * domain + host, f"mx{host}.d{domain}.test", f"mx:d{domain}.test", at, told)
        for sender in range(SENDERS - 1):
            told = _sender(sender, at)
            yield _look(100 + sender, f"s{sender}.test", f"s{sender}.test", at, told, direction="to-eop")


def _exchanger(domain: int, host: int, at: datetime) -> tuple[Outcome, str] | None:
    day = at.day
    if domain == 1 or (domain == 11 and host == 2):
        return BAD, "leaf"
    if domain == 5:
        return GOOD, "old" if at < BEGIN + timedelta(days=9, hours=12) else "new"
    if domain == 12 and day < 10:
        return None
    return (DOWN, "") if domain == 13 and day in (13, 14, 15) else (GOOD, "leaf")


def _sender(sender: int, at: datetime) -> tuple[Outcome, str]:
    if sender == 7:
        return (BAD, "leaf") if at < BEGIN + timedelta(days=15, hours=12) else (GOOD, "leaf")
    return (BAD if sender in (0, 1, 2, 5, 6) else GOOD), "leaf"


def _look(
    number: int, host: str, target: str, at: datetime, told: tuple[Outcome, str], direction: str = "from-eop"
) -> Record:
    outcome, leaf = told
    made = record(number, at, *([f"{leaf} {number}"] if leaf else []), outcome=outcome)
    rule = {BAD: "untrusted-root", DOWN: "unreachable"}.get(outcome)
    findings = (*made.state.findings, *([Said("dane-valid", "info", "documented")] if ".d3." in host else []))
    state = replace(made.state, rule=rule, chains=made.state.chains if leaf else (), findings=findings)
    return replace(
        made, target=target, endpoint=Endpoint(host, f"192.0.2.{number}", 25, direction), state=state
    )


def report(domain: int, day: int) -> dict[str, Any]:
    """Microsoft's report of a domain and a day, in its form."""
    failures = FAILURES.get((domain, day)) or FAILURES.get((domain, 0), [])
    if (domain, day) == (1, 9) or (domain == 12 and day > 8):
        failures = []
    failed = sum(one["failed-session-count"] for one in failures)
    good = 50 - failed
    name = f"d{domain}.test"
    mode = "testing" if domain == 7 else "enforce"
    lines = ["version: STSv1", f"mode: {mode}", f"mx: mx1.{name}", f"mx: mx2.{name}", "max_age: 604800"]
    sts: dict[str, Any] = {
        "policy": {"policy-type": "sts", "policy-string": lines, "policy-domain": name},
        "summary": {"total-successful-session-count": good, "total-failure-session-count": failed},
    }
    if failures:
        sts["failure-details"] = failures
    at = f"2026-11-{day:02}"
    policies = [sts, *([_dane(name)] if (domain, day) in {(3, 25), (6, 26)} else [])]
    return {
        "organization-name": "Microsoft Corporation",
        "date-range": {"start-datetime": f"{at}T00:00:00Z", "end-datetime": f"{at}T23:59:59Z"},
        "contact-info": "tlsrpt-noreply@microsoft.com",
        "report-id": f"1340{domain:04}{day:04}000000+{name}",
        "policies": policies,
    }


def _dane(name: str) -> dict[str, Any]:
    """Of the second domain nobody looked at DANE."""
    return {
        "policy": {"policy-type": "tlsa", "policy-domain": name},
        "summary": {"total-successful-session-count": 0, "total-failure-session-count": 50},
        "failure-details": [{"result-type": "tlsa-invalid", "failed-session-count": 50}],
    }


def mailed(told: dict[str, Any], by: Key | None = None) -> bytes:
    """A report's mail, signed."""
    domain = told["policies"][0]["policy"]["policy-domain"].encode()
    packed = attachment(gzip.compress(json.dumps(told).encode(), mtime=0))
    return signed(mail(packed, about=domain), by)


def arrived(sender: int, at: datetime, *, internal: bool = True, host: str = "") -> bytes:
    """A message that Exchange Online took from a sender."""
    who = "Internal" if internal else "Anonymous"
    return (
        f"Received: from {host or f's{sender}.test'} (192.0.2.{100 + sender}) by\r\n"
        " DB5EUR03FT012.mail.protection.outlook.com (10.152.20.123) with Microsoft SMTP\r\n"
        " Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\r\n"
        f" 15.20.9000.1 via Frontend Transport; {at:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        f"From: anna@s{sender}.test\r\nTo: bert@s{sender}.test\r\nSubject: Test\r\n"
        f"X-MS-Exchange-Organization-AuthAs: {who}\r\n"
        "X-MS-Exchange-Organization-MessageDirectionality: Originating\r\n"
        "X-EOPTenantAttributedMessage: 84df9e7f-e9f6-40af-b435-aaaaaaaaaaaa:0\r\n\r\nHello\r\n"
    ).encode()


def _in_mbox(*mails: bytes) -> bytes:
    return b"".join(
        b"From x@y.test Fri Nov 20 18:20:11 2026\n" + one.replace(b"\r\n", b"\n") + b"\n" for one in mails
    )


def evidence(folder: Path) -> None:
    """Write everything that Microsoft, and others, said."""
    maildir = folder / "Maildir"
    for name in ("cur", "new", "tmp"):
        (maildir / name).mkdir(parents=True)
    for domain in range(DOMAINS):
        every = [report(domain, day) for day in range(1, DAYS + 1)]
        match domain % 4:
            case 0 if domain != 4:
                for number, one in enumerate(every):
                    (maildir / "cur" / f"{domain}.{number}:2,S").write_bytes(mailed(one))
            case 1:
                (folder / f"{domain}.mbox").write_bytes(_in_mbox(*map(mailed, every)))
            case 2 | 3:
                for number, one in enumerate(every):
                    (folder / f"{domain}-{number}.eml").write_bytes(mailed(one))
            case _:
                for number, one in enumerate(every):
                    (folder / f"{domain}-{number}.json.gz").write_bytes(
                        gzip.compress(json.dumps(one).encode())
                    )
    _oddities(folder)
    _messages(folder)
    _replies(folder)


def _oddities(folder: Path) -> None:
    all_expired = [{"result-type": "certificate-expired", "failed-session-count": 50}]
    wrong = report(9, 13) | {"report-id": "1+d9.test"}
    wrong["policies"][0] |= {
        "summary": {"total-successful-session-count": 0, "total-failure-session-count": 50},
        "failure-details": all_expired,
    }
    (folder / "forged.eml").write_bytes(mailed(wrong, key("somebody else")))
    (folder / "google.json").write_text(
        json.dumps(wrong | {"organization-name": "Google Inc.", "report-id": "2"}), encoding="ascii"
    )
    (folder / "again.json").write_text(json.dumps(report(10, 3)), encoding="ascii")
    (folder / "notes.txt").write_text("Remember the milk.\n", encoding="ascii")


def _messages(folder: Path) -> None:
    def on(day: int, hour: int = 9) -> datetime:
        return BEGIN + timedelta(days=day - 1, hours=hour)

    (folder / "s0.eml").write_bytes(arrived(0, on(7)))
    (folder / "inbox.mbox").write_bytes(
        _in_mbox(arrived(1, on(8)), arrived(2, on(9), internal=False), arrived(3, on(10)), arrived(4, on(11)))
    )
    (folder / "s5-old.eml").write_bytes(arrived(5, on(1) - timedelta(days=9)))
    (folder / "s6-own.eml").write_bytes(
        arrived(6, on(6), host="mail-x.outbound.protection.outlook.com").replace(
            b"192.0.2.106", b"192.0.2.250"
        )
    )
    (folder / "s7.eml").write_bytes(arrived(7, on(16)))
    (folder / "s11.eml").write_bytes(arrived(11, on(4)))
    (folder / "s11-report.json").write_text(json.dumps(_reported()), encoding="ascii")


def _replies(folder: Path) -> None:
    """A trace, an NDR and a log: of a certificate, of the network, and of nobody that is known."""

    def record(host: str, number: int, reply: str, at: str) -> str:
        return f"[{{LED={reply}}};{{MSG=}};{{FQDN={host}}};{{IP=192.0.2.{number}}};{{LRT={at}}}]"

    untrusted = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]"
    rows = [
        ("mx2.d10.test", 22, untrusted, "2026-11-18T09:00:00Z", "Defer"),
        ("mx1.d10.test", 21, "450 4.4.316 Connection refused", "2026-11-19T09:00:00Z", "Defer"),
        ("mx1.elsewhere.test", 99, untrusted, "2026-11-18T09:00:00Z", "Fail"),
    ]  # fmt: skip
    trace = [
        {"MessageId": f"<{place}@d10.test>", "MessageTraceId": f"{place}", "Date": at, "Event": event,
         "Detail": f"Reason: {record(host, number, reply, '11/18/2026 9:00:00 AM')}"}
        for place, (host, number, reply, at, event) in enumerate(rows)
    ]  # fmt: skip
    (folder / "trace.json").write_text(json.dumps(trace), encoding="ascii")
    mismatch = "450 4.4.317 Cannot connect to remote server [Message=SubjectMismatch]"
    (folder / "ndr.txt").write_text(
        f"Delivery has failed.\n{record('mx1.d6.test', 13, mismatch, '11/22/2026 6:00:00 PM')}\n",
        encoding="ascii",
    )
    (folder / "pasted.txt").write_text(f"{untrusted}\n", encoding="ascii")

    def taken(sender: int, day: int, reply: str) -> str:
        leaf = SimpleNamespace(sha1=hashlib.sha1(f"leaf {100 + sender}".encode()).hexdigest())  # noqa: S324 - a thumbprint
        rows = mail_rows(reply) if reply[0] == "2" else [("<", reply)]
        return session(leaf, *rows, number=sender, at=BEGIN + timedelta(days=day - 1, hours=9))

    (folder / "SEND20261112-1.LOG").write_text(
        HEADER + taken(8, 12, UNTRUSTED) + taken(9, 13, "250 2.1.5 OK") + taken(77, 13, UNTRUSTED),
        encoding="ascii",
    )


def _reported() -> dict[str, Any]:
    prediction = {"direction": "to-eop", "outcome": "rejected", "reply": None, "rule": "untrusted-root",
                  "confidence": "documented", "basis": "receive-connector"}  # fmt: skip
    return {
        "schema": "eop-probe/report/1",
        "assessments": [
            {"target": "s11.test", "host": "s11.test", "address": "192.0.2.111", "port": 25,
             "started_at": "2026-11-04T07:00:00Z", "outcome": "rejected", "predictions": [prediction],
             "presented_chain": [{"sha1": "ab" * 20, "sha256": "cd" * 32, "subject": "CN=s11.test"}]}
        ],
    }  # fmt: skip


def some(folder: Path) -> tuple[str, ...]:
    """Two days of two domains and two senders, as words of the command line: contradicted, confirmed and neither."""
    history, pem = folder / "history.sqlite", folder / "lab.pem"
    hosts = {"mx1.d0.test", "mx2.d0.test", "mx1.d10.test", "s0.test", "s3.test", "s8.test"}
    with Recorder(str(history), folder / "spool") as recorder:
        for each in predictions():
            if each.endpoint.host in hosts and each.at.day < 12:
                recorder.add(each)
    said = folder / "said"
    said.mkdir()
    for name, data in {
        "d0-5.eml": mailed(report(0, 5)),
        "d0-6.json": json.dumps(report(0, 6)).encode(),
        "d10-5.eml": mailed(report(10, 5)),
        "d6-11.eml": mailed(report(6, 11)),
        "s0.eml": arrived(0, BEGIN + timedelta(days=6, hours=9)),
        "s3.eml": arrived(3, BEGIN + timedelta(days=6, hours=9)),
        "s8.eml": arrived(8, BEGIN + timedelta(days=6, hours=9), internal=False),
        "early.json": json.dumps(report(0, 1) | {"date-range": None, "report-id": "3"}).encode(),
    }.items():
        (said / name).write_bytes(data)
    pem.write_bytes(key().pem)
    return (str(said), "--history", str(history), "--dkim-key", str(pem), "--at", f"{NOW:%Y-%m-%d}")


def written(folder: Path) -> tuple[Path, Path, Path]:
    """The month's history, the folder of what was said, and the key of the lab."""
    history, said, pem = folder / "history.sqlite", folder / "said", folder / "lab.pem"
    with Recorder(str(history), folder / "spool") as recorder:
        for each in predictions():
            recorder.add(each)
    assert recorder.kept.lost == recorder.kept.waiting == 0
    evidence(said)
    pem.write_bytes(key().pem)
    return history, said, pem
