"""``python -m probe`` and the console script: run the command line and end with its exit code."""

from __future__ import annotations

from probe.cli.exit_codes import run_to_exit


def main() -> None:
    """Run the command line; never returns normally."""
    run_to_exit()


if __name__ == "__main__":
    main()
