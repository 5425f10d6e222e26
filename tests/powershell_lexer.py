"""How PowerShell reads a line of arguments: words, strings, what is expanded in them, separators, comments.

Rules: about_Quoting_Rules, about_Parsing, about_Special_Characters. Typographic quotes are taken for plain
ones, and any two of a kind in a row stand for one inside a string. Here-strings are left out.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"
DOUBLE_QUOTES = '"\u201c\u201d\u201e'
_BLANKS = " \t\xa0\x0b\x0c\x85"
_SEPARATORS = ";|&\n\r"
_GROUPS = "(){}[],"


class Kind(enum.Enum):
    """What a piece of a line is."""

    BARE = "bare"
    """Characters outside of quotes, escapes undone."""
    SINGLE = "single"
    DOUBLE = "double"
    """The literal parts of an expandable string."""
    EXPANSION = "expansion"
    """What is looked up or run: a variable, or the inside of ``$(...)``."""
    BLANK = "blank"
    SEPARATOR = "separator"
    GROUP = "group"
    COMMENT = "comment"


class Token(NamedTuple):
    """One piece and what it says, quotes and escapes undone."""

    kind: Kind
    text: str


class UnfinishedError(ValueError):
    """A quote or a bracket that is never closed: PowerShell would go on reading."""


def tokens(line: str) -> tuple[Token, ...]:
    """Everything on the line; raises UnfinishedError."""
    return tuple(_Lexer(line).tokens())


def words(line: str) -> list[str]:
    """The words a native program would get; raises ValueError where the line is more than one plain call."""
    found: list[str] = []
    open_word = False
    for kind, text in tokens(line):
        if kind is Kind.BLANK:
            open_word = False
            continue
        if kind not in {Kind.BARE, Kind.SINGLE, Kind.DOUBLE}:
            raise ValueError(f"{kind.value} {text!r} in {line!r}")
        found.append(found.pop() + text if open_word else text)
        open_word = True
    return found


def skeleton(line: str) -> list[Token]:
    """The line without what its single-quoted strings say: what is left is what PowerShell acts on."""
    return [Token(token.kind, "" if token.kind is Kind.SINGLE else token.text) for token in tokens(line)]


class _Lexer:
    def __init__(self, line: str) -> None:
        self._line = line
        self._at = 0

    def tokens(self) -> Iterator[Token]:
        while self._at < len(self._line):
            yield from self._token()

    def _peek(self, ahead: int = 0) -> str:
        return self._line[self._at + ahead : self._at + ahead + 1]

    def _token(self) -> Iterator[Token]:
        char = self._peek()
        before = self._line[self._at - 1] if self._at else " "
        if char in _BLANKS:
            yield Token(Kind.BLANK, self._take(_BLANKS))
        elif char == "#" and before in _BLANKS + _SEPARATORS + "(){}":
            end = self._line.find("\n", self._at)
            self._at, begin = (len(self._line) if end < 0 else end), self._at
            yield Token(Kind.COMMENT, self._line[begin : self._at])
        elif char in _SEPARATORS:
            yield Token(Kind.SEPARATOR, self._take(_SEPARATORS))
        elif char in _GROUPS:
            self._at += 1
            yield Token(Kind.GROUP, char)
        elif char in SINGLE_QUOTES:
            yield Token(Kind.SINGLE, self._single())
        elif char in DOUBLE_QUOTES:
            self._at += 1
            yield from self._double()
        elif char == "$" and (found := self._expansion()) is not None:
            yield Token(Kind.EXPANSION, found)
        else:
            yield Token(Kind.BARE, self._bare())

    def _take(self, among: str) -> str:
        begin = self._at
        while self._peek() and self._peek() in among:
            self._at += 1
        return self._line[begin : self._at]

    def _bare(self) -> str:
        text = ""
        while (char := self._peek()) and char not in (
            _BLANKS + _SEPARATORS + _GROUPS + SINGLE_QUOTES + DOUBLE_QUOTES
        ):
            if char == "$" and text and (self._peek(1).isalnum() or self._peek(1) in "({_"):
                break
            if char == "`" and self._peek(1):
                self._at += 1
            text += self._peek()
            self._at += 1
        return text

    def _single(self) -> str:
        self._at += 1
        text = ""
        while char := self._peek():
            self._at += 1
            if char in SINGLE_QUOTES:
                if not self._peek() or self._peek() not in SINGLE_QUOTES:
                    return text
                self._at += 1
            text += char
        raise UnfinishedError(self._line)

    def _double(self) -> Iterator[Token]:
        text = ""
        while char := self._peek():
            self._at += 1
            if char == "`" and self._peek():
                text += self._peek()
                self._at += 1
            elif char in DOUBLE_QUOTES:
                if not self._peek() or self._peek() not in DOUBLE_QUOTES:
                    yield Token(Kind.DOUBLE, text)
                    return
                text += char
                self._at += 1
            elif char == "$":
                self._at -= 1
                found = self._expansion()
                if found is None:
                    self._at += 1
                    text += "$"
                else:
                    yield Token(Kind.DOUBLE, text)
                    yield Token(Kind.EXPANSION, found)
                    text = ""
            else:
                text += char
        raise UnfinishedError(self._line)

    def _expansion(self) -> str | None:
        """What stands after a ``$``: a name, ``{...}`` or ``(...)`` with strings of its own in it; None for text."""
        begin, following = self._at, self._peek(1)
        if following == "(":
            self._at += 2
            depth = 1
            while depth:
                if not self._peek():
                    raise UnfinishedError(self._line)
                for token in self._token():
                    depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind is Kind.GROUP else 0
        elif following == "{":
            self._at = self._line.find("}", begin) + 1
            if not self._at:
                raise UnfinishedError(self._line)
        elif following and (following.isalnum() or following in "_?^$:"):
            self._at += 2
            while self._peek() and (self._peek().isalnum() or self._peek() in "_:"):
                self._at += 1
        else:
            return None
        return self._line[begin : self._at]
