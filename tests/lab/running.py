"""The lab while it runs, as the tests see it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.lab.services import base_port
from tests.lab.situations import ports

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROJECT = "eop-probe-lab"
# An engine, a base image and the lab's image from nothing: two minutes on two cores, more on a bad line.
START_SECONDS = 900
# What is waited for takes seconds on two cores that are free.
PATIENCE_SECONDS = 180.0
COMMAND_SECONDS = 120

Found = TypeVar("Found")


@dataclass(slots=True)
class Lab:
    """Where the services are, and which of them were asked for."""

    base: int = field(default_factory=base_port)
    used: set[str] = field(default_factory=set)
    root: Path = HERE / "run" / "LAB-ROOT.pem"
    internal_root: Path = HERE / "run" / "INTERNAL-ROOT.pem"

    def port(self, service: str) -> int:
        """The service's port on 127.0.0.1; it counts as used from now on."""
        port = ports(self.base)[service]
        self.used.add(service)
        return port

    def container(self, service: str) -> str:
        """The number of the service's container, which has to run."""
        labels = (f"project={PROJECT}", f"service={service}")
        filters = (word for each in labels for word in ("--filter", f"label=com.docker.compose.{each}"))
        number = run("docker", "ps", "--quiet", *filters).strip()
        assert number, f"{service} does not run:\n{said(HERE / 'lab', 'logs', service)}"
        return number

    def inside(self, service: str, *command: str) -> str:
        """What a command in the service's container writes, whatever its exit status."""
        self.used.add(service)
        return said("docker", "exec", self.container(service), *command)


def run(*command: str | Path) -> str:
    """Standard output of a command, which has to succeed."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def run_lab(*arguments: str) -> str:
    """What tests/lab/lab writes."""
    return run(HERE / "lab", *arguments)


def until(look: Callable[[], Found | None], what: str, last: Callable[[], object] = lambda: "") -> Found:
    """What `look` finds, as soon as it finds something; a failure tells the `last` that was to be seen."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come about: {last()}"
        time.sleep(0.2)
    return found


def said(*command: str | Path) -> str:
    """Standard output and error of a command, however it ends."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def start() -> None:
    """Start the lab if need be; RuntimeError with the script's own words if it does not start."""
    done = subprocess.run(
        [HERE / "lab", "up"],
        cwd=ROOT,
        env={**os.environ, "EOP_PROBE_LAB_PYTHON": sys.executable},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
