"""The two halves talking to each other, in memory."""

from __future__ import annotations

import pytest

from probe.smtp.client import ClientConversation, ClientEvent, SmtpFaultKind
from probe.smtp.reply import Reply
from probe.smtp.server import ServerConversation
from probe.smtp.server_values import Introduced, Quit, ServerEvent, ServerProfile, StartTls


def converse(
    client: ClientConversation, server: ServerConversation
) -> tuple[list[ClientEvent], list[ServerEvent]]:
    """Carry bytes to and fro until neither half has anything to say, and return what it brought about."""
    ours: list[ClientEvent] = []
    theirs: list[ServerEvent] = []
    for at_ms in range(20):
        ours += client.receive(server.bytes_to_send(at_ms), at_ms)
        sent = client.bytes_to_send(at_ms)
        if not sent:
            break
        theirs += server.receive(sent, at_ms)
    return ours, theirs


def test_starttls_and_quit_inside_tls() -> None:
    client = ClientConversation("probe.example")
    server = ServerConversation(ServerProfile(hostname="mx.test"))
    assert converse(client, server) == (
        [ClientEvent.TLS_READY],
        [Introduced(name="probe.example", extended=True), StartTls()],
    )
    server.tls_established()
    assert server.receive(client.quit(30), 30) == (Quit(),)
    assert client.receive(server.bytes_to_send(31), 31) == ()
    assert client.fault is None
    assert client.capabilities[:2] == ("SIZE", "PIPELINING")
    assert [line.text for line in client.transcript.lines] == [line.text for line in server.transcript.lines]


def test_implicit_tls() -> None:
    client = ClientConversation("192.0.2.1", implicit_tls=True)
    server = ServerConversation(ServerProfile(hostname="mx.test"), implicit_tls=True)
    assert converse(client, server) == (
        [ClientEvent.EHLO_DONE],
        [Introduced(name="[192.0.2.1]", extended=True)],
    )
    assert not client.starttls_offered


@pytest.mark.parametrize(
    ("profile", "kind", "polite"),
    [
        (
            ServerProfile(hostname="mx.test", keywords=("SIZE 1",)),
            SmtpFaultKind.STARTTLS_NOT_OFFERED,
            True,
        ),
        (
            ServerProfile(hostname="mx.test", starttls_reply=Reply(code=454, lines=("4.7.0 not now",))),
            SmtpFaultKind.STARTTLS_REFUSED,
            True,
        ),
        (
            ServerProfile(hostname="mx.test", ehlo_reply=Reply(code=502, lines=("5.5.1 no",))),
            SmtpFaultKind.EHLO_REFUSED,
            True,
        ),
        (
            ServerProfile(hostname="mx.test", greeting=Reply(code=421, lines=("4.3.2 busy",))),
            SmtpFaultKind.GREETING_THROTTLED,
            False,
        ),
    ],
)
def test_refusals(profile: ServerProfile, kind: SmtpFaultKind, polite: bool) -> None:
    client, server = ClientConversation("probe.example"), ServerConversation(profile)
    ours, theirs = converse(client, server)
    assert ours == [ClientEvent.FAILED]
    assert client.fault is not None
    assert client.fault.kind is kind
    assert (Quit() in theirs) is polite
    assert server.closing
