#!/usr/bin/env bash
# A good engineer guesses: a program that catches KeyboardInterrupt and calls sys.exit(5) ends with 5, however it is
# started; whoever started it sees the same code for `python program.py` and `python -m program`.
# What happens (CPython 3.11.7, 3.12.1, 3.13.0, Linux): where the interrupt was raised while exec() ran a text, as when a
# named tuple or a dataclass is made, the interpreter keeps a note of it that catching does not clear. Started with -m it
# looks at the note after the exit code is known, and kills itself by SIGINT: the shell sees 130.
# Why it matters: Ctrl-C comes at any moment, and much of a start-up is such making. A supervisor that goes by the exit
# code, or a test that asserts it, now and then sees a death by signal of a program that ended in order. A console script
# is started as a file, and does not have it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >handled.py <<'PY'
import sys

try:
    exec(sys.argv[1] if len(sys.argv) > 1 else "raise KeyboardInterrupt")
except KeyboardInterrupt:
    pass
sys.exit(5)
PY
python3 -c 'import sys; print("Python", sys.version.split()[0])'
code() { local it=0; "$@" || it=$?; echo "$it"; }
file=$(code python3 handled.py)
module=$(code python3 -m handled)
plain=$(code python3 -m handled "raise SystemExit(5)")
echo "as a file: $file; as a module: $module; as a module, without an interrupt: $plain"
[ "$file" = 5 ] && [ "$plain" = 5 ] || { echo "cannot run here: the controls end otherwise" >&2; exit 2; }
[ "$module" = 130 ] || { echo "CHANGED: it ended with $module"; exit 1; }
echo "As described."
