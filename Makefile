# The commands that a newcomer needs. Each sets up what it lacks, and says so.

SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)

TARGET := $(or $(CARGO_TARGET_DIR),target)
INNKEEPER := $(TARGET)/release/innkeeper
SETUP := scripts/setup.sh

.PHONY: help up build test bench lint

help:
	@echo "make up      build the app stay and serve it on http://127.0.0.1:8080 (ARGS=... goes to innkeeper up)"
	@echo "make build   build the host and the contexts"
	@echo "make test    run all tests"
	@echo "make bench   measure, and write docs/performance.md"
	@echo "make lint    check form and style"

up:
	@$(SETUP) rust wasm
	cargo build --release --package innkeeper
	@exec $(INNKEEPER) up $(ARGS)

build:
	@$(SETUP) rust wasm
	cargo build --release --package innkeeper
	$(INNKEEPER) build

test:
	@$(SETUP) rust wasm nats-server subscriber
	cd components && cargo test
	cargo test --release --workspace

bench:
	@$(SETUP) rust wasm wrk nats-server
	cargo run --release --package innkeeper-tests --bin bench -- --write

lint:
	@$(SETUP) rust wasm rustfmt clippy kubectl kubernetes-validate
	cargo fmt --all --check
	cd components && cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	cd components && cargo clippy --all-targets -- -D warnings
	scripts/lint-wasm.sh
	scripts/lint-k8s.sh
