"""What is pinned of an endpoint, compared with what it presents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probe.eop import remedies
from probe.eop.finding import Finding
from probe.eop.rules import expected as rules
from probe.eop.rules.rule import Said
from probe.eop.rules.sender import UNEXPECTED_CERTIFICATE
from probe.eop.vocabulary import Outcome
from probe.pki.certificate import Certificate
from probe.text import listed, printable


class Expectation(NamedTuple):
    """One of `sha256` (lower-case hex), `issuer` as Windows writes it or its CN, all of `names`."""

    sha256: tuple[str, ...] = ()
    issuer: str | None = None
    names: tuple[str, ...] = ()
    outcome: Outcome | None = None


def missed(expected: Expectation, leaf: Certificate | None, outcome: Outcome) -> Iterator[Finding]:
    """A finding for each expectation that is not met; of a certificate nothing is said where none was seen."""
    if leaf is not None:
        yield from _of_certificate(expected, leaf)
    if expected.outcome not in (None, outcome):
        summary = f"The outcome is {outcome.value}, not {expected.outcome.value} as expected."
        yield rules.UNEXPECTED_OUTCOME.finding(Said(summary=summary))


def _of_certificate(expected: Expectation, leaf: Certificate) -> Iterator[Finding]:
    if expected.sha256 and leaf.sha256 not in expected.sha256:
        shown = f"{leaf.subject.short}, {remedies.thumbprint(leaf)}"
        summary = f"The server presented {shown}, not the certificate that was expected."
        detail = f"SHA-256 {leaf.sha256}; expected: {', '.join(expected.sha256)}."
        yield UNEXPECTED_CERTIFICATE.finding(
            Said(summary=summary, detail=detail, remedy=rules.UNEXPECTED_ISSUER.advice)
        )
    names = {_folded(leaf.issuer.windows), *map(_folded, leaf.issuer.common_names)}
    if expected.issuer is not None and _folded(expected.issuer) not in names:
        summary = f"The issuer is {leaf.issuer.windows}, not {printable(expected.issuer)} as expected."
        yield rules.UNEXPECTED_ISSUER.finding(Said(summary=summary))
    held = {name.lower() for name in leaf.dns_names}
    if lacking := [printable(name) for name in expected.names if name.lower() not in held]:
        summary = f"The certificate does not bear {listed(lacking)}, as expected."
        yield rules.UNEXPECTED_NAMES.finding(
            Said(summary=summary, detail=f"It bears {listed(leaf.dns_names)}.")
        )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
