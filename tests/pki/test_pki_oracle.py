"""OpenSSL as a second opinion on chains with one possible path; where it differs, the table says why.

Only pyOpenSSL's public interface is used: no purpose, no host name, the first error only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from OpenSSL import crypto

from probe.pki.status import ChainStatus
from tests.authority import ANY_PURPOSE, CLIENT_AUTH, Issued, raw_extension
from tests.pki.judging import DAY, NOW, Lab

LAB = Lab()
UNKNOWN_CRITICAL = raw_extension("1.3.6.1.4.1.55555.1", b"\x05\x00", critical=True)

#: OpenSSL's error (X509_V_ERR_*) and the flag that stands for it.
CODES = {
    0: "NoError",
    2: "PartialChain",
    7: "NotSignatureValid",
    9: "NotTimeValid",
    10: "NotTimeValid",
    18: "UntrustedRoot",
    19: "UntrustedRoot",
    20: "PartialChain",
    25: "InvalidBasicConstraints",
    34: "HasNotSupportedCriticalExtension",
    47: "HasNotPermittedNameConstraint",
    48: "HasExcludedNameConstraint",
    79: "InvalidBasicConstraints",
}


class Case(NamedTuple):
    """What is presented, leaf first, and the roots in the store."""

    chain: tuple[Issued, ...]
    roots: tuple[Issued, ...]


def under(*, store: bool = True, **overrides: object) -> Case:
    """A leaf under an intermediate with these overrides."""
    issuing = LAB.authority.intermediate(LAB.root, **({"path_length": None} | overrides))
    return Case((LAB.leaf(issuing), issuing), (LAB.root,) if store else ())


def leaf(**overrides: object) -> Case:
    return Case((LAB.leaf(**overrides), LAB.issuing), (LAB.root,))


def rooted(**overrides: object) -> Case:
    root = LAB.authority.root("Own", **overrides)
    return Case((LAB.leaf(root),), (root,))


def two_below_a_path_length_of_none() -> Case:
    short = LAB.authority.intermediate(LAB.root, "Short", path_length=0)
    below = LAB.authority.intermediate(short, "Below")
    return Case((LAB.leaf(below), below, short), (LAB.root,))


def alone(*, trusted: bool) -> Case:
    own = LAB.authority.self_signed("mail.contoso.test")
    return Case((own,), (own,) if trusted else ())


AGREED: dict[str, Callable[[], Case]] = {
    "good": leaf,
    "expired": lambda: leaf(not_after=NOW - DAY),
    "not yet valid": lambda: leaf(not_before=NOW + DAY),
    "intermediate expired": lambda: under(not_after=NOW - DAY),
    "root expired": lambda: rooted(not_after=NOW - DAY),
    "bad signature": lambda: leaf(broken_signature=True),
    "intermediate's bad signature": lambda: under(broken_signature=True),
    "no authority": lambda: under(ca=False),
    "path length": two_below_a_path_length_of_none,
    "unknown critical extension": lambda: leaf(extra=(UNKNOWN_CRITICAL,)),
    "permitted": lambda: under(permitted=("contoso.test",)),
    "not permitted": lambda: under(permitted=("fabrikam.test",)),
    "excluded": lambda: under(excluded=("contoso.test",)),
    "root missing": lambda: under(store=False),
    "root sent, untrusted": lambda: Case((LAB.leaf(), LAB.issuing, LAB.root), ()),
    "intermediate missing": lambda: Case((LAB.leaf(),), (LAB.root,)),
    "self-signed": lambda: alone(trusted=False),
    "self-signed and trusted": lambda: alone(trusted=True),
    "any purpose": lambda: leaf(eku=(ANY_PURPOSE,)),
    "an authority as leaf": lambda: leaf(ca=True, key_usage=("key_cert_sign",)),
    "a critical purpose": lambda: leaf(eku_critical=True),
    "rsa": lambda: leaf(key="rsa-2048"),
    "p-521": lambda: leaf(key="ec-p521"),
}


class Difference(NamedTuple):
    """A case OpenSSL judges otherwise, both verdicts, and why ours is the one Windows would give."""

    case: Callable[[], Case]
    ours: str
    openssl: str
    why: str


DIFFERENCES = {
    "client only": Difference(
        lambda: leaf(eku=(CLIENT_AUTH,)),
        "NotValidForUsage",
        "NoError",
        "pyOpenSSL's store has no purpose; Windows asks every element for it (observed)",
    ),
    "intermediate for clients only": Difference(
        lambda: under(eku=(CLIENT_AUTH,)),
        "NotValidForUsage",
        "NoError",
        "without a purpose OpenSSL does not nest purposes; Windows does (observed)",
    ),
    "no keyCertSign": Difference(
        lambda: under(key_usage=("crl_sign",)),
        "NotValidForUsage",
        "InvalidBasicConstraints",
        "OpenSSL has one error for all that makes no CA; Windows tells usage apart (observed)",
    ),
    "wrong key identifier": Difference(
        lambda: leaf(
            authority_key_id=False, extra=(raw_extension("2.5.29.35", b"\x30\x04\x80\x02\xab\xcd"),)
        ),
        "NoError",
        "PartialChain",
        "key identifiers only sort candidates on Windows (observed)",
    ),
    "CA:FALSE that may sign": Difference(
        lambda: leaf(key_usage=("key_cert_sign",)),
        "NotValidForUsage",
        "NoError",
        "newer versions of Windows refuse it on a leaf (observed)",
    ),
    "intermediate as anchor": Difference(
        lambda: Case((LAB.leaf(), LAB.issuing, LAB.root), (LAB.issuing,)),
        "UntrustedRoot",
        "PartialChain",
        "OpenSSL stops at the certificate of the store; Windows goes on to the root at hand (observed)",
    ),
}


def openssl(case: Case) -> str:
    """OpenSSL's first error as a flag."""
    store = crypto.X509Store()
    for root in case.roots:
        store.add_cert(crypto.X509.from_cryptography(root.certificate))
    store.set_time(NOW)
    end, *others = (crypto.X509.from_cryptography(each.certificate) for each in case.chain)
    try:
        crypto.X509StoreContext(store, end, others).verify_certificate()
    except crypto.X509StoreContextError as error:
        return CODES[error.errors[0]]
    return CODES[0]


def ours(case: Case) -> ChainStatus:
    return LAB.judge(*case.chain, store=case.roots).status


@pytest.mark.parametrize("make", AGREED.values(), ids=AGREED)
def test_openssl_agrees_on_chains_of_one_path(make: Callable[[], Case]) -> None:
    case = make()
    flag = openssl(case)
    assert flag in (ours(case).names() or ("NoError",))


@pytest.mark.parametrize("difference", DIFFERENCES.values(), ids=DIFFERENCES)
def test_where_openssl_differs_we_know_why(difference: Difference) -> None:
    case = difference.case()
    assert (ours(case).names() or ("NoError",))[0] == difference.ours, difference.why
    assert openssl(case) == difference.openssl, difference.why
