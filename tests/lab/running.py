"""The lab while it runs, as the tests see it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.services import base_port
from tests.lab.situations import ports

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROJECT = "eop-probe-lab"
# An engine, a base image and the lab's image from nothing: two minutes on two cores, more on a bad line.
START_SECONDS = 900


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
        """The number of the service's container."""
        labels = (f"project={PROJECT}", f"service={service}")
        filters = (word for each in labels for word in ("--filter", f"label=com.docker.compose.{each}"))
        return said("docker", "ps", "--quiet", *filters).strip()

    def inside(self, service: str, *command: str) -> str:
        """What a command in the service's container writes, whatever its exit status."""
        self.used.add(service)
        return said("docker", "exec", self.container(service), *command)


def said(*command: str) -> str:
    """Standard output and error of a command."""
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
