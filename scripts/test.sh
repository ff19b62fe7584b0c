#!/usr/bin/env bash
# Runs all tests. What builds contexts in JavaScript comes from a registry: where that does not answer, or Node is missing, the tests that need it are left out, which is said, and no others.
set -euo pipefail
cd "$(dirname "$0")/.."

left_out=${INNKEEPER_TESTS_WITHOUT:-}
leaves_out() { [[ ",$left_out," == *",$1,"* ]]; }

leaves_out javascript || scripts/setup.sh javascript || left_out=${left_out:+$left_out,}javascript
export INNKEEPER_TESTS_WITHOUT=$left_out

# Tests wait more than they compute; those that measure something take turns.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))}
(cd components && cargo test)
(cd tests/apps/library/components && cargo test)
cargo test --workspace
leaves_out javascript || (cd javascript && npm test --workspaces --silent)
[ -z "$left_out" ] || echo "test: the tests of contexts in $left_out were left out; setup says above why"
