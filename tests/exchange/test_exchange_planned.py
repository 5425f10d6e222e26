"""A change judged before it is made, servers compared, and the chain a chosen certificate would come with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from probe.exchange.connector import ReceiveConnector, SendConnector
from probe.exchange.inventory import ExchangeCertificate, Inventory, RootCAType, Services
from probe.exchange.replies.wording import STALE_PIN
from probe.exchange.selection.chains import CAVEAT, chain_for
from probe.exchange.selection.choose import select_for_receive, select_for_send, select_on_sources
from probe.exchange.selection.planned import (
    Effect,
    Transition,
    pin_for,
    plan,
    set_tls_certificate_name,
    with_certificates,
    without,
    worst,
)
from probe.exchange.selection.result import State
from probe.exchange.selection.servers import Delivery, compare_servers
from probe.pki.certificate import Certificate, Unreadable, parse
from tests.authority import DAY, Authority, Issued
from tests.exchange.selecting import HOST, INT, NOW, PUB, SAMPLES, SERVER, cert, receive, samples, send, stock

NONE, SAFE, RISKY, BREAKS = Effect
PIN = f"<I>CN=Fabrikam CA 1<S>CN={HOST}"
OLD = cert("a", days=(-100, 100))

CA = Authority(now=NOW, name="planned")
ROOT = CA.root("CN=Fabrikam Root")


def _x509(pairs: list[tuple[x509.ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in pairs])


#: Issuer and subject as the samples' public certificate has them, so that the samples' pins match.
FABRIKAM = [(NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "Fabrikam, Inc.")]
ISSUING = CA.intermediate(ROOT, _x509([*FABRIKAM, (NameOID.COMMON_NAME, "Fabrikam Public TLS RSA CA 1")]))
ISSUING_2 = CA.intermediate(ROOT, _x509([*FABRIKAM, (NameOID.COMMON_NAME, "Fabrikam Public TLS RSA CA 2")]))
SUBJECT = _x509(
    [
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.STATE_OR_PROVINCE_NAME, "Washington"),
        (NameOID.LOCALITY_NAME, "Redmond"),
        (NameOID.ORGANIZATION_NAME, "Contoso Ltd"),
        (NameOID.COMMON_NAME, HOST),
    ]
)


def parsed(issued: Issued) -> Certificate:
    certificate = parse(issued.der)
    assert isinstance(certificate, Certificate)
    return certificate


def renewal(issuer: Issued, days: int = 90) -> Certificate:
    return parsed(CA.leaf(issuer, HOST, subject=SUBJECT, not_before=NOW - DAY, not_after=NOW + days * DAY))


def trusted(certificate: ExchangeCertificate) -> bool | None:
    """EOP takes everything that is not the internal CA's."""
    return certificate.thumbprint == INT


def effect_of(steps: tuple[Transition, ...]) -> Effect:
    return worst(step.effect for step in steps)


def said_of(steps: tuple[Transition, ...]) -> list[str]:
    return [str(reason.statement) for step in steps for reason in step.reasons]


def change(
    connector: SendConnector,
    before: Inventory,
    after: Inventory,
    changed: SendConnector | None = None,
    days: float = 0,
) -> tuple[Transition, ...]:
    at = NOW + timedelta(days=days)
    return plan(
        [select_for_send(connector, before, SERVER, NOW)],
        [select_for_send(changed or connector, after, SERVER, at)],
        trusted,
    )


def sample(name: str) -> tuple[SendConnector, Inventory]:
    given = samples()
    return next(c for c in given.send_connectors if c.name == name), given.inventory


PINNED, STALE, BY_NAME = (
    "Outbound to Office 365 (pinned)",
    "Outbound to Office 365 (stale pin)",
    "Outbound to Office 365",
)


def test_the_sample_renewal_with_the_same_issuer_becomes_ambiguous() -> None:
    connector, stocked = sample(PINNED)
    found = change(connector, stocked, with_certificates(stocked, [renewal(ISSUING)]))
    assert effect_of(found) is RISKY
    assert found[0].after.state is State.AMBIGUOUS
    said = "\n".join(said_of(found))
    assert "The choice becomes ambiguous" in said
    assert "the older ones cannot be removed" in said


def test_the_sample_renewal_by_another_issuer_breaks_the_pin() -> None:
    connector, stocked = sample(PINNED)
    new = renewal(ISSUING_2)
    added = with_certificates(stocked, [new])
    alone = change(connector, stocked, added)
    assert effect_of(alone) is RISKY
    assert any(f"that ends in: {STALE_PIN}" in one for one in said_of(alone))
    replaced = change(connector, stocked, without(added, PUB))
    assert effect_of(replaced) is BREAKS
    assert any(f"No certificate is found any more: {STALE_PIN}" in one for one in said_of(replaced))
    whole = change(connector, stocked, without(added, PUB), set_tls_certificate_name(connector, new))
    assert effect_of(whole) is SAFE
    assert whole[0].after.winner is not None
    assert whole[0].after.winner.thumbprint == new.sha1


