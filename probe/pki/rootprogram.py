"""Microsoft's root program as rules: what an entry of the list means for one purpose at one instant.

Terms: Microsoft, Trusted Root Program, "Deprecation Definitions" (documented): *Disable*, *NotBefore*,
EKU removal. How the properties express them, in which order they are weighed, is inferred from the
list, its history and the release notices. The steps below carry the numbers of this list:

1. On the list of disallowed certificates: disallowed. Not in the list of roots: absent.
2. The entry names purposes, this one not among them: no-eku.
3. It disallows purposes (property 122). This one among them, and the date (104) is absent, cleared or
   reached: eku-disallowed. Others only: the date belongs to those; the verdict is not certain then,
   for the date can also be read as disabling the root.
4. It disallows no purposes, and its date (104) is reached: disabled.
5. It has a NotBefore date (126) for this purpose (127 names it or is absent): notbefore for a leaf
   issued at that date or later. 127 naming the purpose without any date: notbefore for all.
6. An ML-DSA root: pilot ("NOT publicly trusted", Microsoft's PQC pilot). Everything else: trusted.

An empty date means that the restriction was cleared.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from probe.pki.certificate import Certificate
from probe.pki.microsoft_list import CtlEntry
from probe.pki.status import Purpose
from probe.pki.truststore import RootChange, RootState, RootVerdict

_PURPOSE_WORDS = {
    Purpose.SERVER_AUTH: "server certificates",
    Purpose.CLIENT_AUTH: "client certificates",
}
_USAGE_WORDS = {
    "1.3.6.1.5.5.7.3.1": "server authentication",
    "1.3.6.1.5.5.7.3.2": "client authentication",
    "1.3.6.1.5.5.7.3.3": "code signing",
    "1.3.6.1.5.5.7.3.4": "secure e-mail",
    "1.3.6.1.5.5.7.3.5": "IPsec end system",
    "1.3.6.1.5.5.7.3.6": "IPsec tunnel",
    "1.3.6.1.5.5.7.3.7": "IPsec user",
    "1.3.6.1.5.5.7.3.8": "time stamping",
    "1.3.6.1.5.5.7.3.9": "OCSP signing",
    "1.3.6.1.5.5.8.2.2": "IKE intermediate",
    "1.3.6.1.4.1.311.10.3.4": "encrypting file system",
    "1.3.6.1.4.1.311.10.3.12": "document signing",
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def is_pilot(root: Certificate) -> bool:
    """Whether the root signs with ML-DSA (FIPS 204): in the list for Microsoft's pilot, not yet trusted."""
    return root.signature_name.startswith("ml-dsa-")


def judge(
    entry: CtlEntry, purpose: Purpose, leaf_not_before: datetime, at: datetime, *, pilot: bool = False
) -> RootVerdict:
    """What the list says of a root for `purpose` at `at`, for a leaf issued at `leaf_not_before`.

    Steps 2 to 6 of the module's list. Windows itself weighs these rules by its clock even when asked
    for another date (CertGetCertificateChain: the time "does not affect trust list, revocation, or
    root store checking"); here `at` stands for that clock, so that the future can be asked about.
    """
    certain = not entry.unread
    if entry.purposes is not None and purpose.value not in entry.purposes:  # step 2
        return RootVerdict(RootState.NO_EKU, None, certain)
    reached = entry.disallowed_at is not None and entry.disallowed_at <= at
    if entry.disallowed_purposes is not None:  # step 3
        if purpose.value in entry.disallowed_purposes:
            if reached or entry.disallowed_at is None:
                return RootVerdict(RootState.EKU_DISALLOWED, entry.disallowed_at, certain)
        elif reached:
            certain = False
    elif reached:  # step 4
        return RootVerdict(RootState.DISABLED, entry.disallowed_at, certain)
    if _applies_from(entry, purpose) and (entry.not_before is None or leaf_not_before >= entry.not_before):
        # step 5. Whether the day itself counts is nowhere stated.
        same_day = entry.not_before is not None and leaf_not_before.date() == entry.not_before.date()
        return RootVerdict(RootState.NOT_BEFORE, entry.not_before, certain and not same_day)
    return RootVerdict(RootState.PILOT if pilot else RootState.TRUSTED, None, certain)  # step 6


