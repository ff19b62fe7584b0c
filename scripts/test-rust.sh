#!/usr/bin/env bash
# Runs tests of the workspace, `units` or `promises`, with whatever else `cargo test` takes: `scripts/test-rust.sh promises -- swapping`. What they need is there once `make test` has run.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
units) selected=(--lib --bins --test events --test gateway --test operator) ;;
promises)
    # End-to-end tests are for a good part the host's own work, so it is optimized for them: a changed line takes about half a minute longer to build, and the tests take minutes less. Its dependencies are those of all
    # other builds. The tests build the host themselves, by the settings that they were compiled with.
    export INNKEEPER_TESTS_CARGO="--config profile.dev.package.innkeeper.opt-level=1 --config profile.dev.package.innkeeper-guest.opt-level=1"
    selected=(--test promises $INNKEEPER_TESTS_CARGO)
    # What was expected and what was seen is all that a promise has to say; whose calls led there is always the test's own.
    export RUST_BACKTRACE=0
    ;;
*)
    echo "test-rust: say which tests: \`units\` (those of the crates), or \`promises\` (end to end)" >&2
    exit 2
    ;;
esac
shift

# Tests wait more than they compute.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))}
# What setup has downloaded is all that pip may look for: no test asks an index.
export PIP_NO_INDEX=1 PIP_FIND_LINKS="file://${PWD// /%20}/python/target/wheels"
exec cargo test --workspace "${selected[@]}" "$@"
