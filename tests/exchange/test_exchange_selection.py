"""The choice of a certificate as a decision table, with the published readings kept apart."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.connector import ReceiveConnector, SendConnector
from probe.exchange.inventory import ExchangeCertificate, Inventory, RootCAType, Services, Status
from probe.exchange.replies.wording import STALE_PIN, UNKNOWN_CREDENTIALS
from probe.exchange.selection.candidates import NameSource, common_names_of, likely_refused, title
from probe.exchange.selection.choose import (
    full_name,
    select_for_receive,
    select_for_send,
    select_on_sources,
)
from probe.exchange.selection.result import Selection, State
from probe.pki.certificate import Certificate, parse
from probe.statement import Confidence
from tests.authority import Authority
from tests.exchange.selecting import (
    DAY,
    HOST,
    INT,
    NOW,
    PUB,
    SERVER,
    cert,
    receive,
    samples,
    send,
    stock,
)

PIN = f"<I>CN=Fabrikam CA 1<S>CN={HOST}"
OLD, NEW = cert("a", days=(-100, 100)), cert("b", days=(-1, 89))
#: Newer, expires later, and lives longer than OLD: no reading prefers OLD.
BEST = cert("c", days=(-1, 300))
IIS = Services.IIS

CHOSEN, AMBIGUOUS, NOTHING = State.CHOSEN, State.AMBIGUOUS, State.NOTHING
UNKNOWN, NO_TLS = State.UNKNOWN, State.NO_TLS


class Case(NamedTuple):
    what: str
    connector: SendConnector | ReceiveConnector
    certificates: tuple[ExchangeCertificate, ...]
    state: State
    ends: str  # the last digit of each possible thumbprint, the likeliest first; "-" for none found
    events: tuple[int, ...] = ()
    reply: str | None = None


CASES = (
    # Receive connectors: the documented algorithm.
    Case("no TLS in AuthMechanism", receive(auth=("Integrated",)), (OLD,), NO_TLS, ""),
    Case("AuthMechanism not exported", receive(auth=None), (OLD,), CHOSEN, "a"),
    Case("the only match", receive(), (OLD,), CHOSEN, "a"),
    Case("the newest Valid from wins, however short", receive(), (OLD, NEW), CHOSEN, "b"),
    Case("not yet valid ones do not win", receive(), (OLD, cert("b", days=(1, 300))), CHOSEN, "a"),
    Case("an expired newer one does not win", receive(), (OLD, cert("b", days=(-9, -1))), CHOSEN, "a"),
    Case("only an expired one", receive(), (cert("a", days=(-99, -1)),), CHOSEN, "a", (12016,)),
    Case("one that expires soon", receive(), (cert("a", days=(-99, 9)),), CHOSEN, "a", (12018,)),
    Case("30 days to the second are soon", receive(), (cert("a", days=(-9, 30)),), CHOSEN, "a", (12018,)),
    Case("valid from this very second", receive(), (cert("a", days=(-9, 99)), cert("b", days=(0, 99))), CHOSEN,
         "b"),
    Case("valid to this very second", receive(), (cert("a", days=(-9, 99)), cert("b", days=(-1, 0))), CHOSEN,
         "b", (12018,)),
    Case("30 days and a bit are not soon", receive(), (cert("a", days=(-9, 30.1)),), CHOSEN, "a"),
    Case("another name", receive(), (cert("a", "x.test", subject="CN=x.test"),), NOTHING, "-", (12014,)),
    Case("a wildcard of one level", receive(), (cert("a", "*.contoso.com"),), CHOSEN, "a"),
    Case("a wildcard two levels up", receive(fqdn="a.b.contoso.com"), (cert("a", "*.contoso.com"),), NOTHING,
         "-", (12014,)),
    Case("a CN that the list of names lacks", receive(), (cert("a", "imap.contoso.com",
         subject=f"CN={HOST}"),), CHOSEN, "a"),
    Case("case does not matter in a name", receive(fqdn="MAIL.contoso.COM."), (OLD,), CHOSEN, "a"),
    Case("CA before a newer self-signed", receive(), (OLD, cert("b", days=(-1, 999), self_signed=True)),
         CHOSEN, "a"),
    Case("self-signed where nothing else is valid", receive(),
         (cert("a", days=(-99, -1)), cert("b", self_signed=True)), CHOSEN, "b"),
    Case("the newest of two self-signed", receive(),
         (cert("a", self_signed=True), cert("b", self_signed=True, days=(-9, 9.5))), CHOSEN, "b", (12018,)),
    Case("no private key", receive(), (cert("a", key=False),), NOTHING, "-", (12014,)),
    Case("private key not exported: the shell lists only such", receive(), (cert("a", key=None),), CHOSEN, "a"),
    Case("no SMTP, but alone: chosen, then TLS fails", receive(), (cert("a", services=IIS),), CHOSEN, "a", (),
         UNKNOWN_CREDENTIALS),
    Case("no SMTP, by the server's name: not chosen", receive(fqdn=""),
         (cert("a", SERVER, services=IIS),), NOTHING, "-", (12014,)),
    Case("a newer one without SMTP: step 3 against the note", receive(),
         (OLD, cert("b", days=(-1, 89), services=IIS)), AMBIGUOUS, "ab"),
    Case("an older one without SMTP disturbs nobody", receive(),
         (cert("a", services=IIS), NEW), CHOSEN, "b"),
    Case("services not exported", receive(), (OLD, cert("b", days=(-1, 89), services=None)), UNKNOWN, "ba"),
    Case("services not exported, but older anyway", receive(), (cert("a", services=None), NEW), CHOSEN, "b"),
    Case("revoked", receive(), (OLD, cert("b", days=(-1, 89), status=Status.REVOKED)), CHOSEN, "a"),
    Case("untrusted: whether that is valid is not published", receive(),
         (OLD, cert("b", days=(-1, 89), status=Status.UNTRUSTED)), UNKNOWN, "ba"),
    Case("DateInvalid on the day of the export says nothing of today", receive(),
         (cert("a", status=Status.DATE_INVALID),), CHOSEN, "a"),
    Case("names cut off", receive(), (cert("a", "imap.contoso.com", subject=None, complete=False),), UNKNOWN,
         "a-"),
    Case("names cut off, but a newer one is certain", receive(),
         (cert("a", "imap.contoso.com", subject=None, complete=False), NEW), CHOSEN, "b"),
    Case("dates unknown", receive(), (OLD, cert("b", days=None)), UNKNOWN, "ba"),
    Case("dates unknown, but alone", receive(), (cert("b", days=None),), CHOSEN, "b"),
    Case("self-signed or not is unknown", receive(), (OLD, cert("b", days=(-1, 89), self_signed=None)), UNKNOWN,
         "ba"),
    Case("the same Valid from twice", receive(), (OLD, cert("b", days=(-100, 300))), AMBIGUOUS, "ab"),
    Case("Fqdn unset: the server's name", receive(fqdn=""), (OLD, cert("b", SERVER)), CHOSEN, "b"),
    Case("Fqdn not exported", receive(fqdn=None), (cert("b", SERVER),), UNKNOWN, "b-"),
    Case("TlsCertificateName not exported", receive(pin=None), (OLD,), UNKNOWN, "a-"),
    Case("pinned receive: the newest of the pinned", receive(pin=PIN), (OLD, NEW), CHOSEN, "b"),
    Case("pinned receive: nothing", receive(pin=PIN), (cert("a", issuer="CN=X"),), NOTHING, "-", (12014,)),
    Case("disabled connectors are simulated too", receive(enabled=False), (OLD,), CHOSEN, "a"),
    Case("no certificates at all", receive(), (), UNKNOWN, ""),
    # Send connectors: simulated, with every reading of "newest".
    Case("send: the only match", send(), (OLD,), CHOSEN, "a"),
    Case("send: best in every reading", send(), (OLD, BEST), CHOSEN, "c"),
    Case("send: newest, but shorter", send(), (OLD, NEW), AMBIGUOUS, "ba"),
    Case("send: newest, same end, shorter", send(), (OLD, cert("b", days=(-1, 100))), AMBIGUOUS, "ba"),
    Case("send: longest life is the oldest", send(), (cert("a", days=(-300, 60)), cert("b", days=(-9, 90))),
         AMBIGUOUS, "ba"),
    Case("send: newer without SMTP", send(), (OLD, cert("b", days=(-1, 300), services=IIS)), AMBIGUOUS, "ab"),
    Case("send: no match", send(), (cert("a", "x.test", subject="CN=x.test"),), NOTHING, "-", (12014,)),
    Case("send: STARTTLS is ignored", send(ignore_starttls=True), (OLD,), NO_TLS, ""),
    Case("send: only without SMTP", send(), (cert("a", services=IIS),), CHOSEN, "a", (), UNKNOWN_CREDENTIALS),
    Case("send: Fqdn unset", send(fqdn=""), (OLD, cert("b", SERVER)), CHOSEN, "b"),
    Case("send: server's name, no SMTP", send(fqdn=""), (cert("b", SERVER, services=IIS),), NOTHING, "-",
         (12014,)),
    Case("pinned: the one that matches, though another is newer", send(pin=PIN),
         (OLD, cert("b", days=(-1, 300), issuer="CN=Contoso CA")), CHOSEN, "a"),
    Case("pinned: either case of the marks", send(pin=PIN.replace("<I>", "<i>").replace("<S>", "<s>")), (OLD,),
         CHOSEN, "a"),
    Case("pinned: SMTP is not checked", send(pin=PIN), (OLD, cert("b", days=(-1, 300), services=IIS)), CHOSEN,
         "b", (), UNKNOWN_CREDENTIALS),
    Case("pinned: renewal with a shorter life", send(pin=PIN), (OLD, NEW), AMBIGUOUS, "ba"),
    Case("pinned: renewal that is better in every way", send(pin=PIN), (OLD, BEST), CHOSEN, "c"),
    Case("pinned: renewed for as long, the old one expired", send(pin=PIN),
         (cert("a", days=(-99, -9)), cert("b", days=(-20, 70))), CHOSEN, "b"),
    Case("pinned: renewed for as long, an hour of summer time aside", send(pin=PIN),
         (cert("a", days=(-60, 30 + 1 / 24)), cert("b", days=(-20, 70))), CHOSEN, "b"),
    Case("pinned: renewed for a day less", send(pin=PIN), (cert("a", days=(-60, 31)), cert("b", days=(-20, 70))),
         AMBIGUOUS, "ba"),
    Case("send: the same Valid from, told apart by the other readings", send(), (OLD, cert("b", days=(-100, 300))),
         CHOSEN, "b"),
    Case("send: equals in every reading", send(), (OLD, cert("b", days=(-100, 100))), AMBIGUOUS, "ab"),
    Case("pinned: newest, but expired", send(pin=PIN), (cert("a", days=(-9, 100)), cert("b", days=(-5, -1))),
         AMBIGUOUS, "ab"),
    Case("pinned: only an expired one", send(pin=PIN), (cert("a", days=(-99, -1)),), CHOSEN, "a", (12016,)),
    Case("stale: another issuer", send(pin=PIN), (cert("a", issuer="CN=Fabrikam CA 2"),), NOTHING, "-",
         (12014,), STALE_PIN),
    Case("stale: another subject", send(pin=PIN), (cert("a", subject="CN=mail.contoso.com, O=Contoso"),),
         NOTHING, "-", (12014,), STALE_PIN),
    Case("stale: the texts are compared exactly", send(pin=PIN), (cert("a", issuer="CN=fabrikam CA 1"),),
         NOTHING, "-", (12014,), STALE_PIN),
    Case("pinned: the subject was cut off", send(pin=PIN), (cert("a", subject=None),), UNKNOWN, "a-"),
    Case("pinned: no private key", send(pin=PIN), (cert("a", key=False),), NOTHING, "-", (12014,), STALE_PIN),
    Case("not of the form of a pin", send(pin=HOST), (OLD,), UNKNOWN, ""),
)  # fmt: skip


def select(connector: SendConnector | ReceiveConnector, inventory: Inventory) -> Selection:
    if isinstance(connector, SendConnector):
        return select_for_send(connector, inventory, SERVER, NOW)
    return select_for_receive(connector, inventory, SERVER, NOW)


def spoken(selection: Selection) -> tuple[str, ...]:
    return (*map(str, selection.statements), *map(str, selection.events))


def ends(selection: Selection) -> str:
    return "".join(c.certificate.thumbprint[-1] if c.certificate else "-" for c in selection.choices)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_decision_table(case: Case) -> None:
    found = select(case.connector, stock(*case.certificates))
    assert (found.state, ends(found)) == (case.state, case.ends)
    assert tuple(event.number for event in found.events) == case.events
    assert found.reply == case.reply


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_order_of_the_export_does_not_matter(case: Case) -> None:
    found = select(case.connector, stock(*reversed(case.certificates)))
    assert (found.state, sorted(ends(found))) == (case.state, sorted(case.ends))


def test_the_samples_tell_kb_2888788() -> None:
    """By Fqdn the newer certificate of the internal CA wins, whichever way "newest" is read."""
    given = samples()
    by_name = {connector.name: connector for connector in given.send_connectors}
    found = select_for_send(by_name["Outbound to Office 365"], given.inventory, "EX01", NOW)
    assert found.winner is not None
    assert found.winner.thumbprint == INT
    assert found.server == SERVER
    assert likely_refused(found.winner) is True
    assert any("That is the situation of KB 2888788: F5770C7F" in one for one in spoken(found))
    (beaten,) = (one.remarks for one in found.candidates if one.certificate.thumbprint == PUB)
    assert "valid from 2026-11-02 07:30 UTC against 2026-06-10 00:00 UTC" in str(beaten[0])
    pinned = select_for_send(by_name["Outbound to Office 365 (pinned)"], given.inventory, "EX01", NOW)
    assert [one.thumbprint for one in pinned.possible] == [PUB]
    assert likely_refused(pinned.possible[0]) is False
    stale = select_for_send(by_name["Outbound to Office 365 (stale pin)"], given.inventory, "EX01", NOW)
    assert (stale.state, stale.reply) == (NOTHING, STALE_PIN)
    near = next(one for one in stale.candidates if one.certificate.thumbprint == PUB)
    assert [remark.text.partition(" is ")[0] for remark in near.remarks] == ["Its issuer"]


def test_without_the_internal_certificate_the_public_one_is_chosen() -> None:
    given = samples()
    rest = [one for one in given.inventory.certificates if one.thumbprint != INT]
    found = select_for_send(send(), stock(*rest), SERVER, NOW)
    assert found.winner is not None
    assert found.winner.thumbprint == PUB


@pytest.mark.parametrize(
    ("connector", "label"),
    [
        (receive(), Confidence.DOCUMENTED),
        (send(), Confidence.INFERRED),
        (send(pin=PIN), Confidence.DOCUMENTED),
    ],
)
def test_the_choice_carries_how_well_founded_it_is(
    connector: SendConnector | ReceiveConnector, label: Confidence
) -> None:
    found = select(connector, stock(OLD))
    said = next(one for one in found.statements if one.text.startswith("Exchange chooses"))
    assert said.label is label
    assert OLD.thumbprint.upper() in said.text


def test_a_private_root_is_no_kb_2888788_where_nothing_else_fits() -> None:
    own = cert("a", root=RootCAType.ENTERPRISE)
    said = "\n".join(spoken(select(send(), stock(own))))
    assert "will hardly trust" in said
    assert "its root is of type Enterprise" in said
    assert "KB 2888788" not in said
    assert "it is self-signed" in "\n".join(spoken(select(send(), stock(cert("a", self_signed=True)))))
    assert "will hardly trust" not in "\n".join(spoken(select(receive(), stock(own))))
    assert "will hardly trust" not in "\n".join(spoken(select(send(), stock(OLD))))


def test_the_loser_hears_what_beat_it() -> None:
    older = cert("a", days=(-200, 100), self_signed=True)
    found = select(receive(), stock(older, OLD, NEW))
    (first, second, winner) = (one.remarks for one in found.candidates)
    assert [one.text for one in first] == [
        "It is self-signed: any valid certificate from a CA comes before it."
    ]
    assert second[0].text.startswith(
        f"It fits, but {NEW.thumbprint.upper()} comes first: it is the newer one"
    )
    assert winner == ()


def test_what_is_only_simulated_for_a_send_connector_is_not_called_documented() -> None:
    older, newer = cert("a", days=(-200, 100), self_signed=True), cert("c", days=(-10, 400))
    sending = select(send(), stock(older, OLD, newer))
    assert sending.winner is newer
    said = [remark for one in sending.candidates for remark in one.remarks]
    assert {one.label for one in said} == {Confidence.INFERRED}
    assert {one.source for one in said} == {"simulated after the inbound algorithm"}
    received = select(receive(), stock(older, OLD, newer))
    assert {remark.label for one in received.candidates for remark in one.remarks} == {Confidence.DOCUMENTED}
    assert "Inbound STARTTLS" not in "\n".join(spoken(sending))


def test_an_ambiguous_choice_says_which_reading_picks_which() -> None:
    found = select(send(), stock(OLD, NEW))
    assert found.winner is None
    told = {one.certificate.thumbprint[-1]: {r.name for r in one.readings} for one in found.choices}
    assert told["a"] == {"newest validity", "longest lifetime"}
    assert told["b"] == {"newest Valid from", "newest Valid from, SMTP not asked for"}
    assert sum("is chosen if Exchange goes by" in one for one in spoken(found)) == 2


@pytest.mark.parametrize(
    ("connector", "certificates", "sentence"),
    [
        (send(enabled=False), (OLD,), "The connector is disabled"),
        (send(enabled=True), (), "There is no certificate export of server EX01.contoso.com."),
        (send(source_transport_servers=("EX02",)), (OLD,), "EX01.contoso.com is not among"),
        (send(pin=HOST), (OLD,), "which is not of the form <I>issuer<S>subject"),
        (send(pin=f"<I>CN={'x' * 250}<S>CN={HOST}"), (OLD,), "an Edge server holds 256 at most"),
        (send(pin=f"<I>CN=a, ST=WA<S>CN={HOST}"), (OLD,), "looks like an RFC 4514 name"),
        (send(ignore_starttls=True), (OLD,), "IgnoreSTARTTLS is set"),
        (send(pin=None), (OLD,), "does not say whether TlsCertificateName or Fqdn is set"),
        (send(), (cert("a", services=Services.NONE),), "so TLS fails later"),
        (send(pin=PIN), (cert("a", services=IIS),), "TLS may then fail"),
        (send(), (cert("a", "x.test", subject="CN=x.test"),), "Without a certificate of its own"),
        (receive(), (cert("a", "x.test", subject="CN=x.test"),), "STARTTLS is not offered."),
        (receive(auth=None), (OLD,), "does not hold AuthMechanism"),
        (receive(auth=()), (OLD,), "AuthMechanism lacks TLS"),
        (send(), (cert("a", services=None), NEW), "as far as the evidence goes"),
        (send(), (cert("a", "x.test", subject="CN=x.test", complete=False),), "No certificate is"),
    ],
)
def test_what_is_said(
    connector: SendConnector | ReceiveConnector,
    certificates: tuple[ExchangeCertificate, ...],
    sentence: str,
) -> None:
    assert any(sentence in said for said in spoken(select(connector, stock(*certificates))))
    plain = select(send() if isinstance(connector, SendConnector) else receive(), stock(OLD))
    assert not any(sentence in said for said in spoken(plain))


@pytest.mark.parametrize(
    ("certificate", "remark"),
    [
        (cert("a", "x.test", subject="CN=x.test"), "It is not for mail.contoso.com but for x.test."),
        (cert("a", "a.x", "b.x", "c.x", "d.x", "e.x", subject=None), "for a.x, b.x, c.x, d.x and 1 more."),
        (cert("a", "x.test", subject=None, complete=False), "the list is cut off"),
        (cert("a", key=False), "It has no private key on this server"),
        (cert("a", services=IIS), "It is enabled for IIS, not for SMTP."),
        (cert("a", services=None), "does not say whether it is enabled for SMTP"),
        (cert("a", self_signed=True), "It is self-signed"),
        (cert("a", self_signed=None), "does not say whether it is self-signed"),
        (cert("a", days=(1, 9)), "It is valid only from 2026-11-04 09:14 UTC."),
        (cert("a", days=(-9, -1)), "It expired on 2026-11-02 09:14 UTC."),
        (cert("a", days=None), "does not hold both of its dates"),
        (cert("a", status=Status.REVOKED), "reports its status as Revoked"),
    ],
)
def test_why_a_certificate_falls_out(certificate: ExchangeCertificate, remark: str) -> None:
    (candidate,) = select(send(), stock(certificate)).candidates
    assert any(remark in str(one) for one in candidate.remarks)
    (good,) = select(send(), stock(OLD)).candidates
    assert good.remarks == ()


def test_a_pin_that_meets_a_cut_issuer_says_so() -> None:
    (candidate,) = select(send(pin=PIN), stock(cert("a", issuer=None))).candidates
    assert [one.text for one in candidate.remarks] == ["The export does not hold its whole issuer."]


def test_a_certificate_of_version_1_is_not_eligible() -> None:
    authority = Authority(now=NOW, name="selection")
    root = authority.root()
    for version, state in ((1, NOTHING), (3, CHOSEN)):
        parsed = parse(authority.leaf(root, HOST, version=version).der)
        assert isinstance(parsed, Certificate)
        found = select(receive(), stock(replace(OLD, certificate=parsed)))
        assert found.state is state
        assert any("X.509 v1" in str(one) for one in found.candidates[0].remarks) is (version == 1)


@pytest.mark.parametrize(
    ("server", "names", "state"),
    [
        ("EX01", ("EX01.contoso.com",), UNKNOWN),  # the full name may be this one
        ("EX01", ("*.contoso.com",), UNKNOWN),
        ("EX01", ("EX02.contoso.com",), NOTHING),
        ("EX01.contoso.com", ("EX01.contoso.com",), CHOSEN),
    ],
)
def test_a_server_known_only_by_its_short_name(server: str, names: tuple[str, ...], state: State) -> None:
    only = cert("a", *names, server=None, subject=None)
    found = select_for_receive(receive(fqdn=""), stock(only), server, NOW)
    assert (found.state, found.wanted.source) == (state, NameSource.SERVER)
    short = any("only the server's short name is known" in str(one) for one in found.candidates[0].remarks)
    assert short is (state is UNKNOWN)


def test_a_server_nobody_names() -> None:
    found = select_for_send(send(fqdn=""), stock(cert("a", server=None)), None, NOW)
    assert (found.state, found.wanted.source, found.server) == (UNKNOWN, NameSource.NOTHING, None)
    assert any("Which server this is about is not known" in one for one in spoken(found))
    assert any("Neither TlsCertificateName nor Fqdn" in one for one in spoken(found))
    nothing = select_for_send(send(), stock(), None, NOW)
    assert any("no certificate export of any server" in one for one in spoken(nothing))


def test_the_only_server_of_an_inventory_is_meant_where_none_is_named() -> None:
    assert full_name(None, stock(OLD)) == SERVER
    assert full_name(None, stock(OLD, cert("b", server="EX02"))) is None
    assert full_name("ex01", stock(OLD)) == SERVER


def test_certificates_of_other_servers_are_no_candidates() -> None:
    found = select(send(), stock(OLD, cert("b", days=(-1, 300), server="EX02")))
    assert [one.certificate.thumbprint[-1] for one in found.candidates] == ["a"]


def test_each_source_server_is_simulated() -> None:
    both = stock(OLD, cert("b", server="EX02"))
    named = select_on_sources(send(source_transport_servers=("EX01", "EX02")), both, NOW)
    assert [(one.server, ends(one)) for one in named] == [(SERVER, "a"), ("EX02", "b")]
    assert [one.server for one in select_on_sources(send(), both, NOW)] == [SERVER, "EX02"]
    assert [one.server for one in select_on_sources(send(), stock(), NOW)] == [None]


@pytest.mark.parametrize(
    ("root", "self_signed", "refused"),
    [
        (RootCAType.THIRD_PARTY, False, False),
        (RootCAType.THIRD_PARTY, True, True),
        (RootCAType.ENTERPRISE, False, True),
        (RootCAType.REGISTRY, None, True),
        (RootCAType.GROUP_POLICY, False, True),
        (RootCAType.UNKNOWN, False, None),
        (None, None, None),
    ],
)
def test_the_root_as_the_server_sees_it_hints_at_eop(
    root: RootCAType | None, self_signed: bool | None, refused: bool | None
) -> None:
    assert likely_refused(cert("a", root=root, self_signed=self_signed)) is refused


def test_common_names_of_a_name_as_windows_writes_it() -> None:
    name = 'CN="a, ""b""", OU=CN=no, O=x + CN=c, CN=d'
    assert common_names_of(name) == ('a, "b"', "c", "d")
    assert title(cert("a", subject=None, issuer=None)) == f"{'a'.rjust(40, '0').upper()} ({HOST})"


