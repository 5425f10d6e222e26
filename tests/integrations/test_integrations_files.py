"""The shipped files of integrations/: each is known here, asks for what there is, and is valid where it goes."""

from __future__ import annotations

import copy
import json
import re
import shlex
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import kubernetes_validate
import pytest
from typer.exceptions import TyperException

from probe.cli.app import every_command
from tests.integrations import shipped

#: What is for Prometheus has tests of its own.
FILES = {
    "cron/eop-probe",
    "github/eop-probe.yml",
    "gitlab/eop-probe.gitlab-ci.yml",
    "icinga2/eop-probe.conf",
    "icinga2/example.conf",
    "kubernetes/cronjob.yaml",
    "kubernetes/serve.yaml",
    "nagios/eop-probe.cfg",
    "nagios/example.cfg",
    "systemd/eop-probe-run.service",
    "systemd/eop-probe-run.timer",
    "systemd/eop-probe-serve.service",
    "systemd/eop-probe-watch.service",
    "windows/eop-probe.xml",
    "zabbix/eop-probe",
    "zabbix/eop-probe.conf",
    "zabbix/template.yaml",
}
LINES = [
    *shipped.of_nagios(),
    shipped.of_icinga(),
    *shipped.of_zabbix(),
    *shipped.of_systemd(),
    shipped.of_windows(),
    *shipped.of_kubernetes(),
]
REPORT = json.loads((shipped.FOLDER.parent / "docs/example-report.json").read_text("utf-8"))


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What the command makes of its arguments; it is not run."""
    found = [
        (len(words.split()), command)
        for words, command in every_command()
        if words and arguments[: len(words.split())] == words.split()
    ]
    length, command = max(found, key=lambda pair: pair[0])
    return command.make_context("eop-probe", arguments[length:]).params


def test_no_file_is_shipped_untested() -> None:
    others = {"prometheus"}
    found = (path for path in shipped.FOLDER.rglob("*") if path.is_file())
    names = {path.relative_to(shipped.FOLDER).as_posix() for path in found}
    assert {name for name in names if name.partition("/")[0] not in others} == FILES


@pytest.mark.parametrize("arguments", LINES, ids=" ".join)
def test_what_a_file_asks_for_is_there(arguments: list[str]) -> None:
    assert parsed(arguments)
    with pytest.raises(TyperException):
        parsed([*arguments[:1], "--no-such-option", *arguments[1:]])


def test_a_target_is_never_taken_for_an_option() -> None:
    for arguments in (*shipped.of_nagios(), shipped.of_icinga(), *shipped.of_zabbix()):
        assert arguments[-2] == "--"
        assert parsed([*arguments[:-1], "--help"])["targets"] == ("--help",)


def test_no_secret_is_in_a_file() -> None:
    for name in FILES:
        assert not re.search(
            r"(?i)\b(password|secret|token)[\"']? *[:=] *[\"']?[^-\s\"'/]", shipped.text(name)
        ), name


RESOURCES = [one for name in ("cronjob", "serve") for one in shipped.documents(f"kubernetes/{name}.yaml")]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one["kind"])
def test_kubernetes_takes_it(resource: dict[str, Any]) -> None:
    kubernetes_validate.validate(resource, "1.37", strict=True)
    broken = copy.deepcopy(resource)
    broken["metadata"]["nmae"] = "x"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.37", strict=True)


def test_a_pod_fits_the_restricted_standard() -> None:
    pods = [shipped.pod(one) for one in RESOURCES if shipped.containers(one)]
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_a_pod_runs_as_the_images_user_and_asks_where_it_listens() -> None:
    image = (shipped.FOLDER.parent / "Dockerfile").read_text("ascii")
    [user] = re.findall(r"^USER (\d+)", image, re.MULTILINE)
    for one in RESOURCES:
        if shipped.containers(one):
            assert str(shipped.pod(one)["securityContext"]["runAsUser"]) == user
    [serve] = [one for one in RESOURCES if one["kind"] == "Deployment"]
    [container] = shipped.containers(serve)
    [port] = [port["containerPort"] for port in container["ports"]]
    assert parsed(container["args"])["port"] == port
    assert re.search(rf"^EXPOSE .*\b{port}\b", image, re.MULTILINE)
    assert f'version = "{container["image"].partition(":")[2]}"' in (
        shipped.FOLDER.parent / "pyproject.toml"
    ).read_text("utf-8")


# Elements of the Task Scheduler schema (MS-TSCH 2.5), those that a task without secrets needs.
TASK = {
    "Task": {"RegistrationInfo", "Triggers", "Settings", "Data", "Principals", "Actions"},
    "RegistrationInfo": {"URI", "SecurityDescriptor", "Source", "Date", "Author", "Version", "Description"},
    "Triggers": {"CalendarTrigger"},
    "CalendarTrigger": {"Enabled", "StartBoundary", "Repetition", "RandomDelay", "ScheduleByDay"},
    "Repetition": {"Interval", "Duration", "StopAtDurationEnd"},
    "ScheduleByDay": {"DaysInterval"},
    "Principals": {"Principal"},
    "Principal": {"UserId", "RunLevel"},
    "Settings": {
        "MultipleInstancesPolicy", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries", "StartWhenAvailable",
        "RunOnlyIfNetworkAvailable", "ExecutionTimeLimit",
    },
    "Actions": {"Exec"},
    "Exec": {"Command", "Arguments", "WorkingDirectory"},
}  # fmt: skip


def test_the_task_of_windows() -> None:
    raw = (shipped.FOLDER / "windows/eop-probe.xml").read_bytes()
    assert raw.startswith(b"\xff\xfe<\0?\0")  # UTF-16, as it says of itself and as schtasks writes it
    task = ET.fromstring(raw)  # noqa: S314 - a file of ours
    for element in task.iter():
        name = element.tag.removeprefix(shipped.TASK)
        inside = [child.tag.removeprefix(shipped.TASK) for child in element]
        assert set(inside) <= TASK.get(name, set()), name
        assert len(inside) == len(set(inside))
    assert task.find(f".//{shipped.TASK}Actions").get("Context") == task.find(
        f".//{shipped.TASK}Principal"
    ).get("id")
    for name in ("Repetition/*", "RandomDelay", "ExecutionTimeLimit"):
        for found in task.findall(f".//{shipped.TASK}{name}"):
            assert re.fullmatch(r"P(\d+D)?(T(\d+H)?(\d+M)?)?", str(found.text))


def template() -> dict[str, Any]:
    [document] = shipped.documents("zabbix/template.yaml")
    [found] = document["zabbix_export"]["templates"]
    return found


def values(path: str) -> list[Any]:
    """What the JSONPath finds in the example report, filters letting all pass."""
    found: list[Any] = [REPORT]
    for step in re.findall(r"\[\?\(.*?\)\]|\[\*\]|\[\d+\]|\.first\(\)|\.\w+", path.removeprefix("$")):
        if step == ".first()":
            found = found[:1]
        elif step[1] in "?*":
            found = [one for each in found for one in each]
        else:
            found = [each[int(step[1:-1])] if step[0] == "[" else each[step[1:]] for each in found]
    return found


def test_what_zabbix_takes_from_a_report_is_in_it() -> None:
    items = template()["items"]
    master = items[0]["key"]
    assert master.startswith("eop_probe.report[")
    for item in items[1:]:
        assert (item["type"], item["master_item"]) == ("DEPENDENT", {"key": master})
        [path] = item["preprocessing"][0]["parameters"]
        assert [value for value in values(path) if value], path


def test_what_the_template_names_is_defined() -> None:
    found = template()
    keys = {item["key"] for item in found["items"]}
    said = shipped.text("zabbix/template.yaml")
    assert {macro["macro"] for macro in found["macros"]} == set(re.findall(r"\{\$[A-Z_]+\}", said))
    assert set(re.findall(r"/eop-probe/([a-z_.]+)", said)) < keys
    # In an item's key Zabbix would leave it as it is, and its agent refuse the braces.
    assert not [macro for macro in found["macros"] if "{" in macro.get("value", "")]
    ids = re.findall(r"uuid: (\w+)", said)
    assert len(ids) == len(set(ids))
    assert {uuid.UUID(each).version for each in ids} == {4}


@pytest.mark.parametrize("name", ["github/eop-probe.yml", "gitlab/eop-probe.gitlab-ci.yml"])
def test_a_pipeline_fits_the_schema_of_its_service(name: str, tmp_path: Path) -> None:
    service = name.partition("/")[0]
    options = {
        "github": ("vendor.github-workflows",),
        "gitlab": ("vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
    }[service]
    broken = tmp_path / "broken.yml"
    broken.write_text(shipped.text(name).replace("if:", "fi:").replace("stage: test", "stage: 5"), "utf-8")
    for path, code in ((shipped.FOLDER / name, 0), (broken, 1)):
        done = subprocess.run(
            [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *options, path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout


def test_the_commands_of_the_documentation() -> None:
    page = (shipped.FOLDER.parent / "docs/monitoring.md").read_text("utf-8")
    named = re.findall(r"integrations[/\\]([\w./\\-]*\w)", page)
    assert {name.partition("/")[0] for name in FILES} <= {re.split(r"[/\\]", name)[0] for name in named}
    assert [name for name in named if not list(shipped.FOLDER.glob(name.replace("\\", "/") + "*"))] == []
    units = {path.name for path in (shipped.FOLDER / "systemd").iterdir()}
    assert set(re.findall(r"eop-probe-\w+\.(?:service|timer)", page)) <= units
    blocks = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).replace("\\\n", "")
    commands = re.findall(r"^(?:docker run .* )?eop-probe (.*)", blocks, re.MULTILINE)
    assert len(commands) > 4
    assert all(parsed(shlex.split(command, comments=True)) for command in commands)
