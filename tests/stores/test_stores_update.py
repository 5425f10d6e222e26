"""Fetching Microsoft's lists: from a server on loopback, and what stays when it fails."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probe.errors import StoreError
from probe.stores import update
from probe.stores.update import Updated
from tests.rootlist import Listed, Publisher

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
PUBLISHER = Publisher(NOW)
ROOTS = PUBLISHER.root_list(Listed(der=b"one"), Listed(der=b"two"))
FORBIDDEN = PUBLISHER.disallowed_list(Listed(der=b"three"))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test run's output clean."""


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address it is served at."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def run(cache: Path, address: str, **options: object) -> tuple[Updated, Updated]:
    return update.update(
        cache,
        root_list_urls=(f"{address}authrootstl.cab", f"{address}authroot.stl"),
        disallowed_urls=(f"{address}disallowedcert.stl",),
        certificates=PUBLISHER.bundle,
        pin=PUBLISHER.pin,
        **options,
    )


def test_both_lists_are_fetched_and_kept(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    (folder / "authroot.stl").write_bytes(ROOTS)
    (folder / "disallowedcert.stl").write_bytes(FORBIDDEN)
    cache = tmp_path / "not" / "yet"
    assert run(cache, address) == (
        Updated("authroot.stl", NOW, 2, replaced=True, failure=None),
        Updated("disallowedcert.stl", NOW, 1, replaced=True, failure=None),
    )
    assert (cache / "authroot.stl").read_bytes() == ROOTS
    assert (cache / "disallowedcert.stl").read_bytes() == FORBIDDEN
    assert sorted(path.name for path in cache.iterdir()) == ["authroot.stl", "disallowedcert.stl"]


def test_a_list_that_is_not_newer_changes_nothing(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    (folder / "authroot.stl").write_bytes(PUBLISHER.root_list(Listed(der=b"old"), dated=NOW - DAY))
    (tmp_path / "authroot.stl").write_bytes(ROOTS)
    assert run(tmp_path, address)[0] == Updated("authroot.stl", NOW, 2, replaced=False, failure=None)
    assert (tmp_path / "authroot.stl").read_bytes() == ROOTS


def test_a_newer_list_replaces_the_old_one(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    newer = PUBLISHER.root_list(Listed(der=b"new"), dated=NOW + DAY)
    (folder / "authroot.stl").write_bytes(newer)
    (tmp_path / "authroot.stl").write_bytes(ROOTS)
    assert run(tmp_path, address)[0].dated == NOW + DAY
    assert (tmp_path / "authroot.stl").read_bytes() == newer


@pytest.mark.parametrize("kept", [ROOTS, b"damaged"])
def test_a_forged_list_is_not_kept(served: tuple[Path, str], tmp_path: Path, kept: bytes) -> None:
    folder, address = served
    forged = Publisher(NOW, name="forger").root_list(Listed(der=b"mine"), dated=NOW + DAY)
    (folder / "authroot.stl").write_bytes(forged)
    (tmp_path / "authroot.stl").write_bytes(kept)
    found = run(tmp_path, address)[0]
    assert found.failure == f"{address}authrootstl.cab cannot be fetched: HTTP 404"
    assert found.dated == (NOW if kept == ROOTS else None)
    assert (tmp_path / "authroot.stl").read_bytes() == kept


def test_a_list_of_the_wrong_kind_is_not_kept(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    (folder / "disallowedcert.stl").write_bytes(ROOTS)
    found = run(tmp_path, address)[1]
    assert found.failure == (
        f"{address}disallowedcert.stl does not serve Microsoft's list: it is the list of trusted roots"
    )
    assert list(tmp_path.glob("*.stl")) == []


def test_a_broken_cabinet_is_not_kept(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    (folder / "authrootstl.cab").write_bytes(b"MSCF")
    found = run(tmp_path, address)[0]
    assert found.failure is not None
    assert found.failure.startswith(f"{address}authrootstl.cab is a broken cabinet")


def test_without_a_network_the_old_copy_stays(tmp_path: Path) -> None:
    (tmp_path / "authroot.stl").write_bytes(ROOTS)
    with http.server.HTTPServer(("127.0.0.1", 0), _Quiet) as unused:
        port = unused.server_address[1]
    roots, forbidden = run(tmp_path, f"http://127.0.0.1:{port}/")
    assert "cannot be fetched: [Errno 111] Connection refused" in (roots.failure or "")
    assert "cannot be fetched" in (forbidden.failure or "")
    assert (roots.dated, forbidden.dated) == (NOW, None)
    assert (tmp_path / "authroot.stl").read_bytes() == ROOTS


def test_a_folder_that_cannot_be_written(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    (folder / "authroot.stl").write_bytes(ROOTS)
    (tmp_path / "file").write_bytes(b"in the way")
    failure = run(tmp_path / "file", address)[0].failure
    assert "404" in (failure or "")  # the first address's, for the second one answered
    only = update.update(
        tmp_path / "file",
        fetch=lambda _: ROOTS,
        root_list_urls=("x",),
        disallowed_urls=(),
        certificates=PUBLISHER.bundle,
        pin=PUBLISHER.pin,
    )
    assert "authroot.stl cannot be written: File exists" in (only[0].failure or "")
    assert only[1] == Updated("disallowedcert.stl", None, 0, replaced=False, failure=None)


def test_no_half_written_file_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "authroot.stl").mkdir()
    found = run(tmp_path, "", fetch=lambda _: ROOTS)
    assert "cannot be written" in (found[0].failure or "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["authroot.stl"]


def test_microsofts_root_is_what_counts_without_an_argument(tmp_path: Path) -> None:
    found = update.update(tmp_path, fetch=lambda _: ROOTS)
    assert "does not lead to Microsoft's root" in (found[0].failure or "")


# ---- one download --------------------------------------------------------------------------------


def test_a_download_is_bounded(served: tuple[Path, str]) -> None:
    folder, address = served
    (folder / "big").write_bytes(bytes(1000))
    assert len(update.fetch(f"{address}big")) == 1000
    with pytest.raises(StoreError, match="sends more than 999 bytes"):
        update.fetch(f"{address}big", limit=999)


@pytest.mark.parametrize("in_headers", [True, False])
def test_a_slow_download_is_given_up(in_headers: bool) -> None:
    """The server sends bytes without end, each in time: only the total stops it."""

    class Endless(_Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("X-Begun", "x")
            self.flush_headers() if in_headers else self.end_headers()
            self.connection.settimeout(0.02)
            with contextlib.suppress(ConnectionError):
                while True:
                    with contextlib.suppress(TimeoutError):
                        self.connection.recv(1)
                    self.wfile.write(b"x")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with pytest.raises(StoreError, match=r"takes longer than 0\.2 seconds"):
            update.fetch(f"http://127.0.0.1:{server.server_address[1]}/", limit=1 << 40, seconds=0.2)
        server.shutdown()
        thread.join()


def test_an_address_that_is_none() -> None:
    with pytest.raises(StoreError, match="cannot be fetched: unknown url type"):
        update.fetch("no address")
