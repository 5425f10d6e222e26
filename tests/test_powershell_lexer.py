"""The model of PowerShell's reading that the tests of commands rest on, on lines whose reading is documented."""

from __future__ import annotations

import pytest

from tests.powershell_lexer import Kind, Token, UnfinishedError, skeleton, tokens, words


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
        ("a 'it''s' \"say \"\"x\"\"\"", ["a", "it's", 'say "x"']),
        ("a 'it\u2019\u2019s' \u2018b\u201b", ["a", "it\u2019s", "b"]),
        ("a \u201cb\u201d \u201ec\u201d", ["a", "b", "c"]),
        ("a 'x\u201d$(calc)`n\"y'", ["a", 'x\u201d$(calc)`n"y']),
        ('a "it\'s \u2018q\u2019"', ["a", "it's \u2018q\u2019"]),
        ('a "b`"c`$d" e`;f', ["a", 'b"c$d', "e;f"]),
        ("a b'c d'e#f", ["a", "bc de#f"]),
        ('a "5 $ each"', ["a", "5 $ each"]),
        ("--x=1 ./a/b.log C:\\logs", ["--x=1", "./a/b.log", "C:\\logs"]),
    ],
)  # fmt: skip
def test_words(line: str, read: list[str]) -> None:
    assert words(line) == read


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("a 'b\u2019; calc \u2018c'", Kind.SEPARATOR, ";"),
        ("a 'b' | calc", Kind.SEPARATOR, "|"),
        ("a 'b'\ncalc", Kind.SEPARATOR, "\n"),
        ("a \"b $(calc 'x)') c\"", Kind.EXPANSION, "$(calc 'x)')"),
        ('a "b $env:TEMP c"', Kind.EXPANSION, "$env:TEMP"),
        ('a "${x y}"', Kind.EXPANSION, "${x y}"),
        ("a $b", Kind.EXPANSION, "$b"),
        ("a x$b", Kind.EXPANSION, "$b"),
        ("a # b 'c", Kind.COMMENT, "# b 'c"),
        ("a {b}", Kind.GROUP, "{"),
    ],
)
def test_what_is_more_than_words(line: str, kind: Kind, text: str) -> None:
    assert Token(kind, text) in tokens(line)
    with pytest.raises(ValueError, match=kind.value):
        words(line)


@pytest.mark.parametrize("line", ["a 'b", "a 'it's'", 'a "b', 'a "$(b"', "a 'b\u2019\u2019", 'a "${b"'])
def test_what_never_ends(line: str) -> None:
    with pytest.raises(UnfinishedError):
        tokens(line)


def test_a_text_between_plain_quotes_breaks_out_and_the_skeleton_shows_it() -> None:
    """The control of every test of hostile names."""
    tame = skeleton("Get-X 'harmless' | fl Name")
    assert skeleton("Get-X 'it''s; $(calc) \"' | fl Name") == tame
    for hostile in ("a' ; calc ; 'b", "a\u2019; calc; \u2018b", "a\u201a | calc \u201bb"):
        assert skeleton(f"Get-X '{hostile}' | fl Name") != tame
