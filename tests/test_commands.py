"""Every command the product proposes: one line, for a shell that is named, and no name leaves its quotes.

What is pasted runs with administrator's rights, and names come from certificates, logs, exports and
mails of anybody's making. PowerShell's reading is modelled (`powershell_lexer`), the POSIX shell is real.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from probe.diagnosis.run import Question, diagnose
from probe.eop import remedies
from probe.eop.rules.every import EVERY_RULE
from probe.eop.swap import compare
from probe.eop.verdict import judge
from probe.eop.vocabulary import Outcome
from probe.evidence_files import read_evidence
from probe.exchange.exports.commands import COMMANDS
from probe.exchange.exports.joining import gather
from probe.exchange.replies.catalogue import CATALOGUE
from probe.pki.truststore import AnchorStore, ListRole
from probe.powershell import (
    CONNECTOR,
    INBOUND,
    NAME,
    PUBLIC,
    RECEIVING,
    SERVER,
    UNSAFE,
    Command,
    Shell,
    Step,
    Steps,
    enable_for_smtp,
    enable_inbound,
    eop_probe,
    expect_name,
    filled,
    name_on_connector,
    named_by,
    quoted,
    retry_queue,
    services_of,
    show_connector,
    tlsa_record,
)
from probe.render.exchange import diagnosis as diagnosis_page
from probe.render.exchange import replies as replies_page
from probe.render.page.options import RenderOptions
from probe.render.page.text import Page
from probe.render.report import terminal
from probe.render.report.wording import next_steps
from probe.report.diagnosis import Diagnosis
from tests.eop.cases import CASES
from tests.eop.weighing import CA, HOST, ISSUING, NOW, raw_name, read
from tests.eop.weighing import evidence as evidence_of
from tests.exchange import diagnosing
from tests.exchange.diagnosing import DENIED, NEW_PRIVATE, OLD, SAMPLES, UNTRUSTED, Desk, mail, session
from tests.powershell_lexer import Kind, Token, skeleton, tokens, words
from tests.render import samples
from tests.render.goldens import EVERYTHING

DANGEROUS = (
    *"'\u2018\u2019\u201a\u201b\"\u201c\u201d\u201e`;|&<>!\\#%,",
    "$(calc)",
    "$x",
    "\n",
    "\r\n",
    "--",
    "'@",
)
HOSTILE = (
    *(f"a{each}b" for each in DANGEROUS),
    *(f"a{each} ; calc {each}b" for each in DANGEROUS),
    *DANGEROUS,
    "'\u2018\u2019\u201a\u201b\"\u201c\u201d\u201e`$(calc);|\n",
    "\u2019; Remove-Mailbox x; \u2018",
    "it's \u201cquoted\u201d $(calc) `n",
    "-Confirm:$false",
    "--output=x",
    "ends in a backslash\\",
    "",
)


def commands(steps: tuple[Step, ...]) -> list[Command]:
    return [step for step in steps if isinstance(step, Command)]


def diagnosed(*paths: str | Path) -> Diagnosis:
    files = read_evidence([Path(path) for path in paths])
    return diagnose(
        Question(
            files=files,
            gathered=gather(files.exports),
            issuers=tuple(read(one) for one in (diagnosing.ISSUING, diagnosing.PRIVATE)),
            stores=lambda: (AnchorStore("microsoft", [read(diagnosing.ROOT)], role=ListRole.MICROSOFT),),
            now=diagnosing.NOW,
            paths=tuple(map(Path, paths)),
        )
    )


def told(diagnosis: Diagnosis) -> list[Command]:
    return [one for fault in diagnosis.faults for one in commands((*fault.remedy, *fault.verify))]


def printed() -> Iterator[Command]:
    """What rules, the catalogue, exports, verdicts, a swap, and the samples' diagnosis propose."""
    for rule in EVERY_RULE:
        yield from commands(rule.advice)
    for entry in CATALOGUE:
        yield from commands((*entry.remedy, *entry.check))
    yield from (one.command for one in COMMANDS)
    for case in CASES:
        for finding in judge(case.evidence).findings:
            yield from commands(finding.remedy)
    for finding in compare([read(OLD)], read(NEW_PRIVATE), Outcome.ACCEPTED).findings:
        yield from commands(finding.remedy)
    yield from told(samples_diagnosed())


