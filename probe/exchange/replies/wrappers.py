"""Texts that carry another reply: taken off, so that the innermost one is judged."""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies.entry import Entry, EntryKind
from probe.statement import Confidence

#: What all wrappers have in common.
WRAPPER = Entry(
    kind=EntryKind.WRAPPER,
    judge="The host that gave the reply inside; your server only quotes it.",
    label=Confidence.REPORTED,
    # What can be said of a reply inside that the catalogue does not know.
    causes=(
        "The reply inside names it: 4 as its first digit means that the sender tries again, 5 that it gave up.",
    ),
    remedy=(
        "The reply inside is not in the catalogue. Ask whoever runs the host that gave it, with its words as they are.",
        "Look in the Send protocol log of the same minute for the command that got it, and for how TLS went.",
    ),
    check=powershell.READ_LOG,
    references=("Reports of practitioners",),
)

PRIMARY_TARGET = WRAPPER._replace(
    id="wrapper-primary-target",
    title="A queue's last error",
    label=Confidence.DOCUMENTED,
    meaning="The queue of an Exchange server quotes what the host it connected to replied.",
    references=("Microsoft's articles on queues and last errors",),
    examples=(
        (
            '451 4.4.0 Primary target IP address responded with: "452 4.3.1 Insufficient system resources." '
            "Attempted failover to alternate host, but that did not succeed."
        ),
    ),
    codes=("451 4.4.0",),
    words=r".{0,10}?Primary target IP address responded with",
)
TARGET_ERROR = WRAPPER._replace(
    id="wrapper-target-host-error",
    title="The target host answered with an error",
    meaning="The reply of the other side follows the arrow.",
    examples=("451 4.4.395 Target host responded with error. -> 452 4.3.1 Insufficient system resources",),
    codes=("451 4.4.395",),
    words=r".{0,10}?Target host responded with error",
)
COMMUNICATING = WRAPPER._replace(
    id="wrapper-communicating",
    title="An error while talking to the target host",
    meaning="What happened follows the arrow.",
    examples=(
        "451 4.4.397 Error communicating with target host. -> 452 4.3.1 Insufficient system resources",
    ),
    codes=("451 4.4.397",),
    words=r".{0,10}?Error communicating with target host",
)
FRONTEND_PROXY = WRAPPER._replace(
    id="wrapper-frontend-proxy",
    title="The front end could not pass the session on",
    label=Confidence.DOCUMENTED,
    meaning="The front end service quotes what it was told.",
    references=("Microsoft's articles on queues and last errors",),
    examples=("450 4.4.101 Proxy session setup failed on Frontend with '451 4.4.0 DNS query failed'",),
    codes=("450 4.4.101",),
    words=r".{0,10}?Proxy session setup failed on Frontend with",
)
LAST_ERROR = WRAPPER._replace(
    id="wrapper-last-error",
    title="A message trace's last error record",
    meaning="LED is the last error, MSG its text, FQDN and IP the host, LRT the time.",
    examples=(
        "[{LED=452 4.3.1 Insufficient system resources};{MSG=};{FQDN=mail.contoso.com};{IP=192.0.2.10};{LRT=}]",
    ),
    phrase=r"\{LED ?= ?",
)

COMMUNICATING_WITH_TARGET = PRIMARY_TARGET._replace(
    id="wrapper-communicating-with-target",
    label=Confidence.REPORTED,
    meaning="The queue of an Exchange server says what went wrong with the host it connected to.",
    references=("Reports of practitioners",),
    examples=(
        (
            '441 4.4.1 Error encountered while communicating with primary target IP address: "452 4.3.1 Insufficient '
            'system resources." Attempted failover to alternate host, but that did not succeed.'
        ),
    ),
    codes=("441 4.4.1", "451 4.4.0"),
    words=r".{0,10}?Error encountered while communicating with primary target IP address",
)

ENTRIES = (PRIMARY_TARGET, COMMUNICATING_WITH_TARGET, TARGET_ERROR, COMMUNICATING, FRONTEND_PROXY, LAST_ERROR)
