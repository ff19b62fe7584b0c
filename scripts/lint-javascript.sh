#!/usr/bin/env bash
# Looks through what is in JavaScript and TypeScript by ESLint's recommended rules: the SDK, the contexts, and the tests' own.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! scripts/setup.sh eslint; then
    echo "lint: what is in JavaScript is not linted; setup says above why"
    exit 0
fi
eslint=$(realpath "${CARGO_TARGET_DIR:-target}")/eslint
"$eslint/node_modules/.bin/eslint" --config "$eslint/eslint.config.js" --max-warnings 0 javascript tests/javascript scripts/eslint
