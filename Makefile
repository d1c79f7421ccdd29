# Each target has one line of help; `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The checkout's own tools first (cargo-deny and Node, where `make setup` had to fetch them).
export PATH := $(CURDIR)/.local/bin:$(CURDIR)/.local/node/bin:$(PATH)

step = @printf '\n==> %s\n' "$(1)"

.PHONY: help
help: ## List the targets
	@echo "Postroom. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what is missing for demo and tests (PostgreSQL's programs, mail servers, a browser, small tools)
	$(call step,Set-up)
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs, then run this again."; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing (Debian, Ubuntu: apt-get install build-essential; macOS: xcode-select --install)."; exit 1; }
	@scripts/setup.sh

.PHONY: demo
demo: setup page ## Start everything with believable mail in it, and say where; Ctrl-C stops it all
	$(call step,Building (a few minutes the first time))
	@cargo build --bins
	$(call step,Demo)
	@exec target/debug/demo

.PHONY: demo-reset
demo-reset: setup page ## Throw the demo's data away and start it anew
	$(call step,Building (a few minutes the first time))
	@cargo build --bins
	$(call step,Demo from the beginning)
	@exec target/debug/demo --reset

.PHONY: test
test: setup fmt-check lint deny docs openapi-check ## Set up, then everything: formatting, clippy, licences, docs, all tests
	$(call step,Tests)
	@# All targets at once: the program is built with the features that the tests have, so nothing is built twice.
	@cargo build --workspace --all-targets
	@rm -rf target/reached
	@cargo test --workspace
	$(call step,What the tests have reached of the API)
	@target/debug/postroom openapi | target/debug/coverage openapi/unreached.txt
	@$(MAKE) page
	@$(MAKE) client
	@$(MAKE) schemathesis
	@$(MAKE) postman
	@printf '\nEverything passed.\n'

.PHONY: schemathesis
schemathesis: setup ## Let Schemathesis try the running server beside the OpenAPI document
	$(call step,Schemathesis: what the document allows and forbids as owner and as team member)
	@cargo build --workspace --all-targets
	@cargo test -p postroom-tests schemathesis -- --ignored --nocapture

.PHONY: postman
postman: setup ## Run the Postman collection from top to bottom against a running server
	$(call step,Postman: every request of the collection)
	@cargo build --workspace --all-targets
	@cargo test -p postroom-tests postman -- --ignored --nocapture

npm = npm --prefix frontend-contract/client

# What a package needs, where its lock file is newer than what is there.
needs = cd frontend-contract/$(1) && { [ package-lock.json -ot node_modules/.package-lock.json ] || npm ci --ignore-scripts --no-audit --no-fund; }

.PHONY: page
page: setup ## Build and check the reference page, of the client
	$(call step,The page: what it and the client need)
	@$(call needs,client)
	@$(call needs,page)
	$(call step,The page: types; lints; its files in frontend-contract/page/dist)
	@$(npm) run --silent build
	@npm --prefix frontend-contract/page run --silent check
	@npm --prefix frontend-contract/page run --silent build

.PHONY: client
client: setup ## Build and check the TypeScript client, and try it with the running server
	$(call step,The client: what it needs)
	@$(call needs,client)
	$(call step,The client: types from the document; lints; the package; tests of its parts)
	@$(npm) run --silent check
	@$(npm) run --silent build
	@$(npm) run --silent test
	@$(npm) run --silent published
	$(call step,The client with the running server)
	@cargo build --workspace --all-targets
	@cargo test -p postroom-tests client -- --ignored --nocapture

page_test = npm --prefix frontend-contract/page/test

.PHONY: page-test
page-test: setup page ## Try the page in browsers; BREAK=all tries that each test fails without its field; ONLY=stream-1,… runs some
	$(call step,The page in a browser: what its tests need)
	@$(call needs,page/test)
	@$(page_test) run --silent build
	$(call step,The page in a browser)
	@cargo build --workspace --all-targets
	@cargo test -p postroom-tests page:: -- --ignored --nocapture

.PHONY: fmt
fmt: ## Format the code
	@cargo fmt --all

.PHONY: fmt-check
fmt-check: ## Check the formatting
	$(call step,Formatting)
	@cargo fmt --all --check

