#!/usr/bin/env bash
# Lints what the host is made of: the crates that cargo has locked, by deny.toml, and the images that its image is built from.
set -euo pipefail
cd "$(dirname "$0")/.."

if unpinned=$(grep -nE '^(FROM|COPY --from=[^ ]*[:/])' Dockerfile | grep -v '@sha256:[0-9a-f]\{64\}'); then
    echo "lint: name this image of the Dockerfile by digest, as in \`debian:trixie-slim@sha256:...\`: $unpinned" >&2
    exit 1
fi

scripts/setup.sh kubernetes-validate
metadata=$(mktemp)
of_components=$(mktemp)
trap 'rm -f "$metadata" "$of_components"' EXIT
cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu >"$metadata"
"${CARGO_TARGET_DIR:-target}/kubernetes-validate/bin/python" scripts/lint-dependencies.py "$metadata" deny.toml
# What the image says that it is made of can be said.
python3 scripts/sbom.py "$metadata" Cargo.lock innkeeper >/dev/null
cargo metadata --locked --format-version 1 --manifest-path components/Cargo.toml --filter-platform wasm32-unknown-unknown >"$of_components"
for component in room reservation payment message viewpage; do
    python3 scripts/sbom.py "$of_components" components/Cargo.lock "$component" >/dev/null
done
