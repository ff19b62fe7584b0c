#!/usr/bin/env bash
# Makes what is handed to others: dist.sh <the binary> <the folder for it>. One archive with the binary, the components of the app stay and its manifest, what they are made of, what
# completes commands in shells, manual pages, and a checksum for each of these; and beside it the archive's own checksum. The same of a commit is the same archive, but for what a
# compiler does not do the same twice.
set -euo pipefail
# The archive is the same whoever makes it, and whoever unpacks it can read it.
umask 022
export LC_ALL=C
cd "$(dirname "$0")/.."

binary=$1 to=$2
version=$("$binary" --version)
name=innkeeper-${version#* }-$(uname -m)-$(uname -s | tr '[:upper:]' '[:lower:]')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/$name
share=$root/share
mkdir -p "$root/bin" "$share/innkeeper" "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"

install --mode=755 "$binary" "$root/bin/innkeeper"
# Backtraces need the symbols, but not the debug information.
strip --strip-debug "$root/bin/innkeeper"
# One component a line.
"$binary" build | xargs install --mode=644 --target-directory="$share/innkeeper"
# The components are beside the manifest then.
sed 's|^package = "components/\(.*\)"$|component = "\1.wasm"|' innkeeper.toml >"$share/innkeeper/innkeeper.toml"
install --mode=644 LICENSE README.md "$root"

host=$(rustc -vV | sed -n 's/^host: //p')
cargo metadata --locked --format-version 1 --filter-platform "$host" >"$work/metadata"
cargo metadata --locked --format-version 1 --manifest-path components/Cargo.toml --filter-platform wasm32-unknown-unknown >"$work/components-metadata"
python3 scripts/sbom.py --file "$root/bin/innkeeper" "$work/metadata" Cargo.lock innkeeper >"$share/innkeeper/sbom.cdx.json"
for component in "$share"/innkeeper/*.wasm; do
    python3 scripts/sbom.py --file "$component" "$work/components-metadata" components/Cargo.lock "$(basename "$component" .wasm)" >"${component%.wasm}.cdx.json"
done

"$binary" completions bash >"$share/bash-completion/completions/innkeeper"
"$binary" completions zsh >"$share/zsh/site-functions/_innkeeper"
"$binary" completions fish >"$share/fish/vendor_completions.d/innkeeper.fish"
"$binary" man --to "$share/man/man1"

(cd "$root" && find . -type f ! -name SHA256SUMS -printf '%P\0' | sort --zero-terminated | xargs --null sha256sum >SHA256SUMS)
mkdir -p "$to"
made=$(git log -1 --format=%ct 2>/dev/null || date +%s)
tar --create --directory="$work" --sort=name --mtime="@$made" --owner=0 --group=0 --numeric-owner "$name" | gzip --no-name >"$to/$name.tar.gz"
(cd "$to" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$to/$name.tar.gz"
