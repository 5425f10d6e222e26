"""A message as a signed POST of its JSON; no redirect is followed, and little of the answer is read."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
from datetime import datetime
from urllib.parse import urlsplit

from msgspec import json

from probe.alarms.channels.kinds import Answer, Webhook
from probe.alarms.document import Document

#: Bytes read of an answer's body; it is thrown away.
MAX_BODY_BYTES = 4096

TIMESTAMP, SIGNATURE, KEY = "Eop-Probe-Timestamp", "Eop-Probe-Signature", "Idempotency-Key"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``v1=`` and HMAC-SHA256, in hex, over the timestamp, a full stop and the body."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def send(channel: Webhook, document: Document, now: datetime) -> Answer:
    """Post a message; it is sent where the answer is 2xx."""
    body = json.encode(document)
    parts = urlsplit(channel.url)
    stamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        KEY: document.id,
        TIMESTAMP: stamp,
        "User-Agent": "eop-probe",
    }
    if channel.secret:
        headers[SIGNATURE] = signature(channel.secret, stamp, body)
    host, port, timeout = parts.hostname or "", parts.port, channel.timeout_s
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=channel.ca_file)
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response.read(MAX_BODY_BYTES)
    except ssl.SSLCertVerificationError as error:
        return channel.answer(
            f"the server's certificate cannot be verified: {error.verify_message}", sent=False
        )
    except (OSError, http.client.HTTPException, ValueError) as error:
        return channel.answer(f"{type(error).__name__}: {error}", sent=False)
    finally:
        connection.close()
    said = f"HTTP {response.status} {response.reason}"
    if 300 <= response.status < 400:
        said += "; redirects are not followed"
    return channel.answer(said, sent=200 <= response.status < 300)