def test_a_renewal_that_is_better_in_every_reading_is_chosen_but_blocks_the_removal() -> None:
    connector, stocked = sample(PINNED)
    found = change(connector, stocked, with_certificates(stocked, [renewal(ISSUING, days=400)]))
    assert [reason.effect for reason in found[0].reasons] == [SAFE, RISKY]


def test_the_repairs_of_kb_2888788() -> None:
    """Removing the internal certificate, or pinning the public one, sends the public one."""
    connector, stocked = sample(BY_NAME)
    assert effect_of(change(connector, stocked, stocked)) is NONE  # as bad as before is no change
    removed = change(connector, stocked, without(stocked, INT.upper()))
    (public,) = stocked.find(PUB)
    pinned = change(connector, stocked, stocked, set_tls_certificate_name(connector, public))
    for found in (removed, pinned):
        winner = found[0].after.winner
        assert (effect_of(found), winner and winner.thumbprint) == (SAFE, PUB)
    back = plan(
        [select_for_send(connector, without(stocked, INT), SERVER, NOW)],
        [select_for_send(connector, stocked, SERVER, NOW)],
    )
    assert effect_of(back) is BREAKS
    assert any("would refuse its chain" in one for one in said_of(back))


def test_a_stale_pin_is_repaired_by_setting_it() -> None:
    connector, stocked = sample(STALE)
    (public,) = stocked.find(PUB)
    found = change(connector, stocked, stocked, set_tls_certificate_name(connector, pin_for(public)))
    assert effect_of(found) is SAFE
    assert found[0].before is not None
    assert found[0].before.state is State.NOTHING


@pytest.mark.parametrize(
    ("connector", "before", "after", "effect", "says"),
    [
        (send(), (OLD,), (OLD,), NONE, "Nothing changes."),
        (send(), (OLD, cert("b", days=(-1, 89))), (OLD, cert("b", days=(-1, 89))), NONE, "Nothing changes."),
        (send(PIN), (OLD, cert("b", days=(-1, 300))), (OLD, cert("b", days=(-1, 300))), NONE, "Nothing changes."),
        (send(), (OLD,), (), RISKY, "The choice cannot be told: nothing that can be named."),
        (send(), (OLD,), (cert("b", "x.test", subject="CN=x.test"),), BREAKS, "No certificate is found any more."),
        (send(), (OLD,), (OLD, cert("b", days=(-1, 89))), RISKY, "The choice becomes ambiguous"),
        (send(), (OLD,), (OLD, cert("b", days=(-1, 300))), SAFE, "is chosen from then on"),
        (send(), (OLD,), (cert("b", services=Services.IIS),), BREAKS, "It is not enabled for SMTP"),
        (send(PIN), (OLD,), (cert("b", services=Services.IIS),), RISKY, "It is not enabled for SMTP"),
        (send(), (OLD,), (cert("b", days=(-9, -1)),), BREAKS, "although it expired"),
        (send(), (OLD,), (cert("b", days=(1, 9)),), BREAKS, "although it is not valid"),
        (send(), (cert("a", days=(-9, -1)),), (cert("a", days=(-9, -1)),), NONE, "Nothing changes."),
        (send(PIN), (OLD, cert("b", days=(-200, 1))), (OLD,), RISKY, "Exchange refuses to remove"),
        (send(), (OLD, cert("b", "EX01", self_signed=True, subject=None)), (OLD,), RISKY, "internal transport"),
        (send(), (OLD, cert("b", "EX01", self_signed=True, subject=None, services=Services.NONE)), (OLD,), NONE,
         "Nothing changes."),
        (send(PIN), (OLD,), (OLD, cert("b", "x.test", subject="CN=x.test")), NONE, "Nothing changes."),
        (send(PIN), (OLD,), (OLD, cert("b", "x.test", issuer="CN=Fabrikam CA 2")), RISKY, "another issuer"),
    ],
)  # fmt: skip
def test_what_a_change_does(
    connector: SendConnector,
    before: tuple[ExchangeCertificate, ...],
    after: tuple[ExchangeCertificate, ...],
    effect: Effect,
    says: str,
) -> None:
    found = change(connector, stock(*before), stock(*after))
    assert effect_of(found) is effect
    assert any(says in one for one in said_of(found))


