"""Results that published tests recorded on Windows, rebuilt as chains of our own: element by element, with controls.

Certificates and values are made here; from the sources come the situation and what Windows said of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from probe.pki.path import BuiltPath
from tests.authority import CLIENT_AUTH, SERVER_AUTH, Issued, raw_extension
from tests.pki.judging import HOST, Lab, shown

Level = tuple[x509.Extension, ...]

DOTNET = "dotnet/runtime CorruptPoliciesChainTests"
DOTNET_POLICY = "dotnet/runtime AppAndCertPoliciesChainTests, NoPolicyCheck"
DOTNET_DYNAMIC = "dotnet/runtime DynamicChainTests"
WINE = "Wine crypt32 tests, results of newer Windows"
USAGE, BROKEN_POLICY = "NotValidForUsage", "InvalidPolicyConstraints InvalidExtension"
USAGE_AND_POLICY = "NotValidForUsage InvalidPolicyConstraints InvalidExtension"
BROKEN_NAMES, LENGTH = "InvalidNameConstraints InvalidExtension", "InvalidBasicConstraints"
FINE = "NoError"

APPLICATION_POLICIES, CERTIFICATE_POLICIES, MAPPINGS = "1.3.6.1.4.1.311.21.10", "2.5.29.32", "2.5.29.33"
CONSTRAINTS, EKU, NAMES, OLD_NAMES, NAME_CONSTRAINTS = (
    "2.5.29.36", "2.5.29.37", "2.5.29.17", "2.5.29.7", "2.5.29.30",
)  # fmt: skip


class Recorded(NamedTuple):
    """A chain by its extensions, leaf first, the root last, what Windows flags, and a twin without the fault."""

    title: str
    source: str
    levels: Sequence[Level]
    elements: Sequence[str]
    control: Sequence[Level]
    whole: str | None = None
    """The chain's own flags, where they are not the union of its elements'."""


def judged(levels: Sequence[Level]) -> BuiltPath:
    """The chain below a listed root, asked for serverAuth; nothing is in a certificate that `levels` do not say."""
    lab, bare = Lab("recorded"), {"ca": None, "key_usage": None, "eku": None, "names": ()}
    bare |= {"authority_key_id": False, "subject_key_id": False}
    root = lab.authority.root("Recorded Root", **bare, extra=levels[-1])
    chain: list[Issued] = [root]
    for number, extra in enumerate(reversed(levels[1:-1])):
        made = lab.authority.intermediate(
            chain[0], f"Recorded CA {number}", **bare, path_length=None, extra=extra
        )
        chain.insert(0, made)
    leaf = lab.leaf(chain[0], subject=f"CN={HOST}", **bare, extra=levels[0])
    return lab.judge(leaf, *chain[:-1], store=[root])


def flags(levels: Sequence[Level]) -> list[str]:
    return [shown(each.status) for each in judged(levels).elements]


def ca(path_length: int | None = None) -> x509.Extension:
    value = x509.BasicConstraints(ca=True, path_length=path_length)
    return raw_extension("2.5.29.19", value.public_bytes(), critical=True)


def eku(*oids: ObjectIdentifier) -> x509.Extension:
    return raw_extension(EKU, x509.ExtendedKeyUsage(oids).public_bytes())


def policies(*oids: str, oid: str = CERTIFICATE_POLICIES) -> x509.Extension:
    stated = [x509.PolicyInformation(ObjectIdentifier(each), None) for each in oids]
    return raw_extension(oid, x509.CertificatePolicies(stated).public_bytes())


def application(*oids: ObjectIdentifier) -> x509.Extension:
    return policies(*(each.dotted_string for each in oids), oid=APPLICATION_POLICIES)


def demands(explicit: int | None, mapping: int | None) -> x509.Extension:
    return raw_extension(CONSTRAINTS, x509.PolicyConstraints(explicit, mapping).public_bytes(), critical=True)


def dns(name: str, oid: str = NAMES, *, critical: bool = False) -> x509.Extension:
    content = name.encode()
    entry = b"\x82" + bytes([len(content)]) + content
    return raw_extension(oid, b"\x30" + bytes([len(entry)]) + entry, critical=critical)


def permits(name: str, minimum: bytes = b"") -> x509.Extension:
    subtree = b"\x82" + bytes([len(name)]) + name.encode() + minimum
    permitted = b"\x30" + bytes([len(subtree)]) + subtree
    value = b"\xa0" + bytes([len(permitted)]) + permitted
    return raw_extension(NAME_CONSTRAINTS, b"\x30" + bytes([len(value)]) + value, critical=True)


def at(level: int, depth: int, here: Level, elsewhere: Level) -> list[Level]:
    """`here` at one level and `elsewhere` at the others; whatever stands above the leaf is a CA's."""
    chosen = (here if each == level else elsewhere for each in range(depth))
    return [(*extra, ca()) if each else extra for each, extra in enumerate(chosen)]


def only(level: int, depth: int, words: str) -> list[str]:
    return [words if each == level else FINE for each in range(depth)]


