"""The container image is made of what the lock files say, and they say what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = re.findall(r"^EXTRAS = (.*)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[0].split()
ASKED = {
    "requirements.lock": [
        *PROJECT["project"]["dependencies"],
        *(
            text
            for extra in EXTRAS
            for text in PROJECT["project"]["optional-dependencies"][extra]
            if not text.startswith("eop-probe[")
        ),
    ],
    "build.lock": PROJECT["build-system"]["requires"],
}
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}$")


def entries(name: str) -> dict[str, tuple[str, list[str]]]:
    """Each package's name, version and hashes."""
    found = {}
    logical = re.sub(r"\\\n\s*", " ", (ROOT / name).read_text("utf-8"))
    for line in logical.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement, *hashes = line.split(" --hash=")
            pinned = Requirement(requirement)
            [version] = [each.version for each in pinned.specifier if each.operator == "=="]
            found[canonicalize_name(pinned.name)] = (version, [f"--hash={each.strip()}" for each in hashes])
    return found


@pytest.mark.parametrize("name", ASKED)
def test_it_fits_what_is_asked_for(name: str) -> None:
    locked = entries(name)
    for text in ASKED[name]:
        wanted = Requirement(text)
        version, _ = locked[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version), f"{text}: run `make lock`"


@pytest.mark.parametrize("name", ASKED)
def test_every_package_has_its_hashes(name: str) -> None:
    for package, (_, hashes) in entries(name).items():
        assert hashes, package
        assert all(HASH.fullmatch(each) for each in hashes), package


def test_the_image_takes_nothing_else() -> None:
    steps = re.findall(r"pip (?:install|wheel) [^;]*", (ROOT / "Dockerfile").read_text("utf-8"))
    assert steps
    assert all("--require-hashes" in step or "--no-deps" in step for step in steps)


def test_the_builds_group_is_the_builds_backend() -> None:
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]
