#!/usr/bin/env bash
# Checks the types of all that is in Python, and runs its own tests: the SDK, and the context of `stay` in it.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh python
python=$(realpath "${CARGO_TARGET_DIR:-target}")/python/bin/python
export PYTHONDONTWRITEBYTECODE=1

# Tests name what is wrong on purpose, so they are run, and not checked.
(cd python && MYPYPATH=sdk:sdk/tools "$python" -m mypy --strict --cache-dir target/mypy sdk/innkeeper sdk/tools)
(cd python && MYPYPATH=sdk:message/src "$python" -m mypy --strict --cache-dir target/mypy message/src message/tests)
(cd python/sdk && "$python" -m pytest -q -p no:cacheprovider)
(cd python/message && "$python" -m pytest -q -p no:cacheprovider)
