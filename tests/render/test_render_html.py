"""The HTML page: well formed, self-contained, without scripts, and texts of a peer stay text."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

import pytest

from probe.eop.forecast import Turn
from probe.eop.vocabulary import Outcome
from probe.pki.status import ChainStatus
from probe.powershell import Command
from probe.render.page.options import RenderOptions
from probe.render.report import html
from probe.text import printable
from tests.render import samples
from tests.render.goldens import EVERYTHING

VOID = {"meta"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "span", "table", "thead", "tbody", "tr", "th",
    "td", "a", "section", "p", "strong", "pre", "dl", "dt", "dd", "ol", "li", "div", "details", "summary", "footer",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href"}


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order, known tags and attributes only."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert {name for name, _ in attrs} <= ATTRIBUTES
        self.links.extend(value or "" for name, value in attrs if name == "href")
        self.ids.extend(value or "" for name, value in attrs if name == "id")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)


def render(*assessments: samples.Assessment) -> str:
    return html.render(samples.report(*assessments), RenderOptions())


def every(*names: str) -> list[samples.Assessment]:
    return [getattr(samples, name)() for name in names]


@pytest.mark.parametrize("name", [*EVERYTHING, "awkward", "hostile"])
def test_every_page_is_well_formed(name: str) -> None:
    page = Page(render(*every(name)))
    assert page.links == []
    assert page.texts["h2"]


def test_several_endpoints_have_a_table_with_links_into_the_page() -> None:
    page = Page(render(*every(*EVERYTHING)))
    assert sorted(page.links) == sorted(f"#{name}" for name in page.ids)
    assert page.links[-1] == "#e1"  # the accepted one
    assert len(page.ids) == len(EVERYTHING)


def test_the_page_loads_and_runs_nothing() -> None:
    text = render(*every(*EVERYTHING, "hostile"))
    assert "default-src &#39;none&#39;" in text
    for word in ("<script", "<link", "<img", "url(", "@import", "javascript:", "onload"):
        assert word not in text


def test_hostile_text_is_there_as_text() -> None:
    text = render(samples.hostile())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    page = Page(text)
    assert printable(samples.HOSTILE) in page.texts["pre"]
    assert not {"\x1b", "\u202e", "\u2028", "\r"} & set(text)


def test_commands_stand_alone_under_the_name_of_their_shell() -> None:
    page = Page(render(samples.missing_intermediate()))
    command = str(samples.missing_intermediate().findings[0].remedy[2])
    assert command in page.texts["pre"]
    assert "Exchange Management Shell:" in page.texts["div"]
    assert samples.REFUSED in page.texts["pre"]


def test_a_remedy_of_nothing_but_a_command_is_a_step() -> None:
    finding = dataclasses.replace(
        samples.missing_intermediate().findings[0], remedy=(Command("Get-X"), Command("Get-Y"))
    )
    page = Page(render(dataclasses.replace(samples.missing_intermediate(), findings=(finding,))))
    assert {"Get-X", "Get-Y"} <= set(page.texts["pre"])
    assert page.texts["div"].count("Exchange Management Shell:") == 1
    blank = dataclasses.replace(finding, remedy=("",))
    assert Page(render(dataclasses.replace(samples.missing_intermediate(), findings=(blank,))))


def test_the_missing_link_and_the_nameless() -> None:
    assert "missing: not sent, and no root" in render(samples.missing_intermediate())
    assert "missing: not sent" not in render(samples.accepted())
    bare = samples.certificate({}, {}, signer="x")
    path = samples.built(samples.element(bare), status=ChainStatus.PartialChain)
    made = samples.prediction(Outcome.REJECTED)
    text = render(samples.assess(samples.capture(bare), made, samples.store(path)))
    for words in (
        "(a certificate without a subject)",
        "(an issuer without a name)",
        "(no subject)",
        "(none)",
    ):
        assert words in text
    assert "(no DNS names)" in text


def test_without_a_path_there_are_still_the_certificates_as_sent() -> None:
    observed = samples.capture(samples.LEAF)
    text = render(samples.assess(observed, samples.prediction(Outcome.UNKNOWN)))
    assert "Path to a root" not in text
    assert "1 certificate as sent" in text
    assert samples.LEAF.pem in text
    assert "Path to a root" in render(samples.accepted())


def test_without_a_prediction_the_fault_is_said() -> None:
    lost = dataclasses.replace(samples.unreachable(), predictions=(), findings=())
    assert "Connection refused by 192.0.2.1 port 25 (connect)" in render(lost, lost)


def test_a_run_of_nothing() -> None:
    assert "nothing to judge" in Page(render()).texts["h1"][-1]


def test_what_will_change_is_a_table() -> None:
    turn = Turn(samples.AT, Outcome.REJECTED, None, "<why>", renewal_only=True)
    page = html.render(
        samples.report(dataclasses.replace(samples.accepted(), forecast=(turn,))), RenderOptions()
    )
    assert "rejected</span> (renewals only)</td><td></td><td>&lt;why&gt;</td>" in page
    assert "What will change" not in html.render(samples.report(samples.expired()), RenderOptions())
