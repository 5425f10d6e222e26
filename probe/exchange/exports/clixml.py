"""Export-Clixml output as records; entities, DTDs and external references are refused.

Shape: reported from published files. ``Obj`` per object; ``Props`` holds its properties and ``MS`` what
PowerShell added; nested objects are told by their ``ToString``, which also stands in for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from probe.exchange.exports.decoding import decode_base64
from probe.exchange.exports.record import Field, Nested, Raw, Record, Records
from probe.exchange.exports.serialization import scan
from probe.exchange.problem import Problems

#: Elements inside each other; real exports have about eight.
MAX_DEPTH = 64
#: Elements of one file; a certificate has about ten, a connector about a hundred.
MAX_ELEMENTS = 200_000
#: Characters of one element from which on no more are read; a certificate in base64 has some 3,000.
MAX_CHARACTERS = 1 << 20
_PIECE = 1 << 20  # characters handed to the parser at once

_START = re.compile(r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--|<!DOCTYPE|<Objs\b)", re.IGNORECASE)
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LISTS = frozenset({"LST", "IE", "QUE", "STK"})
_INTEGERS = frozenset({"I16", "I32", "I64", "U16", "U32", "U64", "By", "SB"})
_TEXTS = frozenset({"S", "G", "URI", "Version", "DT", "TS", "XD", "SBK", "D", "Db", "Sg", "C", "ToString"})
#: What an X509Certificate2 prints of itself, by its headings; dates are local and always month first.
_HEADINGS = {
    "[Subject]": "subject",
    "[Issuer]": "issuer",
    "[Serial Number]": "serialnumber",
    "[Not Before]": "notbefore",
    "[Not After]": "notafter",
    "[Thumbprint]": "thumbprint",
}
_MONTH_FIRST = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d\d:\d\d:\d\d)")


class _RefusedError(Exception):
    """The document goes beyond what an export needs; its text is the problem's sentence."""


class _Node:
    """One element: its tag, name and references, its text and its children."""

    __slots__ = ("characters", "children", "line", "name", "ref", "tag")

    def __init__(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.tag = tag
        self.name = attributes.get("N")
        self.ref = attributes.get("RefId")
        self.line = line
        self.children: tuple[()] | list[_Node] = ()  # most have none
        self.characters = ""

    @property
    def text(self) -> str:
        return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), self.characters)

    def child(self, *tags: str) -> _Node | None:
        return next((child for child in self.children if child.tag in tags), None)


def looks_like_clixml(text: str) -> bool:
    """Whether a text is XML that PowerShell could have written, or pretends to."""
    found = _START.match(text)
    return found is not None and (found[0].lower().endswith("<objs") or "<Objs" in text)


def read_clixml(text: str, problems: Problems) -> list[Record]:
    """Return the objects of an Export-Clixml file; of a broken file, those that were complete."""
    builder = _Builder()
    try:
        builder.parse(text)
    except _RefusedError as error:
        problems.add(f"{error} and is read no further.", line=builder.line)
    except expat.ExpatError as error:
        problems.add(f"is no well-formed XML ({error}); what stands before is used.", line=error.lineno)
    records = Records(problems)
    for node in _objects(builder.done):
        if records.full():
            break
        records.add(_fields(node, builder.objects), node.line)
    return records.found