@cache
def every_command() -> tuple[Command, ...]:
    return tuple(dict.fromkeys(printed()))


@cache
def samples_diagnosed() -> Diagnosis:
    return diagnosed(*sorted(SAMPLES.glob("*.*")))


def outermost(found: tuple[Token, ...]) -> Iterator[str]:
    """The separators that no bracket encloses."""
    depth = 0
    for token in found:
        if token.kind is Kind.GROUP:
            depth += token.text in "({["
            depth -= token.text in ")}]"
        elif token.kind is Kind.SEPARATOR and not depth:
            yield token.text


def test_every_command_is_one_line_that_its_shell_can_read() -> None:
    for command in every_command():
        assert command.text.isprintable()
        if command.shell is Shell.ZONE:
            assert re.fullmatch(r"_25\._tcp\.\S.*\. IN TLSA 3 1 1 (?:[0-9a-f]{64}|<.*>)", command.text)
            continue
        found = tokens(command.text)
        assert not [token for token in found if token.kind is Kind.COMMENT]
        assert set(outermost(found)) <= {"|"}
        if command.shell is Shell.ANY:
            assert words(command.text) == shlex.split(command.text)
            assert words(command.text)[0] == "eop-probe"
            continue
        assert re.match(r"(?:\$\w+ = )?[A-Z][a-z]+-[A-Z]\w+(?: |$)", command.text)
        # What is expanded is an object's property, never a text of somebody's.
        for token in found:
            if token.kind is Kind.EXPANSION:
                assert re.fullmatch(r"\$(?:\(\$(?:cert|connector|_)\.\w+\)|\w+(?::\w+)?)", token.text)


def test_a_record_names_a_host_or_nothing() -> None:
    assert tlsa_record("mx1.contoso.test", "ab").text == "_25._tcp.mx1.contoso.test. IN TLSA 3 1 1 ab"
    for host in (*HOSTILE[:8], "a b", "x. IN TXT y", "x\\032y", "--", "$(x)", "", "a\nb"):
        assert tlsa_record(host, "ab").text == f"_25._tcp.{UNSAFE}. IN TLSA 3 1 1 ab"


def test_commands_are_proposed_for_every_shell() -> None:
    assert {command.shell for command in every_command()} == set(Shell)
    assert len(every_command()) > 40


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_one_string_to_powershell(name: str) -> None:
    kept = name if name.isprintable() else UNSAFE
    assert tokens(quoted(name)) == ((Kind.SINGLE, kept),)
    made = (
        show_connector, enable_inbound,
        lambda text: expect_name("mail.contoso.test", text)[-1], lambda text: expect_name(text)[-1],
        lambda text: name_on_connector("A1", text)[-1], lambda text: name_on_connector(text)[1],
        lambda text: named_by(text)[0], lambda text: Command("Set-X '<a>'").filled({"<a>": text}),
    )  # fmt: skip
    for make in made:
        hostile, tame = make(name), make("tame-name")
        assert isinstance(hostile, Command)
        assert isinstance(tame, Command)
        assert skeleton(hostile.text) == skeleton(tame.text)


@given(
    st.text(alphabet="ab '\"`$(){};|&<>\n\r\t#,=+\\!\u2018\u2019\u201a\u201b\u201c\u201d\u201e\x1b-")
    | st.text()
)
def test_a_word_is_the_same_to_both_kinds_of_shell(text: str) -> None:
    assert tokens(quoted(text)) == ((Kind.SINGLE, text if text.isprintable() else UNSAFE),)
    line = eop_probe("exchange log", text, connector=text).text
    assert line.isprintable()
    read_by_powershell = words(line)
    assert read_by_powershell == shlex.split(line)
    assert read_by_powershell[:3] == ["eop-probe", "exchange", "log"]
    assert read_by_powershell[3] in {text, UNSAFE}
    assert read_by_powershell[4] == "--connector"
    assert read_by_powershell[5] in {text, UNSAFE}
    # Windows PowerShell would lose these on the way to a program.
    assert '"' not in "".join(read_by_powershell)
    assert not any(word.endswith("\\") for word in read_by_powershell)
    assert not read_by_powershell[3].startswith("-")


