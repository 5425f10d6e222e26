"""The product beside the lab's domains: `eop-probe check mx:DOMAIN` where their ports are 25, 53 and 443."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.lab.running import PATIENCE_SECONDS, Lab
from tests.lab.situations import EXIT_CODES

VALIDATES = "127.0.0.54"  # Unbound
VALIDATES_TOO = "127.0.0.1:5354"  # BIND
SERVES = "127.0.0.1"  # BIND with all the zones, which validates nothing
IMAGE = "eop-probe"
#: What a developer's copy of the lab may add to `docker run`.
MORE: tuple[str, ...] = ()
#: By the names of domain and host.
Assessments = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is expected of one endpoint: the prediction, what becomes of the domain's mail, and findings besides."""

    outcome: str = "accepted"
    rule: str | None = None
    reply: str | None = None
    mail: str = "goes-on"
    findings: tuple[str, ...] = ()


def run(
    lab: Lab, names: Iterable[str], *options: str, resolver: str = VALIDATES
) -> subprocess.CompletedProcess[str]:
    """Check the domains as Exchange Online would that delivers to them."""
    lab.used |= {"resolver", "policies", "exchangers"}
    words = ("--direction", "from-eop", "--resolver", resolver, "--stand-in", "/LAB-ROOT.pem", *options)
    return subprocess.run(
        [
            "docker", "run", "--rm", "--network", f"container:{lab.container('resolver')}",
            "--volume", f"{lab.root}:/LAB-ROOT.pem:ro", *MORE, IMAGE,
            "check", *(f"mx:{name}.example" for name in names), *words,
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip


def assessments(lab: Lab, names: Iterable[str], *options: str, resolver: str = VALIDATES) -> Assessments:
    """The JSON report's assessments; the exit code agrees with its outcome."""
    done = run(lab, names, *options, "--format", "json", resolver=resolver)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert done.returncode == EXIT_CODES[report["outcome"]]
    return {
        (
            each["target"].removeprefix("mx:").removesuffix(".example"),
            each["host"].removesuffix(".example"),
        ): each
        for each in report["assessments"]
    }


def said(assessment: dict[str, Any]) -> Said:
    """What a report has said of one endpoint, but for what the lab's root brings with it."""
    [prediction] = assessment["predictions"]
    outbound = assessment.get("outbound")
    found = {each["rule"] for each in assessment["findings"]} - {
        prediction["rule"],
        "stand-in",
        "stores-disagree",
    }
    return Said(
        outcome=prediction["outcome"],
        rule=prediction["rule"],
        reply=prediction["reply"],
        mail=outbound["mail"] if outbound else "",
        findings=tuple(sorted(found)),
    )
