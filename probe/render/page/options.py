"""What a renderer is told besides the report: nothing in here is looked up by the renderer itself."""

from __future__ import annotations

from dataclasses import dataclass

#: Columns of the narrowest page laid out; a narrower terminal gets lines of this length.
MIN_WIDTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """How a page is to look: `width` in columns, ANSI colours or none, plain ASCII or not, all the
    detail or less; `brief` ends after the verdict and the chain. `file` is the name of the file that is
    written, if one is; `risk_tolerated`: what is at risk alone does not fail the run.
    """

    width: int = 80
    colour: bool = False
    ascii: bool = False
    verbose: bool = False
    brief: bool = False
    file: str = ""
    risk_tolerated: bool = False
