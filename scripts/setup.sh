#!/usr/bin/env bash
# Installs what is missing of what it is asked for: rust, wasm, rustfmt, clippy, kubectl, kubernetes-validate, pipelines, packages, subscriber, documents, javascript, starlingmonkey, eslint, python, or the name of a program that Debian
# has a package for. Says nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

rust_version=1.95
target=wasm32-unknown-unknown
# Python packages, in an environment of their own beside what cargo builds.
validator=${CARGO_TARGET_DIR:-target}/kubernetes-validate
validator_packages=(kubernetes-validate==1.37.0 tomli==2.2.1 cel-expr-python==0.1.3)
subscriber=${CARGO_TARGET_DIR:-target}/subscriber
subscriber_packages=(nats-py==2.16.0 cloudevents==2.2.0)
# What others have made to read documents of APIs, which tests read ours with.
documents=${CARGO_TARGET_DIR:-target}/documents
documents_packages=(openapi-spec-validator==0.9.0 schemathesis==4.32.5)
asyncapi_schemas=@asyncapi/specs@6.11.1
# What reads pipelines by the schemas of those who run them.
pipelines=${CARGO_TARGET_DIR:-target}/pipelines
pipelines_packages=(check-jsonschema==0.39.0)
# What makes the packages of the SDK for Python.
packages=${CARGO_TARGET_DIR:-target}/packages
packages_packages=(flit-core==4.2.0)
eslint=${CARGO_TARGET_DIR:-target}/eslint
# Where tests find what builds contexts in Python, so that none of them asks an index; scripts/test-rust.sh names it to pip.
wheels=python/target/wheels
checker=${CARGO_TARGET_DIR:-target}/python
checker_packages=(mypy==2.4.1 mypy-extensions==1.2.0 typing-extensions==4.16.0 pathspec==1.1.1 librt==0.17.0 ast-serialize==0.13.1)

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }
has() { command -v "$1" >/dev/null; }

# Debian packages, as root or by sudo.
debian() {
    has apt-get || fail "please install: $*"
    local root=()
    if [ "$(id -u)" != 0 ]; then
        has sudo || fail "please install, as root: apt-get install $*"
        root=(sudo)
    fi
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null 2>&1 && return
    # The list of packages may be old, or empty on a new machine.
    "${root[@]}" apt-get update -qq >/dev/null || say "the list of packages could not be brought up to date"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null || fail "apt-get could not install: $*"
}

at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n1)" = "$1" ]; }

rust() {
    if ! has cc; then
        say "installing gcc: Rust links with it"
        debian gcc libc6-dev
    fi
    if ! has cargo; then
        say "installing Rust by rustup: the host and the contexts are written in it"
        if ! has curl; then debian curl ca-certificates; fi
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y -q --profile minimal >/dev/null
        export PATH="$HOME/.cargo/bin:$PATH"
    fi
    local version
    version=$(rustc --version | cut -d' ' -f2)
    if ! at_least $rust_version "$version"; then
        has rustup || fail "Rust $rust_version or newer is needed, here is $version"
        say "updating Rust from $version: $rust_version or newer is needed"
        rustup --quiet update stable || fail "rustup could not update Rust"
    fi
}

wasm() {
    [ -d "$(rustc --print target-libdir --target $target)" ] && return
    if has rustup; then
        say "adding the target $target by rustup: the contexts are built for it"
        rustup --quiet target add $target 2>/dev/null && return
        say "rustup could not add it"
    fi
    # Debian's compiler then builds the standard library too; see host/src/build/toolchain.rs.
    [ -x /usr/bin/rustc ] && [ -e /usr/lib/rustlib/src/rust/library/Cargo.toml ] && return
    say "installing rustc-web and rust-web-src: Debian's compiler can build the contexts for $target instead"
    debian rustc-web rust-web-src
}

component() {
    has "cargo-$2" && cargo "$2" --version >/dev/null 2>&1 && return
    has rustup || fail "please install $1: make lint checks with it"
    say "adding $1 by rustup: make lint checks with it"
    rustup --quiet component add "$1" || fail "rustup could not add $1"
}

kubernetes_client() {
    has kubectl && return
    say "installing kubectl: make lint renders k8s/ with it, and tests have it update a cluster"
    # Not every system has a package of it; without it make lint says what it leaves out.
    (debian kubernetes-client) || true
}

# An environment for Python with some packages.
environment() {
    local directory=$1
    shift
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then debian python3-venv; fi
    rm -rf "$directory"
    python3 -m venv "$directory" || fail "python3 could not make an environment in $directory"
    "$directory/bin/python" -m pip --quiet --disable-pip-version-check install "$@" || fail "pip could not install: $*"
}

kubernetes_validate() {
    "$validator/bin/python" -c 'import kubernetes_validate, tomli, cel_expr_python' 2>/dev/null && return
    say "installing kubernetes-validate and cel-expr-python by pip: make lint checks k8s/ with it"
    environment "$validator" "${validator_packages[@]}"
}

pipelines() {
    "$pipelines/bin/check-jsonschema" --version >/dev/null 2>&1 && return
    say "installing check-jsonschema by pip: make lint checks the pipelines with it"
    environment "$pipelines" "${pipelines_packages[@]}"
}

packages() {
    has npm || fail "please install Node.js from https://nodejs.org: the package of the SDK for JavaScript is made with npm"
    "$packages/bin/python" -c 'import flit_core' 2>/dev/null && return
    say "installing flit-core by pip: the packages of the SDK for Python are made with it"
    environment "$packages" --retries 1 --timeout 60 "${packages_packages[@]}"
}

subscriber() {
    "$subscriber/bin/python" -c 'import nats, cloudevents.core' 2>/dev/null && return
    say "installing nats-py and cloudevents by pip: tests run docs/examples/subscribe.py with them"
    environment "$subscriber" "${subscriber_packages[@]}"
}

