"""``exchange select``: the choice, what is said to it, and whether a planned change is safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.authority import Authority, pkcs12
from tests.cli.running import Cli, Ran
from tests.exchange.diagnosing import (
    HOST,
    INT,
    ISSUING,
    NEW_PRIVATE,
    NOW,
    OLD,
    OTHER_ISSUING,
    PRIVATE,
    PRIVATE_ROOT,
    PUB,
    RENEWED,
    ROOT,
    SAMPLES,
    SWITCHED,
    Desk,
    domain,
    inbound_connector,
    leaf,
    listed,
    receive_connector,
    send_connector,
)

PIN = "<I>CN=Fabrikam TLS CA, O=Fabrikam<S>CN=mail.contoso.com"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


class Select:
    """Runs ``exchange select`` on a desk, judged by the public root."""

    def __init__(self, cli: Cli, desk: Desk) -> None:
        self._cli, self._desk = cli, desk
        self._store = desk.put("root.pem", ROOT.pem)
        self._issuers = desk.put(
            "issuers.pem", ISSUING.pem + OTHER_ISSUING.pem + PRIVATE.pem + PRIVATE_ROOT.pem
        )

    def __call__(self, *arguments: str, at: str = NOW.isoformat(), issuers: bool = True) -> Ran:
        files = (self._issuers,) if issuers else ()
        return self._cli(
            "exchange",
            "select",
            *files,
            "--store",
            "microsoft",
            "--stand-in",
            self._store,
            "--at",
            at,
            *arguments,
        )

    def document(self, *arguments: str) -> dict[str, object]:
        document: dict[str, object] = json.loads(self(*arguments, "--format", "json").out)
        return document


@pytest.fixture
def select(cli: Cli, desk: Desk) -> Select:
    return Select(cli, desk)


def outlook(document: dict[str, object], connector: str = "To EOP") -> tuple[object, object, object]:
    rows = document["selections"]
    assert isinstance(rows, list)
    row = next(row for row in rows if row["connector"] == connector)
    return row["state"], row["outcome"], row["reply"]


def test_the_only_certificate_is_chosen_and_accepted(select: Select, desk: Desk) -> None:
    files = (desk.put("c.json", listed(OLD)), desk.put("s.json", [send_connector()]))
    ran = select(*files)
    assert "ACCEPTED  " in ran.out
    assert ran.code == 0
    assert outlook(select.document(*files)) == ("chosen", "accepted", None)


def test_the_newer_internal_one_wins_and_is_refused(select: Select, desk: Desk) -> None:
    files = (desk.put("c.json", listed(OLD, NEW_PRIVATE)), desk.put("s.json", [send_connector()]))
    ran = select(*files)
    assert ran.code == 2
    assert f"Exchange chooses {NEW_PRIVATE.sha1.upper()}" in " ".join(ran.out.split())
    assert "UntrustedRoot: Access Denied" in ran.out
    assert outlook(select.document(*files))[:2] == ("chosen", "rejected")


def test_without_intermediates_the_servers_own_word_counts(select: Select, desk: Desk) -> None:
    files = [desk.put("s.json", [send_connector()]), desk.put("c.json", listed(OLD))]
    assert select(*files, issuers=False).code == 3
    assert "give it with --chain" in " ".join(select(*files, issuers=False).out.split())
    chain = desk.put("issuing.pem", ISSUING.pem)
    assert select(*files, "--chain", chain, issuers=False).code == 0
    internal = desk.put("d.json", listed(NEW_PRIVATE, root="Enterprise"))
    assert select(files[0], internal, issuers=False).code == 2


def test_of_two_issuers_of_one_name_the_one_that_signed_leads_to_the_root(select: Select, desk: Desk) -> None:
    other = Authority(now=NOW, name="twin")
    twin = other.intermediate(other.root("Twin Root"), PRIVATE.certificate.subject)
    files = (desk.put("certs.json", listed(NEW_PRIVATE)), desk.put("send.json", send_connector()))
    for name in ("a-twin.pem", "z-twin.pem"):  # before the true one, and after it
        said = " ".join(select(*files, desk.put(name, twin.pem)).out.split())
        assert "which is not in Microsoft's list with root.pem" in said
        assert "among no file given" not in said
    alone = " ".join(select(*files, desk.put("a-twin.pem", twin.pem), issuers=False).out.split())
    assert "is among no file given (CN=Contoso Issuing, DC=local)" in alone


def test_text_exports_are_judged_by_the_root_the_server_names(select: Select) -> None:
    files = (str(SAMPLES / "get-exchangecertificate-fl.txt"), str(SAMPLES / "get-sendconnector.json"))
    out = " ".join(select(*files, "--connector", "Outbound to Office 365", "--server", "EX01").out.split())
    assert "holds no RawData" in out
    assert "most likely does not trust it" in out


def test_the_tenant_has_a_say(select: Select, desk: Desk) -> None:
    files = [desk.put("c.json", listed(OLD)), desk.put("s.json", [send_connector()])]
    good = desk.put("i.json", [inbound_connector()])
    other = desk.put("j.json", [inbound_connector(TlsSenderCertificateName="hybrid.contoso.com")])
    domains = desk.put("d.json", [domain()])
    assert select(*files, good, domains).code == 0
    refused = select(*files, other, domains)
    assert (refused.code, "550 5.7.64 TenantAttribution" in refused.out) == (2, True)
    partner = inbound_connector(
        "Partner", ConnectorType="Partner", TlsSenderCertificateName="mail.fabrikam.com"
    )
    both = desk.put("k.json", [inbound_connector(), partner])
    assert "'Partner'" not in select(*files, both, domains).out
    assert "'Partner'" in select(*files, both, domains, "--verbose").out
    by_address = desk.put(
        "l.json", [inbound_connector(TlsSenderCertificateName=None, SenderIPAddresses=["203.0.113.25"])]
    )
    assert select(*files, by_address, domains, "--ip", "203.0.113.25").code == 0
    assert select(*files, by_address, domains, "--ip", "203.0.113.26").code == 2
    assert select(*files, by_address, domains).code == 1


def test_a_same_name_renewal_makes_a_pin_ambiguous(select: Select, desk: Desk) -> None:
    files = (desk.put("c.json", listed(OLD)), desk.put("s.json", [send_connector(TlsCertificateName=PIN)]))
    renewed = desk.put("renewed.pfx", pkcs12(RENEWED, ISSUING))
    ran = select(*files, "--with", renewed)
    assert ran.code == 1
    assert ran.out.splitlines()[2].startswith(f"RISKY  with {RENEWED.sha1.upper()}")
    assert f"{OLD.sha1.upper()} becomes {RENEWED.sha1.upper()}" in " ".join(ran.out.split())
    # Of a longer life than the old one it would be chosen whichever way the pages are read; this one is not.
    shorter = leaf(ISSUING, begins=-0.5, days=100)
    ran = select(*files, "--with", desk.put("shorter.pfx", pkcs12(shorter, ISSUING)))
    assert (ran.code, "becomes ambiguous" in " ".join(ran.out.split())) == (1, True)


def test_another_issuer_breaks_the_pin_once_the_old_one_goes(select: Select, desk: Desk) -> None:
    files = (desk.put("c.json", listed(OLD)), desk.put("s.json", [send_connector(TlsCertificateName=PIN)]))
    switched = desk.put("switched.pfx", pkcs12(SWITCHED, OTHER_ISSUING))
    alone = select(*files, "--with", switched)
    assert (alone.code, "could not be found" in " ".join(alone.out.split())) == (1, True)
    swapped = select(*files, "--with", switched, "--without", OLD.sha1)
    assert swapped.code == 2
    assert swapped.out.splitlines()[2].startswith("BREAKS")
    whole = (f"To EOP=<I>CN=Fabrikam TLS CA 2, O=Fabrikam<S>CN={HOST}", "To EOP=" + OLD.sha1)
    pinned = select(*files, "--with", switched, "--set-tls-certificate-name", whole[0])
    assert pinned.code == 0
    assert f"{OLD.sha1.upper()} becomes {SWITCHED.sha1.upper()}" in " ".join(pinned.out.split())
    assert select(*files, "--set-tls-certificate-name", whole[1]).code == 0


def test_a_change_without_effect_says_so_and_ends_as_what_holds(select: Select, desk: Desk) -> None:
    """Mail is refused for the pinned certificate, and the new one of another issuer would not be used."""
    private = "<I>CN=Contoso Issuing, DC=local<S>CN=mail.contoso.com"
    certs = desk.put("c.json", listed(NEW_PRIVATE))
    refused = desk.put("s.json", [send_connector(TlsCertificateName=private)])
    unrelated = desk.put(
        "other.pfx", pkcs12(leaf(ISSUING, "www.contoso.com", subject="www.contoso.com"), ISSUING)
    )
    assert select(certs, refused).code == 2
    ran = select(certs, refused, "--with", unrelated)
    said = " ".join(ran.out.split())
    assert ran.code == 2
    assert ran.out.splitlines()[2].startswith("NO EFFECT  with ")
    assert "what is sent to Exchange Online is rejected as before" in said
    change = select.document(certs, refused, "--with", unrelated)["change"]
    assert isinstance(change, dict)
    assert change["verdict"] == "no-effect"
    # A Receive connector takes the new one; the mail stays refused all the same.
    received = desk.put("r.json", [receive_connector(Fqdn="www.contoso.com")])
    ran = select(certs, refused, received, "--with", unrelated)
    assert (ran.code, ran.out.splitlines()[2][:9]) == (2, "NO EFFECT")
    # Another refused one in place of the refused one is no repair either.
    again = leaf(PRIVATE, begins=-0.5, days=1000)
    by_name = desk.put("n.json", [send_connector()])
    ran = select(certs, by_name, "--with", desk.put("again.pfx", pkcs12(again, PRIVATE)))
    assert (ran.code, "refused as the one before" in " ".join(ran.out.split())) == (2, True)
    # The controls: where mail flows it stays so, and what repairs is safe.
    good = (desk.put("g.json", listed(OLD)), desk.put("t.json", [send_connector(TlsCertificateName=PIN)]))
    ran = select(*good, "--with", unrelated)
    assert (ran.code, ran.out.splitlines()[2][:9]) == (0, "NO EFFECT")
    both = desk.put("b.json", listed(OLD, NEW_PRIVATE))
    ran = select(both, by_name, "--without", NEW_PRIVATE.sha1)
    assert (ran.code, ran.out.splitlines()[2][:4]) == (0, "SAFE")


def test_what_the_tenant_refuses_afterwards_is_not_safe(select: Select, desk: Desk) -> None:
    tenant = (
        desk.put("i.json", [inbound_connector(TlsSenderCertificateName=HOST)]),
        desk.put("d.json", [domain()]),
    )
    files = (desk.put("c.json", listed(OLD)), desk.put("s.json", [send_connector(Fqdn="")]), *tenant)
    other = leaf(ISSUING, "EX01.contoso.com", subject="EX01.contoso.com", begins=-0.5, days=400)
    named = desk.put("e.json", listed(leaf(ISSUING, "EX01.contoso.com", HOST)))
    sound = (named, *files[1:])
    assert select(*sound).code == 0
    ran = select(*sound, "--with", desk.put("other.pfx", pkcs12(other, ISSUING)))
    assert (ran.code, ran.out.splitlines()[2][:6]) == (2, "BREAKS")


def test_chosen_or_not_is_said_in_words(select: Select, desk: Desk) -> None:
    files = (desk.put("c.json", listed(OLD, NEW_PRIVATE)), desk.put("s.json", [send_connector()]))
    out = select(*files).out
    assert f"    chosen      {NEW_PRIVATE.sha1.upper()}" in out
    assert f"    not chosen  {OLD.sha1.upper()}" in out
    assert not {"✓", "✗"} & set(out)
    shorter = leaf(ISSUING, begins=-0.5, days=100)
    out = select(desk.put("d.json", listed(OLD, shorter)), files[1]).out
    assert out.count("    may be chosen ") == 2


EDGE = """[PS] C:\\>Get-SendConnector "To EOP" | fl

