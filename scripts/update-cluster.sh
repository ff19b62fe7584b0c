#!/usr/bin/env bash
# Has the cluster run an image, named by its digest, and waits until it does: what a pipeline may do there, and all (k8s/access). docs/operations.md says what the variables
# are: KUBE_URL, KUBE_CA, KUBE_TOKEN, and NAMESPACE and UPDATE_TIMEOUT where they are others than these.
set -euo pipefail

fail() { echo "update: $*" >&2; exit 1; }
[[ "${1:-}" =~ ^[^@[:space:]]+@sha256:[0-9a-f]{64}$ ]] || fail "name the image by its digest, as in registry.example/innkeeper@sha256:..."
[[ "${KUBE_URL:-}" == https://* ]] || fail "KUBE_URL is the API server's address, https://..."
[[ -n "${KUBE_CA:-}" ]] || fail "KUBE_CA is the API server's certificate authority, PEM in base64"
[[ -n "${KUBE_TOKEN:-}" ]] || fail "KUBE_TOKEN is a token of the service account deployer of k8s/access"

# The token goes from the variable into a file that kubectl reads, and that ends with this: never into an argument, or the log. It goes nowhere but to the API server that
# the certificate authority vouches for.
umask 077
kube=$(mktemp -d)
trap 'rm -rf "$kube"' EXIT
export KUBECONFIG=$kube/config
base64 --decode >"$kube/ca.pem" <<<"$KUBE_CA" || fail "KUBE_CA is not in base64"
printf %s "$KUBE_TOKEN" >"$kube/token"
unset KUBE_TOKEN
kubectl config set-cluster stay --server="$KUBE_URL" --certificate-authority="$kube/ca.pem"
kubectl config set users.deployer.tokenFile "$kube/token"
kubectl config set-context stay --cluster=stay --user=deployer --namespace="${NAMESPACE:-stay}"
kubectl config use-context stay

kubectl set image statefulset/innkeeper innkeeper="$1"
kubectl rollout status statefulset/innkeeper --timeout="${UPDATE_TIMEOUT:-15m}"
