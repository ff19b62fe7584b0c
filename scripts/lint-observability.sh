#!/usr/bin/env bash
# Lints what the app is watched with (k8s/observability): the alert rules as promtool reads them, and that every metric, and every section that an alert names, exists.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh prometheus kubernetes-validate
rules=$(mktemp)
trap 'rm -f "$rules"' EXIT
"${CARGO_TARGET_DIR:-target}/kubernetes-validate/bin/python" scripts/lint-observability.py >"$rules"
promtool check rules "$rules" >/dev/null || {
    promtool check rules "$rules" >&2
    exit 1
}
