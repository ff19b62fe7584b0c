#!/usr/bin/env bash
# Runs every fuzzer for so many seconds (60 if none are given), all at the same time, each time with other random input. What failed is shown with its smallest form.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-60}"
if ! [[ "$seconds" =~ ^[1-9][0-9]*$ ]]; then
    echo "fuzz: say for how many seconds, as in scripts/fuzz.sh 60" >&2
    exit 2
fi

# What is fuzzed, the binary of its tests, and the tests.
fuzzers="
http1        promises          fuzz::http1
http2        promises          fuzz::http2
components   promises          fuzz::components
wit-values   innkeeper_guest   json::tests
cloudevents  innkeeper         nats::subscription::event_mapping::tests
journal      innkeeper         journal::tests::damage
manifest     innkeeper         manifest::tests::random
"

directory="$(mktemp -d)"
running=()
trap 'kill "${running[@]}" 2>/dev/null || true; rm -rf "$directory"' EXIT

echo "fuzz: building the tests"
{ scripts/test-rust.sh units --no-run && scripts/test-rust.sh promises --no-run; } 2>"$directory/build" || { cat "$directory/build" >&2; exit 1; }

# The path of a test binary, as cargo has named it.
binary() {
    sed -n "s|.*Executable.*(\(.*/$1-[0-9a-f]*\))|\1|p" "$directory/build" | head -1
}

# Runs tests again and again until the time is over. Those in `promises` look at the clock themselves.
fuzz() {
    local name="$1" binary="$2" tests="$3" end=$((SECONDS + seconds)) rounds=0
    while ((SECONDS < end)); do
        INNKEEPER_TESTS_FUZZ_SECONDS="$((end - SECONDS))" "$binary" --nocapture "$tests" >"$directory/$name.log" 2>&1 || return 1
        rounds=$((rounds + 1))
    done
    if ! grep -q "test result: ok. [1-9]" "$directory/$name.log"; then
        echo "no test is named $tests" >>"$directory/$name.log"
        return 1
    fi
    local tried
    tried="$(sed -n "s/^$name: //p" "$directory/$name.log" | tail -1)"
    echo "fuzz: $name held (${tried:-$rounds rounds})"
}

echo "fuzz: for $seconds seconds"
names=()
while read -r name tests filter; do
    [ -n "$name" ] || continue
    path="$(binary "$tests")"
    [ -n "$path" ] || { echo "fuzz: cargo names no test binary \`$tests\`" >&2; exit 1; }
    # A copy, so that a build in the meantime does not exchange what runs. What the tests keep beside their sources was compiled into them.
    [ -e "$directory/$tests" ] || cp "$path" "$directory/$tests"
    fuzz "$name" "$directory/$tests" "$filter" &
    running+=($!)
    names+=("$name")
done <<<"$fuzzers"

failed=0
for number in "${!running[@]}"; do
    if ! wait "${running[$number]}"; then
        echo "fuzz: ${names[$number]} FAILED:" >&2
        # Without what the host logged, which may be very much.
        grep -av '^{"timestamp"' "$directory/${names[$number]}.log" | tail -60 >&2
        failed=1
    fi
done
running=()
exit "$failed"
