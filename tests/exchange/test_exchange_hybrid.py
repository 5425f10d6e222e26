"""The wizard's values on connectors, and the names picked out of its logs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.connector import (
    ConnectorSource,
    ConnectorType,
    InboundConnector,
    OutboundConnector,
    ReceiveConnector,
    SendConnector,
    TlsAuthLevel,
)
from probe.exchange.exports.wizard_log import MAX_LINE, MAX_VALUES, changes, scan
from probe.exchange.selection.hybrid import CAPABILITY, Connector, check_hybrid
from tests.exchange.selecting import HERE, samples

PIN = '<I>CN=Fabrikam CA 1, O="Fabrikam, Inc.", C=US<S>CN=mail.contoso.com'
SEND = SendConnector(
    source=HERE,
    name="Outbound to Office 365",
    address_spaces=("smtp:contoso.mail.onmicrosoft.com;1",),
    cloud_services_mail_enabled=True,
    require_tls=True,
    tls_auth_level=TlsAuthLevel.DOMAIN_VALIDATION,
    tls_domain="mail.protection.outlook.com",
    tls_certificate_name=PIN,
)
RECEIVE = ReceiveConnector(
    source=HERE,
    name="Default Frontend EX01",
    tls_domain_capabilities=("mail.protection.outlook.com:AcceptCloudServicesMail",),
    tls_certificate_name=PIN,
)
INBOUND = InboundConnector(
    source=HERE,
    name="Inbound",
    connector_source=ConnectorSource.HYBRID_WIZARD,
    require_tls=True,
    sender_domains=("smtp:*;1",),
    tls_sender_certificate_name="mail.contoso.com",
)
OUTBOUND = OutboundConnector(
    source=HERE,
    name="Outbound",
    connector_type=ConnectorType.ON_PREMISES,
    cloud_services_mail_enabled=True,
    tls_settings=TlsAuthLevel.DOMAIN_VALIDATION,
    tls_domain="mail.contoso.com",
)


def test_what_the_wizard_sets_is_no_deviation() -> None:
    assert check_hybrid((SEND, RECEIVE, INBOUND, OUTBOUND)) == ()


@pytest.mark.parametrize(
    ("connector", "name", "found"),
    [
        (replace(SEND, address_spaces=("smtp:*;1",)), "AddressSpaces", "smtp:*;1"),
        (replace(SEND, cloud_services_mail_enabled=False), "CloudServicesMailEnabled", "false"),
        (replace(SEND, require_tls=False), "RequireTLS", "false"),
        (replace(SEND, require_tls=None), "RequireTLS", None),
        (replace(SEND, tls_auth_level=TlsAuthLevel.ENCRYPTION_ONLY), "TlsAuthLevel", "EncryptionOnly"),
        (replace(SEND, tls_auth_level=TlsAuthLevel.UNSET), "TlsAuthLevel", ""),
        (replace(SEND, tls_auth_level=None), "TlsAuthLevel", None),
        (replace(SEND, tls_domain=""), "TlsDomain", ""),
        (replace(SEND, tls_domain=None), "TlsDomain", None),
        (replace(SEND, tls_certificate_name=""), "TlsCertificateName", ""),
        (replace(SEND, tls_certificate_name="mail"), "TlsCertificateName", "mail"),
        (replace(SEND, tls_certificate_name=None), "TlsCertificateName", None),
        (replace(RECEIVE, tls_domain_capabilities=()), "TlsDomainCapabilities", ""),
        (replace(RECEIVE, tls_domain_capabilities=None), "TlsDomainCapabilities", None),
        (replace(RECEIVE, tls_certificate_name=""), "TlsCertificateName", ""),
        (replace(INBOUND, require_tls=False), "RequireTls", "false"),
        (replace(INBOUND, sender_domains=("smtp:contoso.com;1",)), "SenderDomains", "smtp:contoso.com;1"),
        (replace(INBOUND, tls_sender_certificate_name=""), "TlsSenderCertificateName", ""),
        (replace(INBOUND, tls_sender_certificate_name=None), "TlsSenderCertificateName", None),
        (replace(OUTBOUND, tls_settings=TlsAuthLevel.CERTIFICATE_VALIDATION), "TlsSettings",
         "CertificateValidation"),
        (replace(OUTBOUND, tls_domain=""), "TlsDomain", ""),
        (replace(OUTBOUND, tls_domain=None), "TlsDomain", None),
    ],
)  # fmt: skip
def test_each_deviation_is_one_finding(connector: Connector, name: str, found: str | None) -> None:
    (deviation,) = check_hybrid((connector,))
    assert (deviation.connector, deviation.name, deviation.found) == (connector.name, name, found)
    words = "is not in the export" if found is None else f"is '{found}'" if found else "is not set"
    assert words in deviation.statement.text
    assert deviation.expected in deviation.statement.text


@pytest.mark.parametrize(
    "connector",
    [
        replace(SEND, address_spaces=("smtp:*;1",), cloud_services_mail_enabled=False, require_tls=False),
        replace(RECEIVE, name="Relay EX01", tls_domain_capabilities=()),
        replace(INBOUND, connector_source=ConnectorSource.DEFAULT, require_tls=False),
        replace(OUTBOUND, connector_type=ConnectorType.PARTNER, tls_domain=""),
    ],
    ids=lambda connector: connector.name,
)
def test_connectors_for_other_mail_are_left_alone(connector: Connector) -> None:
    assert check_hybrid((connector,)) == ()


def test_the_samples_deviate_in_one_value_each() -> None:
    given_files = samples()
    found = check_hybrid((*given_files.send_connectors, *given_files.inbound_connectors))
    assert [(one.connector, one.name) for one in found] == [("Outbound to Office 365", "TlsCertificateName")]
    assert CAPABILITY.startswith("mail.protection.outlook.com:")


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (f"Set-SendConnector -TlsCertificateName '{PIN}' -RequireTLS $true", [PIN]),
        (f"Set-SendConnector -TlsCertificateName {PIN} -RequireTLS $true", [PIN]),
        ('"TlsCertificateName":"<I>CN=a, O=\\"b, c\\"<S>CN=d","X":1', ['<I>CN=a, O="b, c"<S>CN=d']),
        ('-TlsCertificateName "<I>CN=a, O=""b, c""<S>CN=d" -X', ['<I>CN=a, O="b, c"<S>CN=d']),
        ("<TlsCertificateName>&lt;I&gt;CN=a&lt;S&gt;CN=b</TlsCertificateName>", ["<I>CN=a<S>CN=b"]),
        ('<S N="TlsSenderCertificateName">mail.contoso.com</S>', ["mail.contoso.com"]),
        ("TlsSenderCertificateName           : mail.contoso.com", ["mail.contoso.com"]),
        ("tlssendercertificatename=*.contoso.com; Enabled=True", ["*.contoso.com"]),
        ("TlsSenderCertificateName={mail.contoso.com}", ["mail.contoso.com"]),
        ("New-InboundConnector -TlsSenderCertificateName mail.contoso.com -RequireTls:$true", ["mail.contoso.com"]),
        ("-TlsCertificateName $null", [""]),
        ("TlsCertificateName           : ", [""]),
        ("-TlsSenderCertificateName a.test -TlsCertificateName '<I>CN=a<S>CN=b'", ["a.test", "<I>CN=a<S>CN=b"]),
        ("The certificate specified in TlsCertificateName of the SendConnector could not be found.", []),
        ("TlsCertificateNames: x", []),
        ("TlsCertificateName", []),
        ("-TlsCertificateName'x", []),
        ("TlsDomain=mail.contoso.com", []),
        ("-TlsCertificateName 'unclosed", ["unclosed"]),
    ],
)  # fmt: skip
def test_values_are_found_by_the_parameters_names(line: str, values: list[str]) -> None:
    found = list(scan("hcw.log", f"\n{line}"))
    assert [one.value for one in found] == values
    assert all(one.line == 2 and one.proof in line for one in found)


def test_changes_follow_each_parameter_apart() -> None:
    lines = [
        "-TlsSenderCertificateName mail.contoso.com",
        f"-TlsCertificateName '{PIN}'",
        "-TlsSenderCertificateName mail.contoso.com",
        "-TlsSenderCertificateName *.contoso.com",
        "-TlsCertificateName $null",
    ]
    values = list(scan("hcw.log", "\n".join(lines)))
    assert [str(change) for change in changes(values)] == [
        "TlsSenderCertificateName changed from mail.contoso.com to *.contoso.com (hcw.log, line 4).",
        f"TlsCertificateName changed from {PIN} to (not set) (hcw.log, line 5).",
    ]
    assert values[1].pin is not None
    assert values[1].pin.subject == "CN=mail.contoso.com"
    assert changes(values[:3]) == ()


def test_hostile_logs_are_bounded_and_escaped() -> None:
    (value,) = scan("x", "-TlsCertificateName 'a\x1b[31m' " + "x" * 2000)
    assert value.value == "a\\x1b[31m"
    assert "\x1b" not in value.proof
    assert len(value.proof) < 500
    assert list(scan("x", " " * MAX_LINE + "-TlsCertificateName 'a'")) == []
    assert len(list(scan("x", "-TlsCertificateName 'a'\n" * (MAX_VALUES + 5)))) == MAX_VALUES


def test_many_open_quotes_on_one_line_are_read_once() -> None:
    line = "-TlsCertificateName '" * (MAX_LINE // 21)
    assert len(list(scan("x", line))) == len(range(0, line.count("'"), 2))


@given(st.lists(st.sampled_from(["TlsCertificateName", "-", " ", "'", '"', "<I>", "=", ":", "</", "a", "}"])))
def test_no_line_breaks_the_scan(parts: list[str]) -> None:
    line = "".join(parts)
    found = list(scan("x", line))
    assert len(found) <= line.count("TlsCertificateName")
