"""Built-in SMTP servers on loopback with throw-away certificates: the main job without a network.

    with Simulator.start(now) as simulator:
        for server in simulator.servers: ...    # probe server.host at 127.0.0.1 port server.port

The keys are made at start and live in memory only. `root_pem` is the root that the healthy server's chain leads
to: the store to judge by, for no real store can know a root that is minutes old.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probe.net.listener import Listener
from probe.net.listener_settings import ListenerSettings
from probe.net.target import LOOPBACK
from probe.net.tls_server import server_context
from probe.smtp.server_values import ServerProfile

DEMO_HOST = "mail.contoso.example"
"""The name in every certificate; RFC 2606 keeps it from ever being somebody's."""

_PUBLIC_ORGANIZATION = "eop-probe Demo"
_INTERNAL_ORGANIZATION = "Contoso"

_DAY = timedelta(days=1)


class SimulatedServer(NamedTuple):
    """One situation: its short name, what it shows, and where it listens (always on 127.0.0.1)."""

    name: str
    title: str
    host: str
    port: int


class _Identity(NamedTuple):
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class _Situation(NamedTuple):
    """What one server presents: of several chains its connections get one each in turn."""

    name: str
    title: str
    chains: Sequence[Sequence[_Identity]]


class Simulator:
    """The servers while they run; `close` stops them."""

    def __init__(self, servers: tuple[SimulatedServer, ...], root_pem: bytes, stack: ExitStack) -> None:
        self.servers = servers
        self.root_pem = root_pem
        self._stack = stack

    @classmethod
    def start(cls, now: datetime) -> Self:
        """Make the certificates as of `now` (aware), and start one server for each situation."""
        root = _authority(now, "eop-probe Demo Public Root", _PUBLIC_ORGANIZATION, years=10)
        with ExitStack() as stack:
            servers = tuple(_serve(situation, stack) for situation in _situations(now, root))
            return cls(servers, root.pem, stack.pop_all())

    def close(self) -> None:
        """Stop all servers; their connections end with a 421."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _situations(now: datetime, root: _Identity) -> tuple[_Situation, ...]:
    issuing = _authority(now, "eop-probe Demo Public Issuing CA", _PUBLIC_ORGANIZATION, years=5, issuer=root)
    internal_root = _authority(now, "Contoso Internal Root CA", _INTERNAL_ORGANIZATION, years=10)
    internal = _authority(
        now, "Contoso Internal Issuing CA", _INTERNAL_ORGANIZATION, years=5, issuer=internal_root
    )
    public_leaf, internal_leaf = _leaf(now, issuing), _leaf(now, internal)
    # Exchange's set-up makes one for each server, valid for five years.
    own = _leaf(now, None, days=5 * 365)
    return (
        _Situation("healthy", "a public certificate with its intermediate", [[public_leaf, issuing]]),
        _Situation("self-signed", "Exchange's own self-signed certificate", [[own]]),
        _Situation(
            "internal-ca", "a certificate of the company's own CA", [[internal_leaf, internal, internal_root]]
        ),
        _Situation("missing-intermediate", "a public certificate without its intermediate", [[public_leaf]]),
        _Situation(
            "two-certificates",
            "two certificates that take turns (KB 2888788)",
            [[public_leaf, issuing], [internal_leaf, internal, internal_root]],
        ),
    )


def _serve(situation: _Situation, stack: ExitStack) -> SimulatedServer:
    contexts = [
        server_context(b"".join(each.pem for each in chain), chain[0].key_pem) for chain in situation.chains
    ]
    settings = ListenerSettings(profile=ServerProfile(hostname=DEMO_HOST), contexts=contexts, host=LOOPBACK)
    listener = stack.enter_context(Listener(settings))
    return SimulatedServer(situation.name, situation.title, DEMO_HOST, listener.port)


def _authority(
    now: datetime, name: str, organization: str, *, years: int, issuer: _Identity | None = None
) -> _Identity:
    """Return a CA that is a year old; without an issuer a root, else one that issues leaves only."""
    constraints = x509.BasicConstraints(ca=True, path_length=0 if issuer else None)
    subject, dates = _name(name, organization), (now - 365 * _DAY, now + years * 365 * _DAY)
    return _issue(subject, issuer, dates, constraints, _key_usage(signs_certificates=True))


def _leaf(now: datetime, issuer: _Identity | None, *, days: int = 200) -> _Identity:
    """Return a certificate for DEMO_HOST, thirty days old; without an issuer a self-signed one."""
    return _issue(
        _name(DEMO_HOST),
        issuer,
        (now - 30 * _DAY, now + (days - 30) * _DAY),
        x509.SubjectAlternativeName([x509.DNSName(DEMO_HOST)]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
        x509.BasicConstraints(ca=False, path_length=None),
        _key_usage(signs_certificates=False),
    )


def _issue(
    subject: x509.Name,
    issuer: _Identity | None,
    dates: tuple[datetime, datetime],
    *extensions: x509.ExtensionType,
) -> _Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
        .public_key(key.public_key())
    )
    identifiers = (
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
    )
    for extension in (*extensions, *identifiers):
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical)
    return _Identity(builder.sign(signer, hashes.SHA256()), key)


def _name(common_name: str, organization: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
