"""PEM blocks: what is one, and what is none."""

from __future__ import annotations

import pytest

from probe.pki import pem


def found(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(each.label, each.body) for each in pem.blocks(data)]


@pytest.mark.parametrize(
    ("data", "blocks"),
    [
        (b"-----BEGIN A-----\nx\n-----END A-----", [(b"A", b"\nx\n")]),
        (b"-----BEGIN A-----x-----END A-----BEGIN A-----", [(b"A", b"x")]),
        (b"junk-----BEGIN A-----a-b--c---d----e-----END A-----junk", [(b"A", b"a-b--c---d----e")]),
        (b"-----BEGIN A-----\n-----BEGIN B-----y-----END B-----", [(b"B", b"y")]),
        (b"-----BEGIN A-----BEGIN B-----y-----END B-----", [(b"B", b"y")]),
        (b"-----BEGIN A-----x-----END B----------BEGIN C-----z-----END C-----", [(b"C", b"z")]),
        (b"-----BEGIN A-----x", []),
        (b"-----BEGIN A-----x-----END A----", []),
        (b"-----BEGIN -----x-----END -----", []),
        (b"-----BEGIN A\n-----x-----END A\n-----", []),
    ],
)
def test_blocks(data: bytes, blocks: list[tuple[bytes, bytes]]) -> None:
    assert found(data) == blocks
    assert all(data[one.start :].startswith(b"-----BEGIN ") for one in pem.blocks(data))
    assert all(data[: one.end].endswith(b"-----END " + one.label + b"-----") for one in pem.blocks(data))
