#!/usr/bin/env bash
# Make the secrets of docker-compose.yml in var/secrets. What is there already is never overwritten.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=var/secrets

random() {
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

umask 022
mkdir -p var/settings # Yours: Docker, which would make it, is root.

if [ -e "$folder" ]; then
    for name in postgres redis draad; do
        if [ ! -f "$folder/$name" ] || [ ! -s "$folder/$name" ]; then
            echo "$folder is there, but not $folder/$name: restore it from a backup." >&2
            echo "Where no data were made with it yet, remove the folder and run this again." >&2
            exit 1
        fi
    done
    made=
    for name in metrics grafana; do # They keep no data: an installation from before they were there gets them.
        if [ ! -s "$folder/$name" ]; then
            random >"$folder/$name"
            made+=" $name"
            echo "Made $folder/$name, which was missing."
        fi
    done
    [ -n "$made" ] || echo "$folder is there already, and stays as it is."
    exit
fi
mkdir -m 700 "$folder"
trap 'rm -rf "$folder"; echo "$folder could not be made." >&2' EXIT

# The folder keeps others out. Its files are for the containers, each with a user of its own.
postgres=$(random)
redis=$(random)
token=$(random)
pepper=$(random)
echo "$postgres" >"$folder/postgres"
echo "requirepass $redis" >"$folder/redis"
random >"$folder/metrics"
random >"$folder/grafana"
cat >"$folder/draad" <<END
DRAAD_DATABASE=postgresql://draad:$postgres@postgres:5432/draad
DRAAD_REDIS=redis://:$redis@redis:6379/0
DRAAD_TOKEN=$token
DRAAD_PEPPER=$pepper
END
sync "$folder"/*
trap - EXIT

echo "Made $folder: passwords for PostgreSQL, Redis and Grafana, tokens and the pepper. Back it up with the data."
