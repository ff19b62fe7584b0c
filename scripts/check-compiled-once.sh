#!/usr/bin/env bash
# After the tests nothing is left to compile: `make build` and `make test` select the same packages with the same features and the same profile. What `make test` compiles once more, optimized, is the host for
# its end-to-end tests, on the same dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."

compiled() {
    "$@" --message-format json 2>/dev/null |
        python3 -c '
import json, sys
messages = [json.loads(line) for line in sys.stdin if line.startswith("{")]
artifacts = [message for message in messages if message["reason"] == "compiler-artifact"]
print(len(artifacts), *sorted({message["target"]["name"] for message in artifacts if not message["fresh"]}))
'
}

for command in "cargo build --workspace --bin innkeeper" "scripts/test-rust.sh units --no-run" "scripts/test-rust.sh promises --no-run" "cargo build --workspace --bin innkeeper"; do
    read -r count stale < <(compiled $command)
    if [ "$count" = 0 ]; then
        echo "check: \`$command\` named no artifact; run it by hand to see why" >&2
        exit 1
    fi
    if [ -n "$stale" ]; then
        echo "check: \`$command\` compiled again: $stale. Its packages, features, profile or environment differ from those of the command before" >&2
        exit 1
    fi
done
echo "check: nothing was compiled twice"
