#!/bin/sh
# Creates an environment with transformers, sentence-transformers and torch, against which the tests compare.
# Usage: scripts/setup_interchange.sh DIRECTORY PYTHON
set -eu

"$2" -m venv "$1"
pip="$1/bin/python -m pip --disable-pip-version-check"
# This version of torch has a CPU build that pip finds on machines that offer one.
$pip install --quiet torch==2.13.0
$pip install --quiet 'transformers>=5,<6' sentence-transformers safetensors
