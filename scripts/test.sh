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

# Tests that measure the machine or load it fully want it for themselves: they come last, and take turns.
mapfile -t alone < <(grep -v '^#' tests/alone.txt)
(cd components && cargo test)
(cd tests/apps/library/components && cargo test)
scripts/test-rust.sh units
tests=$(scripts/test-rust.sh promises -- --list)
for name in "${alone[@]}"; do
    grep -qxF "$name: test" <<<"$tests" || {
        echo "test: there is no test $name; correct or remove its line in tests/alone.txt" >&2
        exit 1
    }
done
scripts/test-rust.sh promises -- "${alone[@]/#/--skip=}"
scripts/test-rust.sh promises -- --exact "${alone[@]}"
leaves_out javascript || (cd javascript && npm test --workspaces --silent)
leaves_out python || scripts/test-python.sh
[ -z "$left_out" ] || echo "test: the tests of $left_out were left out; setup says above why"
