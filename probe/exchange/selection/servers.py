"""The source servers of a connector compared: mail leaves through any of them, so all must do alike."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.selection.candidates import likely_refused, title
from probe.exchange.selection.result import Selection, State
from probe.statement import Confidence, Statement, opposite

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


class MailEnd(enum.Enum):
    """What becomes of mail from a server."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Share(NamedTuple):
    """The servers that do alike: the certificate they choose, or None, and what becomes of their mail."""

    servers: tuple[str, ...]
    certificate: ExchangeCertificate | None
    end: MailEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerComparison:
    """One connector on all of its source servers; `shares` by number of servers, the most first."""

    connector: str
    shares: tuple[Share, ...]
    agree: bool | None
    """Whether all choose the same certificate; None where some choices cannot be told."""
    statements: tuple[Statement, ...]

    def sentences(self) -> tuple[str, ...]:
        """Everything there is to say, as plain sentences with their labels."""
        return tuple(map(str, self.statements))


def compare_servers(selections: Iterable[Selection], refused: Refused = likely_refused) -> ServerComparison:
    """Compare what one connector chooses on each server; `selections` must not be empty."""
    selections = tuple(selections)
    shares = _shares(selections, refused)
    return ServerComparison(
        connector=selections[0].connector,
        shares=shares,
        agree=_agree(shares),
        statements=tuple(_statements(selections, shares)),
    )


def _agree(shares: tuple[Share, ...]) -> bool | None:
    definite = [share for share in shares if share.certificate is not None or share.end is MailEnd.REFUSED]
    if len(definite) > 1:
        return False
    return True if len(definite) == len(shares) else None


def _shares(selections: tuple[Selection, ...], refused: Refused) -> tuple[Share, ...]:
    groups: dict[tuple[str, MailEnd], list[Selection]] = {}
    for one in selections:
        thumbprint = one.winner.thumbprint if one.winner else ""
        groups.setdefault((thumbprint, _end(one, refused)), []).append(one)
    shares = [
        Share(tuple(one.server or "an unnamed server" for one in group), group[0].winner, end)
        for (_, end), group in groups.items()
    ]
    return tuple(sorted(shares, key=lambda share: -len(share.servers)))


def _end(selection: Selection, refused: Refused) -> MailEnd:
    if selection.winner is None:
        return MailEnd.REFUSED if selection.state in {State.NOTHING, State.NO_TLS} else MailEnd.UNKNOWN
    if selection.reply is not None:  # chosen, but TLS fails
        return MailEnd.REFUSED
    match opposite(refused(selection.winner)):
        case True:
            return MailEnd.SENT
        case False:
            return MailEnd.REFUSED
        case None:
            return MailEnd.UNKNOWN


def _statements(selections: tuple[Selection, ...], shares: tuple[Share, ...]) -> Iterator[Statement]:
    for share in shares:
        yield _about(share)
    common = shares[0].certificate
    if len(shares) > 1 and common is not None:
        yield from _about_common(selections, common)
    total = len(selections)
    bad = sum(len(share.servers) for share in shares if share.end is MailEnd.REFUSED)
    if bad == total:
        yield Statement("Mail from every source server would be refused.", Confidence.INFERRED)
    elif bad:
        text = f"About {_fraction(bad, total)} would be refused, if the servers share the mail evenly."
        yield Statement(text, Confidence.INFERRED, "practitioners report that half of the messages fail")


def _about(share: Share) -> Statement:
    servers, verb = _listed(share.servers), "choose" if len(share.servers) > 1 else "chooses"
    if share.certificate is not None:
        return Statement(f"{servers} {verb} {title(share.certificate)}.", Confidence.INFERRED)
    if share.end is MailEnd.UNKNOWN:
        return Statement(f"What {servers} {verb} cannot be told.", Confidence.INFERRED)
    return Statement(f"{servers} {verb} no certificate.", Confidence.INFERRED)


def _about_common(selections: tuple[Selection, ...], common: ExchangeCertificate) -> Iterator[Statement]:
    """Say of each other server whether it lacks the certificate of the most, or holds it in vain."""
    for one in selections:
        if one.winner is not None and one.winner.thumbprint == common.thumbprint:
            continue
        if not one.candidates:
            continue
        held = any(c.certificate.thumbprint == common.thumbprint for c in one.candidates)
        verb = "holds" if held else "lacks"
        rest = ", but does not surely choose it" if held else ": import it there"
        yield Statement(f"{one.server} {verb} {common.thumbprint.upper()}{rest}.", Confidence.DOCUMENTED)


def _listed(servers: tuple[str, ...]) -> str:
    return servers[0] if len(servers) == 1 else f"{', '.join(servers[:-1])} and {servers[-1]}"


def _fraction(part: int, whole: int) -> str:
    noun = "message" if part == 1 else "messages"
    return f"{_number(part)} {noun} in {_number(whole)}"


def _number(value: int) -> str:
    return _WORDS[value] if value < len(_WORDS) else str(value)
