#!/usr/bin/env bash
# make bench: measures a release build under load. Flags go to bench.py: --only NAME, --runs N, --seconds N, --check.
# `--only search` measures only the console's search among a million people (directory.py).
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v wrk >/dev/null; then
    if command -v apt-get >/dev/null && [[ $EUID -eq 0 ]]; then
        apt-get -qq update && apt-get -qq install -y --no-install-recommends wrk >/dev/null
    else
        echo "wrk is missing: on Debian and Ubuntu 'apt-get install wrk', on macOS 'brew install wrk'." >&2
        exit 1
    fi
fi
[[ -r /proc/self/stat ]] || { echo "CPU seconds are read from /proc: this needs Linux." >&2; exit 1; }
scripts/install-postgres.sh
cargo build --locked --release --bin understudy
binary=${CARGO_TARGET_DIR:-target}/release/understudy
check=()
for word in "$@"; do [[ $word == --check ]] && check=(--check); done
if [[ "$*" == *"--only search"* ]]; then
    exec python3 scripts/bench/directory.py --binary "$binary" "${check[@]}"
fi
missed=0
python3 scripts/bench/bench.py --binary "$binary" "$@" || missed=1
if [[ "$*" != *--only* ]]; then
    python3 scripts/bench/directory.py --binary "$binary" "${check[@]}" || missed=1
fi
exit $missed
