#!/usr/bin/env bash
# Lints how the rooms of the host are built upon each other, by the table in docs/architecture.md, after a test that the check finds what it should.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh kubernetes-validate
python=${CARGO_TARGET_DIR:-target}/kubernetes-validate/bin/python
tested=$("$python" scripts/lint-rooms-test.py 2>&1) || { echo "$tested" >&2; exit 1; }
"$python" scripts/lint-rooms.py .
