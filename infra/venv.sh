#!/usr/bin/env bash
# Make a virtual environment in the folder named, with the first Python here that is new enough.
set -euo pipefail
venv=$1

python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Draad needs Python 3.11 or newer, and there is none on the path: please install python3." >&2
    exit 1
fi

# Debian and Ubuntu keep half of `venv` in a package of its own. Whether it is there is seen by trying.
if ! "$python" -m venv --clear "$venv" >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$(dirname "$0")/packages.sh" "python$version-venv"
    "$python" -m venv --clear "$venv"
fi
