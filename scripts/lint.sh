#!/usr/bin/env bash
# Format, the shape of src/, lints, documentation. The quick checks come first.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

optional() { # name of the program, then the command that uses it
    local program=$1
    shift
    if command -v "$program" >/dev/null; then
        step "$*"
        "$@"
    else
        step "$* (left out: $program is not installed)"
    fi
}

step "cargo fmt --check"
cargo fmt --check

if [[ -f tests/architecture.rs ]]; then
    step "the shape of src/"
    cargo test --locked --quiet --test architecture
fi

step "cargo clippy"
cargo clippy --locked --all-targets -- -D warnings

step "cargo doc"
RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps --document-private-items

optional shellcheck shellcheck scripts/*.sh scripts/bench/*.sh .ci/run
optional cargo-deny cargo deny --locked check licenses bans sources
optional cargo-machete cargo machete
optional typos typos
