#!/usr/bin/env bash
# siege now and then does not end: when its time is over, its threads wait for each other. It is begun again then.
# SIEGE names the program; the arguments are siege's own.
seconds=10
for word in "$@"; do
    case $word in -t[0-9]*S) seconds=${word:2:-1} ;; esac
done
for _ in 1 2 3; do
    timeout --foreground --signal=KILL "$((seconds + 30))" "$SIEGE" "$@"
    code=$?
    [ "$code" = 137 ] || exit "$code"
done
exit "$code"
