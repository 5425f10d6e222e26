"""What an endpoint's samples say, and what `/probe` answers."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from probe.pki.chain import PresentedChain
from probe.pki.truststore import ListRole
from probe.render.report.metrics import (
    MAX_ELEMENTS,
    MAX_LABEL,
    TAKEN,
    families,
    labels_of,
    lines_of,
    own_labels,
)
from probe.render.report.scrape import MAX_TEXTS, Texts, _Text
from probe.report.assessment import Assessment
from tests.render import samples
from tests.render.goldens import EVERYTHING
from tests.render.test_render_prometheus import series, value

OWN = 'target="mail.contoso.com",host="mail.contoso.com",address="192.0.2.1",port="25",direction="to-eop"'


def text(assessment: Assessment, **more: str) -> str:
    return families([lines_of(assessment, labels_of(own_labels(assessment, more)))])


def sent(*ders: bytes) -> Assessment:
    """The accepted one, but what was sent."""
    evidence = samples.accepted().evidence
    capture = dataclasses.replace(evidence.capture, presented=PresentedChain.from_der(ders))
    return dataclasses.replace(samples.accepted(), evidence=dataclasses.replace(evidence, capture=capture))


@pytest.mark.parametrize("name", [*EVERYTHING, "awkward", "hostile"])
def test_every_series_is_its_endpoints_own(name: str) -> None:
    own = labels_of(own_labels(getattr(samples, name)(), {}))
    found = series(text(getattr(samples, name)()))
    assert found
    for metric, labels in found:
        assert labels.startswith(own)
        told = set(re.findall(r'(?:^|,)([a-z0-9_]+)="', labels))
        assert told <= TAKEN
        # What a peer chooses ends no series but those.
        assert metric.endswith("_info") or not told & {"subject", "issuer", "serial", "sha1", "dns_names"}


def test_rejected_or_not_the_certificates_are_there() -> None:
    found = text(samples.untrusted_root())
    assert value(found, "outcome") == 2
    assert value(found, "certificate_not_after_timestamp_seconds", 'element="0"') == (
        samples.INTERNAL.not_after.timestamp()
    )
    assert value(found, "path_expiry_timestamp_seconds") == samples.INTERNAL.not_after.timestamp()
    assert value(found, "store_dated_timestamp_seconds", 'store="microsoft"') == samples.LISTED.timestamp()
    assert value(found, "last_probe_timestamp_seconds") == samples.AT.timestamp()
    assert value(found, "finding", 'rule="untrusted-root",severity="reject",confidence="documented"') == 1
    assert (
        value(found, "prediction_info", 'reply="454 4.7.0 Failed to establish appropriate TLS channel') == 1
    )


def test_what_the_outcome_will_change_into() -> None:
    found = text(samples.accepted())
    assert value(found, "next_change_timestamp_seconds") == (samples.AT + timedelta(days=70)).timestamp()
    assert value(found, "next_outcome") == 1
    assert "next_" not in text(samples.untrusted_root())


def test_the_path_is_that_of_microsofts_list() -> None:
    """What is sent besides ends sooner, as an old cross-signature does."""
    old = samples.EXPIRED
    assert value(text(sent(samples.LEAF.der, old.der)), "path_expiry_timestamp_seconds") == (
        samples.LEAF.not_after.timestamp()
    )
    good = samples.accepted()
    stores = tuple(dataclasses.replace(each, role=ListRole.OTHER) for each in good.stores)
    other = dataclasses.replace(good, evidence=dataclasses.replace(good.evidence, stores=stores))
    assert "path_expiry" not in text(other)
    assert "eop_probe_not_after" in text(other)


def test_elements_keep_their_places_and_have_a_bound() -> None:
    found = text(sent(samples.LEAF.der, b"\x30\x03junk", *(samples.ISSUING.der for _ in range(30))))
    numbers = [int(each) for each in re.findall(r'certificate_info\{.*?element="(\d+)"', found)]
    assert numbers == [0, *range(2, MAX_ELEMENTS)]
    assert value(found, "certificates_left_out") == 32 - len(numbers)
    assert value(text(sent(samples.LEAF.der, samples.ISSUING.der)), "certificates_left_out") == 0


def test_certificates_past_the_limit_of_a_conversation_are_left_out_too() -> None:
    one = sent(samples.LEAF.der)
    presented = dataclasses.replace(one.capture.presented, dropped=3)  # type: ignore[type-var]
    seen = dataclasses.replace(one.capture, presented=presented)
    assert (
        value(
            text(dataclasses.replace(one, evidence=dataclasses.replace(one.evidence, capture=seen))),
            "certificates_left_out",
        )
        == 3
    )


def test_what_a_peer_chose_is_cleaned_and_bounded() -> None:
    found = text(samples.hostile())
    assert all(line.isprintable() for line in found.splitlines())
    assert found.encode()
    name = {"CN": '\0\n"\\' * MAX_LABEL}
    long = samples.certificate(name, name, signer="hostile")
    (info,) = (line for line in text(sent(long.der)).splitlines() if "_certificate_info{" in line)
    subject = re.search(r'subject="((?:[^"\\]|\\.)*)"', info)
    assert subject
    assert len(re.sub(r"\\(.)", r"\1", subject[1])) <= MAX_LABEL + len("...(2000 more)")
    # A surrogate is what Python makes of an argument that is no UTF-8.
    assert 'target="\\\\udcff"' in text(dataclasses.replace(samples.accepted(), target="\udcff"))


@pytest.mark.parametrize("name", [*EVERYTHING, "awkward", "hostile"])
def test_another_reader_of_the_format_reads_the_same(name: str) -> None:
    assessment = getattr(samples, name)()
    found = Texts().of((assessment,), 1)
    read = [sample for family in text_string_to_metric_families(found) for sample in family.samples]
    assert len(read) == sum(not line.startswith("#") for line in found.splitlines())
    own = own_labels(assessment, {})
    for sample in read:
        assert not sample.name.startswith("eop_") or own.items() <= sample.labels.items()


def test_a_fleets_labels_stand_beside_and_replace_none() -> None:
    found = text(samples.accepted(), customer="contoso", target="x", rule="y", __name__="z")
    assert f'eop_probe_outcome{{{OWN},customer="contoso"}} 0' in found.splitlines()
    assert series(found)


def test_the_whole_target_as_blackbox_exporter_says_it() -> None:
    found = Texts().of((samples.accepted(),), 0.25)
    assert "\nprobe_success 1\n" in found
    assert "\nprobe_duration_seconds 0.25\n" in found
    assert "\nprobe_ip_protocol 4\n" in found
    # As sent: that metric knows of no path.
    assert f"\nprobe_ssl_earliest_cert_expiry {samples.LEAF.not_after.timestamp():.15g}\n" in found
    assert series("".join(line for line in found.splitlines(keepends=True) if "eop_probe_" in line))


def test_one_endpoint_that_is_refused_is_no_success_and_has_its_date() -> None:
    found = Texts().of((samples.accepted(), samples.mixed(), samples.awkward()), 1.5)
    assert "\nprobe_success 0\n" in found
    assert f"\nprobe_ssl_earliest_cert_expiry {samples.INTERNAL.not_after.timestamp():.15g}\n" in found
    assert "probe_ip_protocol" not in found  # one by IPv4, one by IPv6
    assert found.count("# HELP eop_probe_outcome") == 1


def test_a_target_without_a_certificate() -> None:
    found = Texts().of((samples.unreachable(),), 30)
    assert "\nprobe_success 0\n" in found
    assert "probe_ssl" not in found
    assert "probe_success 0" in Texts().of((), 0)


def test_a_date_past_every_calendar() -> None:
    name = {"CN": "forever"}
    forever = samples.certificate(
        name, name, signer="root", not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    )
    assert value(text(sent(forever.der)), "certificate_not_after_timestamp_seconds") == 253402300799


def test_a_text_that_is_remembered_tells_what_a_new_one_does() -> None:
    texts, one, other = Texts(), samples.accepted(), samples.mixed()
    later = dataclasses.replace(one, started_at=one.started_at + timedelta(seconds=15), elapsed_ms=7)
    differing = [
        dataclasses.replace(later, **{name: getattr(other, name)})
        for name in ("findings", "predictions", "forecast")
    ]
    looks: list[tuple[Assessment, ...]] = [
        (one,), (later,), *((each,) for each in differing), (later,), (other,), (one, other), (later, other),
        (later, later), (), (samples.unreachable(),), (samples.unreachable(),),
        (dataclasses.replace(later, evidence=dataclasses.replace(one.evidence, stores=other.stores)),),
    ]  # fmt: skip
    for number, look in enumerate(looks):
        assert texts.of(look, number) == Texts().of(look, number)
    assert texts.of((one,), 1) != texts.of((later,), 1)


def test_texts_that_are_remembered_are_bounded() -> None:
    texts, known = Texts(), _Text((), [])
    for number in range(3 * MAX_TEXTS):
        texts._known[number,] = known
    assert len(texts._known) <= 2 * MAX_TEXTS
