#!/usr/bin/env bash
# siege now and then does not end: when its time is over, its threads wait for each other, and it has said nothing. That is noted in siege's
# home, where no pipe behind it can lose it, so that whoever needs what it would have said can begin again.
# SIEGE names the program; the arguments are siege's own.
seconds=10
for word in "$@"; do
    case $word in -t[0-9]*S) seconds=${word:2:-1} ;; esac
done
timeout --foreground --signal=KILL "$((seconds + 15))" "$SIEGE" "$@"
code=$?
# Ended by a signal (it also crashes at times), but for those by which somebody interrupts it.
case $code in
    130 | 143) ;;
    129 | 1[3-9]?) mkdir -p "$HOME/.siege" && echo "$code" >> "$HOME/.siege/hung" ;;
esac
exit "$code"
