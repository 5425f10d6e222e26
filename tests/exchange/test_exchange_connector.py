"""Connectors and accepted domains from JSON, and what tells them apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.exchange.connector import (
    AcceptedDomain,
    ConnectorSource,
    ConnectorType,
    DomainType,
    InboundConnector,
    OutboundConnector,
    Pin,
    ReceiveConnector,
    SecurityMode,
    SendConnector,
    TlsAuthLevel,
    read_pin,
)
from probe.exchange.exports.joining import gather
from probe.exchange.exports.read import Export, ExportKind, read
from probe.exchange.problem import Place

SAMPLES = Path(__file__).parents[1] / "samples"


def sample(name: str) -> Export:
    return read(name, (SAMPLES / name).read_bytes())


def of(*records: dict[str, object]) -> Export:
    return read("x.json", json.dumps(records).encode())


def send(**fields: object) -> SendConnector:
    return of({"Name": "Out", "AddressSpaces": "smtp:*;1", **fields}).send_connectors[0]


def test_the_send_connectors_of_the_sample() -> None:
    found = sample("get-sendconnector.json")
    assert (found.kind, found.problems) == (ExportKind.SEND_CONNECTORS, ())
    assert [c.name for c in found.send_connectors] == [
        "Outbound to Office 365",
        "Outbound to Office 365 (pinned)",
        "Outbound to Office 365 (stale pin)",
        "Relay via EOP",
        "Partner fabrikam",
        "Internet (disabled)",
    ]
    assert found.send_connectors[0] == SendConnector(
        source=Place("get-sendconnector.json", 2, 1),
        name="Outbound to Office 365",
        enabled=True,
        address_spaces=("smtp:contoso.mail.onmicrosoft.com;1",),
        smart_hosts=("contoso-com.mail.protection.outlook.com",),
        source_transport_servers=("EX01",),
        fqdn="mail.contoso.com",
        tls_certificate_name="",
        tls_auth_level=TlsAuthLevel.DOMAIN_VALIDATION,
        tls_domain="mail.protection.outlook.com",
        require_tls=True,
        cloud_services_mail_enabled=True,
        dns_routing_enabled=False,
        frontend_proxy_enabled=False,
        ignore_starttls=False,
        domain_secure_enabled=False,
        port=25,
        protocol_logging_level="Verbose",
    )
    assert [c.pin for c in found.send_connectors[:2]] == [
        None,
        Pin(
            'CN=Fabrikam Public TLS RSA CA 1, O="Fabrikam, Inc.", C=US',
            "CN=mail.contoso.com, O=Contoso Ltd, L=Redmond, S=Washington, C=US",
        ),
    ]
    assert [c.enabled for c in found.send_connectors].count(False) == 1


def test_a_pin_of_the_sample_is_the_certificates_own_names_and_the_stale_one_is_not() -> None:
    pins = [c.pin for c in sample("get-sendconnector.json").send_connectors]
    public = sample("get-exchangecertificate.json").certificates[0]
    assert pins[1] == Pin(public.issuer or "", public.subject or "")
    assert pins[2] != pins[1]


def test_the_inbound_connectors_of_the_sample() -> None:
    found = sample("get-inboundconnector.json")
    assert (found.kind, found.problems) == (ExportKind.INBOUND_CONNECTORS, ())
    assert found.inbound_connectors[2] == InboundConnector(
        source=Place("get-inboundconnector.json", 38, 3),
        name="Scanners by address",
        enabled=True,
        connector_type=ConnectorType.ON_PREMISES,
        connector_source=ConnectorSource.DEFAULT,
        sender_domains=("smtp:*;1",),
        sender_ip_addresses=("203.0.113.200", "203.0.113.208/29"),
        associated_accepted_domains=(),
        require_tls=False,
        tls_sender_certificate_name="",
        restrict_domains_to_certificate=False,
        restrict_domains_to_ip_addresses=False,
        cloud_services_mail_enabled=False,
        treat_messages_as_internal=False,
        trusted_organizations=(),
    )
    assert [c.tls_sender_certificate_name for c in found.inbound_connectors] == [
        "hybrid.contoso.com",
        "*.contoso.com",
        "",
        "mail.fabrikam.com",
    ]


def test_the_accepted_domains_of_the_sample() -> None:
    found = sample("get-accepteddomain.json")
    assert found.kind is ExportKind.ACCEPTED_DOMAINS
    assert found.accepted_domains[0] == AcceptedDomain(
        source=Place("get-accepteddomain.json", 2, 1),
        domain_name="contoso.com",
        name="contoso.com",
        domain_type=DomainType.AUTHORITATIVE,
        default=True,
        match_subdomains=False,
    )


def test_a_receive_connector() -> None:
    found = of(
        {
            "Identity": "EX01\\Default Frontend EX01",
            "Name": "Default Frontend EX01",
            "Enabled": True,
            "Bindings": "[::]:25;0.0.0.0:25",
            "AuthMechanism": "Tls, Integrated, BasicAuth",
            "Fqdn": "EX01.contoso.com",
            "TlsCertificateName": "<I>CN=a<S>CN=b",
            "TlsDomainCapabilities": "mail.protection.outlook.com:AcceptCloudServicesMail",
            "RequireTLS": False,
            "ProtocolLoggingLevel": "Verbose",
        }
    )
    assert (found.kind, found.problems) == (ExportKind.RECEIVE_CONNECTORS, ())
    connector = found.receive_connectors[0]
    assert connector == ReceiveConnector(
        source=Place("x.json", 1, 1),
        name="Default Frontend EX01",
        server="EX01",
        enabled=True,
        bindings=("[::]:25", "0.0.0.0:25"),
        auth_mechanism=("Tls", "Integrated", "BasicAuth"),
        fqdn="EX01.contoso.com",
        tls_certificate_name="<I>CN=a<S>CN=b",
        tls_domain_capabilities=("mail.protection.outlook.com:AcceptCloudServicesMail",),
        require_tls=False,
        protocol_logging_level="Verbose",
    )
    assert connector.pin == Pin("CN=a", "CN=b")


@pytest.mark.parametrize(
    ("mechanism", "offers"),
    [("Tls", True), ("None", False), ("Integrated;TLS", True), ("Integrated", False), ("", False)],
)
def test_whether_a_receive_connector_offers_tls(mechanism: str, offers: object) -> None:
    found = of({"Identity": "EX01\\In", "AuthMechanism": mechanism}).receive_connectors[0]
    assert found.offers_tls is offers
    assert (found.name, found.server) == ("In", "EX01")


def test_what_a_receive_connectors_export_does_not_tell_is_unknown() -> None:
    found = of({"Name": "In", "Bindings": "0.0.0.0:25", "Server": ""}).receive_connectors[0]
    assert (found.offers_tls, found.server, found.pin) == (None, None, None)
    numbered = of({"Name": "In", "AuthMechanism": 7})
    assert numbered.receive_connectors[0].auth_mechanism is None
    assert "not known" in str(numbered.problems[0])


def test_an_outbound_connector() -> None:
    found = of(
        {
            "Name": "To contoso",
            "Enabled": True,
            "ConnectorType": "OnPremises",
            "ConnectorSource": "HybridWizard",
            "RecipientDomains": ["contoso.com"],
            "SmartHosts": {"value": ["mail.contoso.com"], "Count": 1},
            "TlsSettings": "DomainValidation",
            "TlsDomain": "*.contoso.com",
            "CloudServicesMailEnabled": True,
            "IsValidated": True,
            "LastValidationTimestamp": "2026-11-01T10:00:00.0000000Z",
            "SmtpDaneMode": "Mandatory",
            "MtaStsMode": "None",
        }
    )
    assert (found.kind, found.problems) == (ExportKind.OUTBOUND_CONNECTORS, ())
    assert found.outbound_connectors == (
        OutboundConnector(
            source=Place("x.json", 1, 1),
            name="To contoso",
            enabled=True,
            connector_type=ConnectorType.ON_PREMISES,
            connector_source=ConnectorSource.HYBRID_WIZARD,
            recipient_domains=("contoso.com",),
            smart_hosts=("mail.contoso.com",),
            tls_settings=TlsAuthLevel.DOMAIN_VALIDATION,
            tls_domain="*.contoso.com",
            smtp_dane_mode=SecurityMode.MANDATORY,
            mta_sts_mode=SecurityMode.NONE,
            cloud_services_mail_enabled=True,
            is_validated=True,
            last_validation_timestamp=datetime(2026, 11, 1, 10, tzinfo=UTC),
        ),
    )


def test_the_modes_of_an_older_export_are_unknown() -> None:
    older = of({"Name": "To contoso", "TlsSettings": "DomainValidation"}).outbound_connectors[0]
    assert (older.smtp_dane_mode, older.mta_sts_mode) == (None, None)
    # What the exporting line writes where the property is not there.
    empty = of({"Name": "To contoso", "SmtpDaneMode": "", "MtaStsMode": ""})
    assert (empty.outbound_connectors[0].smtp_dane_mode, empty.problems) == (None, ())
    for never in ("0001-01-01T00:00:00Z", "/Date(-62135596800000)/"):
        unset = of({"Name": "To contoso", "SmtpDaneMode": "", "LastValidationTimestamp": never})
        assert unset.outbound_connectors[0].last_validation_timestamp is None
    strange = of({"Name": "To contoso", "SmtpDaneMode": "Sometimes"})
    assert strange.outbound_connectors[0].smtp_dane_mode is None
    assert "not known" in str(strange.problems[0])


@pytest.mark.parametrize(
    ("value", "level", "inferred"),
    [
        ("CertificateValidation", TlsAuthLevel.CERTIFICATE_VALIDATION, ()),
        (2, TlsAuthLevel.CERTIFICATE_VALIDATION, ()),
        (1, TlsAuthLevel.ENCRYPTION_ONLY, ("tls_auth_level",)),
        (3, TlsAuthLevel.DOMAIN_VALIDATION, ("tls_auth_level",)),
        ("", TlsAuthLevel.UNSET, ()),
        (None, TlsAuthLevel.UNSET, ()),
    ],
)
def test_tls_levels_by_name_and_number(value: object, level: TlsAuthLevel, inferred: tuple[str, ...]) -> None:
    found = send(TlsAuthLevel=value)
    assert (found.tls_auth_level, found.inferred) == (level, inferred)


def test_an_absent_property_is_unknown_and_an_empty_one_unset() -> None:
    assert (send().tls_auth_level, send().fqdn, send().smart_hosts, send().port) == (None, None, None, None)
    empty = send(Fqdn=None, SmartHosts=None, TlsCertificateName="")
    assert (empty.fqdn, empty.smart_hosts, empty.tls_certificate_name, empty.pin) == ("", (), "", None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("smtp:*;1", ("smtp:*;1",)),
        ("smtp:a.test;1;smtp:b.test;10", ("smtp:a.test;1", "smtp:b.test;10")),
        ("a.test;1;b.test;10", ("a.test;1", "b.test;10")),
        ("a.test;b.test", ("a.test", "b.test")),
        (["smtp:a.test;1", "smtp:b.test;1"], ("smtp:a.test;1", "smtp:b.test;1")),
        ("{smtp:a.test;1, smtp:b.test;1}", ("smtp:a.test;1", "smtp:b.test;1")),
        ("X400:c=US;a= ;p=Contoso;1", ("X400:c=US;a= ;p=Contoso;1",)),
        ("", ()),
    ],
)
def test_address_spaces_keep_their_cost(value: object, expected: tuple[str, ...]) -> None:
    assert send(AddressSpaces=value).address_spaces == expected


def test_a_cut_list_says_so() -> None:
    found = of({"Name": "Out", "AddressSpaces": "{smtp:a.test;1, smtp:b.test;1...}"})
    assert found.send_connectors[0].incomplete == ("address_spaces",)
    assert "incomplete" in found.problems[0].sentence


@pytest.mark.parametrize(
    ("value", "port"), [(25, 25), ("587", 587), ("smtp", None), (True, None), ("", None)]
)
def test_ports(value: object, port: int | None) -> None:
    assert send(Port=value).port == port


@pytest.mark.parametrize("value", [{"Domain": "x"}, ["a", "b"], "Microsoft.Exchange.Data.Fqdn"])
def test_an_object_where_a_text_belongs_is_a_problem(value: object) -> None:
    found = of({"Name": "Out", "AddressSpaces": "smtp:*;1", "Fqdn": value})
    assert found.send_connectors[0].fqdn is None
    assert "where a text was expected" in found.problems[0].sentence
    assert send(Fqdn=["mail.test"]).fqdn == "mail.test"


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"Name": "a", "TlsAuthLevel": ""}, ExportKind.SEND_CONNECTORS),
        ({"Name": "a", "SourceTransportServers": "EX01"}, ExportKind.SEND_CONNECTORS),
        ({"Name": "a", "PermissionGroups": "x"}, ExportKind.RECEIVE_CONNECTORS),
        ({"Name": "a", "TlsSenderCertificateName": "x"}, ExportKind.INBOUND_CONNECTORS),
        ({"Name": "a", "RecipientDomains": "x"}, ExportKind.OUTBOUND_CONNECTORS),
        ({"Name": "a", "MatchSubDomains": False}, ExportKind.ACCEPTED_DOMAINS),
        ({"Name": "a", "TlsCertificateName": "<I>a<S>b"}, ExportKind.UNKNOWN),
        ({"Name": "a", "Colour": "blue"}, ExportKind.UNKNOWN),
    ],
)
def test_a_record_is_known_by_what_only_its_kind_has(record: dict[str, object], kind: ExportKind) -> None:
    assert of(record).kind is kind


def test_a_connector_that_may_be_of_either_kind_is_a_problem() -> None:
    assert "Send or a Receive" in str(of({"Name": "a", "TlsCertificateName": "<I>a<S>b"}).problems[0])


def test_a_domain_without_a_domain_name_has_its_name() -> None:
    assert of({"Name": "a.test", "MatchSubDomains": True}).accepted_domains[0].domain_name == "a.test"
    assert of({"MatchSubDomains": True}).accepted_domains[0].domain_name == "(no name)"


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("<I>CN=a, O=b<S>CN=c", Pin("CN=a, O=b", "CN=c")),
        ("<i>CN=a<s>CN=c", Pin("CN=a", "CN=c")),
        ("x<I>CN=a<S>CN=c", Pin("CN=a", "CN=c")),
        ("<I>CN=a", None),
        ("CN=a<S>CN=c", None),
        ("<S>CN=c<I>CN=a", None),
        ("", None),
    ],
)
def test_pins(text: str, pin: Pin | None) -> None:
    assert read_pin(text) == pin


def test_two_exports_of_one_connector_complete_each_other() -> None:
    short = of({"Name": "OUT", "TlsAuthLevel": 3})
    long = of({"Name": "out", "AddressSpaces": "smtp:*;1", "TlsAuthLevel": "DomainValidation"})
    gathered = gather([short, long])
    assert [(c.name, c.address_spaces, c.inferred) for c in gathered.send_connectors] == [
        ("OUT", ("smtp:*;1",), ())
    ]


def test_two_exports_that_contradict_each_other_are_a_problem() -> None:
    one, other = (
        read(
            f"{name}.json",
            json.dumps([{"Name": "Out", "AddressSpaces": "smtp:*;1", "Fqdn": f"{name}.test"}]).encode(),
        )
        for name in "ab"
    )
    gathered = gather([one, other])
    assert [c.fqdn for c in gathered.send_connectors] == ["a.test"]
    assert [(p.field, "'b.test'" in p.sentence) for p in gathered.problems] == [("fqdn", True)]


def test_receive_connectors_of_two_servers_stay_apart() -> None:
    both = of({"Identity": "EX01\\In", "Bindings": ":25"}, {"Identity": "EX02\\In", "Bindings": ":25"})
    assert [c.server for c in gather([both, both]).receive_connectors] == ["EX01", "EX02"]


def test_a_connector_type_as_a_number_is_unknown_for_no_number_was_ever_observed() -> None:
    found = of({"Name": "x", "Enabled": True, "ConnectorType": 1, "SenderDomains": ["smtp:*;1"]})
    [connector] = found.inbound_connectors
    assert connector.connector_type is None
    assert [problem.field for problem in found.problems] == ["ConnectorType"]