Name                   : To EOP
Enabled                : True
AddressSpaces          : {smtp:contoso.mail.onmicrosoft.com;1}
TlsCertificateName     : <I>CN=R11, O=Let's Encrypt, C=US<S>CN=mail.contoso.com
TlsDomain              : mail.protection.outlook.com
SourceTransportServers : {EDGE01, EDGE02}

[PS] C:\\>Get-ExchangeCertificate -Server EX01 | SHAPE

"""
LIST = """Thumbprint         : 3333333333333333333333333333333333333333
Subject            : CN=EX01
Issuer             : CN=EX01
Services           : IIS, SMTP
HasPrivateKey      : True
CertificateDomains : {EX01, EX01.contoso.local}
Status             : Valid
IsSelfSigned       : True
"""
TABLE = """Thumbprint                                Services   Subject
----------                                --------   -------
3333333333333333333333333333333333333333  IP.WS..    CN=EX01
"""


@pytest.mark.parametrize(("shape", "certificates"), [("fl", LIST), ("ft", TABLE)])
def test_what_was_listed_for_one_server_says_nothing_of_another(
    select: Select, desk: Desk, shape: str, certificates: str
) -> None:
    text = EDGE.replace("SHAPE", shape) + certificates
    edge = desk.put("edge.txt", text)
    ran = select(edge)
    assert (ran.code, "REJECTED" in ran.out) == (3, False)
    for server in ("EDGE01", "EDGE02"):
        assert f"There is no certificate export of server {server}." in ran.out
    # A server that is no source of the connector has nothing to be refused.
    ran = select(edge, "--server", "EX01")
    assert (ran.code, "REJECTED" in ran.out) == (3, False)
    assert "no mail leaves from this server" in " ".join(ran.out.split())
    ran = select(edge, "--server", "EX01", "--without", "33" * 20)
    assert (ran.code, ran.out.splitlines()[2][:9]) == (3, "NO EFFECT")
    # The control: the same listing of a source server is proof.
    source = desk.put("source.txt", text.replace("-Server EX01", "-Server 'EDGE01'"))
    ran = select(source, "--server", "EDGE01")
    assert (ran.code, "could not be found" in ran.out) == (2, True)


def test_of_two_of_equal_lifetime_the_newer_one_is_chosen(select: Select, desk: Desk) -> None:
    gone = leaf(ISSUING, begins=-150, days=90)
    renewed = leaf(ISSUING, begins=-10, days=90)
    connector = desk.put("s.json", [send_connector(TlsCertificateName=PIN)])
    document = select.document(desk.put("c.json", listed(gone, renewed)), connector)
    assert outlook(document)[:2] == ("chosen", "accepted")
    # The control: where lifetimes differ, the published readings do.
    longer = leaf(ISSUING, begins=-150, days=91)
    document = select.document(desk.put("d.json", listed(longer, renewed)), connector)
    assert outlook(document)[:2] == ("ambiguous", "at-risk")


def test_the_document_of_a_change(select: Select, desk: Desk) -> None:
    files = (desk.put("c.json", listed(OLD, NEW_PRIVATE)), desk.put("s.json", [send_connector()]))
    document = select.document(*files, "--without", NEW_PRIVATE.sha1.upper())
    change = document["change"]
    assert isinstance(change, dict)
    assert change["verdict"] == "safe"
    assert change["steps"][0]["after"] == [OLD.sha1]
    assert select.document(*files)["change"] is None


def test_one_of_three_servers_lacks_the_certificate(select: Select, desk: Desk) -> None:
    names = [f"EX0{number}.contoso.com" for number in (1, 2, 3)]
    files = [desk.put(f"{name}.json", listed(OLD, server=name)) for name in names[:2]]
    files.append(desk.put("3.json", listed(NEW_PRIVATE, server=names[2])))
    files.append(desk.put("s.json", [send_connector(SourceTransportServers=";".join(names))]))
    ran = select(*files)
    assert ran.code == 2
    said = " ".join(ran.out.split())
    assert f"EX03.contoso.com lacks {OLD.sha1.upper()}" in said
    assert "About one message in three would be refused" in said
    servers = select.document(*files)["servers"]
    assert isinstance(servers, list)
    assert servers[0]["agree"] is False
    one = select(*files, "--server", names[0])
    assert (one.code, "compared" in one.out) == (0, False)


def test_receive_connectors_disabled_ones_and_events(select: Select, desk: Desk) -> None:
    expired = leaf(ISSUING, begins=-300, days=200)
    files = [
        desk.put("c.json", listed(expired, leaf(ISSUING, "www.contoso.com"))),
        desk.put("r.json", [receive_connector()]),
        desk.put("s.json", [send_connector(Enabled=False)]),
    ]
    ran = select(*files)
    assert "Receive connector 'Default Frontend EX01'" in ran.out
    assert "Event 12016" in ran.out
    assert "Send connector" not in ran.out
    assert "Send connector 'To EOP'" in select(*files, "--connector", "to eop").out
    gone = select(*files, "--without", expired.sha1)
    assert (gone.code, "no certificate" in gone.out) == (2, True)
    other = select(*files, "--set-tls-certificate-name", "Default Frontend EX01=")
    assert other.code == 0


def test_no_tls_and_a_partner(select: Select, desk: Desk) -> None:
    partner = send_connector("To partner", SmartHosts="mail.fabrikam.com")
    mute = send_connector("Mute", IgnoreSTARTTLS=True)
    files = (desk.put("c.json", listed(NEW_PRIVATE)), desk.put("s.json", [partner, mute]))
    document = select.document(*files)
    assert outlook(document, "To partner")[1] is None
    assert outlook(document, "Mute")[0] == "no-tls"
    by_mx = desk.put("m.json", [send_connector("By MX", SmartHosts="")])
    assert "for domains whose mail goes to Exchange Online" in " ".join(select(files[0], by_mx).out.split())


def test_a_listing_of_connectors_tells_no_change(select: Select, desk: Desk) -> None:
    listing = "".join(
        "".join(f"{name:<20} : {value}\r\n" for name, value in send_connector(one, Fqdn=host).items())
        + "\r\n"
        for one, host in (("A", "a.test"), ("B", "b.test"))
    )
    listing = listing.replace("TlsCertificateName   : ", f"TlsCertificateName   : {PIN}", 1)
    lines = "10 Set-SendConnector -TlsCertificateName 'a'\n11 Set-SendConnector -TlsCertificateName 'b'\n"
    certificates = desk.put("c.json", listed(OLD))
    for more, told in (("", False), (lines, True)):
        (desk.folder / "s.txt").write_text(more + listing, encoding="utf-16")
        said = " ".join(select(certificates, str(desk.folder / "s.txt")).out.split())
        assert "Send connector 'B'" in said
        assert (said.count(" changed from "), "from a to b" in said) == (int(told), told)


def test_the_wizard(select: Select, desk: Desk) -> None:
    hybrid = send_connector(CloudServicesMailEnabled=True, TlsDomain="wrong.test")
    log = desk.put(
        "hcw.log",
        f"10 Set-SendConnector -TlsCertificateName '{PIN}'\n"
        "11 Set-SendConnector -TlsCertificateName '<I>CN=X<S>CN=Y'\n",
    )
    files = (desk.put("c.json", listed(OLD)), desk.put("s.json", [hybrid]), log)
    said = " ".join(select(*files).out.split())
    assert "the wizard sets mail.protection.outlook.com" in said
    assert "TlsCertificateName changed from" in said
    found = select.document(*files)["hybrid"]
    assert isinstance(found, list)
    assert ("TlsDomain", "wrong.test") in {(one["name"], one["found"]) for one in found}


def test_the_samples(select: Select) -> None:
    files = [str(SAMPLES / f"get-{name}") for name in ("exchangecertificate.json", "sendconnector.json")]
    document = select.document(*files, str(SAMPLES / "sample-ca-certificates.pem"))
    rows = document["selections"]
    assert isinstance(rows, list)
    chosen = {row["connector"]: (row["thumbprint"] or "").upper() for row in rows}
    assert chosen["Outbound to Office 365"] == INT
    assert chosen["Outbound to Office 365 (pinned)"] == PUB
    assert outlook(document, "Outbound to Office 365 (stale pin)")[2] == (
        "454 4.7.5 The certificate specified in TlsCertificateName of the SendConnector could not be found."
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--without", "00" * 20), "--without: " + "00" * 20),
        (("--set-tls-certificate-name", "nonsense"), "is not NAME=STRING"),
        (("--set-tls-certificate-name", "To EOP=" + "00" * 20), "is in no file given"),
        (("--connector", "No such"), "no connector 'No such'"),
        (("--ip", "somewhere"), "--ip: somewhere is no IP address"),
        (("--at", "someday"), "--at: "),
    ],
)
def test_questions_that_cannot_be_asked(
    select: Select, desk: Desk, arguments: tuple[str, ...], says: str
) -> None:
    files = (desk.put("c.json", listed(OLD)), desk.put("s.json", [send_connector()]))
    ran = select(*files, *arguments, at="2026-11-03")
    assert (ran.code, ran.out) == (3, "")
    assert says in ran.err


def test_a_certificate_without_its_key_is_taken_but_said(select: Select, desk: Desk) -> None:
    files = (desk.put("c.json", listed(OLD)), desk.put("s.json", [send_connector()]))
    ran = select(*files, "--with", desk.put("renewed.cer", RENEWED.pem))
    assert "holds no private key" in ran.err
    empty = select(*files, "--with", desk.put("empty.pem", "nothing"))
    assert empty.code == 3
