#!/usr/bin/env bash
# Make a virtual environment in the folder named, with the first Python here that is new enough: 3.11, or the minor
# version that is named too.
set -euo pipefail
venv=$1
minor=${2:-11}
here=$(dirname "$0")

new_enough() {
    command -v "$1" >/dev/null && "$1" -c "import sys; sys.exit(sys.version_info < (3, $minor))" 2>/dev/null
}

# On the path, or set up beside it by pyenv.
python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
done
# Some distributions have none that is newer than what Draad itself needs; uv, which is in the lock, can bring one along.
uv=$here/../.venv/bin/uv
if [ -z "$python" ] && [ -x "$uv" ] && "$uv" python install --quiet "3.$minor"; then
    python=$("$uv" python find --managed-python "3.$minor")
fi
if [ -z "$python" ]; then
    echo "This needs Python 3.$minor or newer, and there is none on the path: please install one." >&2
    exit 1
fi

# Debian and Ubuntu keep half of `venv` in a package of its own. Whether it is there is seen by trying.
if ! "$python" -m venv --clear "$venv" >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$here/packages.sh" "python$version-venv"
    "$python" -m venv --clear "$venv"
fi
