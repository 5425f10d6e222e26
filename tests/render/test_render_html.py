"""The HTML page: well formed, self-contained, runs its own script alone, and texts of a peer stay text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from probe.eop.forecast import Turn
from probe.eop.vocabulary import Outcome
from probe.pki.status import ChainStatus
from probe.powershell import Command
from probe.render.page.html import ASSETS, asset, compiled, environment, render_page, static
from probe.render.page.options import RenderOptions
from probe.render.page.sources import address, is_link
from probe.render.report import html
from probe.render.report.chain import as_built, as_sent
from probe.render.report.timeline import DAYS_AFTER, DAYS_BEFORE, MAX_TICKS, Scale, timeline
from probe.render.report.wording import verdict_sentence
from probe.text import printable, visible
from tests.render import html_samples, samples
from tests.render.goldens import EVERYTHING

VOID = {"meta", "input", "wbr"}
DRAWN = {"path", "line", "rect", "circle"}
TAGS = {
    "html", "head", "meta", "title", "style", "script", "body", "header", "main", "nav", "footer", "section", "div",
    "h1", "h2", "h3", "h4", "p", "span", "a", "pre", "dl", "dt", "dd", "ol", "ul", "li", "details", "summary", "table",
    "caption", "thead", "tbody", "tr", "th", "td", "svg", "text", "label", "input", "button", "output", "wbr",
    "form", *DRAWN,
}  # fmt: skip
NEVER = {"style", "src", "srcset", "action", "formaction", "srcdoc", "ping"}


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order, known tags only, no handler and nothing loaded."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.links: list[str] = []
        self.ids: list[str] = []
        self.levels: list[int] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        names = {name for name, _ in attrs}
        assert not names & NEVER
        assert not [name for name in names if name.startswith("on")]
        self.links.extend(value or "" for name, value in attrs if name == "href")
        self.ids.extend(value or "" for name, value in attrs if name == "id")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "th":
            assert "scope" in names
        if tag not in VOID:
            self.open.append(tag)
        if tag == "pre":
            self.texts.setdefault("pre", []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in DRAWN
        assert not {name for name, _ in attrs} & NEVER

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "pre" in self.open:  # a command's words are elements of their own
            self.texts["pre"][-1] += data
        elif self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)


def render(*assessments: samples.Assessment) -> str:
    return html.render(samples.report(*assessments), RenderOptions())


def every(*names: str) -> list[samples.Assessment]:
    return [getattr(samples, name)() for name in names]


@pytest.mark.parametrize("name", [*EVERYTHING, "awkward", "hostile"])
def test_every_page_is_well_formed(name: str) -> None:
    page = Page(render(*every(name)))
    references = [reference for finding in every(name)[0].findings for reference in finding.references]
    assert [link for link in page.links if link != "#main"] == [*filter(None, map(address, references))]
    assert len(set(page.ids)) == len(page.ids)
    assert page.levels[0] == 1
    assert page.levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in zip(page.levels, page.levels[1:], strict=False))


@pytest.mark.parametrize(
    ("name", "outcome"),
    {
        "accepted": "accepted", "at-risk": "at-risk", "untrusted-root": "rejected", "missing-intermediate": "rejected",
        "self-signed-from-eop": "rejected", "expired": "rejected", "order": "accepted", "balancer": "rejected",
        "unreachable": "unknown", "refused": "unknown", "hostile": "at-risk", "several": "rejected",
    }.items(),
)  # fmt: skip
def test_the_page_of_a_judged_chain(name: str, outcome: str) -> None:
    made = html_samples.REPORTS[name]()
    text = html.render(made, RenderOptions())
    assert Page(text).levels[0] == 1
    assert '<h1 class="title"' in text
    assert text.index(f'<span class="badge {outcome}">{outcome}</span>') > text.index("<h1 ")
    assert made.outcome.value == outcome
    assert not {"\x1b", "\u202e", "\u200b"} & set(text)


def test_one_endpoint_stands_in_the_title_and_in_the_first_heading_with_its_verdict() -> None:
    page = Page(render(samples.untrusted_root()))
    assert page.texts["title"] == ["mail.contoso.com: rejected - eop-probe"]
    text = render(samples.untrusted_root())
    assert re.search(
        r'<h1 [^>]*><span class="badge rejected">rejected</span> <span>mail.contoso.com</span></h1>', text
    )
    # Confidence and basis stand beside it, before anything else is told.
    verdict = text[text.index("<h1") : text.index("<section")]
    assert "documented by Microsoft, rule untrusted-root" in verdict
    assert "seen on the Receive connector" in verdict
    assert samples.REFUSED in verdict


def test_several_endpoints_have_a_table_with_links_into_the_page_the_worst_first() -> None:
    text = render(*every(*EVERYTHING))
    page = Page(text)
    anchors = [f"e{number}" for number in range(1, len(EVERYTHING) + 1)]
    assert [link for link in page.links if link.startswith("#e")] == [f"#{anchor}" for anchor in anchors]
    assert [name for name in page.ids if name in anchors] == anchors
    outcomes = re.findall(r'<tr><td><span class="badge ([a-z-]+)">', text[: text.index('id="e1"')])
    assert outcomes == ["rejected"] * 5 + ["unknown"] * 2 + ["accepted"]
    assert re.findall(r'name="outcome" value="([a-z-]+)"', text) == ["rejected", "unknown", "accepted"]
    assert page.texts["title"] == ["8 endpoints: rejected - eop-probe"]


def test_past_the_bound_an_endpoint_is_told_in_brief() -> None:
    many = [samples.accepted()] * html.MAX_IN_FULL
    assert "Told in full" not in render(*many)
    text = render(*many, samples.expired())
    assert text.count('<section class="endpoint">') == html.MAX_IN_FULL
    rows = re.findall("<tr>(<td>.*?</td>)</tr>", text[: text.index('id="e1"')])
    assert len(rows) == html.MAX_IN_FULL + 1
    assert "rejected" in rows[0]
    assert ['<a href="#e' in row for row in rows] == [True] * html.MAX_IN_FULL + [False]
    brief = Page(rows[-1])
    assert brief.texts["summary"] == ["mail.contoso.com 192.0.2.1:25"]
    assert brief.texts["p"][0] == verdict_sentence(samples.accepted())
    assert "thumbprint" in brief.texts["p"][-1]
    assert f"Told in full below are the {html.MAX_IN_FULL} worst" in text


def test_the_page_loads_nothing_and_runs_its_own_script_alone() -> None:
    text = render(*every(*EVERYTHING, "hostile"))
    [policy] = re.findall('http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    for tag in ("style", "script"):
        [inside] = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        made = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{made}&#39;;" in policy
    assert policy.startswith("default-src &#39;none&#39;;")
    assert "base-uri &#39;none&#39;; form-action &#39;none&#39;" in policy
    for word in ("<link", "<img", "url(", "@import", "javascript:", "onload", "eval("):
        assert word not in text


def test_a_page_of_a_server_links_to_what_the_server_has() -> None:
    text = render_page("base.html", {}, title="<T>", inline=False)
    linked = set(re.findall('(?:href|src)="([^"]+)"', text))
    assert linked == {"#main", *map(static, ASSETS)}
    assert "<style>" not in text
    assert "<title>&lt;T&gt;</title>" in text


def test_every_template_is_compiled_once_for_all_pages() -> None:
    environment.cache_clear()
    names = compiled()
    assert {"report.html", "now.html", "components.html"} <= set(names)
    assert len(environment().cache or ()) == len(names)


@pytest.mark.parametrize("name", ASSETS)
def test_what_a_page_needs_is_there_and_sent_as_it_is(name: str) -> None:
    lines = asset(name).splitlines()
    assert lines == [*map(visible, lines)]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|</(style|script)", asset(name))


def test_a_value_in_a_template_is_text_and_what_cannot_be_seen_is_shown() -> None:
    made = (
        environment()
        .from_string("<a title='{{ one }}'>{{ one ~ '!' }}</a>{{ one|upper }}")
        .render(one="'\"<b>&")
    )
    assert made == "<a title='&#39;&#34;&lt;b&gt;&amp;'>&#39;&#34;&lt;b&gt;&amp;!</a>&#39;&#34;&lt;B&gt;&amp;"
    page = render_page("base.html", {}, title="\x1b[0m\u202e\ud800\u200b\xa0é")
    assert "<title>\\x1b[0m\\u202e\\ud800\\u200b\\xa0é</title>" in page
    with pytest.raises(UndefinedError):
        environment().from_string("{{ mistyped }}").render()


@pytest.mark.parametrize(
    ("source", "where"),
    {
        "https://example.com/?a=1": "https://example.com/?a=1",
        "RFC 5321": "https://www.rfc-editor.org/rfc/rfc5321",
        "RFC 8446 4.4.3 (CertificateVerify)": "https://www.rfc-editor.org/rfc/rfc8446#section-4.4.3",
        "Microsoft KB 2888788 (mail flow stops, event 2004)": "https://support.microsoft.com/kb/2888788",
        "KB 2888788": "https://support.microsoft.com/kb/2888788",
        "CVE-2011-0411": "https://www.cve.org/CVERecord?id=CVE-2011-0411",
        "dotnet/runtime issue 121982": "https://github.com/dotnet/runtime/issues/121982",
        "Exchange Team blog, 4 June 2025": "",
        "javascript:alert(1)": "",
    }.items(),
)
def test_a_source_is_linked_to_where_its_name_tells_the_address(source: str, where: str) -> None:
    assert address(source) == where


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "data:text/html,x", "//example.com", "JAVASCRIPT:x", " #x", ""]
)
def test_only_pages_are_linked_to(text: str) -> None:
    assert not is_link(text)
    assert is_link("https://example.com/")


def test_hostile_text_is_there_as_text() -> None:
    text = render(samples.hostile())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    page = Page(text)
    assert printable(samples.HOSTILE) in page.texts["pre"]
    assert not {"\x1b", "\u202e", "\u2028", "\r"} & set(text)


def test_commands_stand_alone_under_the_name_of_their_shell() -> None:
    page = Page(render(samples.missing_intermediate()))
    command = str(samples.missing_intermediate().findings[0].remedy[2])
    assert command in page.texts["pre"]
    assert "Exchange Management Shell" in page.texts["p"]
    assert samples.REFUSED in page.texts["pre"]


def test_a_remedy_of_nothing_but_a_command_is_a_step() -> None:
    finding = dataclasses.replace(
        samples.missing_intermediate().findings[0], remedy=(Command("Get-X"), Command("Get-Y"))
    )
    page = Page(render(dataclasses.replace(samples.missing_intermediate(), findings=(finding,))))
    assert {"Get-X", "Get-Y"} <= set(page.texts["pre"])
    assert page.texts["p"].count("Exchange Management Shell") == 1
    blank = dataclasses.replace(finding, remedy=("",))
    assert Page(render(dataclasses.replace(samples.missing_intermediate(), findings=(blank,))))


class TestChain:
    """What was sent and what was built of it are two columns."""

    def test_the_fault_stands_where_it_is_and_what_was_not_sent_is_marked(self) -> None:
        evidence = samples.untrusted_root().evidence
        leaf, root = as_built(evidence)
        assert (leaf.styles, root.styles) == (("good",), ("bad",))
        assert [words.text for words in root.said] == ["not in Microsoft's list (UntrustedRoot)"]
        assert root.tags == ("root", "sent 2nd")
        store = as_built(samples.accepted().evidence)[-1]
        assert (store.tags, store.styles) == (("root", "not sent"), ("good", "store"))
        assert store.said[0].text == "a root in Microsoft's list"

    def test_what_is_missing_is_a_box_of_its_own(self) -> None:
        leaf, missing = as_built(samples.missing_intermediate().evidence)
        assert (missing.styles, missing.broken, missing.joint) == (("missing",), True, "issued by")
        assert missing.said[0].text.startswith("missing: not sent, and no root in")
        assert not leaf.broken
        assert "missing: not sent" not in render(samples.accepted())

    def test_the_order_as_sent_and_what_is_not_read(self) -> None:
        evidence = samples.awkward().evidence
        boxes = as_sent(evidence)
        assert [box.tags for box in boxes] == [("sent 1st",), ("sent 2nd",), ("sent 3rd",), ("sent 4th",), ()]
        assert [box.joint for box in boxes] == ["", *["followed by"] * 2, "not issued by", "followed by"]
        assert [box.broken for box in boxes] == [False, False, False, True, False]
        assert boxes[1].said[0].text.startswith("can't be read: ")
        assert (boxes[4].name, boxes[4].said[0].text) == ("3 more certificates", "not looked at")
        built = as_built(evidence)
        assert [(box.joint, box.broken) for box in built] == [
            ("", False), ("issued by", False), ("its signature does not verify under", True),
        ]  # fmt: skip
        text = render(samples.awkward())
        for words in ("the chain as a whole: ", "no more than 64 paths were tried", "1.2.3.4"):
            assert words in text

    def test_of_a_long_chain_the_rest_is_folded(self) -> None:
        def shown(number: int) -> str:
            seen = samples.capture(samples.LEAF, *[samples.INTERNAL_ROOT] * (number - 1))
            return render(samples.assess(seen, samples.prediction(Outcome.REJECTED)))

        assert "<summary>4 more</summary>" in (text := shown(12))
        assert text.count(">sent 12th<") == 1
        assert re.search(r"<summary>\d+ more<", shown(8)) is None

    def test_what_was_sent_for_nothing(self) -> None:
        path = samples.built(samples.element(samples.LEAF), status=ChainStatus.PartialChain)
        seen = samples.capture(samples.LEAF, samples.INTERNAL_ROOT)
        made = samples.assess(seen, samples.prediction(Outcome.REJECTED), samples.store(path))
        assert as_sent(made.evidence)[1].tags == ("sent 2nd", "not used")

    def test_the_nameless(self) -> None:
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

    def test_without_a_path_there_are_still_the_certificates_as_sent(self) -> None:
        observed = samples.capture(samples.LEAF)
        text = render(samples.assess(observed, samples.prediction(Outcome.UNKNOWN)))
        assert "As built" not in text
        assert "1 certificate, in the order" in text
        assert samples.LEAF.pem in text
        assert "As built" in render(samples.accepted())


def test_without_a_prediction_the_fault_is_said() -> None:
    lost = dataclasses.replace(samples.unreachable(), predictions=(), findings=())
    assert render(lost).count("Connection refused by 192.0.2.1 port 25") == 1
    assert "<dt>Ended at</dt><dd>connect</dd>" in render(lost)


def test_connections_that_differ_are_a_table() -> None:
    text = render(samples.mixed())
    assert "1 of 3 connections: rejected (ECDSA)" in text
    [table] = re.findall(r"Connections</h2>\n<table.*?</table>", text, re.DOTALL)
    assert table.count("<tr>") == 3
    assert "Connections</h2>" not in render(samples.accepted())


def test_a_run_of_nothing() -> None:
    assert "nothing to judge" in Page(render()).texts["span"]


class TestTimeLine:
    """Positions are percent of the width; everything drawn is said as well."""

    def test_the_verdict_from_turn_to_turn(self) -> None:
        line = timeline(samples.accepted())
        assert line is not None
        now, risk, rejected = line.groups[0]
        assert [span.style for span in now.spans] == ["phase-accepted", "phase-at-risk", "phase-rejected"]
        assert now.spans[0].x == line.now
        assert [(span.x, span.style) for span in now.spans[1:]] == [*risk.points, *rejected.points]
        assert risk.name == "2027-01-30: at-risk (expires-soon)"
        assert sum(span.width for span in now.spans) == pytest.approx(100 - line.now, abs=0.05)

    def test_of_a_renewal_the_verdict_on_this_certificate_says_nothing(self) -> None:
        turn = Turn(samples.AT + timedelta(days=9), Outcome.REJECTED, None, "<why>", renewal_only=True)
        line = timeline(dataclasses.replace(samples.accepted(), forecast=(turn,)))
        assert line is not None
        now, renewal = line.groups[0]
        assert [span.style for span in now.spans] == ["phase-accepted"]
        assert renewal.name == "2026-11-30: renewals rejected"
        assert "&lt;why&gt;" in render(dataclasses.replace(samples.accepted(), forecast=(turn,)))

    def test_what_is_far_away_ends_at_the_edge(self) -> None:
        far = samples.certificate(
            samples.LEAF_NAME, samples.ISSUING_NAME, signer="issuing", not_before=datetime(1900, 1, 1, tzinfo=UTC),
            not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        )  # fmt: skip
        line = timeline(samples.assess(samples.capture(far), samples.prediction(Outcome.ACCEPTED)))
        assert line is not None
        [[_], [own]] = line.groups
        assert (own.spans[0].x, own.spans[0].width) == (0, 100)
        assert line.now == pytest.approx(3 + 94 * DAYS_BEFORE / (DAYS_BEFORE + DAYS_AFTER), abs=0.3)
        assert [tick.label for tick in line.ticks] == ["2028", "2032", "2036"]

    @pytest.mark.parametrize("at", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
    def test_at_the_ends_of_time(self, at: datetime) -> None:
        line = timeline(
            samples.assess(samples.capture(samples.LEAF), samples.prediction(Outcome.ACCEPTED), at=at)
        )
        assert line is not None
        assert len(line.ticks) <= MAX_TICKS

    @pytest.mark.parametrize(
        ("lasts", "labels"),
        [
            (timedelta(minutes=3), ["02:00", "03:00", "04:00"]),
            (timedelta(hours=20), ["06:00", "12:00", "18:00", "11-22"]),
            (timedelta(days=4), ["11-22", "11-23", "11-24", "11-25"]),
            (timedelta(days=25), ["11-22", "11-29", "12-06", "12-13"]),
            (timedelta(days=100), ["2026-12", "2027-01", "2027-02", "2027-03"]),
        ],
    )
    def test_a_short_line_has_hours_or_days(self, lasts: timedelta, labels: list[str]) -> None:
        scale = Scale(samples.AT + lasts, (samples.AT,))
        assert [tick.label for tick in scale.ticks()] == labels
        assert scale.span(samples.AT, samples.AT + lasts, "").width > 2

    def test_without_a_certificate_there_is_none(self) -> None:
        assert timeline(samples.unreachable()) is None
        assert "Time line" not in render(samples.unreachable())
