#!/usr/bin/env bash
# A good engineer guesses: to be safe from gzip bombs one reads a bounded number of bytes, gzip.open(...).read(limit); and
# a file that is damaged raises, while a stray line end behind the data, as mail programs leave it, does no harm.
# What happens (CPython 3.11 gzip): the bounded read gives data whose checksum is wrong or whose end is missing, without
# a word: both are only looked at by the read after the last one. And two bytes of "\r\n" behind sound data raise
# BadGzipFile from gzip.decompress, with the data lost; a cut-off file raises EOFError, which is no OSError.
# zlib.decompressobj(31) gives the data, says with `eof` whether end and sum were right, and keeps the rest apart.
set -euo pipefail
python3 - <<'PY'
import gzip
import io
import sys
import zlib

print("Python", sys.version.split()[0])
text = b'{"organization-name": "Fabrikam"}'
sound = gzip.compress(text)
CASES = {
    "sound": sound,
    "wrong checksum": sound[:-8] + bytes(4) + sound[-4:],
    "end missing": sound[:-8],
    "a line end behind it": sound + b"\r\n",
}


def bounded(data):
    return gzip.open(io.BytesIO(data)).read(len(text)) == text


def whole(data):
    try:
        return str(gzip.decompress(data) == text)
    except (OSError, EOFError) as error:
        return f"{type(error).__name__}, an OSError: {isinstance(error, OSError)}"


def by_zlib(data):
    unpack = zlib.decompressobj(31)
    try:
        return unpack.decompress(data, len(text) + 1) == text, unpack.eof
    except zlib.error:
        return "zlib.error"


wanted = {
    "sound": (True, "True", (True, True)),
    "wrong checksum": (True, "BadGzipFile, an OSError: True", "zlib.error"),
    "end missing": (True, "EOFError, an OSError: False", (True, False)),
    "a line end behind it": (True, "BadGzipFile, an OSError: True", (True, True)),
}
for name, data in CASES.items():
    found = bounded(data), whole(data), by_zlib(data)
    print(f"{name:<22} read(limit) {found[0]}; decompress {found[1]}; zlib {found[2]}")
    if found != wanted[name]:
        sys.exit(f"CHANGED: expected {wanted[name]}")
PY
echo "As described."
