"""Whether a certificate is for a host name (RFC 9525) or an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.pki.extensions import SUBJECT_ALT_NAMES

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate


def certificate_matches(certificate: Certificate, host: str) -> bool | None:
    """Say whether a certificate stands for `host`, a DNS name or an address; None where nobody knows.

    An address matches an iPAddress only [R]. With dNSNames the CN is not looked at [R]. Without
    any alternative name every CN counts, wildcards allowed [R]. With alternative names but no
    dNSName among them .NET looks at the CN and the SSL policy, as far as known, does not: None
    where that would decide [U].
    """
    names = certificate.subject_alt_names
    if (address := _address(host)) is not None:
        return address in names.addresses
    if names.dns:
        return any(dns_id_matches(name, host) for name in names.dns)
    by_common_name = any(dns_id_matches(name, host) for name in certificate.subject.common_names)
    if by_common_name and SUBJECT_ALT_NAMES in certificate.extensions:
        return None
    return by_common_name


def _address(host: str) -> str | None:
    if ":" not in host and not host[-1:].isdigit():
        return None  # spares the import: no address ends otherwise
    import ipaddress

    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def dns_id_matches(pattern: str, host: str) -> bool:
    """Say whether a certificate's DNS name stands for `host`.

    ``*.x`` stands for exactly one label; no partial or inner wildcards; case and a final dot are
    ignored (Windows' SSL policy as observed; RFC 6125 6.4.3).
    """
    wanted, given = _canonical(host), _canonical(pattern)
    if given.startswith("*."):
        label, _, rest = wanted.partition(".")
        return bool(label) and rest == given[2:] and "*" not in rest
    return bool(given) and given == wanted


def _canonical(name: str) -> str:
    return name.rstrip(".").lower()


def a_labels(name: str) -> str:
    """The name as DNS has it: in lower case, without a final dot, U-labels as A-labels (RFC 5890 2.3.2.1).

    What DNS cannot have stays as it is.
    """
    name = name.lower().removesuffix(".")
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name
