"""The built-in servers, seen through the very probe they are there for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from probe.capture import Capture
from probe.demo_servers import SimulatedServer, Simulator
from probe.net.clock import monotonic
from probe.net.observe import observe
from probe.net.request import ProbeRequest
from probe.net.stream import begin_connect
from probe.pki.certificate import Certificate, parse, verify
from probe.pki.signature import Signature

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator.start(NOW) as running:
        yield running


def probe(server: SimulatedServer) -> Capture:
    request = ProbeRequest(
        host=server.host, address="127.0.0.1", port=server.port, sni=server.host, timeout_s=10
    )
    return observe(request, begin_connect(request.address, request.port), monotonic())


def chain(capture: Capture) -> tuple[Certificate, ...]:
    assert capture.fault is None, capture
    assert capture.presented is not None
    return capture.presented.certificates


def named(simulator: Simulator, name: str) -> SimulatedServer:
    return next(server for server in simulator.servers if server.name == name)


def root(simulator: Simulator) -> Certificate:
    import ssl

    parsed = parse(ssl.PEM_cert_to_DER_cert(simulator.root_pem.decode()))
    assert isinstance(parsed, Certificate)
    return parsed


def signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    return certificate.issuer == issuer.subject and verify(certificate, issuer) is Signature.VALID


def test_the_five_situations(simulator: Simulator) -> None:
    assert [server.name for server in simulator.servers] == [
        "healthy",
        "self-signed",
        "internal-ca",
        "missing-intermediate",
        "two-certificates",
    ]
    assert len({server.port for server in simulator.servers}) == 5
    assert all(server.title for server in simulator.servers)


def test_every_leaf_bears_the_name_and_is_valid(simulator: Simulator) -> None:
    for server in simulator.servers:
        leaf = chain(probe(server))[0]
        assert leaf.not_before < NOW < leaf.not_after - timedelta(days=30)
        assert leaf.dns_names == (server.host,)


def test_healthy_leads_to_the_root(simulator: Simulator) -> None:
    leaf, issuing = chain(probe(named(simulator, "healthy")))
    assert signed_by(leaf, issuing)
    assert signed_by(issuing, root(simulator))


def test_self_signed_stands_alone(simulator: Simulator) -> None:
    (leaf,) = chain(probe(named(simulator, "self-signed")))
    assert signed_by(leaf, leaf)


def test_internal_ca_leads_to_another_root(simulator: Simulator) -> None:
    leaf, issuing, internal = chain(probe(named(simulator, "internal-ca")))
    assert signed_by(leaf, issuing)
    assert signed_by(issuing, internal)
    assert signed_by(internal, internal)
    assert internal.sha256 != root(simulator).sha256


def test_the_missing_intermediate_is_all_that_is_missing(simulator: Simulator) -> None:
    (leaf,) = chain(probe(named(simulator, "missing-intermediate")))
    _, issuing = chain(probe(named(simulator, "healthy")))
    assert signed_by(leaf, issuing)
    assert not signed_by(leaf, root(simulator))


def test_two_certificates_take_turns(simulator: Simulator) -> None:
    server = named(simulator, "two-certificates")
    leaves = [chain(probe(server))[0].sha256 for _ in range(4)]
    assert leaves[0] == leaves[2] != leaves[1] == leaves[3]


def test_nothing_listens_after_the_end() -> None:
    with Simulator.start(NOW) as running:
        server = running.servers[0]
        assert probe(server).fault is None
    capture = probe(server)
    assert capture.fault is not None
    assert "refused" in capture.fault.message


def test_each_start_has_keys_of_its_own(simulator: Simulator) -> None:
    with Simulator.start(NOW) as other:
        assert other.root_pem != simulator.root_pem
        assert b"PRIVATE" not in other.root_pem
