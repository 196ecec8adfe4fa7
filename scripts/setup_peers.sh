#!/bin/sh
# Creates one environment for each peer that the benchmarks compare with, from requirements/peers.
# Usage: scripts/setup_peers.sh DIRECTORY PYTHON [NAME ...]     (all of them unless named)
# One that cannot be installed leaves NAME.error in DIRECTORY, which the tables show. A line
# "# without: PACKAGE" in its file names what is taken out again after the installation.
set -u

directory=$1
python=$2
shift 2
if [ $# -eq 0 ]; then
    for file in requirements/peers/*.txt; do
        set -- "$@" "$(basename "$file" .txt)"
    done
fi
mkdir -p "$directory"
for name in "$@"; do
    environment="$directory/$name"
    requirements="requirements/peers/$name.txt"
    if cmp -s "$requirements" "$environment/.installed"; then
        echo "peers: $name is there"
        continue
    fi
    echo "peers: installing $name (some minutes)"
    rm -rf "$environment" "$directory/$name.error"
    log="$directory/$name.log"
    if "$python" -m venv "$environment" >"$log" 2>&1 &&
        "$environment/bin/python" -m pip --disable-pip-version-check install --quiet \
            -r "$requirements" >>"$log" 2>&1; then
        for package in $(sed -n 's/^# without: //p' "$requirements"); do
            "$environment/bin/python" -m pip --quiet uninstall --yes "$package" >>"$log" 2>&1
        done
        cp "$requirements" "$environment/.installed"
        rm -f "$log"
    else
        tail -n 20 "$log" >"$directory/$name.error"
        rm -rf "$environment" "$log"
        echo "peers: $name could not be installed:" >&2
        sed 's/^/    /' "$directory/$name.error" >&2
    fi
done
