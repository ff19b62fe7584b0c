#!/usr/bin/env bash
# Measures how long it takes from one changed line to the tests: for each room, to its unit tests, and for one to an end-to-end test. What CONTRIBUTING.md says of it is from here.
# A line is added at the beginning of a file, so that all below it moves, and is taken out again.
set -euo pipefail
cd "$(dirname "$0")/.."

changed=""
restore() { [ -z "$changed" ] || sed -i 1d "$changed"; changed=""; }
trap restore EXIT

# Prints how many seconds a command takes after a line was added to a file.
measure() {
    local what="$1" file="$2" began
    shift 2
    changed="$file"
    sed -i '1i // One line more.' "$file"
    began=$(date +%s%N)
    "$@" >/dev/null 2>&1 || { echo "measure-cycle: \`$*\` failed" >&2; exit 1; }
    printf '%-40s %4d s\n' "$what" $((($(date +%s%N) - began) / 1000000000))
    restore
}

tests=(cargo test --workspace --lib)
cargo test --workspace --no-run >/dev/null 2>&1
measure "invocation, to its unit tests" host/src/invocation/attempts.rs "${tests[@]}" -- invocation::
measure "gateway, to its unit tests" host/src/gateway/http_service.rs "${tests[@]}" -- gateway::
measure "journal, to its unit tests" host/src/journal/ledger.rs "${tests[@]}" -- journal::
measure "cli, to its unit tests" host/src/cli/mod.rs "${tests[@]}" -- cli::
measure "guest, to its unit tests" host/guest/src/execution.rs cargo test --workspace --lib -- scheduler::
measure "invocation, to an end-to-end test" host/src/invocation/attempts.rs cargo test --workspace --test promises -- scenario::
