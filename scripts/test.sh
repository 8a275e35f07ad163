#!/usr/bin/env bash
# All checks and all tests. Ends with one line that counts them.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup-tests.sh
scripts/lint.sh

log=$(mktemp)
trap 'rm -f "$log"' EXIT

printf '\n== cargo test --doc\n'
cargo test --locked --doc 2>&1 | tee "$log"

# --all-targets builds an example only as its own test, but the browser tests run the example as a program.
cargo build --locked --bins --examples

printf '\n== cargo test\n'
failed=0
cargo test --locked --all-targets --no-fail-fast 2>&1 | tee -a "$log" || failed=$?

# Printed again, because the reader of a long log looks at its end.
if (( failed )); then
    printf '\n== what failed\n'
    awk '/^failures:$/ { printing = 1 } /^test result: / { printing = 0 } printing' "$log"
fi
awk '/^test result: / { for (i = 2; i <= NF; i++) {
         if ($i ~ /^passed/) passed += $(i - 1)
         if ($i ~ /^failed/) failed += $(i - 1)
         if ($i ~ /^ignored/) skipped += $(i - 1) } }
     END { printf "\ntests: %d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
exit "$failed"
