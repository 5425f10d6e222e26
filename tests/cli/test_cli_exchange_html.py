"""``exchange diagnose`` and ``exchange select`` as pages for a browser: they say what the documents say, as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Cli
from tests.exchange.diagnosing import SAMPLES, Desk, send_connector
from tests.render.test_render_html import Page

NAME = "<script>alert(1)</script>{{ 7 * 7 }}\"'"
THUMBPRINT = "F5770C7F9A5EB836EE4670B72C25B24001E522D3"
AT = ("--at", "2026-11-20T12:00:00Z")

#: Keys of the documents whose texts are words of the program's own vocabulary, or told in other words.
UNTOLD = {
    "schema", "id", "at", "state", "looked_for", "by", "kind", "readings", "source", "confidence", "outcome", "server",
    "shell", "line", "before", "after", "verdict", "rule", "expected", "found", "name", "file", "field", "end",
    "connector", "servers",
}  # fmt: skip


def texts(document: object) -> Iterator[str]:
    """Every text in a document that a page has to say."""
    match document:
        case dict():
            for key, value in document.items():
                if key not in UNTOLD:
                    yield from (text.upper() if key == "thumbprint" else text for text in texts(value))
        case list():
            for value in document:
                yield from texts(value)
        case str():
            yield document


def words(text: str) -> str:
    """Without line breaks, and without the second of a run."""
    return re.sub(r"--since '[^']+'", "--since", " ".join(text.split()))


@pytest.mark.parametrize(
    "arguments",
    [
        ("diagnose", str(SAMPLES)),
        ("select", str(SAMPLES), *AT, "--verbose"),
        ("select", str(SAMPLES), *AT, "--without", THUMBPRINT),
        ("select", str(SAMPLES), *AT, "--set-tls-certificate-name", "Outbound to Office 365=" + THUMBPRINT),
    ],
)
def test_the_page_says_what_the_document_says(cli: Cli, arguments: tuple[str, ...]) -> None:
    document = cli("exchange", *arguments, "--format", "json")
    page = cli("exchange", *arguments, "--format", "html")
    assert page.code == document.code
    read = Page(page.out)
    said = words(" ".join(text for parts in read.texts.values() for text in parts))
    told = [words(text) for text in texts(json.loads(document.out))]
    assert len(told) > 30
    assert [text for text in told if text not in said] == []


def test_a_connector_s_name_is_text(cli: Cli, tmp_path: Path) -> None:
    connector = Desk(tmp_path).put("send.json", [send_connector(NAME)])
    for command in ("diagnose", "select"):
        page = cli("exchange", command, str(SAMPLES), connector, "--format", "html").out
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}" in page


def test_nothing_found_is_said(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    ran = cli(
        "exchange",
        "diagnose",
        str(SAMPLES / "get-accepteddomain.json"),
        "--format",
        "html",
        "--output",
        str(path),
    )
    assert ran.out == ""
    page = Page(path.read_text("utf-8"))
    assert "no fault found in the evidence given" in page.texts["span"]
    assert "th" not in page.texts
