#!/usr/bin/env bash
# Lints what the host is made of: the crates that cargo has locked, by deny.toml, and the images that its image is built from.
set -euo pipefail
cd "$(dirname "$0")/.."

if unpinned=$(grep -nE '^(FROM|COPY --from=[^ ]*[:/])' Dockerfile | grep -v '@sha256:[0-9a-f]\{64\}'); then
    echo "lint: name this image of the Dockerfile by digest, as in \`debian:trixie-slim@sha256:...\`: $unpinned" >&2
    exit 1
fi

scripts/setup.sh kubernetes-validate
python=${CARGO_TARGET_DIR:-target}/kubernetes-validate/bin/python
tested=$("$python" scripts/lint-advisories-test.py 2>&1) || { echo "$tested" >&2; exit 1; }
# Advisories on crates are kept by RustSec, in a repository and in no registry, so they are there only where that can be reached, or somebody has brought a copy.
advisories=${INNKEEPER_ADVISORIES:-}
if [ -z "$advisories" ]; then
    advisories=${CARGO_TARGET_DIR:-target}/advisory-db
    if [ -d "$advisories" ]; then
        timeout 60 git -C "$advisories" pull --quiet --ff-only 2>/dev/null || echo "lint: the advisories in $advisories could not be brought up to date; they are used as they are"
    else
        timeout 120 git clone --quiet --depth 1 https://github.com/RustSec/advisory-db "$advisories" 2>/dev/null || rm -rf "$advisories"
    fi
fi
if [ -d "$advisories/crates" ]; then
    "$python" scripts/lint-advisories.py "$advisories" deny.toml Cargo.lock components/Cargo.lock
elif [ -n "${INNKEEPER_ADVISORIES:-}" ]; then
    echo "lint: INNKEEPER_ADVISORIES names $advisories, which is no copy of RustSec/advisory-db" >&2
    exit 1
else
    echo "lint: there is no database of advisories here, and none can be fetched; what the host is made of is not checked against them (INNKEEPER_ADVISORIES names a copy of RustSec/advisory-db)"
fi

metadata=$(mktemp)
of_components=$(mktemp)
trap 'rm -f "$metadata" "$of_components"' EXIT
cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu >"$metadata"
"$python" scripts/lint-dependencies.py "$metadata" deny.toml
# What the image says that it is made of can be said.
python3 scripts/sbom.py "$metadata" Cargo.lock innkeeper >/dev/null
cargo metadata --locked --format-version 1 --manifest-path components/Cargo.toml --filter-platform wasm32-unknown-unknown >"$of_components"
for component in room reservation payment message viewpage products orders delivery mypage; do
    python3 scripts/sbom.py "$of_components" components/Cargo.lock "$component" >/dev/null
done
