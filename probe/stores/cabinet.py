"""Unpack one file of a cabinet (.cab): stored or MSZIP, which the standard library can inflate.

Microsoft, "Microsoft Cabinet Format" [MS-CAB]: CFHEADER, CFFOLDER, CFFILE, CFDATA, all little-endian;
MSZIP is "CK" and a deflate stream for each block, which may refer back to the block before. LZX is not
read: for that the way out is printed.
"""

from __future__ import annotations

import zlib

from probe.errors import StoreError

MAGIC = b"MSCF"
#: Bytes of one unpacked file; Microsoft's lists have 0.2 MB.
MAX_UNPACKED_BYTES = 8 * 1024 * 1024
#: Bytes one block unpacks to, [MS-CAB] 2.4.
MAX_BLOCK_BYTES = 32 * 1024

_HEADER = 36
_RESERVE_PRESENT = 0x0004
_PART_OF_A_SET = 0x0003  # previous or next cabinet
_STORED, _MSZIP = 0, 1


def unpack(data: bytes, name: str, shown: str) -> bytes:
    """The one file of a cabinet; raises StoreError naming `shown`, with the command that unpacks to `name`."""
    try:
        method, blocks, first, reserve, size, offset = _layout(data)
        if method in (_STORED, _MSZIP):
            whole = _blocks(data, first, blocks, reserve, offset + size, zipped=method == _MSZIP)
            return whole[offset : offset + size]
    except (IndexError, ValueError, zlib.error) as error:
        raise StoreError(f"{shown} is a broken cabinet ({error})") from error
    raise StoreError(
        f"{shown} is a cabinet of a compression not read here (LZX); unpack it first with"
        f" `expand {shown} {name}` on Windows or `cabextract {shown}` elsewhere, and give {name}"
    )


def _layout(data: bytes) -> tuple[int, int, int, int, int, int]:
    """Method, count and place of the blocks, bytes reserved in each, size and place of the first file."""
    folders, files, flags = (_u16(data, at) for at in (26, 28, 30))
    if not data.startswith(MAGIC) or not folders or not files or flags & _PART_OF_A_SET:
        raise ValueError("no single cabinet with a file in it")
    folder, reserve = _HEADER, 0
    if flags & _RESERVE_PRESENT:
        reserve = data[39]  # cbCFData, after cbCFHeader (2 bytes) and cbCFFolder
        folder = 40 + _u16(data, 36)
    file = _u32(data, 16)
    size, offset, index = _u32(data, file), _u32(data, file + 4), _u16(data, file + 8)
    if index != 0 or offset + size > MAX_UNPACKED_BYTES:
        raise ValueError("its first file is too large or not in its first folder")
    method = _u16(data, folder + 6) & 0x000F
    return method, _u16(data, folder + 4), _u32(data, folder), reserve, size, offset


def _blocks(data: bytes, at: int, count: int, reserve: int, wanted: int, *, zipped: bool) -> bytes:
    """The contents of the blocks up to `wanted` bytes; each block inflates with the one before as dictionary."""
    whole, block = bytearray(), b""
    for _ in range(count):
        packed, unpacked = _u16(data, at + 4), _u16(data, at + 6)
        start = at + 8 + reserve
        at = start + packed
        if at > len(data) or unpacked > MAX_BLOCK_BYTES:
            raise ValueError("a block is cut off or too large")
        block = _inflate(data[start:at], block) if zipped else data[start:at]
        if len(block) != unpacked:
            raise ValueError("a block of another size than it says")
        whole += block
        if len(whole) >= wanted:
            return bytes(whole)
    raise ValueError("it ends too soon")


def _inflate(packed: bytes, before: bytes) -> bytes:
    if packed[:2] != b"CK":
        raise ValueError("a block without the mark of MSZIP")
    return zlib.decompressobj(-zlib.MAX_WBITS, zdict=before).decompress(packed[2:], MAX_BLOCK_BYTES)


def _u16(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8


def _u32(data: bytes, at: int) -> int:
    return _u16(data, at) | _u16(data, at + 2) << 16
