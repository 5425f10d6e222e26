#!/usr/bin/env bash
# A good engineer guesses: pypsrp, whose serializer speaks PowerShell's CLIXML, reads what Export-Clixml wrote, or
# raises an error.
# What happens (pypsrp 0.9.1): Serializer().deserialize() of such a file (root element Objs, with its namespace) gives
# back the text of the file, as a string, without a word: it reads the inner Obj of the remoting protocol, without
# namespace, and takes anything else for a text. Cut out and stripped of the namespace the object is read, but
# dates and durations stay text ("2027-01-15T23:59:59.1234567+01:00", whose seven digits the older
# datetime.fromisoformat of Python 3.10 refuses), while GUIDs, byte arrays and _x000A_ escapes are converted.
# Why it matters: `Get-ExchangeCertificate | Export-Clixml` is the lossless export; "it parsed" proves nothing here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile pypsrp==0.9.1
venv/bin/python -W ignore - <<'PY'
import importlib.metadata
import re
import sys

from pypsrp.serializer import Serializer

print("pypsrp", importlib.metadata.version("pypsrp"))
FILE = """<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><Obj RefId="0">
<TN RefId="0"><T>System.Object</T></TN><MS><S N="Subject">CN=a_x000D__x000A_O=b</S>
<DT N="NotAfter">2027-01-15T23:59:59.1234567+01:00</DT><TS N="Left">P1DT2H3M4.5S</TS>
<G N="Id">792e5b37-4505-47ef-b7d2-8711bb7affa8</G><BA N="RawData">AQID</BA></MS></Obj></Objs>"""


def kind(value):
    return type(value).__name__


whole = Serializer().deserialize(FILE)
print("the file:", kind(whole), "the text itself" if whole == FILE else repr(whole)[:80])
if whole != FILE:
    sys.exit("CHANGED: the file is read")
inner = re.search(r"<Obj RefId.*</Obj>", FILE, re.DOTALL)[0]
found = Serializer().deserialize(inner)
values = {**found.adapted_properties, **found.extended_properties}
print("the inner Obj:", {name: f"{value!r} ({kind(value)})" for name, value in values.items()})
kinds = {name: kind(value) for name, value in values.items()}
if kinds != {"Subject": "str", "NotAfter": "str", "Left": "str", "Id": "UUID", "RawData": "bytes"}:
    sys.exit("CHANGED: other types")
if values["Subject"] != "CN=a\r\nO=b":
    sys.exit("CHANGED: escapes are not undone")
PY
echo "As described."
