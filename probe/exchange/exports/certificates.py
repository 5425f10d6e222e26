"""From a raw record of Get-ExchangeCertificate to a value; RawData wins over the text beside it."""

from __future__ import annotations

import re
from dataclasses import replace

from probe.exchange.exports.decoding import decode_base64
from probe.exchange.exports.record import Fields, Numbers, Raw, Record, cut_off
from probe.exchange.inventory import SERVICE_NAMES, ExchangeCertificate, RootCAType, Services, Status
from probe.exchange.problem import Problems, quoted
from probe.pki.certificate import Certificate, parse

#: Hex digits of a SHA-1 thumbprint.
THUMBPRINT_DIGITS = 40
#: Hex digits from which a thumbprint cut by a table still tells certificates apart.
_FEWEST_DIGITS = 8

#: Status 1 was observed in published CLIXML, no other.
STATUS_NUMBERS = Numbers(Status, {1: Status.VALID})
#: 0 and 3 were observed in published CLIXML; the others follow from the documented order.
ROOT_CA_TYPE_NUMBERS = Numbers(
    RootCAType,
    {0: RootCAType.NONE, 3: RootCAType.REGISTRY},
    {
        1: RootCAType.THIRD_PARTY,
        2: RootCAType.ENTERPRISE,
        4: RootCAType.GROUP_POLICY,
        5: RootCAType.UNKNOWN,
    },
)
_OBSERVED_SERVICES = Services.IMAP | Services.POP | Services.IIS | Services.SMTP
#: The table's letters by position: I, P, W and S are confirmed, the place of the others is inferred.
_LETTERS = "IPUWSFC"
_POSITIONS = tuple(SERVICE_NAMES)
_LETTER_FORM = re.compile(r"[.A-Z]{5,7}")
_BY_NAME = {name.lower(): service for service, name in SERVICE_NAMES.items()} | {"none": Services.NONE}
_IDENTITY = re.compile(r"(?P<server>[^\\]{1,255})\\(?P<thumbprint>[0-9A-Fa-f]{40})")


def is_certificate(record: Record) -> bool:
    """Whether a record is one of Get-ExchangeCertificate: no connector has these fields."""
    return any(name in record for name in ("thumbprint", "rawdata", "services", "serializationdata"))


def read_certificate(
    record: Record, problems: Problems, *, server: str | None, month_first: bool | None
) -> ExchangeCertificate:
    """Read one certificate; `server` is the one to assume where the record names none."""
    fields = Fields(record, problems, month_first=month_first)
    certificate = _raw_data(fields)
    identity = _IDENTITY.fullmatch(fields.text("Identity") or "")
    named = (fields.text(name) for name in ("Server", "ServerName", "PSComputerName"))
    found = ExchangeCertificate(
        source=record.source,
        thumbprint=_thumbprint(fields) or (identity["thumbprint"].lower() if identity else ""),
        server=identity["server"] if identity else next(filter(None, named), server),
        friendly_name=fields.text("FriendlyName"),
        services=_services(fields),
        status=fields.choice("Status", "status", STATUS_NUMBERS),
        root_ca_type=fields.choice("RootCAType", "root_ca_type", ROOT_CA_TYPE_NUMBERS),
        has_private_key=fields.flag("HasPrivateKey"),
        certificate=certificate,
    )
    found = _from_text(found, fields) if certificate is None else _from_der(found, certificate, fields)
    return replace(found, inferred=tuple(fields.inferred))


def _from_der(found: ExchangeCertificate, certificate: Certificate, fields: Fields) -> ExchangeCertificate:
    if not certificate.sha1.startswith(found.thumbprint):
        fields.note(
            "Thumbprint",
            f"is {found.thumbprint}, but RawData holds {certificate.sha1}; RawData is believed.",
        )
    return found.told_by(certificate)


