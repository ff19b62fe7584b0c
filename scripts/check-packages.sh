#!/usr/bin/env bash
# Makes the packages of the SDKs and looks through them: whether each has all that it needs, and nothing else. Takes some seconds; check-packages.sh --verify has cargo compile its own, too.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! scripts/setup.sh packages; then
    echo "lint: the packages of the SDKs are not made; setup says above why"
    exit 0
fi
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
scripts/package.sh "$made" "$@"
"$(realpath "${CARGO_TARGET_DIR:-target}")/packages/bin/python" scripts/check-packages.py "$made"
