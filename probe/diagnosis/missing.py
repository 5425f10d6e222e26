"""What to say where nothing is wrong in the evidence: what was read, and what an answer still needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probe.evidence_files import EvidenceFiles
from probe.exchange.exports.joining import Gathered
from probe.statement import Statement, documented


class Read(NamedTuple):
    """How much of each kind was read that is in no file's exports."""

    sessions: int
    texts: int
    arrivals: int
    traces: int


def missing(files: EvidenceFiles, gathered: Gathered, given: Read) -> Iterator[Statement]:
    """What was read, then each kind of evidence that is not there and what it would tell."""
    captures = len(files.captures)
    held = (
        (len(gathered.inventory.certificates), "certificate"),
        (len(gathered.send_connectors), "Send connector"),
        (len(gathered.receive_connectors), "Receive connector"),
        (len(gathered.inbound_connectors), "inbound connector"),
        (len(gathered.outbound_connectors), "outbound connector"),
        (len(gathered.accepted_domains), "accepted domain"),
        (sum(len(export.x509) for export in files.exports), "certificate file entry"),
        (given.sessions, "logged session"),
        (given.texts, "text"),
        (given.arrivals, "message that arrived"),
        (given.traces, "message trace or report"),
        (captures, "captured chain or probe"),
    )
    read = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in held if count)
    yield documented(f"Read: {read or 'nothing that is known'}.")
    for there, what in (
        (
            given.texts or given.sessions,
            "the reply word for word: the NDR, event 2004, or LastError of the queue",
        ),
        (given.sessions, "the SmtpSend protocol logs of that hour, which prove what was sent and answered"),
        (gathered.send_connectors, "Get-SendConnector, to see which certificate is chosen"),
        (gathered.inventory.certificates, "Get-ExchangeCertificate of each sending server"),
        (captures, "what the server presents: --target HOST, or a capture of eop-probe listen"),
    ):
        if not there:
            yield documented(f"Still needed for an answer: {what}.")
