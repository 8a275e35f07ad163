#!/usr/bin/env bash
# Takes the pictures of the README: docs/pictures/*.webp, from `understudy dev` with the demo people.
# Run it after the pages have changed; it needs what scripts/setup-tests.sh installs.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup-tests.sh
cargo build --locked --bins --examples
target=$PWD/${CARGO_TARGET_DIR:-target}
port=${PORT:-18700}
folder=$(mktemp -d)
mkdir -p docs/pictures
rm -f docs/pictures/*
(cd "$folder" && exec "$target/debug/understudy" dev --fresh --port "$port" >"$folder/log" 2>&1) &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 120); do
    curl -sf "http://127.0.0.1:$port/health/ready" >/dev/null && ready=1 && break
    sleep 0.5
done
[[ -n ${ready:-} ]] || { cat "$folder/log" >&2; exit 1; }
printf '{"issuer":"http://127.0.0.1:%s","album":"%s"}' "$port" "$PWD/docs/pictures" \
    | node --preserve-symlinks --preserve-symlinks-main target/clients/scripts/browser/pictures.mjs
du -cb docs/pictures/* | sort -n
