#!/usr/bin/env bash
# Checks the types of all that is in Python, and runs its own tests: the SDK, and the contexts of `stay` and `shop` in it.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh python
python=$(realpath "${CARGO_TARGET_DIR:-target}")/python/bin/python
export PYTHONDONTWRITEBYTECODE=1

# Tests name what is wrong on purpose, so they are run, and not checked.
(cd python && MYPYPATH=sdk:sdk/tools "$python" -m mypy --strict --cache-dir target/mypy sdk/innkeeper sdk/tools)
# Each context by itself: their modules have the same names.
for context in message mypage; do
    (cd python && MYPYPATH=sdk:$context/src "$python" -m mypy --strict --cache-dir "target/mypy-$context" $context/src $context/tests)
done
(cd python/sdk && "$python" -m pytest -q -p no:cacheprovider)
for context in message mypage; do
    (cd "python/$context" && "$python" -m pytest -q -p no:cacheprovider)
done
