# `make` alone lists the targets. Recipes are short; longer ones are in scripts/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
TARGET := $(or $(CARGO_TARGET_DIR),target)
ARGS ?=
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

.DEFAULT_GOAL := help
.PHONY: help run build test lint bench image sbom clean-dev

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run ARGS='--fresh --port 9000' hands flags on to 'understudy dev'."

run: tools ## build, start everything with demo people and a demo application, print the URLs
	scripts/install-postgres.sh
	cargo build --locked --bins --examples
	exec $(TARGET)/debug/understudy dev $(ARGS)

build: tools ## the release binary
	cargo build --locked --release --bin understudy
	@ls -l $(TARGET)/release/understudy

test: tools ## everything that CI runs
	scripts/test.sh

lint: tools ## format, shape, lints, documentation links
	scripts/lint.sh

bench: tools ## measure a release build under load, and compare it with the goals
	scripts/bench/run.sh $(ARGS)

image: ## the container image, with its version and revision
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) -t understudy:$(VERSION) .

sbom: tools ## the components of the binary: target/understudy.cdx.json (CycloneDX)
	@mkdir -p $(TARGET)
	scripts/sbom.py > $(TARGET)/understudy.cdx.json
	@ls -l $(TARGET)/understudy.cdx.json

clean-dev: ## delete the data of 'make run': its database, keys and demo data
	scripts/clean-dev.sh

.PHONY: tools
tools:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it with rustup (https://rustup.rs), then try again." >&2; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing: on Debian and Ubuntu 'apt-get install build-essential'." >&2; exit 1; }
