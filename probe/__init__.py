"""eop-probe as a library: the same answers as values.

>>> from probe import CheckOptions, assess, judge, load_store
>>> options = CheckOptions(stores=lambda: [load_store("microsoft")])
>>> for assessment in assess("mail.example.com", options): print(assessment.outcome.value)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.assessment import Assessment, Report
    from probe.check import assess
    from probe.confidence import Confidence
    from probe.eop.evidence import Capture, Evidence, weigh
    from probe.eop.settings import Settings
    from probe.eop.verdict import Prediction, Verdict, judge
    from probe.eop.vocabulary import Basis, Direction, Outcome, Severity
    from probe.plan import CheckOptions
    from probe.stores import load as load_store

__version__ = "0.1.0"

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
    "Assessment": "assessment",
    "Report": "assessment",
    "CheckOptions": "plan",
    "assess": "check",
    "Capture": "eop.evidence",
    "Evidence": "eop.evidence",
    "Settings": "eop.settings",
    "weigh": "eop.evidence",
    "Prediction": "eop.verdict",
    "Verdict": "eop.verdict",
    "judge": "eop.verdict",
    "Basis": "eop.vocabulary",
    "Confidence": "confidence",
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