STATED = (policies("2.23.140.1.2.1"),)
NO_POLICIES = raw_extension(CERTIFICATE_POLICIES, b"\x05")
NO_APPLICATIONS = raw_extension(APPLICATION_POLICIES, b"\x01\x00")
NO_PURPOSES = raw_extension(EKU, b"\x30\x11")
GOOD_PURPOSES = (application(SERVER_AUTH), eku(SERVER_AUTH))
ONLY_CLIENTS = (application(CLIENT_AUTH), eku(CLIENT_AUTH))
#: 1.2.3 stands for 1.2.4 below.
MAPPED = raw_extension(MAPPINGS, bytes.fromhex("300a300806022a0306022a04"), critical=True)
UPPER, LOWER = "1.2.3", "1.2.4"


def mapped_under(inhibit: int) -> list[Level]:
    """The leaf has the mapped policy only, an explicit one is required, and the root forbids mapping from so far on."""
    upper = (ca(), demands(0, None), policies(UPPER, "2.3.4.5"), MAPPED)
    return [(policies(LOWER),), upper, (ca(), policies("2.5.29.32.0")), (ca(), demands(None, inhibit))]


RECORDED: tuple[Recorded, ...] = (
    *(
        Recorded(
            f"undecodable certificatePolicies at element {level}",
            DOTNET,
            at(level, 3, (NO_POLICIES,), STATED),
            only(level, 3, BROKEN_POLICY),
            at(level, 3, STATED, STATED),
        )
        for level in range(3)
    ),
    Recorded(
        "undecodable policyMappings in the intermediate",
        DOTNET,
        at(1, 3, (*STATED, raw_extension(MAPPINGS, b"\x04\x13", critical=True)), STATED),
        only(1, 3, BROKEN_POLICY),
        at(1, 3, (*STATED, MAPPED), STATED),
    ),
    *(
        Recorded(
            f"undecodable extended key usage beside good application policies at element {level}",
            DOTNET,
            at(level, 3, (application(SERVER_AUTH), NO_PURPOSES), GOOD_PURPOSES),
            [FINE] * 3,
            at(level, 3, GOOD_PURPOSES, GOOD_PURPOSES),
        )
        for level in range(3)
    ),
    Recorded(
        "the leaf is good for all purposes, no CA is good for the one asked",
        DOTNET,
        at(0, 5, (NO_APPLICATIONS, eku(CLIENT_AUTH)), ONLY_CLIENTS),
        [USAGE_AND_POLICY, *[USAGE] * 4],
        at(0, 5, (), GOOD_PURPOSES),
    ),
    Recorded(
        "the root is good for all purposes, nothing below it for the one asked",
        DOTNET,
        at(4, 5, (NO_APPLICATIONS, eku(CLIENT_AUTH)), ONLY_CLIENTS),
        [*[USAGE] * 4, BROKEN_POLICY],
        at(4, 5, (), GOOD_PURPOSES),
    ),
    Recorded(
        "the leaf alone lacks the purpose",
        DOTNET,
        at(0, 3, (eku(CLIENT_AUTH),), ()),
        only(0, 3, USAGE),
        at(0, 3, (eku(CLIENT_AUTH, SERVER_AUTH),), ()),
    ),
    Recorded(
        "a CA lacks the purpose: what stands below it is flagged, the good root is not",
        DOTNET,
        at(1, 3, (eku(CLIENT_AUTH),), ()),
        [USAGE, USAGE, FINE],
        at(1, 3, (eku(CLIENT_AUTH, SERVER_AUTH),), ()),
    ),
    *(
        Recorded(
            f"the root's inhibitPolicyMapping {inhibit} forbids the mapping that the leaf needs",
            DOTNET_POLICY,
            mapped_under(inhibit),
            [FINE] * 4,
            mapped_under(2),
            "NoIssuanceChainPolicy",
        )
        for inhibit in (0, 1)
    ),
    Recorded(
        "a permitted name with a minimum",
        DOTNET_DYNAMIC,
        [(dns("example.com"),), (ca(), permits(".example.com", bytes.fromhex("800109"))), (ca(),)],
        only(1, 3, "HasNotSupportedNameConstraint"),
        [(dns("a.example.com"),), (ca(), permits(".example.com")), (ca(),)],
    ),
    Recorded(
        "one CA more than the root's path length allows",
        WINE,
        [(), (ca(),), (ca(0),)],
        [FINE, LENGTH, LENGTH],
        [(), (ca(),), (ca(1),)],
    ),
    *(
        Recorded(
            f"an embedded NUL in a dNSName of {oid} under constraints",
            WINE,
            [(dns("foo.com\0baddie", oid),), (ca(), permits("foo.com"))],
            [FINE, BROKEN_NAMES],
            [(dns("foo.com", oid),), (ca(), permits("foo.com"))],
        )
        for oid in (NAMES, OLD_NAMES)
    ),
    *(
        Recorded(
            f"alternative names under the old identifier, critical: {critical}",
            WINE,
            [(dns("b.com", OLD_NAMES, critical=critical),), (ca(), permits("a.com"))],
            [FINE, "HasNotPermittedNameConstraint"],
            [(dns("a.com", OLD_NAMES, critical=critical),), (ca(), permits("a.com"))],
        )
        for critical in (False, True)
    ),
)
