"""Writes OLE compound files (MS-CFB, version 3) as Outlook saves its mails: storages as dicts, streams as bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypeAlias

Tree: TypeAlias = "Mapping[str, bytes | Tree]"

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


def _chain(table: list[int], count: int) -> int:
    """Append a chain of `count` sectors to an allocation table; returns where it begins."""
    if not count:
        return _END
    start = len(table)
    table += [*range(start + 1, start + count), _END]
    return start


def _padded(data: bytes, size: int) -> bytes:
    return data + bytes(-len(data) % size)


def _entry(name: str, kind: int, *, right: int, child: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le")
    head = struct.pack("<64sHBBIII", raw, len(raw) + 2, kind, 1, _NONE, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def compound_file(tree: Tree) -> bytes:
    """The file; every storage's children are one chain of right siblings, which readers take as well as a tree."""
    flat: list[tuple[str, bytes | None, int, int]] = [("Root Entry", None, _NONE, _NONE)]

    def add(children: Tree) -> int:
        first = _NONE
        for name, value in reversed(children.items()):
            child = add(value) if isinstance(value, Mapping) else _NONE
            flat.append((name, None if isinstance(value, Mapping) else value, first, child))
            first = len(flat) - 1
        return first

    flat[0] = ("Root Entry", None, _NONE, add(tree))
    fat: list[int] = []
    mini: list[int] = []
    small, large, entries = bytearray(), bytearray(), []
    for name, data, right, child in flat:
        start, size, kind = 0, 0, 1
        if data is not None:
            size, kind = len(data), 2
            if size < _CUTOFF:
                start = _chain(mini, -(-size // _MINI))
                small += _padded(data, _MINI)
            else:
                start = _chain(fat, -(-size // _SECTOR))
                large += _padded(data, _SECTOR)
        entries.append((name, kind, right, child, start, size))
    mini_start = _chain(fat, -(-len(small) // _SECTOR))
    table = _padded(b"".join(struct.pack("<I", one) for one in mini), _SECTOR)
    table_start = _chain(fat, len(table) // _SECTOR)
    entries[0] = ("Root Entry", 5, _NONE, flat[0][3], mini_start, len(small))
    directory = b"".join(
        _entry(name, kind, right=right, child=child, start=start, size=size)
        for name, kind, right, child, start, size in entries
    )
    directory = _padded(directory, _SECTOR)
    directory_start = _chain(fat, len(directory) // _SECTOR)
    begin = len(fat)
    count = -(-(begin + 1) // (_SECTOR // 4 - 1))
    fat += [_FAT] * count
    packed = b"".join(struct.pack("<I", one) for one in fat)
    packed += struct.pack("<I", _FREE) * (-len(fat) % (_SECTOR // 4))
    where = [*range(begin, begin + count)]
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        0x3E, 3, 0xFFFE, 9, 6, 0, count, directory_start, 0, _CUTOFF, table_start, len(table) // _SECTOR, _END, 0,
    )  # fmt: skip
    header += b"".join(struct.pack("<I", one) for one in (*where, *[_FREE] * (109 - count)))
    return header + bytes(large) + _padded(bytes(small), _SECTOR) + table + directory + packed