def test_a_real_shell_reads_the_same_words() -> None:
    lines = [eop_probe("check", name, connector=name).text for name in HOSTILE]
    script = "\n".join("printf '%s\\0' " + line for line in lines)
    assert subprocess.run(["sh", "-n"], input=script.encode(), check=False).returncode == 0
    done = subprocess.run(["sh"], input=script.encode(), capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout.decode().split("\0")[:-1] == [word for line in lines for word in words(line)]


@pytest.mark.parametrize(
    ("command", "text", "shell"),
    [
        (eop_probe("check", "mail.test", tls_domain="*.contoso.test", with_="a b", at=None),
         "eop-probe check mail.test --tls-domain '*.contoso.test' --with 'a b'", Shell.ANY),
        (eop_probe("check", "--output", name="it's", other=""),
         f"eop-probe check '{UNSAFE}' --name \"it's\" --other '{UNSAFE}'", Shell.ANY),
        (eop_probe("explain", "a.b:c/d@e=f+g-h_1", "1kb", "$x", "a\\"),
         f"eop-probe explain a.b:c/d@e=f+g-h_1 '1kb' '$x' '{UNSAFE}'", Shell.ANY),
        (eop_probe("explain", "it's $x", "a\nb", 'say "x"'),
         " ".join(["eop-probe explain", *[f"'{UNSAFE}'"] * 3]), Shell.ANY),
        (eop_probe("check", SERVER).filled({SERVER: "mail x"}), "eop-probe check 'mail x'", Shell.ANY),
        (Command(f"Get-X {quoted(SERVER)} | Get-Y {quoted(NAME)}").filled({SERVER: "it's", NAME: "$n"}),
         "Get-X 'it''s' | Get-Y '$n'", Shell.EXCHANGE),
        (Command("Get-X").filled({}), "Get-X", Shell.EXCHANGE),
        (show_connector(None),
         f"Get-SendConnector '{CONNECTOR}' | fl Name,Fqdn,TlsCertificateName,ProtocolLoggingLevel", Shell.EXCHANGE),
        (show_connector("O'365"),
         "Get-SendConnector 'O''365' | fl Name,Fqdn,TlsCertificateName,ProtocolLoggingLevel", Shell.EXCHANGE),
        (enable_inbound("Hy"), "Set-InboundConnector 'Hy' -Enabled $true", Shell.EXCHANGE_ONLINE),
        (services_of("AB12"), "Get-ExchangeCertificate -Thumbprint AB12 | fl FriendlyName,Services", Shell.EXCHANGE),
        (services_of("A B"), "Get-ExchangeCertificate -Thumbprint 'A B' | fl FriendlyName,Services", Shell.EXCHANGE),
        (services_of("é1"), "Get-ExchangeCertificate -Thumbprint 'é1' | fl FriendlyName,Services", Shell.EXCHANGE),
    ],
)  # fmt: skip
def test_a_command_as_it_is_pasted(command: Command, text: str, shell: Shell) -> None:
    assert (command.text, command.shell) == (text, shell)


NAMING = '-TlsCertificateName "<I>$($cert.Issuer)<S>$($cert.Subject)"'


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        (expect_name("mail.test", "Hy"), ["Set-InboundConnector 'Hy' -TlsSenderCertificateName 'mail.test'"]),
        (expect_name("*.test"),
         ["Mind that a wildcard stands for all subdomains and can catch other clients' mail too:",
          f"Set-InboundConnector '{INBOUND}' -TlsSenderCertificateName '*.test'"]),
        (named_by("<I>a<S>b'"),
         ["Get-SendConnector | ? { \"$($_.TlsCertificateName)\" -eq '<I>a<S>b''' } | fl Name",
          "Get-ReceiveConnector | ? { \"$($_.TlsCertificateName)\" -eq '<I>a<S>b''' } | fl Identity"]),
        (name_on_connector("AB", "Out", what="this"),
         ["Name this on the Send connector, so that no other certificate can win:",
          "$cert = Get-ExchangeCertificate -Thumbprint AB", f"Set-SendConnector 'Out' {NAMING}"]),
        (name_on_connector(receive=True),
         ["Name it on the Receive connector, so that no other certificate can win:",
          f"$cert = Get-ExchangeCertificate -Thumbprint '{PUBLIC}'", f"Set-ReceiveConnector '{RECEIVING}' {NAMING}"]),
        (enable_for_smtp("AB", what="this"),
         ["Enable this for SMTP. Answer No when asked to replace the default certificate:",
          "Enable-ExchangeCertificate -Thumbprint AB -Services SMTP"]),
        (enable_for_smtp(),
         ["Enable the certificate of a public CA for SMTP. Answer No when asked to replace the default certificate:",
          f"Enable-ExchangeCertificate -Thumbprint '{PUBLIC}' -Services SMTP"]),
        (retry_queue("Out"),
         ["After the repair, on every server of the connector, let the mail that waits in its queue go at once:",
          "$connector = Get-SendConnector 'Out'",
          "Retry-Queue -Filter \"NextHopConnector -eq '$($connector.Guid)' -and Status -eq 'Retry'\""]),
        (filled(("See <server>:", eop_probe("check", SERVER), *retry_queue()[1:2]), {SERVER: "a.b", CONNECTOR: None}),
         ["See <server>:", "eop-probe check a.b", f"$connector = Get-SendConnector '{CONNECTOR}'"]),
    ],
)  # fmt: skip
def test_the_steps_that_remedies_share(steps: Steps, lines: list[str]) -> None:
    assert [str(step) for step in steps] == lines
    online = any("Inbound" in line for line in lines)
    shells = {Shell.EXCHANGE_ONLINE} if online else {Shell.EXCHANGE, Shell.ANY}
    assert {step.shell for step in commands(steps)} <= shells


