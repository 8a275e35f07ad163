#!/usr/bin/env bash
# Removes .understudy/, unless a server still uses it.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ -d .understudy ]] || { echo "Nothing to remove."; exit 0; }
while IFS= read -r -d '' lock; do
    pid=$(head -n 1 "$lock")
    if [[ $pid =~ ^[0-9]+$ ]] && [[ -d /proc/$pid || ! -d /proc ]] && kill -0 "$pid" 2>/dev/null; then
        echo "A database server (process $pid) is using .understudy/: stop 'make run' first." >&2
        exit 1
    fi
done < <(find .understudy -name postmaster.pid -print0)
rm -rf .understudy
echo "Removed .understudy/."
