"""Format-List, Format-Table and Export-Csv output, as shells print it and as people paste it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.exchange.exports.read import Export, ExportKind, read
from probe.exchange.inventory import ExchangeCertificate, RootCAType, Services, Status
from probe.exchange.problem import Place

SAMPLES = Path(__file__).parents[1] / "samples"
PUB = "f5770c7f9a5eb836ee4670b72c25b24001e522d3"
INT = "5cacf68c83cb082d1c34d4956d1c248080b611e5"
SELF = "dbe6567b43527985a0378e028639238f449053a6"
WEB = Services.IIS | Services.SMTP
ALL = Services.IMAP | Services.POP | WEB


def sample(name: str) -> Export:
    return read(name, (SAMPLES / name).read_bytes())


def of(text: str) -> Export:
    return read("x.txt", text.encode())


# --- Format-List -------------------------------------------------------------------------------------------


def test_the_format_list_sample() -> None:
    found = sample("get-exchangecertificate-fl.txt")
    assert found.kind is ExportKind.CERTIFICATES
    assert [c.thumbprint for c in found.certificates] == [PUB, INT, SELF]
    assert found.certificates[1] == ExchangeCertificate(
        source=Place("get-exchangecertificate-fl.txt", 20, 2),
        thumbprint=INT,
        subject="CN=mail.contoso.com, OU=Messaging, O=Contoso Ltd",
        issuer="CN=Contoso Issuing CA 01, DC=contoso, DC=local",
        serial="5d00000017a3c2b41e6f09d8c1000000000017",
        not_before=datetime(2026, 11, 2, 7, 30, 12, tzinfo=UTC),
        not_after=datetime(2028, 11, 1, 7, 30, 12, tzinfo=UTC),
        names=("mail.contoso.com", "autodiscover.contoso.com", "EX01.contoso.com", "imap.contoso.com"),
        names_complete=False,
        services=ALL,
        status=Status.VALID,
        root_ca_type=RootCAType.ENTERPRISE,
        has_private_key=True,
        is_self_signed=False,
        inferred=("not_before", "not_after"),
    )
    assert [(p.line, p.field) for p in found.problems] == [(11, "NotBefore"), (23, "CertificateDomains")]


@pytest.mark.parametrize("change", ["indented", "double-spaced", "utf-16", "lf", "old-mac", "coloured"])
def test_format_list_survives_copying(change: str) -> None:
    text = (SAMPLES / "get-exchangecertificate-fl.txt").read_text("utf-8")
    data = {
        "indented": "\n".join("    " + line for line in text.splitlines()).encode(),
        "double-spaced": "\n\n".join(line for line in text.splitlines() if line).encode(),
        "utf-16": text.encode("utf-16"),
        "lf": text.replace("\r\n", "\n").encode(),
        "coloured": "\n".join(
            "\x1b[32;1m" + line.replace(" :", " : \x1b[0m", 1) for line in text.splitlines()
        ).encode(),
        "old-mac": text.replace("\r\n", "\n").replace("\n", "\r").encode(),
    }[change]
    expected = sample("get-exchangecertificate-fl.txt").certificates
    found = read("x", data).certificates
    assert [replace(c, source=Place("")) for c in found] == [replace(c, source=Place("")) for c in expected]


def test_wrapped_values_are_put_together() -> None:
    found = of(
        'TlsCertificateName : <I>CN=Fabrikam Public TLS RSA CA 1, O="Fabrikam,\n'
        '                     Inc.", C=US<S>CN=mail.contoso.com, O=Contoso Ltd\n'
        "AddressSpaces      : {smtp:contoso.mail.onmicrosoft.com;1,\n"
        "                     smtp:contoso-pilot.mail.onmicrosoft.com;1}\n"
        "Name               : averyveryverylongname\n"
        "                     thatgoeson\n"
        "Fqdn               :\n"
    ).send_connectors[0]
    assert found.tls_certificate_name == (
        '<I>CN=Fabrikam Public TLS RSA CA 1, O="Fabrikam, Inc.", C=US<S>CN=mail.contoso.com, O=Contoso Ltd'
    )
    assert found.address_spaces == (
        "smtp:contoso.mail.onmicrosoft.com;1",
        "smtp:contoso-pilot.mail.onmicrosoft.com;1",
    )
    assert (found.name, found.fqdn) == ("averyveryverylongnamethatgoeson", "")


def test_an_open_brace_goes_on_without_indentation() -> None:
    found = of(
        f"CertificateDomains : {{a.test,\nb.test}}\nServices : SMTP\nThumbprint : {PUB}\n"
    ).certificates[0]
    assert (found.names, found.names_complete) == (("a.test", "b.test"), True)


def test_labels_run_together_are_found() -> None:
    one_line = (
        "FriendlyName : Microsoft ExchangeServices   : IMAP, POP, IIS, SMTPStatus : Valid"
        f"RootCAType : RegistryThumbprint : {SELF.upper()}"
    )
    found = of(one_line).certificates[0]
    assert (found.friendly_name, found.services, found.status, found.root_ca_type, found.thumbprint) == (
        "Microsoft Exchange",
        ALL,
        Status.VALID,
        RootCAType.REGISTRY,
        SELF,
    )


def test_a_label_that_comes_again_begins_a_record() -> None:
    found = of(f"Thumbprint : {PUB}\nServices : SMTP\nThumbprint : {INT}\nServices : IIS\n")
    assert [(c.thumbprint, c.services) for c in found.certificates] == [
        (PUB, Services.SMTP),
        (INT, Services.IIS),
    ]


def test_several_commands_in_one_window() -> None:
    found = of(
        "[PS] C:\\>Get-ExchangeCertificate | fl Thumbprint,Services\n\n\n"
        f"Thumbprint : {PUB.upper()}\nServices   : IIS, SMTP\n\n\n"
        "[PS] C:\\>Get-SendConnector | fl Name,Fqdn,AddressSpaces\n\n"
        "Name          : Out\nFqdn          : mail.contoso.com\nAddressSpaces : {smtp:*;1}\n\n"
        "[PS] C:\\>Get-ReceiveConnector | fl Identity,AuthMechanism\n"
        "Identity      : EX01\\In\nAuthMechanism : Tls\n"
        "[PS] C:\\>\n"
    )
    assert found.kind is ExportKind.CERTIFICATES
    assert [len(part) for part in (found.certificates, found.send_connectors, found.receive_connectors)] == [
        1,
        1,
        1,
    ]
    assert found.receive_connectors[0].auth_mechanism == ("Tls",)
    assert found.problems == ()


def test_the_thumbprint_of_one_command_is_not_the_next_ones() -> None:
    found = of(
        f"PS> Get-ExchangeCertificate -Thumbprint {PUB} | fl FriendlyName,Services\n"
        "FriendlyName : One\nServices : SMTP\n\n"
        "PS> Get-ExchangeCertificate | fl FriendlyName,Services\n"
        "FriendlyName : Two\nServices : IIS\n"
    )
    assert [(c.thumbprint, c.friendly_name) for c in found.certificates] == [(PUB, "One")]
    assert [c.friendly_name for c in found.fragments] == ["Two"]


@pytest.mark.parametrize(
    "text",
    [
        "Services : SMTP\n",  # one label alone stands in any prose
        "Computer : EX01\nLevel : Information\n",
        "Thumbprint: 1234\nServices: SMTP\n",  # no blank before the colon: no Format-List
        "The thumbprint : of nothing",
        "Connector : a\n  TenantAttribution\nStatus:\n",
    ],
)
def test_prose_with_a_label_is_no_export(text: str) -> None:
    assert (of(text).kind, of(text).certificates, of(text).fragments) == (ExportKind.TEXT, (), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12/26/2026 11:59:59 PM", datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC)),
        ("26/12/2026 23:59:59", datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC)),
        ("26.12.2026 23:59:59", datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC)),
        ("2026-12-26 23:59:59", datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC)),
        ("6/10/2026 12:00:00 AM", None),
        ("Samstag, 26. Dezember 2026", None),
    ],
)
def test_dates_are_read_where_they_allow_one_reading_and_always_doubted(
    text: str, expected: datetime | None
) -> None:
    found = of(f"NotAfter : {text}\nThumbprint : {PUB}\n")
    assert found.certificates[0].not_after == expected
    assert found.certificates[0].inferred == (("not_after",) if expected else ())
    assert [p.field for p in found.problems] == ["NotAfter"]


def test_records_without_end_are_cut_off() -> None:
    found = of(f"Thumbprint : {PUB}\nStatus : Valid\n" * 5_010)
    assert len(found.certificates) == 5_000
    assert "more than 5000 records" in found.problems[0].sentence


def test_lines_without_end_are_cut_off() -> None:
    found = of(f"Thumbprint : {PUB}\nStatus : Valid\n" + "\n" * 200_000)
    assert [c.thumbprint for c in found.certificates] == [PUB]
    assert "more than 200000 lines" in found.problems[0].sentence


# --- tables ------------------------------------------------------------------------------------------------


def test_the_table_sample() -> None:
    found = sample("get-exchangecertificate-table.txt")
    assert (found.kind, found.problems) == (ExportKind.CERTIFICATES, ())
    assert [(c.thumbprint, c.services, c.subject, c.names) for c in found.certificates] == [
        (PUB, WEB, None, ("mail.contoso.com",)),
        (INT, ALL, "CN=mail.contoso.com, OU=Messaging, O=Contoso Ltd", ("mail.contoso.com",)),
        (SELF, ALL, "CN=EX01", ("EX01",)),
    ]
    assert not any(c.names_complete for c in found.certificates)


def test_a_table_whose_columns_were_moved_by_a_copy() -> None:
    text = (
        "Thumbprint Services Subject\n---------- -------- -------\n" + f"{PUB} ...WS.. CN=mail.contoso.com\n"
    )
    assert [(c.thumbprint, c.services, c.subject) for c in of(text).certificates] == [
        (PUB, WEB, "CN=mail.contoso.com")
    ]


def test_a_narrow_table_cuts_the_thumbprint_or_wraps() -> None:
    cut = "Thumbprint     Services Subject\n----------     -------- -------\nF5770C7F9A5... ...WS..  CN=a\n"
    assert [(c.thumbprint, c.services) for c in of(cut).fragments] == [("f5770c7f9a5", WEB)]
    wrapped = (
        f"Services Thumbprint                               Subject\n"
        f"-------- ----------                               -------\n"
        f"...WS..  {PUB} CN=mail.contoso.com,\n"
        f"                                                  O=Contoso Ltd\n"
        f"......   {INT} CN=b\n"
        f"[PS] C:\\>\n"
        f"....S..  {SELF} CN=c\n"
    )
    assert [c.subject for c in of(wrapped).certificates] == ["CN=mail.contoso.com, O=Contoso Ltd", "CN=b"]


def test_another_cmdlets_table() -> None:
    text = (
        "Identity AddressSpaces   Enabled\n"
        "-------- -------------   -------\n"
        "Out      {SMTP:*;1}      True\n"
        "Old      {SMTP:a.test;1} False\n\n"
        "-- --\n"
    )
    assert [(c.name, c.address_spaces, c.enabled) for c in of(text).send_connectors] == [
        ("Out", ("SMTP:*;1",), True),
        ("Old", ("SMTP:a.test;1",), False),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "-- --\n" * 2000,
        "- - -\n",
        "a b\n" + "-- " * 100 + "\n1 2\n",
        "Thumbprint Services\n---------- --------\n",
    ],
)
def test_dashes_are_not_always_a_table(text: str) -> None:
    assert of(text).kind is ExportKind.TEXT


# --- CSV ---------------------------------------------------------------------------------------------------

HEADER = ("Thumbprint", "Services", "Subject", "NotAfter")
ROW = (PUB.upper(), "IIS, SMTP", 'CN=mail.contoso.com, O="Fabrikam, Inc."', "2026-12-26T23:59:59.0000000Z")


def csv_text(delimiter: str, *rows: tuple[str, ...]) -> str:
    return "".join(
        delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("typed", ["", "#TYPE Selected.Microsoft.Exchange\r\n"])
def test_csv_of_every_culture(delimiter: str, typed: str) -> None:
    found = of(typed + csv_text(delimiter, HEADER, ROW))
    assert (found.kind, found.problems) == (ExportKind.CERTIFICATES, ())
    assert found.certificates == (
        ExchangeCertificate(
            source=Place("x.txt", 3 if typed else 2, 1),
            thumbprint=PUB,
            services=WEB,
            subject='CN=mail.contoso.com, O="Fabrikam, Inc."',
            names=("mail.contoso.com",),
            not_after=datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC),
        ),
    )


def test_csv_files_appended_and_rows_of_the_wrong_size() -> None:
    found = of(csv_text(",", HEADER, ROW, HEADER, ROW[:2], ROW))
    assert [c.subject is None for c in found.certificates] == [False, True, False]
    assert [str(p) for p in found.problems] == ["x.txt, line 4: has 2 cells where the header has 4."]


def test_a_csv_cell_that_is_a_type_name_is_unknown() -> None:
    found = of(
        csv_text(",", ("Name", "AddressSpaces", "Enabled"), ("Out", "System.Collections.ArrayList", "True"))
    )
    assert (found.send_connectors[0].address_spaces, found.send_connectors[0].enabled) == (None, True)
    assert len(found.problems) == 1


def test_a_monstrous_csv_cell_ends_the_reading() -> None:
    found = of(csv_text(",", HEADER, ROW, (PUB, "x" * 200_000), ROW))
    assert len(found.certificates) == 1
    assert "is not CSV here" in found.problems[0].sentence


def test_csv_rows_without_end_are_cut_off() -> None:
    found = of("Thumbprint,Services\n" + f"{PUB},SMTP\n" * 5_010)
    assert len(found.certificates) == 5_000
    assert "more than 5000" in found.problems[0].sentence


@pytest.mark.parametrize("text", ["Dear all, the mail stopped.\nBye", "#TYPE x", "Name,Colour\na,b\n"])
def test_commas_are_not_always_csv(text: str) -> None:
    assert of(text).kind is ExportKind.TEXT


def test_a_thousand_labels_hide_no_record() -> None:
    labels = "".join(f"A{number} : b\n" for number in range(1_000))
    assert len(read("x", f"{labels}Thumbprint : {PUB}\nServices : SMTP\n".encode()).certificates) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'Thumbprint,Services\r\n"{pub}","SMTP"\r\n"{long}",a\r\n',
            "is not CSV here (a row has more than 262144 characters); the rest is not read.",
        ),
        (
            '[{{"Thumbprint":"{pub}"}},{{"Thumbprint":"{long}"}}]',
            "has more than 524288 characters; this record is skipped.",
        ),
    ],
    ids=["CSV", "JSON"],
)
def test_a_record_beyond_all_measure_costs_no_other(text: str, sentence: str) -> None:
    found = read("x", text.format(pub=PUB, long="a" * (1 << 21)).encode())
    assert [one.thumbprint for one in found.certificates] == [PUB]
    assert sentence in {one.sentence for one in found.problems}


def test_a_list_in_what_exchange_online_puts_around_it() -> None:
    records = f'[{{"Thumbprint":"{PUB}","Services":"SMTP"}}]'
    for text in (
        f'{{"value":{records},"Count":1}}',
        f'{{"@odata.context":"https://x","value":\n{records}}}',
        f'{records[:-1]},\n{{"Thumbprint":"cut off\n{records[1:]}',
    ):
        assert {one.thumbprint for one in read("x", text.encode()).certificates} == {PUB}, text


def test_a_list_of_numbers_is_bytes() -> None:
    numbers = ",".join("300" if number == 70 else "1" for number in range(80))
    found = read("x", f'{{"Thumbprint":"{PUB}","RawData":[{numbers}]}}'.encode())
    assert found.problems[0].sentence.startswith("is neither base64 nor a list of bytes")
    found = read("x", f'{{"Thumbprint":"{PUB}","RawData":[{numbers.replace("300", "3")}]}}'.encode())
    assert found.problems[0].sentence.startswith("holds no certificate")
