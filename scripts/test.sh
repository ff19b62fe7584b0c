#!/usr/bin/env bash
# Runs all tests. What builds contexts in JavaScript and Python, and what reads the app's documents, comes from registries: where one does not answer, or Node or Python is missing, the tests
# that need it are left out, which is said, and no others.
set -euo pipefail
cd "$(dirname "$0")/.."

left_out=${INNKEEPER_TESTS_WITHOUT:-}
leaves_out() { [[ ",$left_out," == *",$1,"* ]]; }

for what in javascript python documents; do
    leaves_out $what || scripts/setup.sh $what || left_out=${left_out:+$left_out,}$what
done
# Another engine for JavaScript, and what looks through what is written for authors.
for more in starlingmonkey eslint; do
    leaves_out javascript || leaves_out $more || scripts/setup.sh $more || left_out=${left_out:+$left_out,}$more
done
export INNKEEPER_TESTS_WITHOUT=$left_out

# Tests wait more than they compute. Those that measure the machine or load it fully want it for themselves: they come last, and take turns.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))}
# What setup has downloaded is all that pip may look for: no test asks an index.
offline() { PIP_NO_INDEX=1 PIP_FIND_LINKS=file://${PWD// /%20}/python/target/wheels "$@"; }
# End-to-end tests are for a good part the host's own work, so it is optimized for them: a changed line takes about half a minute longer to build, and the tests take minutes less. Its dependencies are those of all other builds.
export INNKEEPER_TESTS_CARGO="--config profile.dev.package.innkeeper.opt-level=1 --config profile.dev.package.innkeeper-guest.opt-level=1"
promises() { offline cargo test --workspace --test promises $INNKEEPER_TESTS_CARGO -- "$@"; }
mapfile -t alone < <(grep -v '^#' tests/alone.txt)
(cd components && cargo test)
(cd tests/apps/library/components && cargo test)
cargo test --workspace --lib --bins --test events --test gateway --test operator
promises "${alone[@]/#/--skip=}"
promises --exact "${alone[@]}"
leaves_out javascript || (cd javascript && npm test --workspaces --silent)
leaves_out python || scripts/test-python.sh
[ -z "$left_out" ] || echo "test: the tests of $left_out were left out; setup says above why"