def test_a_pin_that_is_moved_first_lets_the_old_certificate_go() -> None:
    new = cert("b", issuer="CN=Fabrikam CA 2")
    moved = change(send(PIN), stock(OLD, new), stock(new), send(pin_for(new)))
    assert effect_of(moved) is SAFE
    left = change(send(PIN), stock(OLD, new), stock(new))
    assert effect_of(left) is BREAKS


def test_time_alone_can_break() -> None:
    assert effect_of(change(send(), stock(OLD), stock(OLD), days=99)) is NONE
    assert effect_of(change(send(), stock(OLD), stock(OLD), days=101)) is BREAKS


def test_an_unjudged_chain_is_a_risk() -> None:
    stocked = stock(OLD)
    added = with_certificates(stocked, [renewal(ISSUING, days=400)])
    before = [select_for_send(send(), stocked, SERVER, NOW)]
    after = [select_for_send(send(), added, SERVER, NOW)]
    found = plan(before, after)
    assert effect_of(found) is RISKY
    assert any("has not been judged" in one for one in said_of(found))
    assert effect_of(plan(before, after, trusted)) is SAFE


def test_a_server_that_was_not_there_is_judged_by_itself() -> None:
    after = [select_for_send(send(), stock(OLD), SERVER, NOW)]
    assert effect_of(plan([], after)) is SAFE
    assert (
        effect_of(plan([], [select_for_send(send(PIN), stock(cert("a", issuer="x")), SERVER, NOW)])) is BREAKS
    )
    assert effect_of(plan([], [])) is NONE


def test_receive_connectors_are_not_judged_by_eop() -> None:
    new = cert("b", days=(-1, 300), root=RootCAType.ENTERPRISE)
    connector = receive()
    found = plan(
        [select_for_receive(connector, stock(OLD), SERVER, NOW)],
        [select_for_receive(connector, stock(OLD, new), SERVER, NOW)],
    )
    assert effect_of(found) is SAFE
    pinned: ReceiveConnector = set_tls_certificate_name(connector, OLD)
    assert pinned.tls_certificate_name == PIN
    assert set_tls_certificate_name(pinned, "").tls_certificate_name == ""


def test_added_certificates_go_to_every_server_or_to_those_named() -> None:
    both = stock(OLD, cert("a", server="EX02"))
    new = renewal(ISSUING)
    assert [c.server for c in with_certificates(both, [new]).find(new.sha1)] == [SERVER, "EX02"]
    assert [c.server for c in with_certificates(both, [new], ["EX02"]).find(new.sha1)] == ["EX02"]
    assert [c.server for c in with_certificates(stock(), [new]).find(new.sha1)] == [None]
    (added,) = with_certificates(stock(), [new]).certificates
    assert (added.subject, added.services) == (new.subject.windows, Services.SMTP)
    assert without(both, OLD.thumbprint, ["EX02"]).servers == (SERVER,)
    assert without(both, OLD.thumbprint).certificates == ()


@pytest.mark.parametrize(
    ("had", "assigned", "has"),
    [
        (Services.IIS, Services.SMTP, Services.IIS | Services.SMTP),
        (Services.IIS, Services.NONE, Services.IIS),
        (None, Services.SMTP, None),
        (Services.IIS, None, None),
    ],
)
def test_services_of_a_known_certificate_are_added(
    had: Services | None, assigned: Services | None, has: Services | None
) -> None:
    new = renewal(ISSUING)
    (once,) = with_certificates(stock(), [new], services=had).certificates
    twice = with_certificates(stock(once), [new], services=assigned)
    assert [c.services for c in twice.certificates] == [has]


# Servers compared.


def on(server: str, tag: str = "a", **more: object) -> ExchangeCertificate:
    return cert(tag, server=server, **more)


THREE = send(source_transport_servers=("EX01", "EX02", "EX03"))


def compare(*certificates: ExchangeCertificate, connector: SendConnector = THREE) -> tuple[object, ...]:
    found = compare_servers(select_on_sources(connector, stock(*certificates), NOW))
    return (
        found.agree,
        [(share.servers, share.end) for share in found.shares],
        "\n".join(map(str, found.statements)),
    )


def test_servers_that_do_alike() -> None:
    agree, shares, said = compare(on("EX01"), on("EX02"), on("EX03"))
    assert (agree, shares) == (True, [(("EX01", "EX02", "EX03"), Delivery.SENT)])
    assert "would be refused" not in str(said)


