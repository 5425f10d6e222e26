"""What this machine calls itself when it says EHLO."""

from __future__ import annotations

import socket

from probe.smtp.ehlo import ehlo_argument


def local_ehlo_name(local_address: str, hostname: str | None = None) -> str:
    """Return this host's fully qualified name if it has one, else the address of this end of the connection.

    RFC 5321 4.1.4 wants one or the other. Only the host name that the system holds is asked (`hostname`
    replaces it), never the DNS: a reverse look-up can take longer than the whole conversation.
    """
    name = (socket.gethostname() if hostname is None else hostname).rstrip(".").lower()
    if "." in name and not name.rpartition(".")[2].isdigit() and not name.startswith("localhost."):
        try:
            return ehlo_argument(name)
        except ValueError:
            pass  # A host name may be any text; what is no domain is not for EHLO.
    # A zone ("%eth0") means nothing to the peer.
    return local_address.partition("%")[0]
