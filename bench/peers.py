"""The command lines: the product's, and those of the tools that people use for the same question.

Each verifies the chain against a store of 120 roots and more, and the name, as far as it can; sslyze is asked for
nothing but the certificate.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from measure import Command

HOST = "mx.bench.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server to ask: where it is, what it sends, and the root it leads to."""

    address: str
    port: int
    leaf: bytes
    root: Path  # the bench's own root alone
    roots: Path  # Mozilla's roots and that one
    scratch: Path


def product(endpoint: Endpoint, binary: Path) -> Command:
    """The product, cold: judged by Microsoft's list, Mozilla's, and the bench's root.

    Microsoft's list decides and cannot know the bench's root, hence exit code 2; the third store makes sure that
    the whole path is built and verified all the same.
    """
    target = (f"{endpoint.address}:{endpoint.port}", "--sni", HOST, "--format", "json")
    stores = ("--store", "microsoft", "--store", "mozilla", "--store", str(endpoint.root))
    return Command(
        name="eop-probe",
        argv=(str(binary), "check", *target, *stores),
        leaf=endpoint.leaf,
        says=(r'"trusted": true', r'"name": "microsoft"', r'"rule": "missing-intermediate"'),
        exit_codes=(2,),
    )


def openssl(endpoint: Endpoint) -> Command:
    """The smallest cold client: its time is mostly that of reading the store."""
    where = ("-connect", f"{endpoint.address}:{endpoint.port}", "-starttls", "smtp", "-servername", HOST)
    verify = ("-verify_return_error", "-CAfile", str(endpoint.roots), "-verify_hostname", HOST)
    return Command(
        name="openssl s_client",
        argv=("openssl", "s_client", *where, "-showcerts", *verify),
        leaf=endpoint.leaf,
        says=("Verify return code: 0",),
    )


def posttls_finger(endpoint: Endpoint) -> Command:
    """Postfix's own client."""
    configuration = endpoint.scratch / "postfix"
    configuration.mkdir(exist_ok=True)
    (configuration / "main.cf").write_text("compatibility_level = 3.6\n")
    options = ("-c", "-C", "-l", "verify", "-F", str(endpoint.roots), "-L", "summary,verbose,certmatch")
    return Command(
        name="posttls-finger",
        argv=("posttls-finger", *options, f"[{endpoint.address}]:{endpoint.port}", HOST),
        leaf=endpoint.leaf,
        says=("Verified TLS connection established",),
        environment={"MAIL_CONFIG": str(configuration)},
    )


def gnutls(endpoint: Endpoint) -> Command:
    """GnuTLS's client."""
    store = (f"--x509cafile={endpoint.roots}", f"--verify-hostname={HOST}", "--print-cert")
    return Command(
        name="gnutls-cli",
        argv=("gnutls-cli", "--starttls-proto=smtp", *store, "-p", str(endpoint.port), endpoint.address),
        leaf=endpoint.leaf,
        says=("The certificate is trusted",),
    )


def swaks(endpoint: Endpoint) -> Command:
    """The Swiss army knife for SMTP; it verifies the chain, not the name."""
    tls = ("--tls", "--tls-verify", "--tls-ca-path", str(endpoint.roots), "--tls-get-peer-cert")
    where = ("--server", endpoint.address, "--port", str(endpoint.port), "--quit-after", "TLS")
    return Command(name="swaks", argv=("swaks", *where, *tls), leaf=endpoint.leaf, says=("TLS started",))


def nmap(endpoint: Endpoint) -> Command:
    """The leaf's fields, unverified; nmap knows SMTP by its port, which therefore is 25."""
    return Command(
        name="nmap",
        argv=("nmap", "-Pn", "-n", "-vv", "-p", str(endpoint.port), "--script", "ssl-cert", endpoint.address),
        leaf=endpoint.leaf,
    )


def sslyze(endpoint: Endpoint, binary: str) -> Command:
    """The peer that says most about a chain: five stores of its own, names, order."""
    store = ("--certinfo", "--certinfo_ca_file", str(endpoint.roots), "--starttls", "smtp", "--sni", HOST)
    return Command(
        name="sslyze",
        argv=(binary, *store, f"{endpoint.address}:{endpoint.port}"),
        leaf=endpoint.leaf,
        # 1: its comparison with Mozilla's TLS recommendations finds something to say.
        exit_codes=(0, 1),
    )


def is_there(command: Command) -> bool:
    """Whether the program is installed."""
    return shutil.which(command.argv[0]) is not None
