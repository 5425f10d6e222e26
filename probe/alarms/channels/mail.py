"""A message as e-mail: multipart, and never a password to a server that was not verified."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from probe.alarms.channels.kinds import Answer, Mail
from probe.alarms.document import Document
from probe.alarms.words import html, subject, text

#: A subject is one line; RFC 5322 2.1.1 has 998 characters for it.
_POLICY = SMTP.clone(max_line_length=900)


def letter(channel: Mail, document: Document) -> EmailMessage:
    """The message to send: the same bytes, and the same Message-ID, however often it is tried."""
    made = EmailMessage(policy=_POLICY)
    made["From"] = channel.sender
    made["To"] = ", ".join(channel.recipients)
    made["Subject"] = subject(document)
    made["Date"] = format_datetime(document.at)
    made["Message-ID"] = f"<{document.id}@{channel.sender.rpartition('@')[2].rstrip('>')}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text(document))
    made.add_alternative(html(document), subtype="html")
    made.set_boundary(f"=_{document.id}")
    return made


def send(channel: Mail, document: Document) -> Answer:
    """Send a message by SMTP; it is sent where the server says 250 after DATA, and refused no recipient for now."""
    connection: smtplib.SMTP | None = None
    try:
        connection = _connected(channel)
        if channel.user and channel.password:
            connection.login(channel.user, channel.password)
        return _submitted(connection, channel, letter(channel, document))
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return channel.answer(f"the server said {error.smtp_code} {words}", sent=False)
    except ssl.SSLCertVerificationError as error:
        return channel.answer(
            f"the server's certificate cannot be verified: {error.verify_message}", sent=False
        )
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        return channel.answer(f"{type(error).__name__}: {error}", sent=False)
    finally:
        if connection is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.quit()


def _connected(channel: Mail) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=channel.ca_file)
    where, timeout = (channel.host, channel.port), channel.timeout_s
    if channel.tls == "implicit":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=timeout, context=context)
        connection.ehlo()
        return connection
    connection = smtplib.SMTP(*where, timeout=timeout)
    try:
        connection.ehlo()
        if channel.tls == "starttls":
            connection.starttls(context=context)
            connection.ehlo()
    except BaseException:
        connection.close()
        raise
    return connection


def _submitted(connection: smtplib.SMTP, channel: Mail, made: EmailMessage) -> Answer:
    _expect(connection.mail(channel.sender), 250)
    refused, left = [], []
    asked = channel.only or channel.recipients
    for recipient in asked:
        code, words = connection.rcpt(recipient)
        if code not in (250, 251):
            refused.append(f"{recipient}: {code} {words.decode('utf-8', 'replace')}")
            left += [recipient] if 400 <= code < 500 else []
    if len(refused) == len(asked):
        # Where others have it already, it is sent once these are refused for good.
        again = bool(channel.only)
        return channel.answer(
            f"every recipient was refused: {'; '.join(refused)}",
            sent=again and not left,
            left=tuple(left) if again else (),
        )
    try:
        code, words = connection.data(made.as_bytes())
    except (OSError, smtplib.SMTPServerDisconnected):
        return channel.answer(
            "the connection ended before the answer to the message; it may come twice", sent=False
        )
    _expect((code, words), 250)
    also = f"; refused: {'; '.join(refused)}" if refused else ""
    return channel.answer(f"{code} {words.decode('utf-8', 'replace')}{also}", sent=not left, left=tuple(left))


def _expect(answered: tuple[int, bytes], wanted: int) -> None:
    if answered[0] != wanted:
        raise smtplib.SMTPResponseException(*answered)
