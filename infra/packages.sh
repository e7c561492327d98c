#!/usr/bin/env bash
# Install the Debian or Ubuntu packages that are missing: those named, or else all that the tests need.
# What is there already, by whatever road, is left alone, so that a second run asks for nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

tests_need=(
    chromium           # A real browser opens the pages.
    fonts-dejavu-core  # It draws them with real letters.
    strace             # It makes fsync fail below the process, to hear what we say then.
)

present() {
    command -v "$1" >/dev/null || dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'
}

missing=()
for package in "${@:-${tests_need[@]}}"; do
    if present "$package"; then
        continue
    elif [ "$package" = chromium ] && grep -q '^ID=ubuntu' /etc/os-release; then
        # Ubuntu's own is a snap, which does not start in a container: there Playwright brings one along.
        .venv/bin/playwright install --with-deps chromium
    else
        missing+=("$package")
    fi
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
for tool in apt-get "${as_root[@]}"; do
    if ! command -v "$tool" >/dev/null; then
        echo "Please install ${missing[*]} first: there is no $tool here to do it with." >&2
        exit 1
    fi
done
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
echo "Installing ${missing[*]}"
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
