"""The commands of the gates and of cron, run by a real shell against servers on loopback and certificates in files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.authority import Issued
from tests.cli.running import HEALTHY, HOST, ISSUING, LEAF, ROOT, SELF, SELF_SIGNED, SOON, environment
from tests.integrations import shipped
from tests.net.scripted import Script, ScriptedServer

INSTALL = 'python3 -m pip install "$PACKAGE"'
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A shell in an empty folder, where `eop-probe` is this one and the test authority's root counts."""
    program = tmp_path / "bin" / "eop-probe"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m probe "$@"\n', "utf-8")
    program.chmod(0o755)
    (tmp_path / "root.pem").write_text(ROOT.pem, "ascii")
    base = environment(
        PATH=f"{program.parent}:{os.environ['PATH']}",
        PYTHONPATH=str(shipped.FOLDER.parent),
        EOP_PROBE_STAND_IN=str(tmp_path / "root.pem"),
    )

    def shell(command: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", *options, "-c", command],
            cwd=tmp_path,
            env=base | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return shell


def github(job: str) -> tuple[str, dict[str, str]]:
    """The gate's own step, and the workflow's variables."""
    [workflow] = shipped.documents("github/eop-probe.yml")
    install, gate = (step["run"] for step in workflow["jobs"][job]["steps"] if "run" in step)
    assert install == INSTALL
    return gate, workflow["env"]


def gitlab(job: str) -> tuple[str, dict[str, str]]:
    [pipeline] = shipped.documents("gitlab/eop-probe.gitlab-ci.yml")
    assert pipeline[".eop-probe"]["before_script"] == [INSTALL]
    return "\n".join(pipeline[f"eop-probe {job}"]["script"]), pipeline["variables"]


pytestmark = pytest.mark.slow

GATES: dict[str, Any] = {"github": github, "gitlab": gitlab}


def cases(folder: Path) -> dict[str, str]:
    """Of each test case of the report the element that it is: failure, error, or none."""
    report = ET.parse(folder / "eop-probe.xml")  # noqa: S314 - a file of ours
    return {
        str(case.get("name")): ",".join(child.tag for child in case if child.tag != "system-out")
        for case in report.iter("testcase")
    }


@pytest.mark.parametrize("service", GATES)
@pytest.mark.parametrize(
    ("leaf", "code", "element"), [(LEAF, 0, ""), (SOON, 1, "failure"), (SELF_SIGNED, 2, "failure")]
)
def test_a_certificate_in_a_pipeline(
    run: Run, tmp_path: Path, service: str, leaf: Issued, code: int, element: str
) -> None:
    (tmp_path / "certificates").mkdir()
    chain = leaf.pem if leaf is SELF_SIGNED else leaf.pem + ISSUING.pem
    (tmp_path / "certificates" / "mail.pem").write_text(chain, "ascii")
    gate, variables = GATES[service]("certificates")
    done = run(gate, "-e", **variables)
    assert (done.returncode, list(cases(tmp_path).values())) == (code, [element]), done.stderr
    # GitHub shows the log alone, so that the reasons are in it.
    assert bool(done.stdout) is (service == "github" and code > 0)


@contextmanager
def two_servers(tmp_path: Path, second: Script) -> Iterator[dict[str, str]]:
    """A healthy server and another, as the targets of a list; what a run needs to find them."""
    with ScriptedServer(HEALTHY) as one, ScriptedServer(second) as other:
        (tmp_path / "targets.txt").write_text(f"{HOST}:{one.port}\n{HOST}:{other.port}\n", "ascii")
        yield {"EOP_PROBE_RESOLVE": f"{HOST}=127.0.0.1"}


@pytest.mark.parametrize("service", GATES)
@pytest.mark.parametrize(("second", "code", "element"), [(HEALTHY, 0, ""), (SELF, 2, "failure")])
def test_servers_in_a_pipeline(
    run: Run, tmp_path: Path, service: str, second: Script, code: int, element: str
) -> None:
    gate, variables = GATES[service]("endpoints")
    with two_servers(tmp_path, second) as found:
        done = run(gate, "-e", **variables, **found)
    assert done.returncode == code, done.stderr
    assert list(cases(tmp_path).values()) == ["", element]


def cron(folder: Path) -> tuple[str, dict[str, str]]:
    """The command as cron gives it to a shell (crontab(5): a percent sign ends it, unless a backslash is before it)."""
    table = shipped.text("cron/eop-probe")
    assert table.endswith("\n")  # without it cron reads no line
    variables, [line] = (
        re.findall(r"^(\w+)=(.*)$", table, re.MULTILINE),
        [line for line in table.splitlines() if re.match(r"[\d*]", line)],
    )
    command = re.sub(r"(?<!\\)%.*", "", line.split(maxsplit=6)[6]).replace("\\%", "%")
    assert line.split()[5] == "nobody"
    return command.replace("/etc/eop-probe/fleet.toml", str(folder / "fleet.toml")), dict(variables)


@pytest.mark.parametrize(("served", "code"), [(HEALTHY, 0), (SELF, 2)])
def test_cron_mails_trouble_alone(run: Run, tmp_path: Path, served: Script, code: int) -> None:
    command, variables = cron(tmp_path)
    with ScriptedServer(served) as server:
        keys = f'host = "{HOST}"\nport = {server.port}\naddresses = ["127.0.0.1"]\n'
        (tmp_path / "fleet.toml").write_text(f"[[target]]\n{keys}", "ascii")
        done = run(command.replace("eop-probe fleet", f"{tmp_path}/bin/eop-probe fleet"))
    assert variables["PATH"].startswith("/usr/local/bin:")
    assert done.stderr == ""
    assert bool(done.stdout) is (code > 0)
    if code:
        assert done.stdout.startswith(f"REJECTED  {HOST} 127.0.0.1:{server.port}: ")
        assert "1 target: 1 rejected" in done.stdout


def test_cron_mails_that_there_is_no_fleet(run: Run, tmp_path: Path) -> None:
    done = run(cron(tmp_path)[0])
    assert done.stdout.startswith("eop-probe: ")
    assert "fleet.toml" in done.stdout
