"""`from probe import ...`: the same answers as values."""

from __future__ import annotations

import subprocess
import sys

import pytest

import probe
from probe import (
    Basis,
    Capture,
    CheckOptions,
    Confidence,
    Direction,
    Outcome,
    Settings,
    Severity,
    assess,
    judge,
    load_store,
    weigh,
)
from probe.errors import StoreError, TargetError
from probe.pki.chain import PresentedChain
from tests.cli.running import HEALTHY, HOST, ISSUING, LEAF, NOW, ROOT, SELF, hold, serving
from tests.eop.weighing import anchors

STORE = anchors(ROOT)


def options(**fields: object) -> CheckOptions:
    return CheckOptions(stores=lambda: [STORE], overrides={HOST: ("127.0.0.1",)}, **fields)


@pytest.mark.parametrize("name", probe.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(probe, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'judgment'"):
        _ = probe.judgment
    assert not hasattr(probe, "__nothing__")


def test_the_package_imports_nothing_by_itself() -> None:
    code = "import sys, probe; sys.exit(any(name.startswith('probe.') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_assess() -> None:
    with serving(HEALTHY) as port:
        [found] = assess(f"{HOST}:{port}", options())
    assert (found.outcome, found.error, found.capture.address) == (
        Outcome.ACCEPTED,
        None,
        "127.0.0.1",
    )
    assert [store.trusted for store in found.stores] == [True]
    assert found.capture.leaf is not None
    assert found.capture.leaf.sha256 == LEAF.sha256


def test_assess_says_what_is_wrong() -> None:
    with serving(SELF) as port:
        [found] = assess(f"{HOST}:{port}", options(direction=Direction.FROM_EOP))
    [prediction] = found.predictions
    assert found.outcome is Outcome.REJECTED
    assert prediction.rule == "self-signed"
    assert prediction.reply == "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]"
    assert (prediction.confidence, prediction.basis) == (Confidence.DOCUMENTED, Basis.RECEIVE_CONNECTOR)
    assert found.findings[0].severity is Severity.REJECT


def test_assess_answers_for_every_address_in_order() -> None:
    with serving(HEALTHY) as port:
        two = options(port=port)
        found = assess(
            HOST, CheckOptions(stores=two.stores, port=port, overrides={HOST: ("127.0.0.2", "127.0.0.1")})
        )
    assert [(each.capture.address, each.outcome) for each in found] == [
        ("127.0.0.2", Outcome.UNKNOWN),
        ("127.0.0.1", Outcome.ACCEPTED),
    ]


def test_a_peer_raises_nothing() -> None:
    with serving(hold) as port:
        [found] = assess(f"{HOST}:{port}", options(timeout_s=0.1))
    assert found.outcome is Outcome.UNKNOWN
    assert found.error is not None
    assert found.error.kind.value == "timeout"


def test_an_unresolvable_name_is_an_answer() -> None:
    [found] = assess("nowhere.invalid", options())
    assert found.outcome is Outcome.UNKNOWN
    assert found.capture.address is None


def test_unusable_questions_raise() -> None:
    with pytest.raises(TargetError):
        assess("two words", options())

    def broken() -> list[object]:
        return [load_store("/nonexistent.pem")]

    with serving(hold) as port, pytest.raises(StoreError):
        assess(f"127.0.0.1:{port}", CheckOptions(stores=broken))
    with pytest.raises(StoreError):
        assess("nowhere.invalid", CheckOptions(stores=broken))


def test_judge_evidence_already_held() -> None:
    chain = PresentedChain.from_der([LEAF.der, ISSUING.der])
    evidence = weigh(
        Capture(host=HOST, address=None, port=25, presented=chain),
        [STORE],
        direction=Direction.TO_EOP,
        basis=Basis.FILE,
        at=NOW,
        settings=Settings(expected_name=HOST),
    )
    assert judge(evidence).prediction.outcome is Outcome.ACCEPTED


def test_the_store_that_decides() -> None:
    store = load_store("microsoft")
    assert store.name == "microsoft"
    assert store.dated is not None
