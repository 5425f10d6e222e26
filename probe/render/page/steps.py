"""Steps of a remedy for JSON, for pages and for mails."""

from __future__ import annotations

from typing import NamedTuple

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


class Part(NamedTuple):
    """What belongs to one step: commands for one shell, or without a shell sentences."""

    shell: str
    texts: list[str]


class Numbered(NamedTuple):
    """One step: its sentence, empty where a remedy begins with a command, and what belongs to it."""

    text: str
    parts: list[Part]


def numbered(remedy: Steps) -> list[Numbered]:
    """The steps as a page numbers them."""
    made: list[Numbered] = []
    for step in remedy:
        own = isinstance(step, str) and not isinstance(step, SubStep)
        if own or not made:
            made.append(Numbered(str(step) if own else "", []))
        if own:
            continue
        shell, parts = step.shell.value if isinstance(step, Command) else "", made[-1].parts
        if not parts or parts[-1].shell != shell:
            parts.append(Part(shell, []))
        parts[-1].texts.append(str(step))
    return made


def steps_html(remedy: Steps) -> str:
    """A numbered list for a mail, whose readers take little of HTML."""
    from probe.render.page.markup import element, escaped  # a plain check writes no HTML

    def said(part: Part) -> str:
        if not part.shell:
            return "".join(element("div", f"· {text}") for text in part.texts)
        return element("div", f"{part.shell}:", "soft") + "".join(element("pre", text) for text in part.texts)

    items = (f"<li>{escaped(step.text)}{''.join(map(said, step.parts))}</li>" for step in numbered(remedy))
    return f"<ol>{''.join(items)}</ol>" if remedy else ""
