#!/usr/bin/env bash
# Makes the packages of the SDKs as they are published: package.sh <the folder for them> [--verify]. A `.crate` of each crate for cargo, a `.tgz` for npm, a wheel and an sdist for pip. Nothing is published, and no registry is
# asked but for what packs Python, once; cargo has to have the crates of `components/Cargo.lock` already. With --verify cargo compiles what it has packed, as whoever has it from a registry would.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh packages

mkdir -p "$1"
to=$(realpath "$1")
verify=(--no-verify)
[ "${2:-}" = --verify ] && verify=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The contract and the licence are links here, which npm would leave out.
cp -rL javascript/sdk python/sdk --target-directory="$work" --parents
rm -rf "$work"/javascript/sdk/node_modules
find "$work" -name __pycache__ -prune -exec rm -rf {} +

(cd components && cargo package --quiet --offline --allow-dirty "${verify[@]}" --package innkeeper-sdk-derive --package innkeeper-sdk --target-dir "$work/cargo")
cp "$work"/cargo/package/*.crate "$to"

(cd "$work/javascript/sdk" && npm pack --silent --offline --pack-destination "$to" >/dev/null)

packages=$(realpath "${CARGO_TARGET_DIR:-target}")/packages
cd "$work/python/sdk"
"$packages/bin/python" -c '
import sys
from flit_core import buildapi
buildapi.build_wheel(sys.argv[1])
buildapi.build_sdist(sys.argv[1])' "$to"
