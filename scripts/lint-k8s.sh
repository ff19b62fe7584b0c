#!/usr/bin/env bash
# Lints what the app is deployed with: the manifests as kubectl renders them, by the schemas of Kubernetes, and by what no schema knows.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v kubectl >/dev/null; then
    echo "lint: there is no kubectl here, nor a Debian package of it; k8s/ is not linted"
    exit 0
fi
scripts/setup.sh kubernetes-validate
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT
kubectl kustomize k8s >"$rendered/app.yaml"
kubectl kustomize k8s/access >"$rendered/access.yaml"
"${CARGO_TARGET_DIR:-target}/kubernetes-validate/bin/python" scripts/lint-policy.py "$rendered/app.yaml" "$rendered/access.yaml"
"${CARGO_TARGET_DIR:-target}/kubernetes-validate/bin/python" scripts/lint-k8s.py "$rendered/app.yaml" "$rendered/access.yaml" k8s/operators.example.yaml k8s/hpa.yaml
