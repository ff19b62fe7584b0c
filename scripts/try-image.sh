#!/usr/bin/env bash
# Builds the last stage of the Dockerfile without a daemon, and tries what the image is to be: try-image.sh <the binary>. As root, on Debian: where the base image cannot be pulled, debootstrap makes
# one of the same release. It starts with no capabilities, as nobody in particular, over a root that it cannot write to; it gets ready; and it stops in time. Prints how large the image is, and what
# was added to the base. Takes a minute or two; the base is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "$1")
for program in buildah crun debootstrap jq curl; do
    scripts/setup.sh "$program"
done
fail() { echo "image: $*" >&2; exit 1; }
work=$(mktemp -d)
kept=$(realpath -m "${CARGO_TARGET_DIR:-target}/image")
release=$(sed -n 's/^FROM debian:\([a-z]*\)-slim@.*/\1/p' Dockerfile)
buildah() { command buildah --storage-driver vfs --root "$kept/storage" --runroot "$kept/run" "$@"; }
container=
trap '[ -z "$container" ] || crun delete --force "$container" 2>/dev/null || true; rm -rf "$work"' EXIT

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
# A volume, as the cluster mounts it; and a configuration that its owner alone may write.
install -d -o 10001 -g 10001 -m 750 "$work/data"
mkdir "$work/bundle"
crun spec --bundle "$work/bundle"
jq --argjson image "$config" --arg root "$root" --arg data "$work/data" '
    .root = {path: $root, readonly: true}
    | .process.terminal = false | .process.cwd = "/" | .process.user = {uid: 10001, gid: 10001} | .process.noNewPrivileges = true
    | .process.args = $image.Entrypoint + $image.Cmd
    | .process.env = $image.Env + ["INNKEEPER_LISTEN=127.0.0.1:18080", "INNKEEPER_ADMIN=127.0.0.1:18081"]
    | .process.capabilities = {bounding: [], effective: [], permitted: [], inheritable: [], ambient: []}
    | del(.process.rlimits)
    | .mounts |= map(select(.destination | IN("/proc", "/dev")))
    | .mounts += [{destination: "/var/lib/innkeeper", source: $data, type: "bind", options: ["rbind", "rw"]}]
    | .linux.namespaces = [{type: "pid"}, {type: "mount"}, {type: "ipc"}] | del(.linux.resources, .linux.seccomp)
' "$work/bundle/config.json" >"$work/config.json"
mv "$work/config.json" "$work/bundle/config.json"
crun --cgroup-manager=disabled run --bundle "$work/bundle" "$container" >"$work/log" 2>&1 &
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
process=$(crun --cgroup-manager=disabled list --format json | jq --arg id "$container" '.[] | select(.id == $id) | .pid')
grep -q '^Uid:\s10001\s10001' "/proc/$process/status" || fail "its process is not user 10001"
grep -q '^CapEff:\s0*$' "/proc/$process/status" || fail "its process has capabilities"
grep -qE ' / ro[, ]' "/proc/$process/mountinfo" || fail "its root can be written to"
[ -z "$(find "$root" -newer "$work/bundle/config.json" -type f -print -quit)" ] || fail "it has written into its root"

asked=$(date +%s)
crun --cgroup-manager=disabled kill "$container" TERM
wait "$running" || fail "it ended with $? when it was asked to stop"
took=$(($(date +%s) - asked))
grace=$(sed -n 's/ *terminationGracePeriodSeconds: //p' k8s/statefulset.yaml)
[ "$took" -lt "$grace" ] || fail "it stopped after $took s, and the cluster waits $grace"

echo "image: it is ready, alive, user 10001 without capabilities over a read-only root, and stops in $took s"
echo "image: $(du -sm "$root" | cut -f1) MB, of which added to the base:"
(cd "$work/context/out" && find . -type f -size +0 -printf '  %k KB /%P\n' && echo "  /etc/innkeeper/innkeeper.toml")
buildah rm "$container" >/dev/null
container=
