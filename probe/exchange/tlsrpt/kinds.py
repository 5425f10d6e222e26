"""What each kind of failure means, what Exchange Online says of it elsewhere, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probe.exchange.replies import wording
from probe.exchange.replies.entry import Entry
from probe.exchange.replies.policies import ENTRIES
from probe.exchange.replies.sources import NDR
from probe.exchange.tlsrpt.report import MICROSOFT, NOT_TOLD, WITHOUT_POLICY, PolicyType
from probe.powershell import Steps, eop_probe
from probe.statement import Statement, documented, inferred, reported
from probe.text import MAX_LISTED, counted

_RFC = "RFC 8460 4.3"
_POLICY_URL = "https://mta-sts.DOMAIN/.well-known/mta-sts.txt"
#: documented for every sender that keeps to the RFC; of Exchange Online nobody has stated it.
_GOES_ON = inferred(
    "Mail is not refused for that: it goes by a policy that the sender still holds, or as if there were none.",
    "RFC 8461 3.3",
)
_REPLIES: dict[str, Entry] = {entry.id: entry for entry in ENTRIES}


class Kind(NamedTuple):
    """A result-type: its meaning, the entries of the reply catalogue by policy, and what to do beyond theirs."""

    meaning: str
    entries: dict[PolicyType, str]
    remedy: Steps = ()
    seen: tuple[Statement, ...] = ()


_NAME_OR_TRUST = {PolicyType.STS: "mta-sts-certificate"}
_KINDS: dict[str, Kind] = {
    "starttls-not-supported": Kind(
        "The MX host did not offer STARTTLS.",
        {PolicyType.TLSA: "dane-no-starttls"},
        ("Let every MX host offer STARTTLS, and look for a device in between that inspects SMTP.",),
    ),
    "certificate-host-mismatch": Kind(
        "The certificate does not bear the name that the policy asks for, as a rule the MX host's.",
        {PolicyType.TLSA: "dane-name", **_NAME_OR_TRUST},
        ("Present a certificate with the MX host's name among its DNS names.",),
    ),
    "certificate-expired": Kind(
        "The certificate has expired.",
        {PolicyType.TLSA: "dane-expired"},
        ("Renew the certificate, and see that every MX host presents the new one.",),
    ),
    "certificate-not-trusted": Kind(
        "The chain of the certificate leads to no root that the sender trusts, or is broken.",
        _NAME_OR_TRUST,
        ("Present a certificate of a public CA, and send its intermediates along.",),
    ),
    "validation-failure": Kind(
        "The session failed for a reason that no other kind names; failure-reason-code may tell more.",
        {},
        ("Probe each MX host; the rule early-session-ticket would show a ticket that arrives too early.",),
        seen=(
            reported(
                "Exchange Online says this also of a handshake that was merely broken off.",
                "samples of its reports",
            ),
            reported(
                "Its TLS 1.3 client breaks off where a session ticket arrives before its own Finished has left, as "
                f"Go's servers since October 2024 send it; the queue then shows {wording.RENEGOTIATE}. "
                "Whether that is still so is not known.",
                wording.RENEGOTIATE_REPORTS,
            ),
        ),
    ),
    "tlsa-invalid": Kind(
        "No TLSA record of the MX host was found valid.",
        {PolicyType.TLSA: "dane-invalid"},
        ("Publish a TLSA record for the certificate in use.",),
    ),
    "dnssec-invalid": Kind(
        "The sender's resolver returned no valid records: DNSSEC of the domain, or of the MX host, is broken.",
        {PolicyType.TLSA: "dnssec-invalid"},
        ("Correct DNSSEC of the domain.",),
    ),
    "dane-required": Kind(
        "The sender demands DANE of this domain, and found no TLSA records that DNSSEC validates for the MX host.",
        {},
        ("Publish TLSA records in a signed zone, or have the sender no longer demand them.",),
    ),
    "sts-policy-fetch-error": Kind(
        "The sender could not fetch the domain's MTA-STS policy.",
        {},
        (
            f"Fetch {_POLICY_URL} from outside: it has to be there, without a redirect and under a valid certificate.",
        ),
        seen=(
            reported(
                "One of the two kinds that were seen in reports of Exchange Online.", "samples of its reports"
            ),
        ),
    ),
    "sts-policy-invalid": Kind(
        "The domain's MTA-STS policy is no valid policy.",
        {},
        (f"Correct {_POLICY_URL} (RFC 8461 3.2).",),
    ),
    "sts-webpki-invalid": Kind(
        "The host of the domain's MTA-STS policy has no certificate that is valid for its name.",
        {},
        ("Renew the certificate of mta-sts.DOMAIN: it has to bear that name and be of a public CA.",),
    ),
}
RESULT_TYPES = tuple(_KINDS)
"""Those of RFC 8460 4.3."""


def meaning(kind: str, policy: PolicyType, sender: str) -> tuple[Statement, ...]:
    """What a kind means under a policy; of Exchange Online's reports also what is known of them."""
    known = _KINDS.get(kind)
    if known is None:
        said = (
            "The report does not tell why."
            if kind == NOT_TOLD
            else "No kind that RFC 8460 knows: ask the sender."
        )
        return (documented(said),)
    told = (documented(known.meaning, _RFC), *([_GOES_ON] if kind in WITHOUT_POLICY else []))
    if sender != MICROSOFT:
        return told
    entry = _REPLIES.get(known.entries.get(policy, ""))
    # Of DANE the words are the same; of MTA-STS one reply stands for several kinds.
    label = documented if policy is PolicyType.TLSA else inferred
    codes = (
        f"In a queue or an NDR of Exchange Online it has the code {' or '.join(entry.codes)}."
        if entry
        else ""
    )
    return (*told, *([label(codes, NDR)] if codes else []), *known.seen)


def remedy(kind: str, policy: PolicyType, domains: Sequence[str]) -> Steps:
    """What to do about a kind: of the entry that explains Exchange Online's reply, else of the kind."""
    known = _KINDS.get(kind)
    entry = _REPLIES.get(known.entries.get(policy, "")) if known else None
    steps: Steps = entry.remedy if entry else known.remedy if known else ()
    domain = domains[0] if len(domains) == 1 and domains[0] else "DOMAIN"
    return tuple(one.replace("DOMAIN", domain) if isinstance(one, str) else one for one in steps)


def checks(domains: Iterable[str]) -> Steps:
    """How to see, before and after, what a sender meets."""
    commands = [eop_probe("check", f"mx:{one}", direction="from-eop") for one in domains if one]
    more = len(commands) - MAX_LISTED
    also = f" (and of {counted(more, 'more domain')})" if more > 0 else ""
    first = f"See what Exchange Online would see at every MX host{also}:"
    return (first, *commands[:MAX_LISTED]) if commands else ()
