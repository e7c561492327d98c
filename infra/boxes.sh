#!/usr/bin/env bash
# Make, of Debian's own packages, each image of docker-compose.yml that is not here, and a base for our own. It is for
# trying out where no registry of images is reached: a stand-in has the image's users, folders and entrance, and another
# version of its program. Grafana is not in Debian, and stays away. Root makes them, as debootstrap asks for it:
#     infra/boxes.sh && infra/secrets.sh
#     export BASE=draad-debian
#     docker compose --profile many build
#     docker compose --profile many up --detach --pull never --scale worker=3 --scale grafana=0
# `docker image prune --all --filter label=draad.stand-in` takes them away again.
set -euo pipefail
cd "$(dirname "$0")/.."

here() {
    docker image inspect "$1" >/dev/null 2>&1
}

base() {
    root=$(mktemp --directory)
    trap 'rm -rf "$root"' EXIT
    infra/packages.sh debootstrap
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$root"
    chmod 755 "$root"
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
    # Whom this machine trusts, and how it finds packages, is so in there too.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/"
    tar --create --directory="$root" . | docker import --change 'LABEL draad.stand-in=yes' - draad-debian
}

here draad-debian || base
[ -d build/kafka/jars ] || .venv/bin/python -c 'from infra.broker import fetch_jars; fetch_jars()'
for name in postgres redis prometheus kafka; do
    image=$(sed -n "s|^    image: \(.*\b$name:.*\)|\1|p" docker-compose.yml)
    here "$image" || tar --create --dereference --directory=infra/boxes . --directory=../../build/kafka jars \
        | docker build --target="$name" --label=draad.stand-in=yes --tag="$image" -
done