class _Builder:
    """Builds the elements below ``Objs``; `done` are those that were closed, `objects` all by RefId."""

    def __init__(self) -> None:
        self.done: list[_Node] = []
        self.objects: dict[str, _Node] = {}
        self._open: list[_Node] = []
        self._count = 0
        self._parser = expat.ParserCreate("UTF-8")
        self._parser.buffer_text = True
        self._parser.buffer_size = _PIECE
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    @property
    def line(self) -> int:
        return self._parser.CurrentLineNumber

    def parse(self, text: str) -> None:
        for at in range(0, len(text), _PIECE):  # no second copy of the whole
            self._parser.Parse(text[at : at + _PIECE].encode("utf-8", "replace"))
        self._parser.Parse(b"", True)  # noqa: FBT003 - expat's own signature

    def _doctype(self, *_: object) -> None:
        raise _RefusedError("has a DOCTYPE, which no export has,")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH:
            raise _RefusedError(f"has more than {MAX_DEPTH} elements inside each other")
        if self._count > MAX_ELEMENTS:
            raise _RefusedError(f"has more than {MAX_ELEMENTS} elements")
        node = _Node(tag, attributes, self.line)
        if self._open:
            above = self._open[-1]
            above.children = above.children or []
            above.children.append(node)
        if tag == "Obj" and node.ref is not None:
            self.objects.setdefault(node.ref, node)
        self._open.append(node)

    def _end(self, _tag: str) -> None:
        node = self._open.pop()
        if len(self._open) == 1:
            self.done.append(node)

    def _characters(self, text: str) -> None:
        if len(self._open[-1].characters) < MAX_CHARACTERS:
            self._open[-1].characters += text


def _objects(nodes: list[_Node]) -> Iterator[_Node]:
    """The objects a file holds: one after the other, or as one exported list."""
    for node in nodes:
        if node.tag != "Obj":
            continue
        inner = node.child(*_LISTS)
        if inner is not None and node.child("Props", "MS") is None:
            yield from (child for child in inner.children if child.tag == "Obj")
        else:
            yield node


def _fields(node: _Node, objects: dict[str, _Node]) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for group in node.children:
        if group.tag in {"Props", "MS"}:
            for child in group.children:
                if child.name is not None and child.name.lower() not in fields:
                    fields[child.name.lower()] = Field(_value(child, objects), child.line)
    data = fields.get("serializationdata")
    if data is not None and isinstance(data.value, bytes):
        for name, value in scan(data.value).items():
            fields.setdefault(name, Field(value, data.line))
    described = node.child("ToString")
    if described is not None and "[Thumbprint]" in described.text:
        for name, text in _described(described.text):
            fields.setdefault(name, Field(text, described.line))
    return fields


def _described(text: str) -> Iterator[tuple[str, str]]:
    name = None
    for line in map(str.strip, text.splitlines()):
        if line in _HEADINGS:
            name = _HEADINGS[line]
        elif name is not None and line:
            date = _MONTH_FIRST.fullmatch(line)
            yield name, f"{date[3]}-{date[1]}-{date[2]} {date[4]}" if date else line
            name = None


def _value(node: _Node, objects: dict[str, _Node]) -> Raw:
    """The value of an element; of an object the list it is, the name it prints, or the number it has."""
    if node.tag == "Ref" and node.ref in objects:
        node = objects[node.ref]
    if node.tag == "Obj" and (inner := node.child(*_LISTS)) is not None:
        return tuple(_scalar(child, objects) for child in inner.children)
    return _scalar(node, objects)


def _scalar(node: _Node, objects: dict[str, _Node]) -> Raw:
    """The value of an element that is no list; lists in lists are not followed, so nothing can recur."""
    if node.tag == "Ref" and node.ref in objects:
        node = objects[node.ref]
    if node.tag == "Obj":
        described = node.child("ToString") or node.child(*_INTEGERS)
        if described is None:
            return Nested("an object")
        node = described
    return node.text if node.tag in _TEXTS else _primitive(node)


def _primitive(node: _Node) -> Raw:
    text = node.characters.strip()
    if node.tag == "Nil":
        return None
    if node.tag == "B":
        return text.lower() == "true"
    if node.tag in _INTEGERS and re.fullmatch(r"-?\d{1,20}", text, re.ASCII):
        return int(text)
    if node.tag == "BA":
        data = decode_base64(text)
        return Nested("bytes that are not base64") if data is None else data
    return Nested("a value of an unknown type")
