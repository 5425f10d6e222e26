"""OpenSSL's own DANE as the oracle: `s_client` against a server on loopback that sends the chain."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product

import pytest

from probe.pki.dane import Standing, TlsaRecord
from tests.authority import CLIENT_AUTH, Issued
from tests.net.scripted import Peer, ScriptedServer, tls_context
from tests.pki.judging import DAY, HOST, NOW
from tests.pki.test_pki_dane import CHAIN, ISSUING, LAB, LEAF, ROOT, STRANGER, result, tlsa

OLD = LAB.leaf(not_before=NOW - 9 * DAY, not_after=NOW - DAY)
OTHER = LAB.leaf(None, "internal.contoso.lan")
NOT_A_CA = LAB.authority.intermediate(ROOT, "Not a CA", ca=False, path_length=None)
FOR_CLIENTS = LAB.authority.intermediate(ROOT, "For Clients", eku=(CLIENT_AUTH,))
BOUND = LAB.authority.intermediate(ROOT, "Bound", permitted=("fabrikam.test",))
RAN_OUT = LAB.authority.intermediate(ROOT, "Ran Out", not_after=NOW - DAY)
SELF = LAB.authority.self_signed(HOST)
CHAINS = {
    "whole": CHAIN,
    "without its root": CHAIN[:2],
    "alone": CHAIN[:1],
    "with a gap": (LEAF, ROOT),
    "expired": (OLD, ISSUING, ROOT),
    "other name": (OTHER, ISSUING, ROOT),
    "no CA": (LAB.leaf(NOT_A_CA), NOT_A_CA, ROOT),
    "for clients": (LAB.leaf(FOR_CLIENTS), FOR_CLIENTS, ROOT),
    "constrained": (LAB.leaf(BOUND), BOUND, ROOT),
    "expired issuer": (LAB.leaf(RAN_OUT), RAN_OUT, ROOT),
    "self-signed": (SELF,),
}
KINDS = tuple(product((2, 3), (0, 1), (0, 1, 2)))


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """A server for each chain."""
    servers = {
        name: ScriptedServer(partial(Peer.serve_tls, context=tls_context(*chain)))
        for name, chain in CHAINS.items()
    }
    for server in servers.values():
        server.__enter__()
    yield {name: server.port for name, server in servers.items()}
    for server in servers.values():
        server.__exit__()


def openssl(port: int, records: Sequence[TlsaRecord]) -> int | None:
    """The code of OpenSSL's verdict, 0 for a chain that is authenticated; None where no record could be added."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-attime", str(int(NOW.timestamp()))]
    command += [
        "-dane_tlsa_domain",
        HOST,
        "-dane_ee_no_namechecks",
        "-no-CAfile",
        "-no-CApath",
        "-no-CAstore",
    ]
    for record in records:
        command += ["-dane_tlsa_rrdata", record.text]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    code = re.search(rb"Verify return code: (\d+)", done.stdout)
    assert code or b"Failed to import any TLSA records" in done.stderr, done.stderr
    return int(code[1]) if code else None


def agree(port: int, chain: Sequence[Issued], *records: TlsaRecord) -> None:
    ours = result(*records, chain=chain)
    verdict = openssl(port, records)
    assert (verdict is None) == (ours.decisive is None), (verdict, ours)
    assert (verdict == 0) == ours.authenticated, (verdict, ours)
    if ours.decisive and ours.decisive.standing is Standing.OTHER_NAME:
        assert verdict == 62  # X509_V_ERR_HOSTNAME_MISMATCH


@pytest.mark.parametrize("name", CHAINS)
def test_every_kind_of_record_for_every_chain(ports: dict[str, int], name: str) -> None:
    """Each kind for the end certificate, for what stands above it, and for what was not sent."""
    chain = CHAINS[name]
    cases = [(usage, 1, 1, of) for usage, of in product((2, 3), (*chain, ISSUING, STRANGER))]
    cases += [(*kind, chain[-1] if kind[0] == 2 else chain[0]) for kind in KINDS]
    cases += [(2, selector, 0, ROOT) for selector in (0, 1)]
    for usage, selector, matching, of in dict.fromkeys(cases):
        agree(ports[name], chain, tlsa(usage, selector, matching, of))


@pytest.mark.parametrize(
    "records",
    [
        (tlsa(3, 1, 1, LEAF), tlsa(3, 1, 2, STRANGER)),
        (tlsa(3, 1, 1, STRANGER), tlsa(3, 1, 2, LEAF)),
        (tlsa(3, 1, 1, LEAF), tlsa(3, 0, 2, STRANGER)),
        (tlsa(3, 1, 0, LEAF), tlsa(3, 1, 2, STRANGER)),
        (tlsa(3, 1, 1, STRANGER), tlsa(2, 0, 1, ISSUING)),
        (tlsa(3, 1, 1, STRANGER), tlsa(2, 0, 1, STRANGER)),
        (TlsaRecord(usage=3, selector=1, matching=1, data=bytes(31)), tlsa(3, 1, 1, LEAF)),
        (TlsaRecord(usage=3, selector=1, matching=1, data=bytes(31)),),
        (TlsaRecord(usage=3, selector=2, matching=1, data=bytes(32)),),
        (TlsaRecord(usage=4, selector=1, matching=1, data=bytes(32)), tlsa(3, 1, 1, STRANGER)),
        (TlsaRecord(usage=2, selector=0, matching=0, data=b"\x30\x03\x02\x01\x00"),),
    ],
)
def test_several_records(ports: dict[str, int], records: tuple[TlsaRecord, ...]) -> None:
    agree(ports["whole"], CHAIN, *records)
