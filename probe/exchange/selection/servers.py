"""The source servers of a connector compared: mail leaves through any of them, so all must do alike."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.selection.candidates import likely_refused, title
from probe.exchange.selection.result import Selection, State
from probe.statement import Statement, documented, inferred

#: Says of a certificate whether EOP would refuse its chain; None: not judged.
Refused: TypeAlias = Callable[[ExchangeCertificate], "bool | None"]

_WORDS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


class Delivery(enum.Enum):
    """What becomes of mail from a server."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Share(NamedTuple):
    """The servers that do alike: the certificate they choose, or None, and what becomes of their mail."""

    servers: tuple[str, ...]
    certificate: ExchangeCertificate | None
    end: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerComparison:
    """One connector on all of its source servers; `shares` by number of servers, the most first."""

    connector: str
    shares: tuple[Share, ...]
    agree: bool | None
    """Whether all choose the same certificate; None where some choices cannot be told."""
    statements: tuple[Statement, ...]


def compare_servers(selections: Iterable[Selection], refused: Refused = likely_refused) -> ServerComparison:
    """Compare what one connector chooses on each server; `selections` must not be empty."""
    selections = tuple(selections)
    shares = _shares(selections, refused)
    definite = sum(one.certificate is not None or one.end is Delivery.REFUSED for one in shares)
    return ServerComparison(
        connector=selections[0].connector,
        shares=shares,
        agree=definite == 1 if definite > 1 or definite == len(shares) else None,
        statements=tuple(_statements(selections, shares)),
    )


def _shares(selections: tuple[Selection, ...], refused: Refused) -> tuple[Share, ...]:
    groups: dict[tuple[str, Delivery], list[Selection]] = {}
    for one in selections:
        thumbprint = one.winner.thumbprint if one.winner else ""
        groups.setdefault((thumbprint, _end(one, refused)), []).append(one)
    shares = [
        Share(tuple(one.server or "an unnamed server" for one in group), group[0].winner, end)
        for (_, end), group in groups.items()
    ]
    return tuple(sorted(shares, key=lambda share: -len(share.servers)))


def _end(selection: Selection, refused: Refused) -> Delivery:
    if selection.state in {State.NOTHING, State.NO_TLS} or selection.reply is not None:
        return Delivery.REFUSED  # with a reply: chosen, but TLS fails
    end = refused(selection.winner) if selection.winner is not None else None
    return {True: Delivery.REFUSED, False: Delivery.SENT, None: Delivery.UNKNOWN}[end]


def _statements(selections: tuple[Selection, ...], shares: tuple[Share, ...]) -> Iterator[Statement]:
    for share in shares:
        yield _about(share)
    common = shares[0].certificate
    if len(shares) > 1 and common is not None:
        yield from _about_common(selections, common)
    bad = sum(len(share.servers) for share in shares if share.end is Delivery.REFUSED)
    if bad == len(selections):
        yield inferred("Mail from every source server would be refused.")
    elif bad:
        number, total = (_WORDS[n] if n < len(_WORDS) else str(n) for n in (bad, len(selections)))
        part = f"{number} message{'' if bad == 1 else 's'} in {total}"
        text = f"About {part} would be refused, if the servers share the mail evenly."
        yield inferred(text, "practitioners report that half of the messages fail")


def _about(share: Share) -> Statement:
    *others, last = share.servers
    servers = f"{', '.join(others)} and {last}" if others else last
    choose = f"{servers} {'choose' if others else 'chooses'}"
    if share.certificate is None and share.end is Delivery.UNKNOWN:
        return inferred(f"What {choose} cannot be told.")
    return inferred(
        f"{choose} {'no certificate' if share.certificate is None else title(share.certificate)}."
    )


def _about_common(selections: tuple[Selection, ...], common: ExchangeCertificate) -> Iterator[Statement]:
    """Say of each other server whether it lacks the certificate of the most, or holds it in vain."""
    for one in selections:
        chosen = one.winner is not None and one.winner.thumbprint == common.thumbprint
        if one.candidates and not chosen:
            held = any(c.certificate.thumbprint == common.thumbprint for c in one.candidates)
            verb = "holds" if held else "lacks"
            rest = ", but does not surely choose it" if held else ": import it there"
            yield documented(f"{one.server} {verb} {common.thumbprint.upper()}{rest}.")
