"""What tests/lab/engine says and does where there is nothing of the lab's, or somebody else's daemon."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ENGINE = Path(__file__).with_name("engine")
NOTHING_LEFT = "lab: nothing is left running or on disk\n"
NONE_OF_OURS = "lab: no engine of ours is running\n"


def engine(prefix: Path, command: str) -> tuple[int, str, str]:
    """Run the script on folders below the prefix, with no Docker engine that answers."""
    done = subprocess.run(
        [ENGINE, command],
        env=os.environ | {"EOP_PROBE_LAB_PREFIX": str(prefix), "DOCKER_HOST": f"unix://{prefix}/none"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / "eop-probe-lab"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "var" / "lib" / "eop-probe-lab"
    (folder / "docker").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("command", "out", "err"),
    [("stop", "", NONE_OF_OURS), ("left", NOTHING_LEFT, ""), ("clean", NOTHING_LEFT, "")],
)
def test_nothing_is_there(tmp_path: Path, command: str, out: str, err: str) -> None:
    assert [engine(tmp_path, command) for _ in range(2)] == [(0, out, err)] * 2


def test_data_of_an_engine_that_has_ended(tmp_path: Path, state: Path, data: Path) -> None:
    code, out, _ = engine(tmp_path, "left")
    assert code == 0
    assert f"K of data of the lab's own engine in {data}\n" in out
    assert "make clean" in out
    assert engine(tmp_path, "clean") == (0, NOTHING_LEFT, "")
    assert not state.exists()
    assert not data.exists()


def test_packages_are_named_before_they_are_forgotten(tmp_path: Path, data: Path) -> None:
    (data / "packages").write_text("iptables\ndocker.io\niptables\n", "ascii")
    said = "packages installed for the tests, which stay: apt-get purge docker.io iptables\n"
    assert said in engine(tmp_path, "left")[1]
    assert engine(tmp_path, "clean") == (0, NOTHING_LEFT, f"lab: {said}")


@pytest.mark.parametrize("command", ["stop", "clean"])
@pytest.mark.parametrize("ours", [False, True])
def test_only_a_daemon_of_our_own_is_ended(tmp_path: Path, state: Path, command: str, ours: bool) -> None:
    """The number in the file may be anybody's after a crash: the folders it was started on tell whose it is."""
    program = tmp_path / "dockerd"
    program.symlink_to("/bin/sh")
    folder = state if ours else tmp_path / "other"
    waits = [program, "-c", "read -r line", "dockerd", "--exec-root", f"{folder}/exec"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as daemon:
        (state / "dockerd.pid").write_text(f"{daemon.pid}\n", "ascii")
        code, _, said = engine(tmp_path, command)
        assert code == 0
        assert (f"lab: stopped dockerd {daemon.pid}\n" in said) is ours
        daemon.communicate(b"\n")
    assert daemon.returncode == (-15 if ours else 0)
