"""The text of anything a person saved or pasted: a mail, a page, a text, whatever its encoding."""

from __future__ import annotations

import re

from probe.exchange.exports.decoding import decode
from probe.exchange.messages.mail import MAX_CHARACTERS, is_mail, text_of_mail, undo_quoted_printable
from probe.exchange.messages.markup import is_markup, text_of_markup
from probe.exchange.messages.outlook import is_outlook_mail, text_of_outlook_mail
from probe.exchange.problem import Problems

_QUOTE = re.compile(r"^(?:> ?){1,8}", re.MULTILINE)
# Two lines of quoting; PowerShell marks the rest of a command with one ">>".
_QUOTED = re.compile(r"^>[ >]?[^\r\n]{0,2000}\r?\n>", re.MULTILINE)


def readable(data: bytes, problems: Problems) -> str:
    """What a file says to a person, decoded and without markup; never raises for its content."""
    if is_outlook_mail(data):
        text = text_of_outlook_mail(data)
        if text is None:
            problems.add("is an Outlook file that cannot be read; save the mail as .eml, or paste its text.")
        elif not text:
            problems.add("is an Outlook file without a text that can be read; paste its text.")
        return text or ""
    if is_mail(data):
        return text_of_mail(data)
    return readable_text(decode(data, problems))


def unpacked(data: bytes, problems: Problems) -> bytes:
    """The text of a mail or a page as a file of its own, without the marks of quoting; anything else as it is."""
    if is_outlook_mail(data) or is_mail(data):
        text = readable(data, problems)
    else:
        text = decode(data, Problems(""))
        if not is_markup(text) and not _QUOTED.search(text):
            return data
        text = readable_text(text)
    return without_quotes(text[:MAX_CHARACTERS]).encode("utf-8", "replace")


def without_quotes(text: str) -> str:
    """The same without the marks of quoting at the start of lines."""
    return _QUOTE.sub("", text)


def readable_text(text: str) -> str:
    """The same of a text that is decoded already: pasted, or an argument."""
    if is_mail(text[:MAX_CHARACTERS].encode("utf-8", "surrogateescape")):
        return text_of_mail(text.encode("utf-8", "surrogateescape"))
    text = undo_quoted_printable(text)
    return text_of_markup(text[:MAX_CHARACTERS]) if is_markup(text) else text
