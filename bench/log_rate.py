"""How fast protocol logs are read, and in how much memory: a synthetic stream of many gigabytes, never on disk.

    .venv/bin/python bench/log_rate.py [--gigabytes 2] [--limit-mb 200]

Sessions interleave as a busy server's do, in all three shapes of certificate lines; one in ten is refused.
Exits with 1 where the peak of the memory passes the limit.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator

from probe.exchange.logs.reader import LogReader
from probe.exchange.logs.summary import Summary

HEADER = (
    b"#Software: Microsoft Exchange Server\r\n#Log-type: SMTP Send Protocol Log\r\n"
    b"#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\r\n"
)
#: Sessions written in turns, as by a server with so many open connections.
TOGETHER = 40
#: Blocks of sessions in one piece of the stream.
BLOCKS = 25
#: What makes the session-ids of each piece different.
MARK = b"08DE0000"


def rows(number: int) -> list[tuple[str, str, str]]:
    """Event, data and context of one session."""
    thumbprint = f"{number % 7:040X}"
    dates = "2026-06-10T00:00:00.000Z 2026-12-26T23:59:59.000Z "
    line = f'" CN=mail.contoso.com, C=US CN=Fabrikam CA, C=US 0A4F {thumbprint} {dates}mail.contoso.com;contoso.com"'
    sent = [
        ("*", line, "Sending certificate Subject Issuer name Serial number Thumbprint Not before Not after")
    ]
    if number % 3 == 0:
        sent = [
            ("*", "", "Sending certificate"),
            ("*", "CN=mail.contoso.com", "Certificate subject"),
            ("*", thumbprint, "Certificate thumbprint"),
        ]
    answer = "250 2.1.5 Recipient OK"
    if number % 10 == 0:
        answer = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
    features = (
        "SIZE 157286400",
        "PIPELINING",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "STARTTLS",
        "8BITMIME",
        "CHUNKING",
    )
    hello = [("<", f"250-{feature}", "") for feature in features] + [("<", "250 SMTPUTF8", "")]
    return [
        ("*", "", "attempting to connect"),
        ("+", "", ""),
        ("<", '"220 XX1EUR00FT001.mail.protection.outlook.com Microsoft ESMTP MAIL Service, ready"', ""),
        (">", "EHLO mail.contoso.com", ""),
        *hello,
        (">", "STARTTLS", ""),
        ("<", "220 2.0.0 SMTP server ready", ""),
        *sent,
        (">", "EHLO mail.contoso.com", ""),
        *hello,
        (
            "*",
            "",
            f"sending message with RecordId {number} and InternetMessageId <{number}@EX01.contoso.com>",
        ),
        (">", "MAIL FROM:<anna@contoso.com> SIZE=14211", ""),
        (">", "RCPT TO:<ben@contoso.mail.onmicrosoft.com>", ""),
        ("<", "250 2.1.0 Sender OK", ""),
        ("<", answer, ""),
        (">", "QUIT", ""),
        ("<", "221 2.0.0 Service closing transmission channel", ""),
        ("-", "", "Local"),
    ]


def piece() -> bytes:
    """Some thousand sessions, `TOGETHER` at a time, their rows in turns."""
    lines: list[str] = []
    for block in range(BLOCKS):
        numbers = range(block * TOGETHER, (block + 1) * TOGETHER)
        sessions = [(number, rows(number)) for number in numbers]
        for place in range(max(len(mine) for _, mine in sessions)):
            lines += [
                f"2026-11-03T09:14:02.118Z,Outbound to Office 365,{MARK.decode()}{number:08X},{place},"
                f"192.0.2.10:41873,198.51.100.36:25,{','.join(mine[place])}\r\n"
                for number, mine in sessions
                if place < len(mine)
            ]
    return "".join(lines).encode()


def stream(size: int) -> Iterator[bytes]:
    """At least `size` bytes of log, every session with an id of its own."""
    yield HEADER
    template, written, number = piece(), 0, 0
    while written < size:
        number += 1
        yield template.replace(MARK, f"{number:08X}".encode())
        written += len(template)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--limit-mb", type=int, default=200)
    options = parser.parse_args()
    size = int(options.gigabytes * 1e9)
    reader, summary = LogReader(), Summary()
    began = time.perf_counter()
    for session in reader.read("synthetic", stream(size)):
        summary.add(session)
    for session in reader.finish():
        summary.add(session)
    took = time.perf_counter() - began
    found = summary.result()
    template = piece()
    lines = size / len(template) * template.count(b"\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    print(f"{size / 1e9:.1f} GB, {lines / 1e6:.1f} million lines, {found.sessions} sessions in {took:.1f} s")
    print(
        f"{lines / took / 1e3:.0f} thousand lines/s, {size / took / 1e6:.0f} MB/s, peak memory {peak:.0f} MiB"
    )
    print(f"problems: {len(reader.problems)}, groups: {len(found.groups)}")
    return int(peak > options.limit_mb)


if __name__ == "__main__":
    sys.exit(main())
