"""Where the lab's services listen: `python -m tests.lab.services env | table | wait [SERVICE...]`.

    env     variables for docker-compose.yml
    table   service, address, what it is
    wait    until each of them, or of those named, greets; exit status 1 and their names when some do not

The first port is EOP_PROBE_LAB_PORT + 1 (2501).
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Collection

from tests.lab.situations import ADDRESS, SERVICES

BASE_VARIABLE = "EOP_PROBE_LAB_PORT"
DEFAULT_BASE = 2500
HIGHEST_BASE = 65_535 - max(service.offset for service in SERVICES)

# From `up -d` to the last greeting it takes 5 to 10 s on two cores; a machine under load needs more.
WAIT_SECONDS = 240.0
# Postscreen's first line comes at once, Docker's proxy accepts before the server listens.
GREETING_SECONDS = 10.0
PAUSE_SECONDS = 0.2


def base_port() -> int:
    """The port below the first service's; SystemExit if the variable holds no usable number."""
    text = os.environ.get(BASE_VARIABLE, "") or str(DEFAULT_BASE)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= HIGHEST_BASE):
        raise SystemExit(f"lab: {BASE_VARIABLE} has to be a port from 1 to {HIGHEST_BASE}, not {text!r}")
    return int(text)


def environment(base: int) -> str:
    """One line `LAB_PORT_<SERVICE>=<port>` for each service."""
    return "".join(f"{service.variable}={base + service.offset}\n" for service in SERVICES)


def table(base: int) -> str:
    """Service, address and a few words, in columns."""
    width = max(len(service.name) for service in SERVICES)
    return "".join(
        f"{service.name:<{width}}  {ADDRESS}:{base + service.offset:<5}  {service.about}\n"
        for service in SERVICES
    )


def greets(port: int, asks: bytes = b"", says: bytes = b"220") -> bool:
    """Whether a server says there what it ought to; a mail server 220."""
    try:
        with socket.create_connection((ADDRESS, port), timeout=GREETING_SECONDS) as connection:
            connection.sendall(asks)
            return connection.recv(len(says)) == says
    except OSError:
        return False


def silent_services(base: int, seconds: float, names: Collection[str] = ()) -> list[str]:
    """Those of the services that do not greet before the time is over, in the order of the table; no names: of all."""
    waiting = tuple(each for each in SERVICES if not names or each.name in names)
    deadline = time.monotonic() + seconds
    while waiting:
        waiting = tuple(each for each in waiting if not greets(base + each.offset, each.asks, each.says))
        if time.monotonic() >= deadline:
            break
        if waiting:
            time.sleep(PAUSE_SECONDS)
    return [each.name for each in waiting]


def main(command: str = "", *names: str) -> None:
    base = base_port()
    match command:
        case "env":
            sys.stdout.write(environment(base))
        case "table":
            sys.stdout.write(table(base))
        case "wait":
            if silent := silent_services(base, WAIT_SECONDS, names):
                raise SystemExit(f"{' '.join(silent)}")
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