def test_names_that_are_safe_come_through() -> None:
    kept = (
        "Outbound to Office 365",
        "it's",
        "Bob\u2019s",
        "a $5 `deal`",
        "\u201cquoted\u201d",
        "C:\\logs",
        "M\u00fcller",
        "*.json",
    )
    for name in kept:
        assert words(eop_probe("x", connector=name).text)[-1] == name
    for name in ('say "x"', "it's $5", "it's \u201cx\u201d", "a\nb", "C:\\", ""):
        assert words(eop_probe("x", connector=name).text)[-1] == UNSAFE
    assert words(eop_probe("x", "-v").text)[-1] == UNSAFE


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def evidence(desk: Desk, folder: str, name: str, sender: str) -> Diagnosis:
    """Both faults of a connector of this name, in files of a folder of this name."""
    (desk.folder / folder).mkdir(exist_ok=True)
    return diagnosed(
        desk.put(f"{folder}/c.json", diagnosing.listed(OLD, NEW_PRIVATE)),
        desk.put(f"{folder}/s.json", [diagnosing.send_connector(name)]),
        desk.put(
            f"{folder}/i.json",
            [diagnosing.inbound_connector(name, TlsSenderCertificateName="other.contoso.com")],
        ),
        desk.put(f"{folder}/d.json", [diagnosing.domain()]),
        desk.log(
            session(NEW_PRIVATE, *mail(UNTRUSTED, sender), connector=name),
            session(OLD, *mail(DENIED, sender), connector=name, number=2),
            name=f"{folder}/SEND1.LOG",
        ),
    )


@pytest.fixture(scope="module")
def tame(tmp_path_factory: pytest.TempPathFactory) -> list[Command]:
    """What is proposed where no name is hostile."""
    return told(evidence(Desk(tmp_path_factory.mktemp("desk")), "tame", "tame name", "anna@contoso.com"))


@pytest.mark.parametrize("char", [each for each in DANGEROUS if each not in {"\n", "\r\n", '"', ","}])
def test_no_name_of_an_export_or_a_log_leaves_its_quotes(desk: Desk, tame: list[Command], char: str) -> None:
    hostile = f"x {char} ; calc {char} y"
    seen = told(evidence(desk, hostile.replace("/", ""), hostile, f"a{char}b@contoso.com"))
    assert len(seen) == len(tame)
    assert {command.shell for command in seen} == set(Shell) - {Shell.ZONE}
    for one, other in zip(seen, tame, strict=True):
        if one.shell is Shell.ANY:
            assert words(one.text) == shlex.split(one.text)
            assert len(words(one.text)) == len(words(other.text))
        else:
            assert skeleton(one.text) == skeleton(other.text)


