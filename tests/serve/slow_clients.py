"""`python -m tests.serve.slow_clients PORT COUNT`: clients that waste a server's time until standard input ends.

Half requests, bytes now and then, and answers that are never read; who is dropped comes again. Prints how many were.
"""

from __future__ import annotations

import select
import socket
import sys

GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"


def come(port: int, number: int) -> socket.socket:
    """The next of its kind."""
    one = socket.create_connection(("127.0.0.1", port), 30, (f"127.0.7.{number % 8 + 1}", 0))
    one.sendall((GET[:30], GET + b"X: ", (GET + b"\r\n") * 8)[number % 3])
    one.settimeout(0)
    return one


def stays(one: socket.socket, number: int) -> bool:
    """Whether it has not been dropped."""
    try:
        if number % 3 == 1:
            one.send(b"a")
        return number % 3 == 2 or bool(one.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def main(port: int, count: int) -> None:
    """Waste time."""
    every = [come(port, number) for number in range(count)]
    sys.stdout.write("all are there\n")
    sys.stdout.flush()
    dropped = 0
    while not select.select([sys.stdin], [], [], 0.2)[0]:
        for number, one in enumerate(every):
            if not stays(one, number):
                one.close()
                dropped += 1
                every[number] = come(port, number)
    sys.stdout.write(f"{dropped}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
