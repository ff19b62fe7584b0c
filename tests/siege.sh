#!/usr/bin/env bash
# siege now and then does not end: when its time is over, its threads wait for each other, and it has said nothing. That is told, so that
# whoever needs what it would have said can begin again.
# SIEGE names the program; the arguments are siege's own.
seconds=10
for word in "$@"; do
    case $word in -t[0-9]*S) seconds=${word:2:-1} ;; esac
done
timeout --foreground --signal=KILL "$((seconds + 15))" "$SIEGE" "$@"
code=$?
[ "$code" != 137 ] || echo 'siege has hung' >&2
exit "$code"
