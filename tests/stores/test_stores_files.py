"""The forms a list comes in: plain, in a cabinet, in a registry export, in a folder; and what is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import StoreError
from probe.stores import cabinet, files

LIST = bytes(range(256)) * 400  # four blocks
BLOCK = 32 * 1024


def mszip(data: bytes) -> list[tuple[bytes, int]]:
    """The blocks of MSZIP: each refers back to the one before."""
    found, before = [], b""
    for at in range(0, len(data), BLOCK):
        block = data[at : at + BLOCK]
        packer = (
            zlib.compressobj(9, zlib.DEFLATED, -15, zdict=before) if before else zlib.compressobj(9, 8, -15)
        )
        found.append((b"CK" + packer.compress(block) + packer.flush(), len(block)))
        before = block
    return found


def stored(data: bytes) -> list[tuple[bytes, int]]:
    return [(data[at : at + BLOCK], len(data[at : at + BLOCK])) for at in range(0, len(data), BLOCK)]


def cab(
    blocks: list[tuple[bytes, int]],
    *,
    method: int,
    size: int = len(LIST),
    offset: int = 0,
    reserve: bytes | None = None,
) -> bytes:
    """A cabinet with one folder and one file; `reserve` is put into header, folder and every block."""
    extra = reserve or b""
    header = 36 if reserve is None else 40 + len(extra)
    file_at = header + 8 + len(extra)
    entry = struct.pack("<IIHHHH", size, offset, 0, 0, 0, 0x20) + b"authroot.stl\0"
    data_at = file_at + len(entry)
    body = b"".join(struct.pack("<IHH", 0, len(packed), full) + extra + packed for packed, full in blocks)
    flags = 0 if reserve is None else 4
    start = struct.pack(
        "<4sIIIIIBBHHHHH", b"MSCF", 0, data_at + len(body), 0, file_at, 0, 3, 1, 1, 1, flags, 0, 0
    )
    if reserve is not None:
        start += struct.pack("<HBB", len(extra), len(extra), len(extra)) + extra
    folder = struct.pack("<IHH", data_at, len(blocks), method) + extra
    return start + folder + entry + body


def read(path: Path, content: bytes, name: str = "authroot.stl") -> bytes:
    path.write_bytes(content)
    return files.read_list(path, name)


def test_a_plain_list(tmp_path: Path) -> None:
    assert read(tmp_path / "x.stl", LIST) == LIST


@pytest.mark.parametrize("reserve", [None, b"", b"signed"])
def test_cabinets(tmp_path: Path, reserve: bytes | None) -> None:
    assert read(tmp_path / "x.cab", cab(mszip(LIST), method=1, reserve=reserve)) == LIST
    assert read(tmp_path / "x.cab", cab(stored(LIST), method=0, reserve=reserve)) == LIST


def test_a_file_that_does_not_start_its_folder(tmp_path: Path) -> None:
    assert (
        read(tmp_path / "x.cab", cab(mszip(LIST), method=1, size=1000, offset=40_000)) == LIST[40_000:41_000]
    )


def test_another_compression_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        read(tmp_path / "x.cab", cab(stored(LIST), method=0x1503))
    text = str(caught.value)
    assert f"expand {tmp_path}/x.cab authroot.stl" in text
    assert "cabextract" in text


@pytest.mark.parametrize(
    "data",
    [
        b"MSCF",
        cab(mszip(LIST), method=1)[:-1],
        cab(mszip(LIST)[:-1], method=1),
        cab(mszip(LIST), method=1, size=1 << 30),
        cab([(b"XX" + mszip(LIST)[0][0][2:], BLOCK)], method=1, size=BLOCK),
        cab([(b"CKnonsense", BLOCK)], method=1, size=BLOCK),
        cab([(mszip(LIST)[0][0], BLOCK - 1)], method=1, size=BLOCK - 1),
        cab([(mszip(LIST)[0][0], BLOCK + 1)], method=1, size=BLOCK),
        cab(mszip(LIST), method=1).replace(struct.pack("<HHH", 1, 1, 0), struct.pack("<HHH", 1, 1, 1), 1),
        cab(mszip(LIST), method=1).replace(struct.pack("<HHH", 1, 1, 0), struct.pack("<HHH", 1, 0, 0), 1),
    ],
)
def test_a_broken_cabinet_is_named(data: bytes) -> None:
    with pytest.raises(StoreError, match=r"lists\.cab is a broken cabinet"):
        cabinet.unpack(data, "authroot.stl", "lists.cab")


def test_a_block_that_inflates_without_end_is_bounded() -> None:
    bomb = zlib.compressobj(9, 8, -15)
    packed = b"CK" + bomb.compress(bytes(50_000_000)) + bomb.flush()
    data = cab([(packed[:65_000], BLOCK)], method=1, size=BLOCK)
    assert cabinet.unpack(data, "authroot.stl", "x") == bytes(BLOCK)


@given(st.integers(0, 200), st.binary(min_size=1, max_size=4))
def test_a_damaged_cabinet_is_an_error_or_a_list_never_a_crash(at: int, change: bytes) -> None:
    data = bytearray(cab(mszip(LIST), method=1))
    data[at : at + len(change)] = change
    try:
        found = cabinet.unpack(bytes(data), "authroot.stl", "x")
    except StoreError:
        return
    assert len(found) <= cabinet.MAX_UNPACKED_BYTES


def export(values: dict[str, bytes], encoding: str) -> bytes:
    lines = ["Windows Registry Editor Version 5.00", "", r"[HKEY_LOCAL_MACHINE\SOFTWARE\...\AutoUpdate]"]
    for name, value in values.items():
        digits = [f"{byte:02x}" for byte in value]
        rows = [",".join(digits[at : at + 25]) for at in range(0, len(digits), 25)]
        lines.append(f'"{name}"=hex:' + ",\\\r\n  ".join(rows))
    lines += ['"LastSyncTime"=hex:d0,ee', ""]
    return "\r\n".join(lines).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_a_registry_export_holds_both_lists(tmp_path: Path, encoding: str) -> None:
    text = export({"DisallowedCertEncodedCtl": b"forbidden" * 9, "EncodedCtl": LIST[:1000]}, encoding)
    assert read(tmp_path / "x.reg", text) == LIST[:1000]
    assert read(tmp_path / "x.reg", text, "disallowedcert.stl") == b"forbidden" * 9


def test_a_registry_export_without_the_list() -> None:
    with pytest.raises(StoreError, match="without the value DisallowedCertEncodedCtl"):
        files.unpack_registry(export({"EncodedCtl": b"x"}, "utf-16"), "disallowedcert.stl", "x.reg")


def test_a_folder_of_lists(tmp_path: Path) -> None:
    (tmp_path / "disallowedcertstl.cab").write_bytes(cab(mszip(LIST), method=1))
    (tmp_path / "authroot.stl").write_bytes(b"roots")
    assert files.read_list(tmp_path, "authroot.stl") == b"roots"
    assert files.read_list(tmp_path, "disallowedcert.stl") == LIST


def test_a_folder_without_the_list(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no authroot\.stl"):
        files.read_list(tmp_path, "authroot.stl")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is empty: it has to hold authroot\.stl"):
        read(tmp_path / "x.stl", b"")
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        files.read_list(tmp_path / "none.stl", "authroot.stl")
    with pytest.raises(StoreError, match="is larger than 4 bytes"):
        files.read_bounded(_written(tmp_path, b"12345"), 4)
    with pytest.raises(StoreError, match="is no usable file name"):
        files.read_bounded(Path("a\0b"))


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "five"
    path.write_bytes(content)
    return path


def test_what_exists(tmp_path: Path) -> None:
    assert not files.existing(tmp_path / "five")
    assert files.existing(_written(tmp_path, b"").parent / "five")
    assert not files.existing(tmp_path / "five" / "below a file")
    assert not files.existing(tmp_path / ("x" * 5000))


def test_a_damaged_registry_export() -> None:
    with pytest.raises(StoreError, match="whose value EncodedCtl is damaged"):
        files.unpack_registry(
            export({"EncodedCtl": b"x"}, "utf-8").replace(b"78", b"7"), "authroot.stl", "x.reg"
        )


def test_a_cabinet_that_would_unpack_to_too_much() -> None:
    with pytest.raises(StoreError, match="too large"):
        cabinet.unpack(cab([(b"", 0)], method=0, size=cabinet.MAX_UNPACKED_BYTES + 1), "authroot.stl", "x")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "roots.stl"
    with path.open("wb") as sparse:
        sparse.truncate(files.MAX_FILE_BYTES + 1)
    with pytest.raises(StoreError, match=f"is larger than {files.MAX_FILE_BYTES} bytes"):
        files.read_bounded(path)
