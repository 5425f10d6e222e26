"""Steps of a remedy for JSON."""

from __future__ import annotations

from probe.powershell import Command, Steps


def steps_json(steps: Steps) -> list[str]:
    """Sentences and commands alike as text."""
    return [str(step) for step in steps]


def commands_json(steps: Steps) -> list[dict[str, str | int]]:
    """Which of these steps, counted from 0, are commands, and for which shell."""
    return [
        {"step": number, "shell": step.shell.value, "text": step.text}
        for number, step in enumerate(steps)
        if isinstance(step, Command)
    ]
