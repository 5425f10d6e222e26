"""What the shipped files of integrations/ ask of eop-probe: the arguments of every command in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "integrations"
PROGRAM = "/usr/local/bin/eop-probe"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def text(name: str) -> str:
    return (FOLDER / name).read_bytes().decode("utf-16" if name.endswith(".xml") else "utf-8")


def documents(name: str) -> list[Any]:
    """The documents of a file in YAML."""
    return list(yaml.safe_load_all(text(name)))


def after_program(line: str) -> list[str]:
    """The words after the program's name."""
    words = shlex.split(line)
    return words[words.index(PROGRAM) + 1 :]


def of_nagios() -> Iterator[list[str]]:
    """Every service of the example, by the macros as Nagios fills them."""
    [line] = re.findall(r"command_line +(.*)", text("nagios/eop-probe.cfg"))
    template = _variables(text("nagios/eop-probe.cfg"))
    for block in text("nagios/example.cfg").split("define service")[1:]:
        filled = line
        for name, value in (template | _variables(block)).items():
            filled = filled.replace(f"$_SERVICE{name}$", value)
        [target] = re.findall(r"check_command +check_eop_probe!(.*)", block)
        yield after_program(filled.replace("$ARG1$", target))


def _variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"^ +_(EOP_\w+) +([^;\n]*[^;\n ])", block, re.MULTILINE))


def of_icinga() -> list[str]:
    """The arguments that the check command can give, each with the value of one."""
    options = re.findall(r'^ {4}"(--[a-z-]+)" = (\{ set_if|.)', text("icinga2/eop-probe.conf"), re.MULTILINE)
    values = {
        "--direction": "from-eop",
        "--store": "mozilla",
        "--resolver": "192.0.2.1",
        "--ehlo": "a.test",
        "--sni": "a.test",
    }
    words = [
        word
        for option, kind in options
        for word in ([option] if kind == "{ set_if" else [option, values.get(option, "25")])
    ]
    return ["check", "--format", "nagios", *words, "--", "mail.contoso.com"]


def of_zabbix() -> Iterator[list[str]]:
    given = {'"$1"': "mail.contoso.com", '"$2"': "from-eop", '"${2:-to-eop}"': "to-eop"}
    for name, line in (("eop-probe.conf", r"UserParameter=\S+,(.*)"), ("eop-probe", r"exec (.*)")):
        [command] = re.findall(line, text(f"zabbix/{name}"))
        for word, value in given.items():
            command = command.replace(word, value)
        yield after_program(command)


def of_systemd() -> Iterator[list[str]]:
    for path in sorted((FOLDER / "systemd").glob("*.service")):
        [line] = re.findall(r"^ExecStart=(.*)", path.read_text("ascii"), re.MULTILINE)
        yield after_program(line)


def of_windows() -> list[str]:
    task = ET.fromstring(text("windows/eop-probe.xml"))  # noqa: S314 - a file of ours
    return str(task.findtext(f".//{TASK}Arguments")).split()


def of_kubernetes() -> Iterator[list[str]]:
    for name in ("cronjob.yaml", "serve.yaml"):
        for one in documents(f"kubernetes/{name}"):
            for container in containers(one):
                yield container["args"]


def pod(resource: dict[str, Any]) -> dict[str, Any]:
    """The pod that a workload makes; none: an empty one."""
    spec = resource.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    return spec.get("template", {}).get("spec", {})


def containers(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return pod(resource).get("containers", [])
