"""The page for a person: what stands first, what is never broken, and what never comes out raw."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.eop.forecast import Turn
from probe.eop.settings import Settings
from probe.eop.vocabulary import Basis, Direction, Outcome
from probe.pki.status import ChainStatus
from probe.pki.truststore import RootState, RootVerdict
from probe.powershell import Command, Shell
from probe.render.page.options import MIN_WIDTH, RenderOptions
from probe.render.page.text import SCREEN_ROWS, cells, wrap
from probe.render.report import terminal
from probe.render.report.wording import fault_lines, verdict_sentence
from probe.statement import Confidence
from probe.text import printable
from tests.render import samples
from tests.render.goldens import EVERYTHING

SGR = re.compile(r"\x1b\[[0-9;]+m")
#: Lines that are copied whole, beside commands: replies, the server's words, links, the conversation.
UNBROKEN = re.compile(r"^ +(reply  |see |\d+ [CS]: )")


def render(assessment: samples.Assessment, **options: int | bool) -> str:
    return terminal.render(samples.report(assessment), RenderOptions(**options))


def every(name: str) -> samples.Assessment:
    assessment: samples.Assessment = getattr(samples, name)()
    return assessment


@pytest.mark.parametrize("name", EVERYTHING)
@settings(max_examples=20)
@given(width=st.integers(min_value=10, max_value=200), verbose=st.booleans(), plain=st.booleans())
def test_no_line_is_wider_than_the_page_but_those_to_be_copied(
    name: str, width: int, verbose: bool, plain: bool
) -> None:
    text = render(every(name), width=width, verbose=verbose, ascii=plain)
    room = max(width, MIN_WIDTH)
    words = False
    steps = {
        str(step) for found in every(name).findings for step in found.remedy if isinstance(step, Command)
    }
    for line in text.splitlines():
        assert words or line.strip() in steps or UNBROKEN.match(line) or cells(line) <= room, line
        words = line == "The server's own words:"


@pytest.mark.parametrize("name", EVERYTHING)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    plain, coloured = render(every(name), verbose=True), render(every(name), verbose=True, colour=True)
    assert SGR.sub("", coloured) == plain
    assert "\x1b" in coloured
    assert "\x1b" not in plain


@pytest.mark.parametrize("name", EVERYTHING)
def test_ascii_is_ascii_and_as_long(name: str) -> None:
    plain = render(every(name), ascii=True)
    assert plain.isascii()
    assert len(plain.splitlines()) == len(render(every(name)).splitlines())


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_verdict_stands_first(name: str) -> None:
    assessment = every(name)
    assert render(assessment).startswith(assessment.outcome.value.upper() + "  ")


def changes(count: int) -> tuple[Turn, ...]:
    """One change a day; the second one concerns renewals only."""
    return tuple(
        Turn(samples.AT + timedelta(days=n), Outcome.AT_RISK, None, f"reason {n}", renewal_only=n == 1)
        for n in range(count)
    )


def test_what_will_change_is_a_short_time_line() -> None:
    page = render(dataclasses.replace(samples.accepted(), forecast=changes(5)))
    assert "forecast   2026-11-21  at-risk   reason 0\n" in page
    assert f"\n{'':11}2026-11-22  at-risk   renewals only: reason 1\n" in page
    assert "reason 2" in page
    assert "reason 3" not in page
    assert f"\n{'':11}and 2 later changes; --verbose shows them\n" in page
    assert "later change" not in render(dataclasses.replace(samples.accepted(), forecast=changes(3)))


def test_all_that_will_change_is_shown_where_something_is_wrong() -> None:
    page = render(dataclasses.replace(samples.untrusted_root(), forecast=changes(5)))
    assert "reason 4" in page
    assert "forecast" not in render(samples.untrusted_root())


def test_an_accepted_target_is_a_calm_page() -> None:
    assert 8 <= len(render(samples.accepted()).splitlines()) <= SCREEN_ROWS


def test_nothing_of_a_peer_comes_out_raw() -> None:
    text = render(samples.hostile(), verbose=True)
    assert printable(samples.HOSTILE) in text
    assert not {"\x1b", "\x07", "\r", "\u202e", "\u202c", "\u2028"} & set(text)


@given(st.text(max_size=300))
def test_any_text_through_the_border_stays_on_its_page(text: str) -> None:
    fault = samples.fault(samples.FaultKind.NOT_SMTP, samples.Phase.SMTP, printable(text) or "-")
    page = render(fault)
    assert all(line.isprintable() for line in page.splitlines())
    assert page.count("\n") == len(page.splitlines())


def test_commands_come_out_whole_however_narrow_the_page() -> None:
    command = samples.missing_intermediate().findings[0].remedy[2]
    text = render(samples.missing_intermediate(), width=40)
    assert f"     Exchange Management Shell:\n       {command}\n" in text


def test_steps_are_numbered_and_commands_are_not() -> None:
    text = render(samples.untrusted_root())
    steps = re.findall(r"^  (\d)\. ", text.partition("Type first")[0], re.MULTILINE)
    assert steps == ["1", "2"]
    assert "\n\n--verbose also says what to do about expires-soon, root-sent.\n" in text


def test_steps_against_everything_else_are_shown_on_demand() -> None:
    text = render(samples.untrusted_root(), verbose=True)
    for rule in ("untrusted-root", "expires-soon", "root-sent"):
        assert f"What to do about {rule}\n" in text
    assert "--verbose" not in text


def test_a_shell_is_named_once_for_the_commands_that_follow_each_other() -> None:
    steps = ("Do it:", Command("Get-A"), Command("Get-B"), Command("Get-C", Shell.EXCHANGE_ONLINE), "Done.")
    finding = dataclasses.replace(samples.missing_intermediate().findings[0], remedy=steps)
    text = render(dataclasses.replace(samples.missing_intermediate(), findings=(finding,)))
    assert (
        "What to do\n  1. Do it:\n     Exchange Management Shell:\n       Get-A\n       Get-B\n"
        "     Exchange Online PowerShell:\n       Get-C\n  2. Done.\n"
    ) in text


def test_a_command_that_cannot_be_shown_is_told_to_be_another_one() -> None:
    command = Command("Get-X 'M\u00fcller'")
    finding = dataclasses.replace(samples.missing_intermediate().findings[0], remedy=(command,))
    assessment = dataclasses.replace(samples.missing_intermediate(), findings=(finding,))
    assert f"       {command}\n" in render(assessment)
    told = render(assessment, ascii=True)
    assert "(some characters of it cannot be shown here" in told
    assert "Get-X 'M\\xfcller'\n" in told


def test_the_missing_link_is_drawn_where_it_is_missing() -> None:
    text = render(samples.missing_intermediate())
    assert (
        "  ✗ CN=Example Issuing CA 1, O=Example Trust, C=US\n"
        "      missing: not sent, and no root in Microsoft's list (PartialChain)\n"
    ) in text
    assert "missing:" not in render(samples.accepted())


def test_without_a_path_the_chain_is_listed_as_sent() -> None:
    observed = samples.capture(samples.LEAF, samples.ISSUING)
    text = render(samples.assess(observed, samples.prediction(Outcome.UNKNOWN)))
    assert "No verdict: there is no list of roots to judge this chain by.\n" in text
    assert "  · sent: CN=mail.contoso.com" in text
    empty = samples.assess(observed, samples.prediction(Outcome.UNKNOWN), samples.store(samples.built()))
    assert "sent: CN=mail.contoso.com" in render(empty)


def test_what_was_sent_for_nothing_is_listed() -> None:
    root = samples.capture(samples.LEAF, samples.ISSUING, samples.SELF_SIGNED)
    text = render(samples.assess(root, samples.prediction(Outcome.ACCEPTED), samples.store(samples.TRUSTED)))
    assert f"  · also sent, unused: CN=EXCH01 · {samples.SELF_SIGNED.sha1.upper()}\n" in text


def test_many_names_are_counted() -> None:
    names = tuple(f"n{number}.contoso.com" for number in range(12))
    many = samples.certificate({}, {}, signer="x", dns=names)
    other = samples.certificate({"CN": "x"}, {}, signer="x")
    weak = samples.element(other, ChainStatus.HasWeakSignature)
    path = samples.built(samples.element(many), weak, status=ChainStatus.PartialChain)
    text = render(
        samples.assess(samples.capture(many), samples.prediction(Outcome.REJECTED), samples.store(path))
    )
    assert "n7.contoso.com and 4 more\n" in " ".join(text.split("\n  │               "))
    assert "n8.contoso.com" not in text
    assert "  ✓ (a certificate without a subject)\n" in text
    assert "issuer      itself\n" in text
    assert "issuer      (none)\n" in text
    assert "  ✗ (an issuer without a name)\n" in text


def test_other_predictions_are_a_line_each() -> None:
    first = samples.accepted()
    other = samples.prediction(Outcome.AT_RISK, "name-mismatch", direction=Direction.FROM_EOP)
    plain = samples.prediction(Outcome.ACCEPTED, direction=Direction.FROM_EOP)
    both = dataclasses.replace(first, predictions=(*first.predictions, other, plain))
    assert "  from-eop    at-risk (name-mismatch)\n  from-eop    accepted\n" in render(both)


def test_a_resolve_error_has_no_prediction_at_all() -> None:
    lost = dataclasses.replace(samples.unreachable(), predictions=(), findings=())
    text = render(lost)
    assert (
        text
        == "UNKNOWN  mail.contoso.com 192.0.2.1:25\nNo verdict: Connection refused by 192.0.2.1 port 25.\n"
    )
    table = terminal.render(samples.report(lost, lost), RenderOptions())
    assert "  unknown   unreachable  mail.contoso.com 192.0.2.1:25\n" in table


def test_a_reference_alone_is_no_finding_to_show_where_there_is_no_verdict() -> None:
    assert "RFC 5321" not in render(samples.unreachable())
    assert "    see RFC 5321\n" in render(samples.unreachable(), verbose=True)


def test_a_fault_beside_a_verdict_is_said_once() -> None:
    fault = samples.awkward().error
    assert fault
    assert f"  !  {fault.message}" in render(samples.awkward())
    finding = dataclasses.replace(samples.awkward().findings[0], rule=fault.kind.value, summary=fault.message)
    told = dataclasses.replace(samples.awkward(), findings=(finding,))
    assert render(told, width=200).count(fault.message) == 1


def test_a_report_of_nothing_says_so() -> None:
    assert terminal.render(samples.report(), RenderOptions()) == "UNKNOWN  0 endpoints: nothing to judge\n"


def test_an_accepted_table_has_no_column_of_reasons() -> None:
    text = terminal.render(samples.report(samples.accepted(), samples.accepted()), RenderOptions())
    assert text.endswith(
        "ACCEPTED  2 endpoints: 2 accepted\n" + "  accepted  mail.contoso.com 192.0.2.1:25\n" * 2
    )


def sentence(made: samples.Prediction, observed: samples.Capture | None = None) -> str:
    return verdict_sentence(samples.assess(observed or samples.capture(samples.LEAF), made))


@pytest.mark.parametrize("basis", Basis)
def test_to_eop_every_basis_has_its_condition(basis: Basis) -> None:
    text = sentence(samples.prediction(Outcome.REJECTED, "expired", basis=basis))
    assert text.endswith(" Exchange Online would refuse it.")
    assert text.startswith("If ") == (basis in {Basis.RECEIVE_CONNECTOR, Basis.FILE})


def test_from_eop_there_is_no_condition() -> None:
    accepted = samples.prediction(Outcome.ACCEPTED, direction=Direction.FROM_EOP)
    assert sentence(accepted) == (
        "Exchange Online, delivering to this server, would accept its certificate chain."
    )
    file = samples.prediction(Outcome.REJECTED, "x", direction=Direction.FROM_EOP, basis=Basis.FILE)
    assert sentence(file) == "If the server presents this certificate, Exchange Online would refuse it."


def test_from_eop_a_server_without_starttls_gets_no_mail() -> None:
    blank = samples.Capture(host="h", address=None, port=25)
    refused = samples.prediction(Outcome.REJECTED, "no-starttls", direction=Direction.FROM_EOP)
    assert sentence(refused, blank).startswith("Exchange Online would not deliver mail to this server")


def test_why_there_is_no_verdict() -> None:
    unknown = samples.prediction(Outcome.UNKNOWN)
    assert sentence(unknown, samples.Capture(host="h", address=None, port=25)) == (
        "No verdict: no certificate could be observed."
    )
    assert sentence(unknown, samples.capture(extra=(b"junk",))) == (
        "No verdict: the end certificate that was presented can't be read."
    )


@pytest.mark.parametrize("state", [state for state in RootState if state is not RootState.TRUSTED])
def test_every_state_of_a_root_has_words(state: RootState) -> None:
    flag = ChainStatus.NotValidForUsage
    store = samples.store(samples.TRUSTED)
    (line,) = fault_lines(samples.element(samples.ROOT, flag), RootVerdict(state), store, samples.AT)
    assert "Microsoft's list" in line
    assert line.endswith(" (NotValidForUsage)")
    (plain,) = fault_lines(samples.element(samples.LEAF, flag), None, store, samples.AT)
    assert plain == "not valid for this use (NotValidForUsage)"


def test_every_flag_has_words() -> None:
    store = samples.store(samples.TRUSTED)
    for flag in ChainStatus:
        if flag is not ChainStatus.NoError:
            (line,) = fault_lines(samples.element(samples.LEAF, flag), None, store, samples.AT)
            assert line.endswith(f" ({flag.name})")


def test_a_certificate_from_the_future_says_when_it_starts() -> None:
    path = samples.built(samples.element(samples.YOUNG, ChainStatus.NotTimeValid))
    young = samples.assess(
        samples.capture(samples.YOUNG),
        samples.prediction(Outcome.REJECTED, "not-yet-valid"),
        samples.store(path),
    )
    assert "starts in 5 hours (NotTimeValid)" in render(young)


@pytest.mark.parametrize("confidence", Confidence)
def test_how_well_founded_it_is_stands_in_the_verdict(confidence: Confidence) -> None:
    made = samples.prediction(Outcome.AT_RISK, "weak-key", confidence=confidence)
    text = render(samples.assess(samples.capture(samples.LEAF), made, samples.store(samples.TRUSTED)))
    assert re.search(rf"^  confidence  {confidence.value}.* \(rule weak-key\)$", text, re.MULTILINE)


def test_a_file_has_no_port_and_no_address() -> None:
    observed = samples.Capture(
        host="new.pem", address=None, port=0, presented=samples.PresentedChain.from_der((samples.LEAF.der,))
    )
    made = samples.prediction(Outcome.ACCEPTED, basis=Basis.FILE)
    text = render(samples.assess(observed, made, samples.store(samples.TRUSTED)))
    assert text.startswith("ACCEPTED  new.pem\nIf a Send connector presents this certificate, ")


@given(
    st.text(
        alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), max_size=200
    ),
    st.integers(min_value=20, max_value=100),
)
@example("0" * 26 + "&", 26)
@example("0 " + "&" * 27, 26)
def test_wrapping_loses_nothing_and_fits(text: str, room: int) -> None:
    first, *others = wrap(text, room)
    assert all(cells(line) <= room for line in (first, *others))
    # A line that could be run when it is copied begins with what no shell takes for a command.
    lines = (first, *(line.removeprefix("… ") for line in others))
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_wide_characters_count_twice_and_marks_not_at_all() -> None:
    assert cells("日本") == 4
    assert cells("e\u0301") == 1
    assert list(wrap("日" * 15, 20)) == ["日" * 10, "日" * 5]


def test_samples_of_one_kind_are_shown_on_demand_only() -> None:
    once = samples.capture(samples.LEAF, samples.ISSUING)
    blank = samples.Capture(
        host="h",
        address=None,
        port=25,
        fault=samples.Fault(phase=samples.Phase.TLS, kind=samples.FaultKind.TLS_FAILED, message="no"),
    )
    accepted = samples.Observation(once, Outcome.ACCEPTED)

    def shown(*observations: samples.Observation, verbose: bool = False) -> str:
        made = samples.prediction(Outcome.ACCEPTED)
        return render(
            samples.assess(once, made, samples.store(samples.TRUSTED), observations=observations),
            verbose=verbose,
        )

    assert "Samples" not in shown(accepted, accepted)
    assert "Samples    2 connections, 1 different result\n" in shown(accepted, accepted, verbose=True)
    odd = [
        samples.Observation(blank, Outcome.UNKNOWN),
        samples.Observation(samples.capture(extra=(b"junk",)), Outcome.UNKNOWN),
        samples.Observation(samples.Capture(host="h", address=None, port=25), Outcome.UNKNOWN),
    ]
    text = shown(accepted, *odd)
    assert "  unknown   1x no certificate: no\n" in text
    assert "  unknown   1x a certificate that can't be read\n" in text
    assert "  unknown   1x no certificate\n" in text


@pytest.mark.parametrize(("days", "coloured"), [(30, True), (0, False), (3650, True)])
def test_dates_are_coloured_by_the_threshold_that_was_given(days: int, coloured: bool) -> None:
    made = samples.untrusted_root()
    thresholds = Settings(expiring_days=days, expiring_fraction=1.0)
    made = dataclasses.replace(made, evidence=dataclasses.replace(made.evidence, settings=thresholds))
    line = next(line for line in render(made, colour=True, width=120).splitlines() if " valid " in line)
    assert ("\x1b[1;33m" in line) is coloured, line


def test_the_last_screen_holds_the_verdict_and_what_to_type_first() -> None:
    page = terminal.render(samples.report(samples.untrusted_root()), RenderOptions())
    last = "\n".join(page.splitlines()[-SCREEN_ROWS:])
    assert "REJECTED  mail.contoso.com 192.0.2.1:25" in last
    assert "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied" in last
    assert "Enable-ExchangeCertificate -Thumbprint" in last
    assert "eop-probe listen" in last
    # Negative control: what fits on a screen is said once.
    short = terminal.render(samples.report(samples.accepted()), RenderOptions())
    assert short.count("ACCEPTED") == 1
    assert len(short.splitlines()) <= SCREEN_ROWS


@pytest.mark.parametrize("direction", Direction)
def test_an_accepted_chain_says_what_it_rests_on_and_what_to_do_next(direction: Direction) -> None:
    assessment = samples.accepted()
    made = dataclasses.replace(assessment.predictions[0], direction=direction)
    page = terminal.render(
        samples.report(dataclasses.replace(assessment, predictions=(made,))), RenderOptions()
    )
    by_proxy = direction is Direction.TO_EOP
    assert "  basis       seen on the Receive connector" in page
    assert ("The Send connector presents something else" in page) is by_proxy
    assert ("eop-probe exchange export" in page) is by_proxy
