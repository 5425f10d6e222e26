r"""Read Microsoft's lists out of a registry export: every Windows server keeps both.

``reg export "HKLM\SOFTWARE\Microsoft\SystemCertificates\AuthRoot\AutoUpdate" lists.reg`` writes binary values
as ``"EncodedCtl"=hex:30,83,...`` with a backslash where a line goes on.
"""

from __future__ import annotations

import re

from probe.errors import StoreError

_VALUES = {"authroot.stl": "EncodedCtl", "disallowedcert.stl": "DisallowedCertEncodedCtl"}


def unpack(data: bytes, name: str, shown: str) -> bytes:
    """The value that holds the list `name`; raises StoreError naming `shown` if it is missing."""
    text = data.decode("utf-16" if data.startswith(b"\xff\xfe") else "utf-8", "replace")
    value = _VALUES[name]
    found = re.search(rf'^"{value}"=hex:((?:[0-9a-fA-F]{{2}}|[,\\\s])+)', text, re.MULTILINE)
    if found is None:
        raise StoreError(f"{shown} is a registry export without the value {value}")
    return bytes.fromhex("".join(re.findall(r"[0-9a-fA-F]{2}", found[1])))
