#!/usr/bin/env bash
# Lints the pipelines: those of GitHub and GitLab by the schemas of these, those of AWS CodeBuild by what tests run them with (tests/tests/promises/pipeline), which knows what a
# buildspec may say; and that none prints its commands as they are run, with what their variables hold.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh pipelines
check="${CARGO_TARGET_DIR:-target}/pipelines/bin/check-jsonschema"
"$check" --builtin-schema vendor.github-workflows .github/workflows/*.yml >/dev/null
"$check" --builtin-schema vendor.gitlab-ci .gitlab-ci.yml >/dev/null
if traced=$(grep -nE '\bset -[a-z]*x|\bbash -[a-z]*x|CI_DEBUG_TRACE|ACTIONS_STEP_DEBUG' buildspec*.yml .gitlab-ci.yml .github/workflows/*.yml scripts/update-cluster.sh); then
    echo "lint: a pipeline that traces its commands prints secrets: $traced" >&2
    exit 1
fi
