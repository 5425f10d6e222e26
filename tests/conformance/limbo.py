"""Runs the engine over x509-limbo and BetterTLS: cases in, agreements and disagreements out.

The suite's oracle is RFC 5280 and the CA/Browser Forum's rules, not Windows; where the two differ
on purpose, `disagreements.toml` says so case by case.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from probe.pki.certificate import Certificate, Unreadable, parse
from probe.pki.chain import PresentedChain
from probe.pki.host_names import certificate_matches
from probe.pki.path import build
from probe.pki.status import ChainStatus, Purpose
from probe.pki.truststore import AnchorStore

ROOT = Path(__file__).resolve().parents[2]
#: Where the suite is looked for: the environment's answer, else beside the checkout.
ENVIRONMENT = "EOP_PROBE_LIMBO"
BESIDE = ROOT.parent / "shared" / "suites" / "x509-limbo.json.gz"
#: Cases without an instant have certificates valid for centuries.
ANY_TIME = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One case: what the suite wants, what the engine says, and the seconds of processor time it took."""

    id: str
    wanted: bool
    got: bool
    status: str
    seconds: float

    @property
    def family(self) -> str:
        return self.id.rpartition("::")[0]

    @property
    def agrees(self) -> bool:
        return self.wanted == self.got


def find() -> Path | None:
    """The suite's file, or None where it is not on this machine."""
    path = Path(os.environ.get(ENVIRONMENT) or BESIDE)
    return path if path.is_file() else None


def cases(path: Path, chunk: int = 1 << 20) -> Iterator[dict]:
    """The cases one by one: the whole file at once would take ten times the memory."""
    decoder = json.JSONDecoder()
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        buffer = stream.read(chunk)
        position = buffer.index("[", buffer.index('"testcases"')) + 1
        while True:
            position += len(buffer[position:]) - len(buffer[position:].lstrip(", \r\n\t"))
            if buffer[position : position + 1] == "]":
                return
            try:
                case, position = decoder.raw_decode(buffer, position)
            except json.JSONDecodeError:
                more = stream.read(chunk)
                if not more:
                    raise
                buffer, position = buffer[position:] + more, 0
                continue
            yield case


def is_left_out(case: dict) -> bool:
    """Client cases ask for e-mail names, others for CRLs or a depth of the caller's: nothing we have."""
    return case["validation_kind"] == "CLIENT" or bool(case["crls"]) or case["max_chain_depth"] is not None


def run(case: dict) -> Outcome:
    """Judge one case, name included."""
    leaf = _der(case["peer_certificate"])
    presented = [leaf, *map(_der, case["untrusted_intermediates"])]
    anchors = [each for each in map(_anchor, case["trusted_certs"]) if isinstance(each, Certificate)]
    at = datetime.fromisoformat(case["validation_time"]) if case["validation_time"] else ANY_TIME
    started = time.thread_time()
    chain = PresentedChain.from_der(presented)
    # BetterTLS wants deprecated algorithms refused; Windows does that for a caller that asks for it.
    refuse_sha1 = case["id"].startswith("bettertls::pathbuilding::")
    built = build(chain, AnchorStore("limbo", anchors), Purpose.SERVER_AUTH, at, refuse_sha1=refuse_sha1)
    name = case["expected_peer_name"]
    matches = name is None or (
        chain.leaf is not None and certificate_matches(chain.leaf, name["value"]) is True
    )
    elapsed = time.thread_time() - started
    status = " ".join(built.status.names() + (() if matches else ("NameMismatch",)))
    return Outcome(
        id=case["id"],
        wanted=case["expected_result"] == "SUCCESS",
        got=built.trusted and matches,
        status=status or ChainStatus.NoError.name,
        seconds=elapsed,
    )


@functools.lru_cache(maxsize=64)
def _anchor(pem: str) -> Certificate | Unreadable:
    """Thousands of cases share a root."""
    return parse(_der(pem))


def _der(pem: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem)
