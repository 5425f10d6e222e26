"""The group of commands; the command line's root asks this package for its `app`."""

from probe.cli.exchange.group import app

__all__ = ["app"]