def test_one_of_three_lacks_the_certificate() -> None:
    other = on("EX03", "b", subject="CN=x.test", issuer="CN=x")
    pinned = replace(THREE, tls_certificate_name=PIN)
    agree, shares, said = compare(on("EX01"), on("EX02"), other, connector=pinned)
    assert (agree, shares) == (False, [(("EX01", "EX02"), Delivery.SENT), (("EX03",), Delivery.REFUSED)])
    assert "About one message in three would be refused" in str(said)
    assert f"EX03 lacks {OLD.thumbprint.upper()}: import it there." in str(said)
    assert "EX03 chooses no certificate." in str(said)


def test_one_of_two_picks_another() -> None:
    newer = on("EX02", "b", days=(-1, 300), root=RootCAType.ENTERPRISE)
    two = replace(THREE, source_transport_servers=("EX01", "EX02"))
    agree, _, said = compare(on("EX01"), on("EX02"), newer, connector=two)
    assert agree is False
    assert "About one message in two would be refused" in str(said)
    assert "EX02 holds" in str(said)


def test_two_of_three_are_refused() -> None:
    bad = [on(one, "b", root=RootCAType.REGISTRY) for one in ("EX02", "EX03")]
    _, shares, said = compare(on("EX01"), *bad)
    assert shares == [(("EX02", "EX03"), Delivery.REFUSED), (("EX01",), Delivery.SENT)]
    assert "About two messages in three would be refused" in str(said)
    assert "EX02 and EX03 choose " in str(said)


def test_all_are_refused() -> None:
    agree, _, said = compare(*(on(f"EX0{n}", root=RootCAType.ENTERPRISE) for n in (1, 2, 3)))
    assert agree is True
    assert "Mail from every source server would be refused." in str(said)


def test_a_server_without_an_export_cannot_be_told() -> None:
    agree, shares, said = compare(on("EX01"), on("EX02"))
    assert (agree, shares) == (None, [(("EX01", "EX02"), Delivery.SENT), (("EX03",), Delivery.UNKNOWN)])
    assert "What EX03 chooses cannot be told." in str(said)
    assert "EX03 lacks" not in str(said)


def test_the_same_certificate_without_smtp_on_one_server() -> None:
    agree, shares, _ = compare(on("EX01"), on("EX02"), on("EX03", services=Services.IIS))
    assert (agree, shares[1]) == (False, (("EX03",), Delivery.REFUSED))


def test_an_unjudged_certificate_is_neither_sent_nor_refused() -> None:
    agree, shares, _ = compare(*(on(f"EX0{n}", root=None) for n in (1, 2, 3)))
    assert (agree, shares[0][1]) == (True, Delivery.UNKNOWN)


def test_more_servers_than_words() -> None:
    names = [f"EX{n:02}" for n in range(1, 14)]
    pinned = replace(THREE, tls_certificate_name=PIN, source_transport_servers=tuple(names))
    certificates = [on(name) for name in names[1:]]
    _, _, said = compare(on("EX01", issuer="CN=x"), *certificates, connector=pinned)
    assert "About one message in 13 would be refused" in str(said)


# Chains.


def test_the_chain_is_put_together_from_all_files() -> None:
    given = samples()
    pem = x509.load_pem_x509_certificates((SAMPLES / "sample-ca-certificates.pem").read_bytes())
    extra = [parse(one.public_bytes(Encoding.DER)) for one in pem]
    (public,) = given.inventory.find(PUB)
    chain = chain_for(public, given.inventory, [Unreadable(b"x", "broken"), *extra])
    assert chain is not None
    assert [one.subject.short for one in chain.certificates] == [HOST, "Fabrikam Public TLS RSA CA 1"]
    leaf_alone = chain_for(public, given.inventory)
    assert leaf_alone is not None
    assert len(leaf_alone.entries) == 1
    assert "does not tell" in CAVEAT.text


def test_no_chain_without_raw_data() -> None:
    assert chain_for(OLD, Inventory()) is None


def test_issuers_of_each_other_end() -> None:
    """Two cross-signed authorities: each is listed once."""
    one, other = CA.root("CN=One"), CA.root("CN=Other")
    crossed = CA.intermediate(one, "CN=Other"), CA.intermediate(other, "CN=One")
    leaf = parsed(CA.leaf(crossed[0], HOST))
    record = replace(OLD, certificate=leaf)
    chain = chain_for(record, stock(record), [parsed(each) for each in (*crossed, one, other)])
    assert chain is not None
    assert [each.subject.short for each in chain.certificates] == [HOST, "Other", "One"]
    own = replace(OLD, certificate=parsed(CA.self_signed(HOST)))
    alone = chain_for(own, stock(own), [parsed(one)])
    assert alone is not None
    assert len(alone.entries) == 1
