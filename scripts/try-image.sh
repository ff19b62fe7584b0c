#!/usr/bin/env bash
# Builds the last stage of the Dockerfile without a daemon, and tries what the image is to be: try-image.sh <the binary>. As root, on Debian: where the base image cannot be pulled, debootstrap makes
# one of the same release. It starts with no capabilities, as nobody in particular, over a root that it cannot write to; it gets ready; and it stops in time. Prints how large the image is, and what
# was added to the base. Takes a minute or two; the base is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "$1")
for program in buildah debootstrap jq curl; do
    scripts/setup.sh "$program"
done
fail() { echo "image: $*" >&2; exit 1; }
work=$(mktemp -d)
kept=$(realpath -m "${CARGO_TARGET_DIR:-target}/image")
release=$(sed -n 's/^FROM debian:\([a-z]*\)-slim@.*/\1/p' Dockerfile)
buildah() { command buildah --storage-driver vfs --root "$kept/storage" --runroot "$kept/run" "$@"; }
container= running=
clear() {
    [ -z "$running" ] || kill -9 "$running" 2>/dev/null || true
    [ -z "$container" ] || buildah rm "$container" >/dev/null || true
    rm -rf "$work"
}
trap clear EXIT

if ! buildah inspect --type image "localhost/debian:$release-slim" >/dev/null 2>&1; then
    debootstrap --variant=minbase "$release" "$work/base" >/dev/null
    base=$(buildah from scratch)
    buildah add --quiet "$base" "$work/base" / >/dev/null
    buildah commit --quiet --rm "$base" "localhost/debian:$release-slim" >/dev/null
fi

# What the first stage leaves in /out, of what is built already.
mkdir -p "$work/context/k8s"
install -D "$binary" "$work/context/out/usr/bin/innkeeper"
strip --strip-debug "$work/context/out/usr/bin/innkeeper"
"$binary" build | xargs install -D --mode=644 --target-directory="$work/context/out/usr/share/innkeeper"
cp k8s/innkeeper.toml "$work/context/k8s"
sed -n '/^FROM debian:/,$p' Dockerfile | sed "s|^FROM .*|FROM localhost/debian:$release-slim|; s|^COPY --from=build /out /|COPY out /|" >"$work/context/Dockerfile"
buildah build --quiet --format docker --isolation chroot --tag innkeeper:tried "$work/context" >/dev/null
config=$(buildah inspect --type image innkeeper:tried | jq .Docker.config)
[ "$(jq --raw-output .User <<<"$config")" = 10001:10001 ] || fail "it runs as another user than 10001"

container=$(buildah from innkeeper:tried)
root=$(buildah mount "$container")
# A volume, as the cluster mounts it.
install -d -o 10001 -g 10001 -m 750 "$work/data"
touch "$work/begun"
mapfile -t environment < <(jq --raw-output '.Env[]' <<<"$config")
mapfile -t arguments < <(jq --raw-output '(.Entrypoint + .Cmd)[]' <<<"$config")
# What a container is: mounts and processes of its own, nobody's rights, nothing of this environment.
env --ignore-environment "${environment[@]}" ROOT="$root" DATA="$work/data" INNKEEPER_LISTEN=127.0.0.1:18080 INNKEEPER_ADMIN=127.0.0.1:18081 \
    unshare --mount --pid --fork --kill-child bash -c '
        set -e
        mount --bind "$ROOT" "$ROOT"
        mount --bind "$DATA" "$ROOT/var/lib/innkeeper"
        mount -t proc proc "$ROOT/proc"
        mount -t tmpfs tmpfs "$ROOT/dev"
        touch "$ROOT/dev/null" "$ROOT/dev/urandom"
        for device in null urandom; do mount --bind "/dev/$device" "$ROOT/dev/$device"; done
        mount -o remount,bind,ro "$ROOT"
        exec chroot "$ROOT" setpriv --reuid=10001 --regid=10001 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
    ' bash "${arguments[@]}" >"$work/log" 2>&1 &
running=$!

probe() { curl --silent --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:18081/$1" || true; }
for _ in $(seq 120); do
    [ "$(probe readyz)" != 200 ] || break
    kill -0 "$running" 2>/dev/null || { cat "$work/log" >&2; fail "it ended before it was ready"; }
    sleep 1
done
[ "$(probe readyz)" = 200 ] || { cat "$work/log" >&2; fail "it does not get ready"; }
[ "$(probe livez)" = 200 ] || fail "it is not alive"
curl --silent --fail --output /dev/null --json '{"desc":"in a container"}' http://127.0.0.1:18080/rooms || fail "it registers no room"
process=$(ps --no-headers -o pid --ppid "$running" | tr -d ' ')
grep -q '^Uid:\s10001\s10001' "/proc/$process/status" || fail "its process is not user 10001"
grep -q '^CapEff:\s0*$' "/proc/$process/status" || fail "its process has capabilities"
grep -qE ' / ro[, ]' "/proc/$process/mountinfo" || fail "its root can be written to"
[ -z "$(find "$root" -newer "$work/begun" -type f -print -quit)" ] || fail "it has written into its root"

asked=$(date +%s)
kill -TERM "$process"
wait "$running" || fail "it ended with $? when it was asked to stop"
took=$(($(date +%s) - asked))
grace=$(sed -n 's/ *terminationGracePeriodSeconds: //p' k8s/statefulset.yaml)
[ "$took" -lt "$grace" ] || fail "it stopped after $took s, and the cluster waits $grace"

echo "image: it is ready, alive, user 10001 without capabilities over a read-only root, and stops in $took s"
echo "image: $(du -sm "$root" | cut -f1) MB, of which added to the base:"
(cd "$work/context/out" && find . -type f -size +0 -printf '  %k KB /%P\n' && echo "  /etc/innkeeper/innkeeper.toml")
