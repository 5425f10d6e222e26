"""The command; the command line's root asks this package for its `app`."""

from probe.cli.listen.command import app

__all__ = ["app"]