.PHONY: lint
lint: ## Run clippy; warnings are errors
	$(call step,Clippy)
	@cargo clippy --workspace --all-targets -- -D warnings

.PHONY: deny
deny: ## Check dependencies: bans, licences, sources (needs no network)
	$(call step,Dependencies: bans and licences and sources)
	@cargo fetch --locked --quiet
	@cargo deny --offline --log-level error check --hide-inclusion-graph bans licenses sources

.PHONY: audit
audit: ## Check dependencies against published advisories (needs the network)
	@cargo deny check advisories

.PHONY: bench
bench: setup ## Measure the page's questions beside pgbench; rewrites bench/README.md
	$(call step,Building for release (minutes the first time))
	@cargo build --release --bin postroom --bin bench
	$(call step,Benchmarks)
	@target/release/bench --write

.PHONY: test-large
test-large: setup ## Read 100,000 messages, and 200 mailboxes at once; rewrites bench/large.md (half an hour or more)
	$(call step,Building for release (minutes the first time))
	@cargo build --release --bin postroom
	@cargo test -p postroom-tests --no-run
	$(call step,Large mailboxes)
	@POSTROOM_BIN=$(CURDIR)/target/release/postroom cargo test -p postroom-tests large -- --ignored --nocapture

# A collection of real mail with what is expected of it: not part of this project.
CORPUS ?= .local/mail-collection
tools = $(CURDIR)/.local/mail-tools

.PHONY: corpus
corpus: ## Measure how real mail is understood; CORPUS=DIR is the collection; rewrites bench/mail.md
	@[ -e "$(CORPUS)/tools/score.py" ] || { echo "No collection of mail in $(CORPUS): name its directory (make corpus CORPUS=DIR). It holds the cases and"; echo "tools/predict.py and tools/score.py, which know what is expected of them; bench/mail.md says what was measured so far."; exit 1; }
	@[ -x $(tools)/bin/python ] || python3 -m venv $(tools)
	@$(tools)/bin/python -m pip install --quiet --disable-pip-version-check lxml==6.1.3 html5lib==1.1 rapidfuzz==3.14.6
	$(call step,Building (a few minutes the first time))
	@cargo build --bin postroom
	$(call step,Reading the collection)
	@$(tools)/bin/python $(CORPUS)/tools/predict.py $(CURDIR)/target/debug/postroom target/mail.jsonl
	@$(tools)/bin/python scripts/corpus.py $(abspath $(CORPUS)) target/mail.jsonl bench/mail.md

.PHONY: html-test
html-test: ## Draw hostile HTML in headless Chromium, and that of CORPUS if there: nothing runs, loads or covers
	$(call step,Building (a few minutes the first time))
	@cargo build --bin postroom
	$(call step,Hostile HTML in a browser)
	@python3 scripts/html_test.py $(CURDIR)/target/debug/postroom $(if $(wildcard $(CORPUS)/tools/score.py),$(abspath $(CORPUS)))

.PHONY: fuzz
fuzz: ## Feed made-up input to what reads and writes mail: TIME=900 seconds for each of TARGETS
	$(call step,Fuzzing)
	@scripts/fuzz.sh $(or $(TIME),900) $(or $(TARGETS),parse segments sanitise compose)

.PHONY: docs
docs: ## Build the code's documentation; warnings are errors
	$(call step,Documentation of the code)
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet

.PHONY: openapi
openapi: ## Write openapi/postroom.json anew from the code, and openapi/postman.json from it
	@cargo run --quiet --bin postroom -- openapi > openapi/postroom.json.new
	@mv openapi/postroom.json.new openapi/postroom.json
	@POSTROOM_BLESS=1 cargo test --quiet -p postroom-testkit --lib -- postman::tests::the_committed_collection

.PHONY: examples
examples: setup ## Record frontend-contract/examples anew: each operation and each problem, from a running server
	@POSTROOM_BLESS=1 cargo test --quiet -p postroom-api --test http -- story::

.PHONY: openapi-check
openapi-check: ## Check that openapi/postroom.json is what the code serves
	$(call step,OpenAPI document)
	@cargo run --quiet --bin postroom -- openapi --check
