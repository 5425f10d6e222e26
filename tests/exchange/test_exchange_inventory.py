"""Certificates from the recommended JSON export and its tolerated shapes, and what several files say together."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.exchange.exports.joining import gather, join
from probe.exchange.exports.read import Export, ExportKind, read
from probe.exchange.inventory import (
    ExchangeCertificate,
    Inventory,
    RootCAType,
    Services,
    Status,
    same_server,
)
from probe.exchange.problem import Place, Problem, Problems

SAMPLES = Path(__file__).parents[1] / "samples"
PUB = "f5770c7f9a5eb836ee4670b72c25b24001e522d3"
INT = "5cacf68c83cb082d1c34d4956d1c248080b611e5"
SELF = "dbe6567b43527985a0378e028639238f449053a6"


def sample(name: str) -> Export:
    return read(name, (SAMPLES / name).read_bytes())


def record(**fields: object) -> ExchangeCertificate:
    """One certificate out of a JSON object with these fields."""
    found = of({"Thumbprint": PUB, **fields})
    assert len(found.certificates) == 1
    return found.certificates[0]


def of(value: object) -> Export:
    return read("x.json", json.dumps(value).encode())


def sentences(found: Export | Inventory) -> list[str]:
    return [str(problem) for problem in found.problems]


def raw_data(thumbprint: str) -> str:
    records = json.loads((SAMPLES / "get-exchangecertificate.json").read_text("utf-8-sig"))
    return next(r["RawData"] for r in records if r["Thumbprint"].lower() == thumbprint)


def test_the_recommended_export_is_read_whole() -> None:
    found = sample("get-exchangecertificate.json")
    assert (found.kind, found.problems, found.fragments) == (ExportKind.CERTIFICATES, (), ())
    assert [c.thumbprint for c in found.certificates] == [PUB, INT, SELF]
    public = found.certificates[0]
    assert public.certificate is not None
    assert replace(public, certificate=None) == ExchangeCertificate(
        source=Place("get-exchangecertificate.json", 2, 1),
        thumbprint=PUB,
        server="EX01.contoso.com",
        friendly_name="Contoso public mail 2026",
        subject="CN=mail.contoso.com, O=Contoso Ltd, L=Redmond, S=Washington, C=US",
        issuer='CN=Fabrikam Public TLS RSA CA 1, O="Fabrikam, Inc.", C=US',
        serial="0a4f3c9e17b25d608142f7ac3b905e11",
        not_before=datetime(2026, 6, 10, tzinfo=UTC),
        not_after=datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC),
        names=("mail.contoso.com", "autodiscover.contoso.com", "contoso.com"),
        names_complete=True,
        services=Services.IIS | Services.SMTP,
        status=Status.VALID,
        root_ca_type=RootCAType.THIRD_PARTY,
        has_private_key=True,
        is_self_signed=False,
    )
    assert [c.is_self_signed for c in found.certificates] == [False, False, True]
    assert [c.source.line for c in found.certificates] == [2, 20, 38]


def test_what_a_record_does_not_tell_is_unknown() -> None:
    bare = record()
    assert bare == ExchangeCertificate(source=Place("x.json", 1, 1), thumbprint=PUB)
    assert (bare.services, bare.has_private_key, bare.names_complete) == (None, None, False)


SHAPES = {
    "one object": lambda r: r,
    "an array": lambda r: [r],
    "wrapped": lambda r: {"value": [r], "Count": 1},
    "odata": lambda r: {"@odata.context": "x", "value": [r]},
    "lists in lists": lambda r: [[r]],
    "lists in a wrapper": lambda r: {"value": [[r]], "Count": 1},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_json_gives_the_same(shape: object) -> None:
    assert callable(shape)
    wanted = {"Thumbprint": PUB, "Services": "SMTP", "Subject": "CN=a"}
    found = of(shape(wanted))
    assert [(c.thumbprint, c.services, c.subject) for c in found.certificates] == [
        (PUB, Services.SMTP, "CN=a")
    ]
    assert found.problems == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_gives_the_same(encoding: str) -> None:
    text = f'[{{"Thumbprint": "{PUB}", "FriendlyName": "Zażółć \\u003cI\\u003e"}}]'
    found = read("x.json", text.encode(encoding))
    assert found.certificates[0].friendly_name == "Zażółć <I>"
    assert found.problems == ()


def test_a_marked_big_endian_file_is_read() -> None:
    data = b"\xfe\xff" + f'{{"Thumbprint": "{PUB}"}}'.encode("utf-16-be")
    assert read("x.json", data).certificates[0].thumbprint == PUB


def test_an_old_code_page_is_read_and_said() -> None:
    found = read("x.json", f'{{"Thumbprint": "{PUB}", "FriendlyName": "Müller"}}'.encode("cp1252"))
    assert found.certificates[0].friendly_name == "Müller"
    assert "Windows-1252" in sentences(found)[0]


SERVICES = [
    ("IIS, SMTP", Services.IIS | Services.SMTP),
    ("iis;smtp", Services.IIS | Services.SMTP),
    ("None", Services.NONE),
    (["IMAP", "POP"], Services.IMAP | Services.POP),
    (27, Services.IMAP | Services.POP | Services.IIS | Services.SMTP),
    ("24", Services.IIS | Services.SMTP),
    (0, Services.NONE),
    ("IP.WS..", Services.IMAP | Services.POP | Services.IIS | Services.SMTP),
    ("....S..", Services.SMTP),
    (".......", Services.NONE),
    ("IP.WS", Services.IMAP | Services.POP | Services.IIS | Services.SMTP),
]


@pytest.mark.parametrize(("value", "expected"), SERVICES)
def test_services_in_each_of_their_forms(value: object, expected: Services) -> None:
    found = record(Services=value)
    assert (found.services, found.inferred) == (expected, ())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("UM, SMTP", ()),
        (48, ("services",)),
        ("..U.S..", ("services",)),
        ("....SF.", ("services",)),
    ],
)
def test_services_by_inferred_numbers_and_letters_say_so(value: object, expected: tuple[str, ...]) -> None:
    found = record(Services=value)
    assert found.services is not None
    assert Services.SMTP in found.services
    assert found.inferred == expected


@pytest.mark.parametrize("value", ["Smoke", 999, -1, "S......", "999", "SMTP, Fax", {"a": 1}])
def test_services_that_are_not_known_stay_unknown(value: object) -> None:
    found = of({"Thumbprint": PUB, "Services": value})
    assert found.certificates[0].services is None
    assert len(found.problems) == 1


def test_empty_services_are_unknown_and_no_problem() -> None:
    assert record(Services="").services is None
    assert record(Services=None, ServicesStringForm="...WS..").services == Services.IIS | Services.SMTP


def test_services_are_written_as_exchange_does() -> None:
    assert (Services.IMAP | Services.SMTP | Services.FEDERATION).text == "IMAP, SMTP, Federation"
    assert Services.NONE.text == "None"


@pytest.mark.parametrize(
    ("value", "expected", "inferred"),
    [
        ("ThirdParty", RootCAType.THIRD_PARTY, ()),
        ("registry", RootCAType.REGISTRY, ()),
        (0, RootCAType.NONE, ()),
        (3, RootCAType.REGISTRY, ()),
        (1, RootCAType.THIRD_PARTY, ("root_ca_type",)),
        ("2", RootCAType.ENTERPRISE, ("root_ca_type",)),
        (None, None, ()),
        ("", None, ()),
    ],
)
def test_root_ca_type_by_name_and_number(
    value: object, expected: RootCAType | None, inferred: tuple[str, ...]
) -> None:
    found = record(RootCAType=value)
    assert (found.root_ca_type, found.inferred) == (expected, inferred)


@pytest.mark.parametrize(("field", "value"), [("RootCAType", 9), ("Status", 2), ("Status", "Great")])
def test_an_unknown_enumeration_value_is_a_problem_not_a_guess(field: str, value: object) -> None:
    found = of({"Thumbprint": PUB, field: value})
    assert (found.certificates[0].status, found.certificates[0].root_ca_type) == (None, None)
    assert field in sentences(found)[0]


def test_an_enumeration_with_its_name_beside_the_number_is_read_by_name() -> None:
    assert record(Status={"value": 7, "Value": "Valid"}).status is Status.VALID


def test_raw_data_wins_over_the_text_beside_it() -> None:
    found = record(
        RawData=raw_data(PUB), Subject="CN=other", Issuer="CN=other", NotAfter="2001-01-01T00:00:00Z"
    )
    assert found.subject is not None
    assert found.subject.startswith("CN=mail.contoso.com, O=Contoso Ltd")
    assert found.not_after == datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC)
    assert found.names_complete


def test_a_thumbprint_that_differs_from_raw_data_is_a_problem() -> None:
    found = of({"Thumbprint": PUB.upper(), "RawData": raw_data(INT)})
    assert found.certificates[0].thumbprint == INT
    assert PUB in sentences(found)[0]
    assert INT in sentences(found)[0]
    assert of({"Thumbprint": INT.upper(), "RawData": raw_data(INT)}).problems == ()


@pytest.mark.parametrize("form", ["list", "wrapped", "spaced"])
def test_raw_data_in_other_forms(form: str) -> None:
    import base64

    data = base64.b64decode(raw_data(SELF))
    value = {
        "list": list(data),
        "wrapped": {"value": list(data), "Count": len(data)},
        "spaced": "\n".join(raw_data(SELF)[at : at + 64] for at in range(0, 1200, 64)),
    }[form]
    found = of({"RawData": value, "Services": "SMTP"})
    assert found.certificates[0].thumbprint == SELF
    assert found.certificates[0].is_self_signed is True
    assert found.problems == ()


@pytest.mark.parametrize("value", ["not base64!", [1, 999], 7, "AAAA", {"a": 1}])
def test_unusable_raw_data_is_a_problem_and_the_text_is_used(value: object) -> None:
    found = of({"Thumbprint": PUB, "Subject": "CN=x", "RawData": value})
    assert (found.certificates[0].certificate, found.certificates[0].subject) == (None, "CN=x")
    assert "RawData" in sentences(found)[0]


@pytest.mark.parametrize("value", ["{48, 130, 4, 144...}", "System.Byte[]", "", None])
def test_raw_data_that_an_export_never_shows_is_no_problem(value: object) -> None:
    assert of({"Thumbprint": PUB, "RawData": value}).problems == ()


@pytest.mark.parametrize(
    ("value", "names", "complete", "problems"),
    [
        ("a.test;b.test", ("a.test", "b.test"), True, 0),
        (["a.test", "b.test"], ("a.test", "b.test"), True, 0),
        ({"value": ["a.test"], "Count": 1}, ("a.test",), True, 0),
        ("a.test b.test", ("a.test", "b.test"), True, 0),
        ("{a.test, b.test...}", ("a.test", "b.test"), False, 1),
        ("{a.test, b.test\N{HORIZONTAL ELLIPSIS}}", ("a.test", "b.test"), False, 1),
        ("{a.test, b.te", ("a.test", "b.te"), False, 1),
        ("{}", (), True, 0),
        ("System.Collections.ArrayList", ("mail.test",), False, 1),
        ([["a.test"]], ("mail.test",), False, 1),
        (None, (), True, 0),
    ],
)
def test_name_lists(value: object, names: tuple[str, ...], complete: object, problems: int) -> None:
    found = of({"Thumbprint": PUB, "Subject": "CN=mail.test, O=x", "CertificateDomains": value})
    assert (found.certificates[0].names, found.certificates[0].names_complete) == (names, complete)
    assert len(found.problems) == problems


@pytest.mark.parametrize(
    ("subject", "kept", "names"),
    [
        ("CN=mail.test, O=Conto...", None, ("mail.test",)),
        ("CN=mail.te...", None, ()),
        ("CN=mail.test", "CN=mail.test", ("mail.test",)),
        ("O=Contoso", "O=Contoso", ()),
    ],
)
def test_a_cut_subject_is_no_subject(subject: str, kept: str | None, names: tuple[str, ...]) -> None:
    found = record(Subject=subject, Issuer=subject)
    assert (found.subject, found.issuer, found.names) == (kept, kept, names)


@pytest.mark.parametrize(
    ("fields", "server"),
    [
        ({"Identity": f"EX07.contoso.com\\{PUB.upper()}"}, "EX07.contoso.com"),
        ({"Server": "EX08", "PSComputerName": "other"}, "EX08"),
        ({"PSComputerName": "EX09"}, "EX09"),
        ({"Server": ""}, None),
        ({"Identity": PUB}, None),
    ],
)
def test_the_server_comes_from_the_identity_first(fields: dict[str, object], server: str | None) -> None:
    assert record(**fields).server == server


def test_an_identity_alone_names_the_certificate() -> None:
    found = of({"Identity": f"EX07\\{PUB.upper()}", "Services": "SMTP"})
    assert [(c.thumbprint, c.server) for c in found.certificates] == [(PUB, "EX07")]


def test_a_server_given_by_the_user_is_only_the_last_resort() -> None:
    text = json.dumps([{"Thumbprint": PUB}, {"Thumbprint": INT, "Server": "EX02"}]).encode()
    assert [c.server for c in read("x", text, server="EX01").certificates] == ["EX01", "EX02"]


@pytest.mark.parametrize("value", ["xyz", "F577", PUB + "00", "F5770C7F..."[:7] + "..."])
def test_a_wrong_thumbprint_is_a_problem(value: str) -> None:
    found = of({"Thumbprint": value, "Services": "SMTP"})
    assert found.certificates == ()
    assert found.fragments[0].thumbprint == ""
    assert "40 hex digits" in sentences(found)[0]


def test_a_thumbprint_cut_by_a_table_is_a_fragment() -> None:
    found = of({"Thumbprint": "F5770C7F9A...", "Services": "SMTP"})
    assert (found.fragments[0].thumbprint, found.problems) == ("f5770c7f9a", ())


def test_flags_that_are_none_are_problems() -> None:
    found = of({"Thumbprint": PUB, "HasPrivateKey": "perhaps", "IsSelfSigned": "True"})
    assert (found.certificates[0].has_private_key, found.certificates[0].is_self_signed) == (None, True)
    assert sentences(found) == [
        "x.json, line 1, HasPrivateKey: is 'perhaps' where True or False was expected."
    ]


@pytest.mark.parametrize(
    ("yes", "no"), [("WAHR", "FALSCH"), ("Vrai", "Faux"), ("PRAWDA", "FAŁSZ"), ("waar", "ONWAAR")]
)
def test_flags_that_excel_saved_in_another_language(yes: str, no: str) -> None:
    found = of({"Thumbprint": PUB, "HasPrivateKey": yes, "IsSelfSigned": no})
    assert (found.certificates[0].has_private_key, found.certificates[0].is_self_signed) == (True, False)
    assert found.problems == ()


def test_control_characters_are_escaped_at_the_border() -> None:
    found = record(FriendlyName="\x1b[31mred\u202e", Subject="CN=\x07")
    assert (found.friendly_name, found.subject) == ("\\x1b[31mred\\u202e", "CN=\\x07")


# --- broken JSON -------------------------------------------------------------------------------------------


def test_a_broken_record_costs_no_other() -> None:
    text = f'[{{"Thumbprint": "{PUB}"}},\n{{"Thumbprint": oops}},\n{{"Thumbprint": "{INT}"}}]'
    found = read("x.json", text.encode())
    assert [c.thumbprint for c in found.certificates] == [PUB, INT]
    assert [(p.line, "not JSON" in p.sentence) for p in found.problems] == [(2, True)]


def test_a_file_cut_in_the_middle_gives_what_came_before() -> None:
    data = (SAMPLES / "get-exchangecertificate.json").read_bytes()
    found = read("x.json", data[: len(data) * 2 // 3])
    assert [c.thumbprint for c in found.certificates] == [PUB, INT][: len(found.certificates)]
    assert len(found.certificates) >= 1
    assert "not JSON" in sentences(found)[0]


def test_files_written_after_one_another_are_read_all() -> None:
    one = (SAMPLES / "get-exchangecertificate.json").read_bytes()
    found = read("x.json", one + one.replace(b"EX01.", b"EX02."))
    assert len(found.certificates) == 6
    assert join([found.inventory]).servers == ("EX01.contoso.com", "EX02.contoso.com")


def test_nesting_without_end_stops_the_reading() -> None:
    found = read("x.json", b'[{"a": ' + b"[" * 100_000)
    assert "nested too deeply" in sentences(found)[0]
    deep = of({"Thumbprint": PUB, "CertificateDomains": [[[[[[[[[["x"]]]]]]]]]]})
    assert len(deep.problems) == 1


def test_wrappers_in_wrappers_end() -> None:
    found = read("x.json", b'{"value": [' * 300 + b"]}" * 300)
    assert (found.kind, found.certificates) == (ExportKind.UNKNOWN, ())


def test_numbers_without_end_are_kept_as_text() -> None:
    found = read("x.json", b'{"Thumbprint": "%s", "Services": %s}' % (PUB.encode(), b"9" * 6000))
    assert found.certificates[0].services is None
    assert len(found.problems[0].sentence) < 300


def test_escaped_field_names_are_read() -> None:
    text = f'{{"\\u0054humbprint": "{PUB}",\n"Services": "SMTP"}}'
    assert read("x.json", text.encode()).certificates[0].services is Services.SMTP


def test_problems_are_counted_and_cut_off() -> None:
    found = read("x.json", b"[" + b'{"a": 1},\n' * 1000 + b"]")
    assert len(found.problems) < 250
    assert "further problems" in found.problems[-1].sentence
    assert found.kind is ExportKind.UNKNOWN


def test_records_are_counted_and_cut_off() -> None:
    found = read("x.json", b"[" + b'{"Thumbprint": "%s"},' % PUB.encode() * 5_010 + b"]")
    assert len(found.certificates) == 5_000
    assert "more than 5000 records" in sentences(found)[0]


def test_a_list_without_objects_is_said_to_hold_nothing() -> None:
    assert sentences(read("x.json", b"[]")) == ["x.json: holds no certificate, connector or accepted domain."]


# --- joining -----------------------------------------------------------------------------------------------

CERTIFICATE_FILES = (
    "get-exchangecertificate-table.txt",
    "get-exchangecertificate-fl.txt",
    "get-exchangecertificate.clixml",
    "get-exchangecertificate-utf16le.clixml",
    "get-exchangecertificate.json",
)


@pytest.mark.parametrize("order", [CERTIFICATE_FILES, CERTIFICATE_FILES[::-1]], ids=["forwards", "backwards"])
def test_five_formats_of_one_inventory_are_one_inventory(order: tuple[str, ...]) -> None:
    joined = join(sample(name).inventory for name in order)
    best = sample("get-exchangecertificate.json").certificates
    assert [replace(c, source=Place("")) for c in joined.certificates] == [
        replace(c, source=Place("")) for c in best
    ]
    assert joined.fragments == ()
    assert [p.field for p in joined.problems] == ["NotBefore", "CertificateDomains"]


def certificate(server: str | None = None, **fields: object) -> ExchangeCertificate:
    values = {"source": Place("f", 1), "thumbprint": PUB, "server": server, **fields}
    return ExchangeCertificate(**values)  # type: ignore[arg-type]


def inventory(*certificates: ExchangeCertificate) -> Inventory:
    return Inventory(
        certificates=tuple(c for c in certificates if len(c.thumbprint) == 40),
        fragments=tuple(c for c in certificates if len(c.thumbprint) < 40),
    )


@pytest.mark.parametrize("raw_first", [True, False])
def test_raw_data_of_one_file_wins_over_the_text_of_another(raw_first: bool) -> None:
    raw = sample("get-exchangecertificate.json").certificates[0]
    text = certificate(raw.server, subject="CN=retyped", not_after=datetime(2001, 1, 1, tzinfo=UTC))
    joined = join([inventory(*((raw, text) if raw_first else (text, raw)))])
    assert [replace(c, source=raw.source) for c in joined.certificates] == [raw]
    assert joined.problems == ()


def test_a_contradiction_is_a_problem_and_the_first_file_counts() -> None:
    first = certificate("EX01", services=Services.SMTP | Services.IIS)
    second = certificate("EX01", services=Services.IIS, source=Place("later", 7))
    joined = join([inventory(first), inventory(second)])
    assert [c.services for c in joined.certificates] == [Services.SMTP | Services.IIS]
    assert [str(p) for p in joined.problems] == [
        "later, line 7, services: says 'IIS' where f, line 1 says 'IIS, SMTP', which is used."
    ]


@pytest.mark.parametrize("stated_first", [True, False])
def test_what_is_stated_wins_over_what_is_inferred(stated_first: bool) -> None:
    stated = certificate("EX01", root_ca_type=RootCAType.ENTERPRISE)
    inferred = certificate("EX01", root_ca_type=RootCAType.THIRD_PARTY, inferred=("root_ca_type",))
    joined = join([inventory(*((stated, inferred) if stated_first else (inferred, stated)))])
    assert [(c.root_ca_type, c.inferred) for c in joined.certificates] == [(RootCAType.ENTERPRISE, ())]
    assert joined.problems == ()


def test_two_inferences_stay_an_inference() -> None:
    one = certificate("EX01", not_after=datetime(2026, 1, 1, tzinfo=UTC), inferred=("not_after",))
    other = replace(one, not_after=datetime(2026, 1, 2, tzinfo=UTC), status=Status.VALID)
    joined = join([inventory(one, other)]).certificates[0]
    assert (joined.not_after, joined.inferred, joined.status) == (one.not_after, ("not_after",), Status.VALID)
    filled = join([inventory(certificate("EX01"), one)]).certificates[0]
    assert (filled.not_after, filled.inferred) == (one.not_after, ("not_after",))


def test_one_certificate_on_two_servers_is_two_values() -> None:
    joined = join([inventory(certificate("EX01.contoso.com"), certificate("EX02"), certificate("ex01"))])
    assert [c.server for c in joined.certificates] == ["EX01.contoso.com", "EX02"]
    assert [c.server for c in joined.on("ex02.contoso.com")] == ["EX02"]
    assert [c.server for c in joined.find(PUB.upper())] == ["EX01.contoso.com", "EX02"]


def test_a_record_without_a_server_tells_nothing_of_two_servers_but_what_both_share() -> None:
    loose = certificate(services=Services.SMTP, subject="CN=a")
    joined = join([inventory(certificate("EX01"), certificate("EX02"), loose)])
    assert [(c.services, c.subject) for c in joined.certificates] == [(None, "CN=a")] * 2
    assert "names no server" in sentences(joined)[0]


def test_a_record_without_a_server_joins_the_only_one() -> None:
    joined = join([inventory(certificate(services=Services.SMTP), certificate("EX01"))])
    assert [(c.server, c.services) for c in joined.certificates] == [("EX01", Services.SMTP)]
    assert join([inventory(certificate())]).certificates[0].server is None


def fragment(**fields: object) -> ExchangeCertificate:
    return replace(certificate(), thumbprint="", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part",
    [
        fragment(friendly_name="Public", services=Services.SMTP),
        replace(certificate(services=Services.SMTP), thumbprint="f5770c7f9a"),
    ],
)
def test_a_fragment_joins_the_only_certificate_it_can_mean(part: ExchangeCertificate) -> None:
    known = (certificate("EX01", friendly_name="Public"), replace(certificate("EX01"), thumbprint=INT))
    joined = join([inventory(*known, part)])
    assert [c.services for c in joined.certificates] == [Services.SMTP, None]
    assert (joined.fragments, joined.problems) == ((), ())


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (fragment(friendly_name="Public", services=Services.SMTP), "several known certificates"),
        (fragment(friendly_name="Other", services=Services.SMTP), "no known certificate"),
        (fragment(services=Services.SMTP), "no known certificate"),
        (fragment(friendly_name="Public", server="EX02"), "no known certificate"),
    ],
)
def test_a_fragment_that_could_mean_none_or_several_is_kept_apart(
    part: ExchangeCertificate, words: str
) -> None:
    known = certificate("EX01", friendly_name="Public")
    joined = join([inventory(known, replace(known, thumbprint=INT), part)])
    assert joined.fragments == (part,)
    assert words in sentences(joined)[0]
    assert [c.services for c in joined.certificates] == [None, None]


def test_the_kb_case_joins_by_the_command_that_asked() -> None:
    text = (
        f"[PS] C:\\>Get-ExchangeCertificate -Thumbprint {INT.upper()} | fl FriendlyName,Services\r\n\r\n"
        "FriendlyName : Microsoft ExchangeServices   : IMAP, POP, IIS, SMTP\r\n"
    )
    found = read("kb.txt", text.encode())
    assert [(c.thumbprint, c.friendly_name, c.services.text) for c in found.certificates if c.services] == [
        (INT, "Microsoft Exchange", "IMAP, POP, IIS, SMTP")
    ]
    without = read("kb.txt", text.replace(INT.upper(), "$thumbprint").encode())
    assert [(f.thumbprint, f.friendly_name) for f in without.fragments] == [("", "Microsoft Exchange")]


def test_everything_given_is_gathered_once() -> None:
    exports = [sample(path.name) for path in sorted(SAMPLES.iterdir())]
    gathered = gather([*exports, *exports])
    assert len(gathered.inventory.certificates) == 3
    assert [len(part) for part in (gathered.send_connectors, gathered.inbound_connectors)] == [6, 4]
    assert len(gathered.accepted_domains) == 3
    assert gathered.receive_connectors == gathered.outbound_connectors == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("EX01", "ex01.contoso.com", True),
        ("EX01.contoso.com.", "ex01.CONTOSO.com", True),
        ("EX01.contoso.com", "EX01.fabrikam.com", False),
        ("EX01", "EX010", False),
    ],
)
def test_server_names(one: str, other: str, same: object) -> None:
    assert same_server(one, other) is same


def test_places_and_problems_read_as_sentences() -> None:
    assert [str(Place("f")), str(Place("f", 3, 1)), str(Place("f", None, 2))] == [
        "f",
        "f, line 3",
        "f, record 2",
    ]
    assert str(Problem("f", None, "Port", "is odd.")) == "f, Port: is odd."
    problems = Problems("f")
    problems.add_once("twice")
    problems.add_once("twice")
    assert len(problems.found) == 1
