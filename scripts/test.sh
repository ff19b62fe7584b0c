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

# Runs promises. What fails is run once more with the machine for itself: where many run at once, time may run out that a promise does not speak of. Which ones those were is said, since
# one that needs it again and again is to be mended. Who fails twice fails, and so does a run in which more than a few fail.
promises() {
    local said names again
    said=$(mktemp)
    if scripts/test-rust.sh promises -- "$@" 2>&1 | tee "$said"; then
        rm "$said"
        return
    fi
    names=$(awk '/^failures:$/ { names = ""; next } /^    [a-z0-9_:]+$/ { names = names $1 "\n" } END { printf "%s", names }' "$said")
    mapfile -t again < <(grep . <<<"$names")
    grep -q "^test result: FAILED\. .* ${#again[@]} failed;" "$said" || again=()
    rm "$said"
    if [ ${#again[@]} = 0 ] || [ ${#again[@]} -gt 3 ]; then
        return 1
    fi
    echo "test: run once more, alone: ${again[*]}"
    RUST_TEST_THREADS=1 scripts/test-rust.sh promises -- --exact "${again[@]}" || return 1
    passed_alone+=("${again[@]}")
}

passed_alone=()

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
promises "${alone[@]/#/--skip=}"
promises --exact "${alone[@]}"
leaves_out javascript || (cd javascript && npm test --workspaces --silent)
leaves_out python || scripts/test-python.sh
[ ${#passed_alone[@]} = 0 ] || echo "test: these failed beside the others, and passed alone: ${passed_alone[*]}"
[ -z "$left_out" ] || echo "test: the tests of $left_out were left out; setup says above why"