FACTS = st.sampled_from([True, False, None])
DATES = st.sampled_from([(-9.0, 9.0), (-9.0, 90.0), (-5.0, -1.0), (-1.0, 30.0), (2.0, 60.0), None])
STATUSES = st.sampled_from([Status.VALID, Status.REVOKED, Status.UNTRUSTED, None])


@st.composite
def vague(draw: st.DrawFn) -> tuple[ExchangeCertificate, ...]:
    """Certificates of which anything may be missing."""
    found = []
    for tag in "abc"[: draw(st.integers(1, 3))]:
        smtp = draw(FACTS)
        services = None if smtp is None else Services.SMTP if smtp else Services.IIS
        named = draw(FACTS)
        name = HOST if named else "x.test"
        found.append(
            cert(tag, name, subject=None, complete=named is not None, days=draw(DATES), services=services,
                 self_signed=draw(FACTS), status=draw(STATUSES))
        )  # fmt: skip
    return tuple(found)


def completed(draw: st.DrawFn, one: ExchangeCertificate) -> ExchangeCertificate:
    """The same certificate with everything that was missing filled in somehow."""
    if one.services is None:
        one = replace(one, services=draw(st.sampled_from([Services.SMTP, Services.IIS])))
    if one.is_self_signed is None:
        one = replace(one, is_self_signed=draw(st.booleans()))
    if not one.names_complete:
        one = replace(one, names=draw(st.sampled_from([("x.test",), ("x.test", HOST)])), names_complete=True)
    if one.status is Status.UNTRUSTED:
        one = replace(one, status=draw(st.sampled_from([Status.VALID, Status.REVOKED])))
    if one.not_before is None:
        begin, end = draw(DATES.filter(bool))
        one = replace(one, not_before=NOW + begin * DAY, not_after=NOW + end * DAY)
    return one


@given(st.data())
def test_no_completion_of_the_evidence_surprises(data: st.DataObject) -> None:
    """Whatever the missing facts turn out to be, each end was among those foretold."""
    certificates = data.draw(vague())
    full = tuple(completed(data.draw, one) for one in certificates)
    for connector in (send(), send(fqdn=""), receive(), receive(fqdn="")):
        foretold, real = select(connector, stock(*certificates)), select(connector, stock(*full))
        assert set(ends(real)) <= set(ends(foretold))
        assert real.state is not UNKNOWN
        if foretold.state is CHOSEN:
            assert real.winner is not None
            assert foretold.winner is not None
            assert real.winner.thumbprint == foretold.winner.thumbprint
