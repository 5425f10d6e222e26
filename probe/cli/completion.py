"""``eop-probe completion``: scripts for shells, made once from the commands, so that Tab starts nothing."""

from __future__ import annotations

import enum

import typer

from probe.cli.app import every_command, new_app
from probe.cli.exit_codes import finish
from probe.cli.output import write_out

app = new_app()


class CompletionShell(enum.StrEnum):
    """The shells there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


@app.command()
def completion(
    shell: CompletionShell = typer.Argument(help="bash, zsh, fish or powershell.", metavar="SHELL"),
) -> None:
    """Print the script that completes commands, options and their values in a shell.

    bash and zsh: add it to ~/.bashrc or ~/.zshrc. fish: save it as ~/.config/fish/completions/eop-probe.fish.
    PowerShell: add it to the file that $PROFILE names.
    """
    write_out(_SCRIPTS[shell](word_table()))
    finish(0)


def word_table() -> dict[str, list[str]]:
    """What may follow a command's words ("exchange log"), or one of its options ("exchange log --format").

    An option with a value of any kind has an empty list; one without a value is no key.
    """
    table: dict[str, list[str]] = {}
    for words, command in every_command():
        table[words] = list(getattr(command, "commands", ()))
        for each in command.params:
            values = list(getattr(each.type, "choices", ()))
            if each.param_type_name == "argument":
                table[words] += values
                continue
            table[words] += [flag for flag in (*each.opts, *each.secondary_opts) if flag.startswith("--")]
            if not each.is_flag:
                table[f"{words} {each.opts[0]}".strip()] = values
        table[words].append("--help")
    return table


def _bash(table: dict[str, list[str]]) -> str:
    commands = "|".join(f'"{key}"' for key in table if key and "--" not in key)
    cases = "\n".join(
        f'        "{key}") offer="{" ".join(words)}" ;;' for key, words in table.items() if "--" in key
    )
    rest = "\n".join(
        f'            "{key}") offer="{" ".join(words)}" ;;'
        for key, words in table.items()
        if "--" not in key
    )
    return f"""# Completion of eop-probe for bash.
_eop_probe() {{
    local place="" offer="" next i
    for ((i = 1; i < COMP_CWORD; i++)); do
        next="${{place:+$place }}${{COMP_WORDS[i]}}"
        case "$next" in {commands}) place="$next" ;; esac
    done
    case "${{place:+$place }}${{COMP_WORDS[COMP_CWORD-1]}}" in
{cases}
        *) case "$place" in
{rest}
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$offer" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o bashdefault -o default -F _eop_probe eop-probe
"""


def _fish(table: dict[str, list[str]]) -> str:
    lines = ["# Completion of eop-probe for fish."]
    for key, words in table.items():
        path, _, option = key.partition("--")
        if option:
            continue
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path.split())
        inner = [word for word in words if not word.startswith("-")]
        if inner:
            unseen = f"not __fish_seen_subcommand_from {' '.join(inner)}"
            when = f"{seen}; and {unseen}" if seen else unseen
            lines.append(f"complete -c eop-probe -n '{when}' -f -a '{' '.join(inner)}'")
        for flag in words[len(inner) :]:
            values = table.get(f"{key} {flag}".strip())
            kind = "" if values is None else f" -x -a '{' '.join(values)}'" if values else " -r"
            when = f" -n '{seen}'" if seen else ""
            lines.append(f"complete -c eop-probe{when} -l {flag[2:]}{kind}")
    return "\n".join(lines) + "\n"


def _powershell(table: dict[str, list[str]]) -> str:
    quoted = {key: ", ".join(f"'{word}'" for word in words) for key, words in table.items()}
    rows = "\n".join(f"        '{key}' = @({words})" for key, words in quoted.items())
    return f"""# Completion of eop-probe for PowerShell.
Register-ArgumentCompleter -Native -CommandName eop-probe -ScriptBlock {{
    param($word, $ast, $position)
    $table = @{{
{rows}
    }}
    $before = @($ast.CommandElements | Select-Object -Skip 1 |
        Where-Object {{ $_.Extent.EndOffset -lt $position }} | ForEach-Object {{ "$_" }})
    $path = ''
    foreach ($each in $before) {{
        $next = "$path $each".Trim()
        if (-not $each.StartsWith('-') -and $table.ContainsKey($next)) {{ $path = $next }}
    }}
    $key = if ($before) {{ "$path $($before[-1])".Trim() }}
    $words = if ($key -and $table.ContainsKey($key) -and $key -match '--') {{ $table[$key] }} else {{ $table[$path] }}
    $words | Where-Object {{ $_ -like "$word*" }} | ForEach-Object {{
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }}
}}
"""


_ZSH_READS_BASH = "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"
_SCRIPTS = {
    CompletionShell.BASH: _bash,
    CompletionShell.ZSH: lambda table: _ZSH_READS_BASH + _bash(table),
    CompletionShell.FISH: _fish,
    CompletionShell.POWERSHELL: _powershell,
}
