"""Messages through real channels on loopback, the good and the bad."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import json
from msgspec.structs import replace

from probe.alarms.channels import mail, send, webhook
from probe.alarms.channels.child import Job
from probe.alarms.channels.kinds import MAX_ANSWER, TIMEOUT_S, Answer, Mail, Push, Webhook
from probe.alarms.document import Document, Notice, Step, kept_steps
from probe.alarms.words import html, subject, text
from probe.powershell import Command
from tests.alarms.looks import NOW, facts, shown
from tests.alarms.servers import AUTHORITY, ISSUING, Http, Smtp, die, server_tls, trusted
from tests.net.scripted import Peer, ScriptedServer

PASSWORD = "correct horse battery"
KEY = "shared key"


def notice(**changes: object) -> Notice:
    seen = facts("untrusted-root", "rejected")
    told = {name: getattr(seen, name) for name in seen.__struct_fields__}
    remedy = (
        Step(text="Look at it:"),
        *kept_steps((Command("Get-ExchangeCertificate | fl"),)),
    )
    own = {
        "event": "raised",
        "alarm": "a" * 32,
        "since": NOW,
        "raised": NOW,
        "endpoints": ("mail.contoso.test 192.0.2.1:25, to-eop",),
        "certificate_before": shown(2),
        "remedy": remedy,
    }
    return Notice(**told | own | changes)


def document(*notices: Notice) -> Document:
    return Document(
        id="0123456789abcdef", at=NOW, page_url="https://probe.contoso.test/", notices=notices or (notice(),)
    )


def letters(port: int, folder: Path | None = None, **changes: object) -> Mail:
    plain: dict[str, object] = {"tls": "none"} if folder is None else {"ca_file": trusted(folder)}
    fields = plain | {"user": "probe", "password": PASSWORD} if folder else plain
    made = {"name": "operators", "host": "localhost", "port": port, "sender": "probe@contoso.test"}
    return Mail(**made | {"recipients": ("ops@contoso.test",), "timeout_s": 20} | fields | changes)


class TestMail:
    def test_a_password_goes_under_tls_that_was_verified(self, tmp_path: Path) -> None:
        receiver = Smtp(server_tls(tmp_path))
        with ScriptedServer(receiver) as server:
            answer = mail.send(letters(server.port, tmp_path), document())
        assert answer == Answer(sent=True, said="250 2.0.0 queued as 4711")
        assert [line.split()[0] for line in receiver.clear] == [b"ehlo", b"STARTTLS"]
        assert any(line.startswith(b"AUTH PLAIN") for line in receiver.inside)
        [letter] = receiver.mails
        assert letter["Subject"] == "[eop-probe] ALARM untrusted-root: mail.contoso.test 192.0.2.1:25, to-eop"
        assert letter["Auto-Submitted"] == "auto-generated"
        assert letter["Message-ID"] == "<0123456789abcdef@contoso.test>"
        kinds = [part.get_content_type() for part in letter.iter_parts()]
        assert kinds == ["text/plain", "text/html"]
        body = letter.get_body(("plain",))
        assert body
        assert "\n       Get-ExchangeCertificate | fl\n" in body.get_content().replace("\r\n", "\n")

    def test_implicit_tls(self, tmp_path: Path) -> None:
        receiver = Smtp(server_tls(tmp_path), implicit=True)
        with ScriptedServer(receiver) as server:
            assert mail.send(letters(server.port, tmp_path, tls="implicit"), document()).sent
        assert receiver.clear == []

    @pytest.mark.parametrize(
        ("receiver", "said"),
        [
            ({"offers": False}, "STARTTLS extension not supported"),
            ({"starttls": b"454 4.7.0 not now"}, "the server said 454 4.7.0 not now"),
        ],
    )
    def test_without_tls_there_is_no_password(
        self, receiver: dict[str, object], said: str, tmp_path: Path
    ) -> None:
        smtp = Smtp(server_tls(tmp_path), **receiver)
        with ScriptedServer(smtp) as server:
            answer = mail.send(letters(server.port, tmp_path), document())
        assert not answer.sent
        assert said in answer.said
        assert not any(line.upper().startswith((b"AUTH", b"MAIL")) for line in smtp.clear + smtp.inside)

    def test_a_certificate_that_is_not_trusted_gets_no_password(self, tmp_path: Path) -> None:
        smtp = Smtp(server_tls(tmp_path))
        with ScriptedServer(smtp) as server:
            answer = mail.send(letters(server.port, tmp_path, ca_file=None), document())
        assert "the server's certificate cannot be verified: " in answer.said
        other = Smtp(server_tls(tmp_path, AUTHORITY.leaf(ISSUING, "other.contoso.test")))
        with ScriptedServer(other) as server:
            answer = mail.send(letters(server.port, tmp_path), document())
        assert "Hostname mismatch" in answer.said
        assert smtp.inside + other.inside == []
        assert all(
            line.split()[0].upper() in {b"EHLO", b"STARTTLS", b"QUIT"} for line in smtp.clear + other.clear
        )

    def test_a_server_that_gives_the_password_back_tells_nobody(self, tmp_path: Path) -> None:
        with ScriptedServer(Smtp(server_tls(tmp_path), echoes=True)) as server:
            answer = mail.send(letters(server.port, tmp_path), document())
        assert answer == Answer(sent=False, said="the server said 535 wrong: AUTH PLAIN (secret)")

    def test_a_connection_that_dies_after_data_may_have_taken_it(self) -> None:
        receiver = Smtp(after_data=die)
        with ScriptedServer(receiver) as server:
            channel = letters(server.port)
            first, second = mail.send(channel, document()), mail.send(channel, document())
        assert not first.sent
        assert first.said.endswith("it may come twice")
        assert second.sent
        assert {letter["Message-ID"] for letter in receiver.tried} == {"<0123456789abcdef@contoso.test>"}

    def test_a_recipient_who_is_refused_is_named_and_the_others_get_it(self) -> None:
        receiver = Smtp(refuses="gone@")
        with ScriptedServer(receiver) as server:
            two = letters(server.port, recipients=("gone@contoso.test", "ops@contoso.test"))
            answer = mail.send(two, document())
            none = mail.send(replace(two, recipients=two.recipients[:1]), document())
        assert answer.sent
        assert "refused: gone@contoso.test: 550 5.1.1 no such user" in answer.said
        assert not none.sent

    def test_one_who_is_refused_for_now_alone_is_left(self) -> None:
        receiver = Smtp(refuses="late@", refusals=[b"451 4.7.1 come later"] * 2)
        with ScriptedServer(receiver) as server:
            three = letters(server.port, recipients=("a@contoso.test", "late@contoso.test", "b@contoso.test"))
            answer = mail.send(three, document())
            rest = replace(three, only=answer.left)
            second, third = mail.send(rest, document()), mail.send(rest, document())
        late = ("late@contoso.test",)
        assert (answer.sent, answer.left) == (second.sent, second.left) == (False, late)
        assert answer.said == "250 2.0.0 queued as 4711; refused: late@contoso.test: 451 4.7.1 come later"
        # Refused for good: nobody is left who could get it.
        assert (third.sent, third.left) == (True, ())
        [letter] = receiver.mails
        assert letter["To"] == "a@contoso.test, late@contoso.test, b@contoso.test"

    def test_headers_are_one_line_whatever_a_name_holds(self) -> None:
        wicked = notice(endpoints=("mail\r\nBcc: all@contoso.test",))
        letter = mail.letter(letters(25), document(wicked))
        assert letter["Bcc"] is None
        assert "\\x0d\\x0aBcc" in letter["Subject"]


class TestWebhook:
    def test_the_message_is_signed(self) -> None:
        receiver = Http("204 No Content")
        with ScriptedServer(receiver) as server:
            channel = Webhook(name="hook", url=f"http://127.0.0.1:{server.port}/a?b=c", secret=KEY)
            assert webhook.send(channel, document(), NOW) == Answer(sent=True, said="HTTP 204 No Content")
        [posted] = receiver.posted
        assert posted.line == "POST /a?b=c HTTP/1.1"
        assert json.decode(posted.body, type=Document) == document()
        assert posted.headers["idempotency-key"] == document().id
        stamp = posted.headers["eop-probe-timestamp"]
        assert stamp == str(int(NOW.timestamp()))
        signed = posted.headers["eop-probe-signature"]
        assert signed == webhook.signature(KEY, stamp, posted.body)
        assert signed != webhook.signature("another key", stamp, posted.body)
        assert signed != webhook.signature(KEY, "1", posted.body)
        assert signed != webhook.signature(KEY, stamp, posted.body + b" ")

    def test_https_is_verified(self, tmp_path: Path) -> None:
        receiver = Http(tls=server_tls(tmp_path))
        with ScriptedServer(receiver) as server:
            url = f"https://localhost:{server.port}/"
            stranger = webhook.send(Webhook(name="hook", url=url, secret=KEY), document(), NOW)
            assert "cannot be verified" in stranger.said
            assert receiver.posted == []
            known = Webhook(name="hook", url=url, ca_file=trusted(tmp_path))
            assert webhook.send(known, document(), NOW).sent

    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect"])
    def test_a_redirect_is_no_success_and_is_not_followed(self, status: str) -> None:
        elsewhere = Http()
        with ScriptedServer(elsewhere) as other:
            receiver = Http(f"{status}\r\nLocation: http://127.0.0.1:{other.port}/")
            with ScriptedServer(receiver) as server:
                channel = Webhook(name="hook", url=f"http://127.0.0.1:{server.port}/", secret=KEY)
                answer = webhook.send(channel, document(), NOW)
        assert answer == Answer(sent=False, said=f"HTTP {status}; redirects are not followed")
        assert elsewhere.posted == []

    def test_of_an_answer_a_little_is_read(self) -> None:
        """What comes after it is not waited for."""

        def goes_on(peer: Peer) -> None:
            Http().request(peer)
            peer.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * webhook.MAX_BODY_BYTES)
            peer.hold()

        with ScriptedServer(goes_on) as server:
            hook = Webhook(name="hook", url=f"http://127.0.0.1:{server.port}/", timeout_s=60)
            assert webhook.send(hook, document(), NOW).sent

    def test_what_is_said_is_bounded_and_visible(self) -> None:
        with ScriptedServer(Http("500 \x1b[31m" + "x" * 5000)) as server:
            answer = webhook.send(
                Webhook(name="hook", url=f"http://127.0.0.1:{server.port}/"), document(), NOW
            )
        assert answer.said.startswith("HTTP 500 \\x1b[31mxxx")
        assert len(answer.said) < MAX_ANSWER + 20


class TestProcess:
    """A message is sent by a process whose end is its deadline."""

    @pytest.mark.parametrize("server", [Peer.hold, Peer.trickle])
    def test_silence_and_drops_end_at_the_deadline(
        self, server: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(send, "START_S", 1.0)
        with ScriptedServer(server) as dead:  # type: ignore[arg-type]
            for channel in (
                letters(dead.port, timeout_s=0.5),
                Webhook(name="hook", url=f"http://127.0.0.1:{dead.port}/", timeout_s=0.5),
            ):
                answer = send.send(channel, document())
                assert not answer.sent
                assert "time" in answer.said.lower() or "no answer within 0.5 s" in answer.said

    def test_the_time_where_nothing_is_said(self) -> None:
        assert letters(25).timeout_s == 20
        assert Webhook(name="hook", url="https://a.test/").timeout_s == TIMEOUT_S == 30

    def test_a_mail_and_a_post(self) -> None:
        smtp, http = Smtp(), Http()
        with ScriptedServer(smtp) as mails, ScriptedServer(http) as posts:
            assert send.send(letters(mails.port), document()).sent
            assert send.send(Webhook(name="hook", url=f"http://127.0.0.1:{posts.port}/"), document()).sent
        assert (len(smtp.mails), len(http.posted)) == (1, 1)

    def test_without_a_process_to_send_it_it_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", "/no/such/python")
        answer = send.send(Webhook(name="hook", url="https://a.test/"), document())
        assert answer == Answer(sent=False, said="no process can be started: No such file or directory")

    def test_no_secret_is_in_what_it_says(self) -> None:
        token = "T0KEN-of-a-path"
        with ScriptedServer(Http(f"500 I know {token}")) as server:
            hidden = Webhook(name="hook", url=f"http://127.0.0.1:{server.port}/{token}?k=K3Y", hidden=True)
            answer = send.send(hidden, document())
        assert answer.said == "HTTP 500 I know (secret)"
        mistyped = f"http://127.0.0.1:99999/{token}"
        assert token not in send.send(replace(hidden, url=mistyped), document()).said
        assert token not in repr(hidden)


@pytest.mark.slow
class TestApprise:
    def test_a_message(self) -> None:
        receiver = Http()
        with ScriptedServer(receiver) as server:
            answer = send.send(Push(name="chat", url=f"json://127.0.0.1:{server.port}/room"), document())
        assert answer == Answer(sent=True, said="Apprise says SUCCESS")
        sent = json.decode(receiver.posted[0].body)
        assert sent["title"].startswith("[eop-probe] ALARM untrusted-root")
        assert "Get-ExchangeCertificate" in sent["message"]

    def test_several_recipients_of_one_url_are_told_of(self) -> None:
        receiver = Http("200 OK", "500 Out of order", "200 OK", "200 OK")
        with ScriptedServer(receiver) as server:
            push = Push(name="chat", url=f"ntfy://127.0.0.1:{server.port}/first/second")
            part, whole = send.send(push, document()), send.send(push, document())
        told = "where one fails all get it again; give each a channel of its own"
        together = f" of the URL's 2 recipients together: {told}"
        assert not part.sent
        assert part.said.endswith(together)
        assert whole == Answer(sent=True, said=f"Apprise says SUCCESS{together}")

    @pytest.mark.parametrize("status", ["302 Found", "500 Out of order"])
    def test_a_redirect_is_no_success(self, status: str) -> None:
        elsewhere = Http()
        with (
            ScriptedServer(elsewhere) as other,
            ScriptedServer(Http(f"{status}\r\nLocation: http://127.0.0.1:{other.port}/")) as server,
        ):
            answer = send.send(Push(name="chat", url=f"json://127.0.0.1:{server.port}/room"), document())
        assert not answer.sent
        assert elsewhere.posted == []

    def test_a_silent_server_ends_with_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(send, "START_S", 4.0)
        with ScriptedServer(Peer.trickle) as server:
            push = Push(name="chat", url=f"json://127.0.0.1:{server.port}/room", timeout_s=1)
            assert not send.send(push, document()).sent

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            (
                "mailto://probe:{0}@contoso.test:{1}?smtp=127.0.0.1&to=a@contoso.test",
                "mailto:// would send its password in clear",
            ),
            ("slack://{0}/x", "Apprise does not take this URL"),
            ("json://127.0.0.1:{1}/{0}, json://127.0.0.1:{1}/b", "Apprise does not take this URL"),
        ],
    )
    def test_urls_that_are_refused_and_never_shown(self, url: str, said: str) -> None:
        secret = "T0KEN-of-somebody"
        receiver = Smtp()
        with ScriptedServer(receiver) as server:
            job = Job(channel=Push(name="chat", url=url.format(secret, server.port)), document=document())
            ran = subprocess.run(
                [sys.executable, "-m", "probe.alarms.channels.child"],
                input=json.encode(job),
                capture_output=True,
                check=True,
            )
        assert said in json.decode(ran.stdout, type=Answer).said
        assert secret.encode() not in ran.stdout + ran.stderr
        assert ran.stderr == b""
        assert receiver.clear == []


class TestWords:
    def test_text_and_html_say_the_same(self) -> None:
        told = document(
            notice(), notice(event="recovered", former_rule="untrusted-root", rule=None, outcome="accepted")
        )
        for words in (
            "untrusted-root",
            "2026-11-20 12:00 UTC",
            "https://probe.contoso.test/",
            shown(2).sha1,
        ):
            assert words in "".join(text(told).split("\n  ")) or words in text(told)
            assert words in html(told)
        assert subject(told) == "[eop-probe] 2 changes: 1 alarm, 1 recovered"
        assert text(told).count("Get-ExchangeCertificate") == 1

    def test_markup_in_a_name_is_text(self) -> None:
        wicked = notice(summary="<script>alert(1)</script>", endpoints=('"><img src=x>',))
        assert "<script" not in html(document(wicked))
        assert "<img" not in html(document(wicked))

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            (
                {"event": "turned", "former_rule": "old-tls"},
                "CHANGED old-tls is now untrusted-root: mail.contoso",
            ),
            ({"event": "repeated"}, "STILL untrusted-root: mail.contoso"),
            ({"event": "ended"}, "ENDED untrusted-root: mail.contoso"),
            (
                {"subject": "certificate", "more_endpoints": 3, "certificate_before": None},
                "ALARM untrusted-root: CN=mail1.contoso.test at 4 endpoints",
            ),
        ],
    )
    def test_subjects(self, changes: dict[str, object], said: str) -> None:
        assert said in subject(document(notice(**changes)))
        assert "and 3 more" in text(document(notice(**changes))) or "more_endpoints" not in changes
