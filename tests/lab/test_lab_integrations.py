"""The shipped files in Nagios, Icinga 2, Zabbix's agent and systemd as Debian has them, on the lab's services."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.lab.running import HERE, ROOT, START_SECONDS, Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]

SECONDS = 150
#: State and days left: the internal CA's chain is refused whatever its days.
STATES = {"healthy": ("OK", 150), "expires-soon": ("WARNING", 5), "internal-ca": ("CRITICAL", 150)}


def container(*words: str) -> subprocess.CompletedProcess[str]:
    """A command in a container that sees the lab's services."""
    return subprocess.run(
        [
            "docker",
            "run",
            "--rm",
            "--network",
            "eop-probe-lab_default",
            "--volume",
            f"{HERE / 'run'}:/lab:ro",
            *words,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS + 30,
        check=False,
    )


def inside(command: str, *variables: str) -> subprocess.CompletedProcess[str]:
    """A command beside the tools and the shipped files."""
    environment = [word for each in variables for word in ("--env", each)]
    folder = ["--volume", f"{ROOT / 'integrations'}:/integrations:ro"]
    limited = ["timeout", "--signal=KILL", str(SECONDS), "sh", "-euc", command]
    return container(*folder, *environment, "eop-probe-lab-integrations", *limited)


def days(data: str) -> int:
    """What the first label says; the labels begin differently, for an RRD keeps 19 characters of each."""
    labels = re.findall(r"([0-9a-f]{9}_(?:days_left|seconds))_[^=]+=([\d.]+)", data)
    [left, _] = [float(value) for label, value in sorted(labels, key=lambda one: one[0][9:])]
    return round(left)


@pytest.mark.parametrize(
    ("tool", "ending", "old", "new"),
    [
        ("nagios", "nagios/*.cfg", "command_name", "name"),
        ("icinga", "icinga2/*.conf", "check_command", "chck_command"),
    ],
)
def test_the_configuration_is_taken(lab: Lab, tool: str, ending: str, old: str, new: str) -> None:
    assert lab.port("healthy")
    taken = f"mkdir /tmp/o; cp /integrations/{ending} /tmp/o; {{}} {tool} verify /tmp/o"
    done = inside(taken.format(""))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search("warning/|Total Warnings: +[1-9]", done.stdout), done.stdout
    broken = inside(taken.format(f"sed -i 's/{old}/{new}/' /tmp/o/*;"))
    assert broken.returncode == 1, broken.stdout + broken.stderr


def test_nagios_holds_state_and_performance_data(lab: Lab) -> None:
    assert all(map(lab.port, STATES))
    done = inside(
        "mkdir /tmp/o; cp /integrations/nagios/eop-probe.cfg /lab-objects/lab.cfg /tmp/o; nagios run /tmp/o 3"
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {name: (state, days(data)) for name, state, data in rows} == STATES, done.stdout + done.stderr


def test_icinga_holds_state_and_performance_data(lab: Lab) -> None:
    assert all(map(lab.port, STATES))
    done = inside(
        "mkdir /tmp/o; cp /integrations/icinga2/eop-probe.conf /lab-objects/lab.conf /tmp/o;"
        f" icinga run /tmp/o {' '.join(STATES)}"
    )
    states = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
    left = re.findall(r"service=(\S+),metric=[0-9a-f]{9}_days_left_\S+ value=([\d.]+)", done.stdout)
    state = re.findall(r"service=(\S+) .*,state=(\d)i", done.stdout)
    found = {name: (states[int(number)], round(float(dict(left)[name]))) for name, number in state}
    assert found == STATES, done.stdout + done.stderr


def test_zabbix_gets_a_report(lab: Lab) -> None:
    assert all(map(lab.port, STATES))
    keys = [f"eop_probe.report[{name},to-eop]" for name in STATES] + ["eop_probe.report[x;id,to-eop]"]
    done = inside(
        f"zabbix /integrations/zabbix/eop-probe.conf {' '.join(map(repr, keys))}",
        "EOP_PROBE_STAND_IN=/lab/LAB-ROOT.pem",
    )
    told = dict(
        re.findall(r"^(eop_probe\S+) +\[(.*?)\]\n*(?=^eop_probe|\Z)", done.stdout, re.MULTILINE | re.DOTALL)
    )
    assert list(told) == keys, done.stdout + done.stderr
    outcomes = [json.loads(text.removeprefix("t|"))["outcome"] for text in list(told.values())[:3]]
    assert outcomes == ["accepted", "at-risk", "rejected"]
    # The agent itself keeps a shell from it.
    assert told[keys[3]].startswith("m|ZBX_NOTSUPPORTED] [Special characters")


def test_zabbix_external_check(lab: Lab) -> None:
    assert lab.port("internal-ca")
    done = inside("/integrations/zabbix/eop-probe internal-ca from-eop")
    [prediction] = json.loads(done.stdout)["assessments"][0]["predictions"]
    assert (done.returncode, prediction["direction"], prediction["outcome"]) == (2, "from-eop", "rejected")


def test_systemd_has_nothing_to_say_of_the_units(lab: Lab) -> None:
    assert lab.port("healthy")
    done = inside("units /integrations/systemd")
    lines = done.stdout.splitlines()
    exposure = re.compile(r"→ Overall exposure level for eop-probe-(run|serve|watch)\.service: 1\.\d OK :-\)")
    assert len(lines) == 3, done.stdout + done.stderr
    assert all(map(exposure.fullmatch, lines)), done.stdout
    broken = inside("cp -r /integrations/systemd /tmp/u; sed -i s/^UMask/Umask/ /tmp/u/*; units /tmp/u")
    assert "Unknown key 'Umask' in section [Service], ignoring" in broken.stdout


def test_the_image_writes_to_one_folder_and_has_every_extra(lab: Lab) -> None:
    assert lab.port("healthy")
    command = """
        id -u
        python3 -c 'import apprise, psycopg, sqlalchemy, starlette, uvicorn'
        touch /x /opt/x /tmp/x && echo writable
        echo healthy | eop-probe fleet run - --record --format csv
        eop-probe history show healthy | head -n 1
    """
    hardened = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    trusted = ("--env", "EOP_PROBE_STAND_IN=/lab/LAB-ROOT.pem")
    done = container(*hardened, *trusted, "--entrypoint", "sh", "eop-probe", "-uc", command)
    user, _, row, shown = done.stdout.splitlines()
    assert user == "10001", done.stderr
    assert ",accepted," in row
    assert "healthy" in shown
    assert done.stderr.count("Read-only file system") == 3