def _from_text(found: ExchangeCertificate, fields: Fields) -> ExchangeCertificate:
    subject, issuer = fields.text("Subject") or None, fields.text("Issuer") or None
    names = fields.texts("CertificateDomains", "names")
    complete = names is not None and "names" not in fields.incomplete
    return replace(
        found,
        subject=None if subject is None or cut_off(subject) else subject,
        issuer=None if issuer is None or cut_off(issuer) else issuer,
        serial=(fields.text("SerialNumber") or "").lower() or None,
        not_before=fields.instant("NotBefore", "not_before"),
        not_after=fields.instant("NotAfter", "not_after"),
        # Names hold no blanks: an array that ConvertTo-Json did not open any more is printed with blanks.
        names=_common_name(subject) if names is None else tuple(n for name in names for n in name.split()),
        names_complete=complete,
        is_self_signed=fields.flag("IsSelfSigned"),
    )


def _common_name(subject: str | None) -> tuple[str, ...]:
    """The CN of a subject that may be cut off further right: a name, but never the complete list."""
    found = re.match(r'CN=([^\s,;="]{1,253})(?:,|$)', subject or "")
    return (found[1],) if found and not cut_off(found[1]) else ()


def _thumbprint(fields: Fields) -> str:
    text = (fields.text("Thumbprint") or "").replace(" ", "").lower()
    found = text[: len(text) - len(text.lstrip("0123456789abcdef"))]
    complete = len(found) == THUMBPRINT_DIGITS and found == text
    if not text or complete or (cut_off(text) and _FEWEST_DIGITS <= len(found) < THUMBPRINT_DIGITS):
        return found
    fields.note("Thumbprint", f"{quoted(text)} is no thumbprint of 40 hex digits.")
    return ""


def _services(fields: Fields) -> Services | None:
    value = fields.raw("Services")
    if isinstance(value, int) and not isinstance(value, bool):
        return _services_number(fields, value)
    name = "Services" if value is not None else "ServicesStringForm"
    return _services_text(fields, name, fields.raw(name))


def _services_number(fields: Fields, number: int) -> Services | None:
    if not 0 <= number < 2 * Services.UM_CALL_ROUTER.value:
        fields.note("Services", f"is the number {number}, which is not known.")
        return None
    return _marked(Services(number), fields)


def _marked(services: Services, fields: Fields) -> Services:
    if services & ~_OBSERVED_SERVICES:
        fields.inferred.append("services")
    return services


def _services_text(fields: Fields, name: str, value: Raw) -> Services | None:
    text = fields.text(name) or ""
    if isinstance(value, tuple):
        text = ", ".join(map(str, value))
    if re.fullmatch(r"\d{1,3}", text, re.ASCII):
        return _services_number(fields, int(text))
    if _LETTER_FORM.fullmatch(text) and text.lower() not in _BY_NAME:
        return _services_letters(fields, name, text)
    services = Services.NONE
    for part in filter(None, re.split(r"[,;\s]+", text)):
        service = _BY_NAME.get(part.lower())
        if service is None:
            fields.note(name, f"{quoted(part)} is no service that is known, so the services are unknown.")
            return None
        services |= service
    return services if text else None


def _services_letters(fields: Fields, name: str, text: str) -> Services | None:
    """Read ``IP.WS..``: a dot for each service that is not assigned."""
    services = Services.NONE
    for letter, expected, service in zip(text, _LETTERS, _POSITIONS, strict=False):
        if letter == ".":
            continue
        if letter != expected and service in _OBSERVED_SERVICES:
            fields.note(name, f"{quoted(text)} is no letter form that is known, so the services are unknown.")
            return None
        services |= service
    return _marked(services, fields)


def _raw_data(fields: Fields) -> Certificate | None:
    value = fields.raw("RawData")
    if value is None or value == "":
        return None
    data = _bytes(value)
    if data is None:
        if not (isinstance(value, str) and (value.startswith("{") or value == "System.Byte[]")):
            fields.note("RawData", "is neither base64 nor a list of bytes, so the text beside it is used.")
        return None  # Format-List and CSV print a few bytes or a type name: nothing to complain of
    found = parse(data)
    if isinstance(found, Certificate):
        return found
    fields.note("RawData", f"holds no certificate ({found.reason}), so the text beside it is used.")
    return None


def _bytes(value: Raw) -> bytes | None:
    if isinstance(value, bytes):
        return value
    if isinstance(value, tuple):
        numbers = [item for item in value if isinstance(item, int) and 0 <= item <= 255]
        return bytes(numbers) if len(numbers) == len(value) else None
    return decode_base64(value) if isinstance(value, str) else None
