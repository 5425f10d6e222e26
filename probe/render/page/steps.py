"""Steps of a remedy for JSON and for HTML."""

from __future__ import annotations

from collections.abc import Iterator

from probe.powershell import Command, Steps, SubStep


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


def steps_html(remedy: Steps) -> Iterator[str]:
    """A numbered list; a command stands in a block of its own, under the name of the shell it is for."""
    if not remedy:
        return
    from probe.render.page.markup import element, escaped  # a plain check writes no HTML

    yield "<ol>"
    shell, end = None, ""
    for step in remedy:
        if isinstance(step, SubStep):
            yield element("div", f"· {step}")
            shell = None
            continue
        if isinstance(step, str) or not end:
            yield f"{end}<li>"
            end, shell = "</li>", None
        if isinstance(step, str):
            yield escaped(step)
            continue
        if step.shell is not shell:
            yield element("div", f"{step.shell.value}:", "soft")
        yield f"<pre>{escaped(step.text)}</pre>"
        shell = step.shell
    yield f"{end}</ol>"
