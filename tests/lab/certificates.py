"""Makes the lab's certificates: `python -m tests.lab.certificates FOLDER`.

Into FOLDER: LAB-ROOT.pem (the public-style root, for `--store`), INTERNAL-ROOT.pem, and certificates/ with a
file for each of them: the key, then what the server is to send, as Postfix's smtpd_tls_chain_files has it.
FOLDER/authority/ holds the keys of the two CAs, for tests that issue more (`issuers`); no service sees it.
FOLDER/names/ has what the lab's DNS and its MTA-STS policies say of them (tests/lab/domains.py).
FOLDER/certificates/made holds when, and by which version of this program; after ten hours they are stale.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.authority import DAY, Authority, Issued, chain_pem
from tests.lab import domains

# The dates below are reckoned from when they were made, and the lab may well run for days: what ends in five of them
# has 5 days left, rounded, for twelve hours, within which tests that begin now end.
FRESH = timedelta(hours=10)
KEY = "rsa-2048"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pki:
    """The two hierarchies: one that the user trusts by LAB-ROOT.pem, one that nobody does."""

    authority: Authority
    public_root: Issued
    public_ca: Issued
    internal_root: Issued

    @classmethod
    def at(cls, now: datetime) -> Pki:
        authority = Authority(now=now, name="lab")
        public_root = authority.root("CN=Lab Public Root CA,O=Lab Public Trust", key=KEY)
        return cls(
            authority=authority,
            public_root=public_root,
            public_ca=authority.intermediate(
                public_root, "CN=Lab Public Issuing CA 1,O=Lab Public Trust", key=KEY
            ),
            internal_root=authority.root("CN=Contoso Internal Root CA,O=Contoso", key=KEY),
        )

    def public(self, *names: str, begins: timedelta | None = None, ends: timedelta | None = None) -> Issued:
        """A leaf of the public-style CA; dates relative to now, 50 of 200 days gone if not said."""
        dates: dict[str, object] = {}
        if begins is not None:
            dates["not_before"] = self.authority.now + begins
        if ends is not None:
            dates["not_after"] = self.authority.now + ends
        return self.authority.leaf(self.public_ca, *(names or ("mail.contoso.test",)), key=KEY, **dates)


def server_files(pki: Pki) -> dict[str, tuple[Issued, ...]]:
    """What each file sends, the leaf first."""
    authority, ca, internal_root = pki.authority, pki.public_ca, pki.internal_root
    healthy = pki.public()
    exchanger = pki.public(*domains.HOSTS)
    return {
        "healthy": (healthy, ca),
        # What Postfix and Exim present when they send; the keys of the others are RSA.
        "healthy-ec": (authority.leaf(ca, "mail.contoso.test", key="ec-p256"), ca),
        "renewed": (pki.public(), ca),
        "localhost": (pki.public("localhost"), ca),
        "wildcard": (pki.public("*.contoso.test"), ca),
        "missing-intermediate": (pki.public(),),
        "expired": (pki.public(begins=-205 * DAY, ends=-5 * DAY), ca),
        "not-yet-valid": (pki.public(begins=5 * DAY, ends=205 * DAY), ca),
        "expires-soon": (pki.public(begins=-195 * DAY, ends=5 * DAY), ca),
        "wrong-name": (pki.public("other.fabrikam.test"), ca),
        # As Exchange's set-up makes them: for five years.
        "self-signed": (
            authority.self_signed("mail.contoso.test", key=KEY, not_after=authority.now + 1775 * DAY),
        ),
        "internal-ca": (authority.leaf(internal_root, "mail.contoso.test", key=KEY), internal_root),
        "internal-ca-ec": (authority.leaf(internal_root, "mail.contoso.test", key="ec-p256"), internal_root),
        "exchanger": (exchanger, ca),
        "exchanger-root": (exchanger, ca, pki.public_root),
        "exchanger-expired": (pki.public(*domains.HOSTS, begins=-205 * DAY, ends=-5 * DAY), ca),
        "exchanger-future": (pki.public(*domains.HOSTS, begins=5 * DAY, ends=205 * DAY), ca),
        "exchanger-internal-ca": (authority.leaf(internal_root, *domains.HOSTS, key=KEY), internal_root),
        "policies": (pki.public(*domains.policies_hosts()), ca),
        "policies-expired": (
            pki.public(*domains.policies_hosts(), begins=-205 * DAY, ends=-5 * DAY),
            ca,
        ),
        "policies-internal-ca": (
            authority.leaf(internal_root, *domains.policies_hosts(), key=KEY),
            internal_root,
        ),
    }


def is_fresh(folder: Path, now: datetime) -> bool:
    """Whether the folder's certificates were made by this program, as it is now, and lately."""
    try:
        made, program = (folder / "certificates" / "made").read_text().split()
        return program == _program() and timedelta() <= now - datetime.fromisoformat(made) < FRESH
    except (OSError, ValueError):
        return False


def write(folder: Path, now: datetime) -> None:
    """Make them all; `made` is removed first and written last, so that half a set is never fresh."""
    target = folder / "certificates"
    target.mkdir(parents=True, exist_ok=True)
    (target / "made").unlink(missing_ok=True)
    pki = Pki.at(now)
    files = server_files(pki)
    domains.write(folder / "names", files)
    for name, sent in files.items():
        _write_secret(target / f"{name}.pem", sent[0].key_pem + chain_pem(*sent))
    (folder / "authority").mkdir(exist_ok=True)
    for name, issuer in (("public-ca", pki.public_ca), ("internal-root", pki.internal_root)):
        _write_secret(folder / "authority" / f"{name}.pem", issuer.key_pem + issuer.pem)
    (folder / "LAB-ROOT.pem").write_text(pki.public_root.pem)
    (folder / "INTERNAL-ROOT.pem").write_text(pki.internal_root.pem)
    (target / "made").write_text(f"{now.isoformat()} {_program()}\n")


def issuers(folder: Path) -> tuple[Issued, Issued]:
    """The CAs that issued what the services present: the public-style one, and the internal root."""
    return _read_issuer(folder, "public-ca"), _read_issuer(folder, "internal-root")


def _read_issuer(folder: Path, name: str) -> Issued:
    data = (folder / "authority" / f"{name}.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(data)
    key = load_pem_private_key(data, None)
    return Issued(der=certificate.public_bytes(Encoding.DER), key=key, subject=certificate.subject)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _program() -> str:
    texts = (Path(each).read_bytes() for each in (__file__, domains.__file__))
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def main(folder: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    if not is_fresh(folder, now):
        write(folder, now)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