def _applies_from(entry: CtlEntry, purpose: Purpose) -> bool:
    """Whether a NotBefore rule concerns `purpose`: a date that was not cleared, or 127 without any date."""
    named = entry.not_before_purposes is not None and purpose.value in entry.not_before_purposes
    if entry.not_before is not None:
        return named or entry.not_before_purposes is None
    return named and not entry.carries(126)


def changes(
    entry: CtlEntry, purpose: Purpose, leaf_not_before: datetime, after: datetime, *, pilot: bool = False
) -> tuple[RootChange, ...]:
    """When the verdict will differ from the one at `after`, soonest first; also what awaits a renewal."""
    now = judge(entry, purpose, leaf_not_before, after, pilot=pilot)
    found: list[RootChange] = []
    for instant in sorted({entry.disallowed_at or after, entry.not_before or after} - {after}):
        if instant < after:
            continue
        same_leaf = judge(entry, purpose, leaf_not_before, instant, pilot=pilot)
        if same_leaf.state is not now.state:
            found.append(RootChange(instant, same_leaf, renewal_only=False))
            now = same_leaf
        elif instant == entry.not_before:
            renewed = judge(entry, purpose, max(instant, leaf_not_before), instant, pilot=pilot)
            if renewed.state is not now.state:
                found.append(RootChange(instant, renewed, renewal_only=True))
    return tuple(found)


def describe(
    name: str,
    verdict: RootVerdict,
    purpose: Purpose,
    entry: CtlEntry | None = None,
    listed: str = "Microsoft's list",
) -> str:
    """One sentence for a person: what `listed` says of the root called `name`, e.g.

    ``Entrust Root CA - G2 is in Microsoft's list, but not for server certificates issued on or after
    16 April 2025.``
    """
    words = _PURPOSE_WORDS[purpose]
    since = f" since {day(verdict.since)}" if verdict.since else ""
    match verdict.state:
        case RootState.ABSENT:
            return f"{name} is not in {listed}."
        case RootState.DISALLOWED:
            return f"{name} is on Microsoft's list of disallowed certificates: nothing under it is trusted."
        case RootState.TRUSTED:
            text = f"and trusted for {words}"
            if entry and entry.not_before and _applies_from(entry, purpose):
                text += f" issued before {day(entry.not_before)}"
        case RootState.PILOT:
            text = "for a post-quantum pilot only: it is not publicly trusted"
        case RootState.NO_EKU:
            usages = [_USAGE_WORDS.get(oid, oid) for oid in entry.purposes or ()] if entry else []
            text = f"but not for {words}" + (f" (only for {', '.join(usages)})" if usages else "")
        case RootState.EKU_DISALLOWED:
            text = f"but disallowed for {words}{since}"
        case RootState.DISABLED:
            text = f"but disabled{since}"
        case RootState.NOT_BEFORE:
            text = f"but not for {words}" + since.replace("since", "issued on or after")
        case _:
            assert_never(verdict.state)
    comma = "" if text.startswith(("and", "for")) else ","
    doubt = "" if verdict.certain else f"; this is not certain{_doubt(verdict, entry)}"
    return f"{name} is in {listed}{comma} {text}{doubt}."


def _doubt(verdict: RootVerdict, entry: CtlEntry | None) -> str:
    if entry and entry.unread:
        return ", as a part of the entry cannot be read"
    if entry and entry.disallowed_purposes is not None and entry.disallowed_at:
        return f", as the entry can also be read as disabling it since {day(entry.disallowed_at)}"
    if verdict.state is RootState.NOT_BEFORE:
        return ", as Microsoft does not say whether the day itself counts"
    return ""


def day(instant: datetime) -> str:
    """A date in words, e.g. ``16 April 2025``, whatever the locale."""
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}"
