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
# Licences, sources and known advisories of the shipped packages. If a check cannot run, the last lines of the output
# say so too, because a line in the middle is easily overlooked.
loud=()
if command -v cargo-deny >/dev/null; then
    step "cargo deny check licenses bans sources"
    cargo deny --locked check licenses bans sources
    step "cargo deny check advisories"
    # The advisories come from the network the first time; without one, those that are there count.
    if cargo deny --locked fetch db >/dev/null 2>&1; then
        cargo deny --locked check advisories
    elif cargo deny --locked --offline fetch db >/dev/null 2>&1; then
        cargo deny --locked --offline check advisories
        loud+=("cargo deny: the ADVISORIES were not renewed, because there is no network")
    else
        loud+=("cargo deny: the ADVISORIES WERE NOT CHECKED, because there is neither a network nor a copy of them")
    fi
else
    loud+=("cargo deny: LICENCES, SOURCES AND ADVISORIES WERE NOT CHECKED; 'cargo install --locked cargo-deny' brings it")
fi

optional cargo-machete cargo machete
optional typos typos

for line in ${loud[@]+"${loud[@]}"}; do
    printf '\n!!!! %s !!!!\n' "$line" >&2
done
