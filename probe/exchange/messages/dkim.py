"""Whether a mail's DKIM signature holds (RFC 6376, RFC 8301, RFC 8463), and covers the whole of what is said.

Stricter than the RFC where a signature is to prove something: the whole body (no part of it by l=), and no field
that is signed may stand a second time (8.15). Keys are an argument: nothing is looked up here.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from probe.exchange.messages.parts import Field, RawMail
from probe.text import printable

#: Signatures of one mail that are looked at; three are many.
MAX_SIGNATURES = 8
#: Bytes of one signature's field, and of one key's record.
MAX_SIGNATURE_BYTES = 16 * 1024
#: Records of one key's name that are tried; the RFC wants one.
MAX_RECORDS = 4
#: Bits of the shortest RSA key that counts (RFC 8301 3.2).
_MIN_RSA_BITS = 1024

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_LINE_END = re.compile(rb"\r?\n")
_BLANKS = re.compile(rb"[ \t]+")
_WHITE = re.compile(rb"[ \t\r\n]+")
_OWN_DIGITS = re.compile(rb"((?:\A|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")
_ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\Z")
#: Services a key may be for (s=): RFC 8460 3 adds its own.
_SERVICES = frozenset({"*", "email", "tlsrpt"})

Tags: TypeAlias = "dict[str, str]"


class DkimError(Exception):
    """Why a signature proves nothing, as the end of a sentence that begins with "it"."""


class Signature:
    """One DKIM-Signature field; raises DkimError where it cannot be one that counts."""

    def __init__(self, field: Field) -> None:
        self.field = field
        if len(field.raw) > MAX_SIGNATURE_BYTES:
            raise DkimError("is longer than any signature")
        self.tags = _tags(field.value)
        missing = [name for name in ("v", "a", "b", "bh", "d", "h", "s") if not self.tags.get(name)]
        if missing:
            raise DkimError(f"lacks {missing[0]}=")
        self.domain, self.selector = (_name(self.tags[name]) for name in "ds")

    @property
    def key_name(self) -> str:
        """Where the key stands in DNS (RFC 6376 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @cached_property
    def signed(self) -> tuple[bytes, ...]:
        """The names of the fields that are signed, in lower case, in order."""
        return tuple(name.strip().lower().encode() for name in self.tags["h"].split(":"))

    def check(
        self, mail: RawMail, records: Iterable[bytes], now: datetime, needed: Collection[bytes]
    ) -> None:
        """Raise DkimError unless one of the key's records says that it signed the mail, `needed` fields included."""
        self._check_itself(now)
        self._check_cover(mail, needed)
        header, _, body = self.tags.get("c", "simple/simple").lower().partition("/")
        content = _canonical_body(mail.body, body or "simple")
        if self.tags.get("l", str(len(content))) != str(len(content)):
            raise DkimError("does not sign the whole body (l=)")
        if hashlib.sha256(content).digest() != _base64(self.tags["bh"], "bh"):
            raise DkimError("does not fit the body, which was changed")
        text = b"".join(self._signed_fields(mail, header))
        digits = _base64(self.tags["b"], "b")
        reasons = [_why_not(self, record, digits, text) for record in [*records][:MAX_RECORDS]]
        if all(reasons):
            raise DkimError(reasons[0] if reasons else "has no key at its name")

    def _check_itself(self, now: datetime) -> None:
        if self.tags["v"] != "1":
            raise DkimError("is of another version")
        if self.tags["a"].lower() not in _ALGORITHMS:
            raise DkimError(f"is made with {printable(self.tags['a'], 30)}, which counts no more (RFC 8301)")
        agent = self.tags.get("i", "").rpartition("@")[2].lower() or self.domain
        if agent != self.domain and not agent.endswith(f".{self.domain}"):
            raise DkimError("is for another domain than its own (i=)")
        if (end := _instant(self.tags.get("x"))) and end < now:
            raise DkimError(f"ran out on {end.date()} (--at judges as of an earlier day)")

    def _check_cover(self, mail: RawMail, needed: Collection[bytes]) -> None:
        there = [field.name for field in mail.fields]
        for name in dict.fromkeys((*self.signed, *needed)):
            count, shown = there.count(name), printable(name, 60)
            if name in needed and count != 1:
                raise DkimError(f"needs one field {shown}, and the mail has {count}")
            if name != b"dkim-signature" and count > self.signed.count(name):
                raise DkimError(f"does not cover every field {shown}")

    def _signed_fields(self, mail: RawMail, how: str) -> Iterator[bytes]:
        """What is signed of the header, from the last field of a name upwards (RFC 6376 5.4.2)."""
        waiting: dict[bytes, list[bytes]] = {}
        for field in mail.fields:
            waiting.setdefault(field.name, []).append(field.raw)
        for name in self.signed:
            if waiting.get(name):
                yield _canonical_field(waiting[name].pop(), how) + b"\r\n"
        name, _, value = self.field.raw.partition(b":")
        yield _canonical_field(name + b":" + _OWN_DIGITS.sub(rb"\1", value, count=1), how)


def signatures(mail: RawMail) -> Iterator[Signature | DkimError]:
    """Every signature of a mail, the topmost first, or why it is none."""
    every = [field for field in mail.fields if field.name == b"dkim-signature"]
    for field in every[:MAX_SIGNATURES]:
        try:
            yield Signature(field)
        except DkimError as error:
            yield error
    if len(every) > MAX_SIGNATURES:
        yield DkimError(f"is among {len(every)}, of which {MAX_SIGNATURES} are looked at")


def _why_not(signature: Signature, record: bytes, digits: bytes, text: bytes) -> str:
    """Why a key did not make the signature; "" where it did."""
    try:
        _verify(_key(record, signature), digits, text)
    except DkimError as error:
        return str(error)
    except InvalidSignature:
        return "was not made with this key, or what it signs was changed"
    return ""


def _verify(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey, digits: bytes, text: bytes) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(digits, text, padding.PKCS1v15(), SHA256())
    else:
        key.verify(digits, hashlib.sha256(text).digest())


def _key(record: bytes, signature: Signature) -> rsa.RSAPublicKey | ed25519.Ed25519PublicKey:
    """The key of a record, where it may sign this (RFC 6376 3.6.1, 6.1.2)."""
    if len(record) > MAX_SIGNATURE_BYTES:
        raise DkimError("has a key that is longer than any")
    try:
        tags = _tags(record)
        data = _base64(tags.get("p", ""), "p")
    except DkimError:
        raise DkimError("has a key that cannot be read") from None
    wanted = _ALGORITHMS[signature.tags["a"].lower()]
    if tags.get("v", "DKIM1") != "DKIM1" or tags.get("k", "rsa").lower() != wanted or "p" not in tags:
        raise DkimError("has no key of its kind at that name")
    if not data:
        raise DkimError("has a key that was revoked")
    if "sha256" not in _words(tags.get("h", "sha256")) or not _SERVICES & _words(tags.get("s", "*")):
        raise DkimError("has a key that is not for this")
    flags = _words(tags.get("t", ""))
    agent = signature.tags.get("i", "").rpartition("@")[2].lower() or signature.domain
    if "y" in flags or ("s" in flags and agent != signature.domain):
        raise DkimError("has a key that is for tests, or for its own domain alone (t=)")
    return _loaded(data, wanted)


def _loaded(data: bytes, wanted: str) -> rsa.RSAPublicKey | ed25519.Ed25519PublicKey:
    try:
        if wanted == "ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(data)
        key = load_der_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DkimError("has a key that cannot be read") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _MIN_RSA_BITS:
        raise DkimError("has a key that is too short or of another kind (RFC 8301)")
    return key


def _canonical_field(raw: bytes, how: str) -> bytes:
    """RFC 6376 3.4.1 and 3.4.2."""
    if how == "simple":
        return _LINE_END.sub(b"\r\n", raw)
    if how != "relaxed":
        raise DkimError("is made over a form that nobody knows (c=)")
    name, _, value = raw.partition(b":")
    return name.strip().lower() + b":" + _BLANKS.sub(b" ", _FOLD.sub(b"", value)).strip(b" \t\r\n")


def _canonical_body(body: bytes, how: str) -> bytes:
    """RFC 6376 3.4.3 and 3.4.4; each step takes time in proportion to the body, whatever is in it."""
    body = body.replace(b"\r\n", b"\n")
    if how == "relaxed":
        body = body.replace(b"\t", b" ")
        while b"  " in body:
            body = body.replace(b"  ", b" ")
        body = body.replace(b" \n", b"\n").removesuffix(b" ")
    elif how != "simple":
        raise DkimError("is made over a form that nobody knows (c=)")
    body = body.rstrip(b"\n").replace(b"\n", b"\r\n")
    return body + (b"\r\n" if body or how == "simple" else b"")


def _tags(data: bytes) -> Tags:
    """A list of tags (RFC 6376 3.2), white space around and within values that hold digits taken out."""
    found: Tags = {}
    for pair in data.decode("utf-8", "backslashreplace").split(";"):
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals and not name:
            continue
        if not equals or name in found:
            raise DkimError("is no list of tags")
        found[name] = " ".join(value.split())
    return found


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in text.split(":"))


def _name(text: str) -> str:
    name = text.lower().removesuffix(".")
    if len(name) > 253 or not _NAME.match(name):
        raise DkimError("names no domain and selector")
    return name


def _base64(text: str, tag: str) -> bytes:
    try:
        return binascii.a2b_base64(_WHITE.sub(b"", text.encode("utf-8", "replace")), strict_mode=True)
    except ValueError:
        raise DkimError(f"is damaged ({tag}=)") from None


def _instant(text: str | None) -> datetime | None:
    """Seconds since 1970; one beyond all calendars, as twelve digits may be, never comes."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise DkimError("is damaged (x=)")
    return datetime.fromtimestamp(int(text), UTC) if len(text) <= 11 else None
