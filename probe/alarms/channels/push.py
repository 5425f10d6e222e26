"""A message through Apprise, which says more than it should when it fails: only its status is told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from probe.alarms.channels.kinds import Answer, Push
from probe.alarms.document import Document
from probe.alarms.words import subject, text

if TYPE_CHECKING:
    from apprise import Apprise


def send(channel: Push, document: Document) -> Answer:
    """Send a message through one URL of Apprise; in a process of its own, for its threads outlive it."""
    # A mistyped URL is logged whole, and URLs' tokens at DEBUG.
    logging.disable(logging.CRITICAL)
    try:
        import apprise
    except ImportError:
        return channel.answer("Apprise is not installed: pip install 'eop-probe[notify]'", sent=False)
    # A redirect makes an empty GET of a POST, and success of a lost message.
    made = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
    if not made.add(channel.url) or len(made) != 1:
        return channel.answer("Apprise does not take this URL; it is to be one", sent=False)
    if _bare_password(made):
        return channel.answer(
            "mailto:// would send its password in clear; use mailtos:// or a channel of the type email",
            sent=False,
        )
    result = made.notify(
        title=subject(document),
        body=text(document),
        body_format=apprise.NotifyFormat.TEXT,
        notify_type=_kind(document),
        timeout=max(channel.timeout_s * 0.8, 1.0),
    )
    status = getattr(result.status, "name", str(result.status))
    many = len(made[0])
    told = "where one fails all get it again; give each a channel of its own"
    together = f" of the URL's {many} recipients together: {told}" if many > 1 else ""
    return channel.answer(f"Apprise says {status.upper()}{together}", sent=status.upper() == "SUCCESS")


def _bare_password(made: Apprise) -> bool:
    """Whether a password would go out without TLS."""
    return any(type(each).__name__ == "NotifyEmail" and each.password and not each.secure for each in made)


def _kind(document: Document) -> str:
    events = {notice.event for notice in document.notices}
    if events <= {"recovered", "ended"}:
        return "success"
    return "info" if events == {"test"} else "failure"
