"""eop-probe as a library: the same answers as values.

>>> from probe import CheckOptions, assess, judge, load_store
>>> options = CheckOptions(stores=lambda: [load_store("microsoft")])
>>> for assessment in assess("mail.example.com", options): print(assessment.outcome.value)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.capture import Capture
    from probe.check.options import CheckOptions
    from probe.check.run import assess
    from probe.eop.evidence import Evidence, weigh
    from probe.eop.settings import Settings
    from probe.eop.verdict import Prediction, Verdict, judge
    from probe.eop.vocabulary import Basis, Direction, Outcome, Severity
    from probe.report.assessment import Assessment, Report
    from probe.statement import Confidence
    from probe.stores import load as load_store

__version__ = "0.1.0"

GARBAGE_THRESHOLD = 100_000
"""Objects made beyond those freed before Python looks for cycles among them; its default is 700. A check makes
46,000 and keeps them: not to search through them again and again saves a tenth of its processor time."""

__all__ = [
    "Assessment",
    "Basis",
    "Capture",
    "CheckOptions",
    "Confidence",
    "Direction",
    "Evidence",
    "Outcome",
    "Prediction",
    "Report",
    "Settings",
    "Severity",
    "Verdict",
    "assess",
    "judge",
    "load_store",
    "weigh",
]

_HOMES = {
    "Assessment": "report.assessment",
    "Report": "report.assessment",
    "CheckOptions": "check.options",
    "assess": "check.run",
    "Capture": "capture",
    "Evidence": "eop.evidence",
    "Settings": "eop.settings",
    "weigh": "eop.evidence",
    "Prediction": "eop.verdict",
    "Verdict": "eop.verdict",
    "judge": "eop.verdict",
    "Basis": "eop.vocabulary",
    "Confidence": "statement",
    "Direction": "eop.vocabulary",
    "Outcome": "eop.vocabulary",
    "Severity": "eop.vocabulary",
    "load_store": "stores",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: every command imports this package, few need all of it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'probe' has no attribute {name!r}")
    return getattr(import_module(f"probe.{home}"), "load" if name == "load_store" else name)
