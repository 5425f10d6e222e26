"""Steps on a page: numbered, with what belongs to a step beneath it."""

from __future__ import annotations

from probe.powershell import Command, SubStep, expect_name
from probe.render.page.options import RenderOptions
from probe.render.page.steps import steps_html
from probe.render.page.text import Page

STEPS = (
    "One way or the other:",
    SubStep("Postfix: so."),
    SubStep("Exim: <so>."),
    "Then:",
    *expect_name("*.a.test", "X"),
)


def test_what_belongs_to_a_step_has_no_number_of_its_own() -> None:
    page = Page(RenderOptions(width=200))
    page.steps(STEPS)
    assert page.text.splitlines() == [
        "  1. One way or the other:",
        "     · Postfix: so.",
        "     · Exim: <so>.",
        "  2. Then:",
        "     · Mind that a wildcard stands for all subdomains and can catch other clients' mail too:",
        "     Exchange Online PowerShell:",
        "       Set-InboundConnector 'X' -TlsSenderCertificateName '*.a.test'",
    ]


def test_nor_in_html() -> None:
    html = "".join(steps_html((*STEPS[:3], Command("Get-X"), "Then.")))
    assert html == (
        "<ol><li>One way or the other:<div>· Postfix: so.</div><div>· Exim: &lt;so&gt;.</div>"
        '<div class="soft">Exchange Management Shell:</div><pre>Get-X</pre></li><li>Then.</li></ol>'
    )
