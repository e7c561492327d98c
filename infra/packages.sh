#!/usr/bin/env bash
# Install the Debian or Ubuntu packages that are missing: those named, or else all that the tests need.
# What is there already, by whatever road, is left alone, so that a second run asks for nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

tests_need=(
    chromium              # A real browser opens the pages.
    fonts-dejavu-core     # It draws them with real letters.
    strace                # It makes fsync fail below the process, to hear what we say then.
    libfaketime           # It has a process see a wrong clock, which jumps.
    default-jre-headless  # Apache Kafka runs on it: Java 17 or newer.
    maven                 # It fetches Kafka's published jars, which infra/kafka/pom.xml names.
    postgresql            # The kafka engine, which is next, keeps its states and views in it.
    redis-server          # And tells live pages of other nodes through it.
    dovecot-imapd         # A real mailbox, from which mail is fetched,
    dovecot-lmtpd         # and into which a relay puts it.
    prometheus            # It watches a real Draad, whose boards show something and whose alerts fire.
)

present() {
    case $1 in
    default-jre-headless)
        local major
        major=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = \([0-9]*\).*/\1/p')
        [ "${major:-0}" -ge 17 ]
        return
        ;;
    postgresql)
        compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && return
        set -- postgres  # Or elsewhere, on the path.
        ;;
    esac
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
