# The commands that a newcomer needs. Each sets up what it lacks, and says so.

SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)

TARGET := $(or $(CARGO_TARGET_DIR),target)
# dev compiles fast, and is what the tests have compiled already; release is what is deployed and measured.
PROFILE := dev
INNKEEPER = $(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/innkeeper
SETUP := scripts/setup.sh
# Where make dist puts what it makes.
DIST := dist
# Of the whole workspace, as the tests are: the features of its dependencies are the same then, and nothing is compiled twice.
BUILD = cargo build --workspace --bin innkeeper --profile $(PROFILE)

.PHONY: help up build tour test fuzz bench lint dist

help:
	@echo "make up      build the app stay and serve it on http://127.0.0.1:8080 (APP=shop.toml: the app shop; ARGS=... goes to innkeeper up)"
	@echo "make build   build the host and the contexts (PROFILE=release: as they are deployed; so with make up)"
	@echo "make tour    show what there is to see, page by page (PAGE=saga: one page)"
	@echo "make test    run all tests"
	@echo "make fuzz    give random input to all that reads from outside (SECONDS=3600: for an hour)"
	@echo "make bench   measure, and write docs/performance.md"
	@echo "make lint    check form and style"
	@echo "make dist    make an archive for others, in dist/ (PROFILE=dev: of what is built for development)"

up:
	@$(SETUP) rust wasm
	@[ -x $(INNKEEPER) ] || echo "up: building the host, in $(TARGET): its $$(grep -c '^name = ' Cargo.lock) crates take about ten minutes on two cores, once; then it starts in seconds"
	$(BUILD)
	@exec $(INNKEEPER) up $(if $(APP),--app $(APP)) $(ARGS)

build:
	@$(SETUP) rust wasm
	$(BUILD)
	$(INNKEEPER) build $(if $(APP),--app $(APP))

tour:
	@$(SETUP) rust wasm siege curl
	@cargo build --quiet --workspace --bin tour
	@exec $(TARGET)/debug/tour $(PAGE)

test:
	@$(SETUP) rust wasm clippy nats-server docker-registry prometheus subscriber siege curl kubectl jq
	scripts/test.sh

fuzz:
	@$(SETUP) rust wasm
	scripts/fuzz.sh $(or $(SECONDS),60)

bench:
	@$(SETUP) rust wasm wrk nats-server
	cargo build --release --workspace --bin bench
	$(TARGET)/release/bench --write

lint:
	@$(SETUP) rust wasm rustfmt clippy kubectl kubernetes-validate pipelines
	cargo fmt --all --check
	cd components && cargo fmt --all --check
	cd tests/apps/library/components && cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd components && cargo clippy --all-targets -- -D warnings
	cd components && RUSTDOCFLAGS=-Dwarnings cargo doc --quiet --no-deps --package innkeeper-sdk
	scripts/lint-wasm.sh
	scripts/lint-javascript.sh
	scripts/lint-k8s.sh
	scripts/lint-pipelines.sh
	scripts/lint-observability.sh
	scripts/lint-dependencies.sh
	scripts/lint-rooms.sh
	scripts/check-packages.sh
	scripts/measure-plumbing.py --most 10 --without loans-two --without loans-three tests/apps/library

# What is handed to others is built as it is deployed.
dist: PROFILE = release
dist:
	@$(SETUP) rust wasm
	$(BUILD)
	scripts/dist.sh $(INNKEEPER) $(DIST)