# What reads OpenAPI and AsyncAPI documents: validators, and what asks an app by its own document.
documents() {
    local wanted="${documents_packages[*]} $asyncapi_schemas"
    [ "$(cat "$documents/.complete" 2>/dev/null)" = "$wanted" ] && return
    has python3 || fail "please install Python 3 from https://python.org: tests read the app's documents with it"
    has npm || fail "please install Node.js from https://nodejs.org: the schemas of AsyncAPI come by npm"
    say "installing openapi-spec-validator and schemathesis by pip, and the schemas of AsyncAPI by npm: tests read the app's documents with them"
    environment "$documents" --retries 1 --timeout 60 "${documents_packages[@]}"
    (cd "$documents" && timeout 300 npm pack --silent --fetch-retries 1 --fetch-timeout 60000 "$asyncapi_schemas" >/dev/null && tar --extract --gzip --file asyncapi-specs-*.tgz package/schemas) ||
        fail "npm could not fetch $asyncapi_schemas; can it reach its registry?"
    echo "$wanted" >"$documents/.complete"
}

# Has npm install what a folder's package-lock.json names, unless it has; the second argument says what for.
from_npm() {
    local version
    # Where there is no Node there is no version, which is said below.
    version=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p') || true
    [ "${version:-0}" -ge 20 ] || fail "please install Node.js 20 or newer from https://nodejs.org: $2"
    [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
    say "installing by npm, in $1: $2"
    # A registry that takes a connection and never answers is not waited for long.
    (cd "$1" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --fetch-retries 1 --fetch-timeout 60000 --loglevel error >/dev/null) ||
        fail "npm could not install what $1/package-lock.json names; can it reach its registry?"
}

# The same in a folder of its own, of what is pinned in another one.
from_npm_in() {
    mkdir -p "$1"
    # What has not changed stays as old as it is.
    cp --update --preserve=timestamps "$2"/*.js* "$1"
    from_npm "$1" "$3"
}

javascript() { from_npm javascript "contexts in JavaScript are built with it"; }

# In the folder where the tests have it installed.
starlingmonkey() {
    from_npm_in components/target/engines/starlingmonkey javascript/sdk/engines/starlingmonkey "components in JavaScript are made with StarlingMonkey in them"
}

eslint() { from_npm_in "$eslint" scripts/eslint "make lint looks through JavaScript with ESLint"; }

# What builds contexts in Python, as files that `innkeeper build` then installs without asking anybody; and what checks and tests their SDK.
python() {
    local version
    # Where there is no Python there is no version, which is said below.
    version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || true
    at_least 3.11 "${version:-0}" || fail "please install Python 3.11 or newer from https://python.org: contexts in Python are built with it"
    # What was downloaded is asked for again only where something else is named: a checkout that touches the files changes nothing.
    local wanted
    wanted=$( (cat python/requirements.txt python/sdk/requirements.txt; echo "$version ${checker_packages[*]}") | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$wheels/.complete" 2>/dev/null)" != "$wanted" ]; then
        say "downloading what builds Python, and mypy, by pip"
        if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then debian python3-venv; fi
        # What is there stays until all of the new is.
        rm -rf "$wheels.new"
        python3 -m venv --clear "$wheels.new/pip" || fail "python3 could not make an environment in $wheels.new/pip"
        # An index that takes a connection and never answers is not waited for long.
        local download=(timeout 300 "$wheels.new/pip/bin/python" -m pip --quiet --disable-pip-version-check --retries 1 --timeout 60 download --only-binary :all: --dest "$wheels.new/files")
        "${download[@]}" --require-hashes --requirement python/requirements.txt || fail "pip could not download what python/requirements.txt names; can it reach its index?"
        "${download[@]}" "${checker_packages[@]}" || fail "pip could not download: ${checker_packages[*]}"
        echo "$wanted" >"$wheels.new/files/.complete"
        rm -rf "$wheels"
        mv "$wheels.new/files" "$wheels"
        rm -rf "$wheels.new"
    fi
    if [ "$(cat "$checker/.complete" 2>/dev/null)" = "$wanted" ] && "$checker/bin/python" -c 'import mypy, pytest' 2>/dev/null; then return; fi
    say "installing mypy and pytest by pip: they check and test the SDK for Python"
    # From what was downloaded, without asking anybody.
    environment "$checker" --no-index --find-links "$wheels" "${checker_packages[@]}"
    "$checker/bin/python" -m pip --quiet --disable-pip-version-check install --no-index --find-links "$wheels" --require-hashes --requirement python/requirements.txt ||
        fail "pip could not install what it has downloaded into $wheels"
    echo "$wanted" >"$checker/.complete"
}

program() {
    # Debian keeps servers where not everybody's path leads.
    has "$1" || [ -x "/usr/sbin/$1" ] && return
    case $1 in
        nats-server) say "installing nats-server: tests publish events to it" ;;
        docker-registry) say "installing docker-registry: tests push components to it and pull them" ;;
        wrk) say "installing wrk: make bench makes load with it" ;;
        siege) say "installing siege: the tour makes load with it, as the course did" ;;
        prometheus) say "installing prometheus: make lint and make test have it read the alert rules" ;;
        *) say "installing $1" ;;
    esac
    debian "$1"
}

for wanted in "$@"; do
    case $wanted in
        rust | wasm) $wanted ;;
        rustfmt) component rustfmt fmt ;;
        clippy) component clippy clippy ;;
        kubectl) kubernetes_client ;;
        kubernetes-validate) kubernetes_validate ;;
        subscriber | pipelines | packages | documents | javascript | starlingmonkey | eslint | python) $wanted ;;
        *) program "$wanted" ;;
    esac
done