@pytest.mark.parametrize("char", [each for each in DANGEROUS if len(each) == 1])
def test_no_name_of_a_certificate_leaves_its_quotes(char: str) -> None:
    text = f"x{char}; calc {char}y"
    name = raw_name((NameOID.COMMON_NAME.dotted_string, text))
    certificate = read(CA.leaf(ISSUING, HOST, subject=name, issuer_name=name, names=(), not_after=NOW))
    met = evidence_of(ISSUING, expected_name=text)
    for steps in (
        remedies.renew(certificate, met, queued=True), remedies.replace_untrusted(certificate, met),
        remedies.import_intermediate(certificate, certificate, met),
        *(finding.remedy for finding in compare([certificate], read(OLD), Outcome.ACCEPTED).findings),
    ):  # fmt: skip
        for command in commands(steps):
            assert not [
                token
                for token in tokens(command.text)
                if "calc" in token.text and token.kind is not Kind.SINGLE
            ]


# What a shell would run: this program, or a verb of PowerShell's with a noun.
COMMAND = re.compile(
    r"\s*(?:eop-probe |\$|&|(?:Get|Set|New|Remove|Enable|Disable|Import|Export|Test|Start|Stop|Restart|Retry)-\w)",
    re.IGNORECASE,
)


def strays(page: str, allowed: set[str]) -> list[str]:
    """Lines that begin like a command and are none."""
    return [line for line in page.splitlines() if COMMAND.match(line) and line.strip() not in allowed]


def test_a_stray_is_seen() -> None:
    assert strays("ok\n   Remove-Mailbox x\n  $x\n  Get-A\n", {"Get-A"}) == ["   Remove-Mailbox x", "  $x"]


WIDTHS = (40, 60, 80, 120)
#: What every check ends with.
NEXT = {str(step) for step in commands(next_steps(samples.report(samples.accepted())))}


@pytest.mark.parametrize("width", WIDTHS)
def test_no_prose_of_the_catalogue_and_the_rules_looks_like_a_command(width: int) -> None:
    for entry in CATALOGUE:
        allowed = {str(step) for step in commands((*entry.remedy, *entry.check))}
        allowed |= {str(eop_probe("explain", entry.rule))}
        assert not strays(replies_page.render_entry(entry, RenderOptions(width=width)), allowed)
    for rule in EVERY_RULE:
        page = Page(RenderOptions(width=width))
        page.add(rule.meaning, first="  ")
        page.steps(rule.advice)
        assert not strays(page.text, {str(step) for step in commands(rule.advice)})


@pytest.mark.parametrize("width", WIDTHS)
def test_no_prose_of_a_report_or_a_diagnosis_looks_like_a_command(width: int) -> None:
    options = RenderOptions(width=width, verbose=True)
    for name in (*EVERYTHING, "awkward", "hostile"):
        assessment = getattr(samples, name)()
        allowed = {str(step) for found in assessment.findings for step in commands(found.remedy)}
        allowed |= NEXT
        assert not strays(terminal.render(samples.report(assessment), options), allowed)
    found = samples_diagnosed()
    assert not strays(diagnosis_page.render(found, options), {str(each) for each in told(found)})


@pytest.mark.parametrize("width", range(40, 60))
def test_a_hostile_issuer_never_wraps_into_a_command(width: int) -> None:
    """At some width each word of the name stands at the beginning of a line."""
    text = "x Remove-Mailbox * ; eop-probe demo $(calc) & Set-SendConnector a ".replace(";", "and") * 3
    finding = dataclasses.replace(
        samples.missing_intermediate().findings[0], summary=f"{text}.", detail=text, remedy=(f"Do {text}",)
    )
    assessment = dataclasses.replace(samples.missing_intermediate(), findings=(finding,))
    page = terminal.render(samples.report(assessment), RenderOptions(width=width, verbose=True))
    assert not strays(page, NEXT)
    assert any(line.strip().startswith("\u2026 ") for line in page.splitlines())


def test_a_command_follows_the_name_of_its_shell() -> None:
    found = samples_diagnosed()
    shells = {str(command): command.shell for command in told(found)}
    named = ""
    lines = diagnosis_page.render(found, RenderOptions()).splitlines()
    for line in lines:
        if (command := line.strip()) in shells:
            assert named == f"{shells[command].value}:", line
        else:
            named = line.strip()
    assert {line.strip() for line in lines} >= set(shells)
