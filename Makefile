# SPDX-License-Identifier: Apache-2.0
# `make` alone lists what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

DESTDIR ?=
PREFIX ?= /usr/local
# Of the tests, only these: a suite (unit, sim, cluster, live) or parts of paths.
ONLY ?=
TEST_FLAGS ?=

check_node := const [a, b] = process.versions.node.split(".").map(Number); \
  if (a < 20 || (a === 20 && b < 19)) { console.error("coffer needs Node 20.19 or later; this is " + process.version); process.exit(1); }
packages := node_modules/.package-lock.json
programs := dist/coffer-daemon.cjs
plugin := build/plugin.sha256
sources := $(shell find src -type f)

.PHONY: help
help: ## list the targets (the default)
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

.PHONY: build
build: $(programs) ## bundle the daemon and the command line into dist/

.PHONY: check
check: $(packages) ## check types, lint and format
	@npm run --silent check

.PHONY: test
test: ## install what the tests need, then build, check and run all of them (make test ONLY="unit" for some)
	@test/support/setup.sh
	@$(MAKE) -j2 --output-sync=target build check plugin
	@node test/run.mjs $(TEST_FLAGS) $(ONLY)

# Which engines: `machine` for this one's own, 26.1, 28.5; all of them by default.
ENGINES ?=

.PHONY: matrix
matrix: ## run the live tests against several Docker Engines (root; make matrix ENGINES="machine 28.5" ONLY="live/crash")
	@test/support/setup.sh
	@$(MAKE) build plugin
	@ENGINES='$(ENGINES)' node test/matrix.mjs $(ONLY)

# How many seeds, which one, whether to show what happens, and which faults: see test/sim.mjs.
SEEDS ?=
SEED ?=
TRACE ?=
FAULTS ?=

.PHONY: sim
sim: $(packages) ## run simulated clusters (make sim SEEDS=10000, or SEED=n TRACE=1 to replay one)
	@SEEDS='$(SEEDS)' SEED='$(SEED)' TRACE='$(TRACE)' FAULTS='$(FAULTS)' node test/sim.mjs

# How many inputs for each parser, which parsers, and a failing input to run again: see test/fuzz.mjs.
RUNS ?=
REPLAY ?=

.PHONY: fuzz
fuzz: $(packages) ## give each parser inputs that are nearly valid (make fuzz RUNS=100000 ONLY=raft, or REPLAY=FILE)
	@RUNS='$(RUNS)' SEED='$(SEED)' ONLY='$(ONLY)' REPLAY='$(REPLAY)' node test/fuzz.mjs

# The seed and the faults are those of the chaos too.
DURATION ?=

.PHONY: chaos
chaos: ## trouble three engines with coffer and check what it promises (root; make chaos DURATION=30m SEED=n FAULTS=...)
	@test/support/setup.sh
	@$(MAKE) build plugin
	@DURATION='$(DURATION)' SEED='$(SEED)' FAULTS='$(FAULTS)' node test/chaos/run.mjs

.PHONY: demo
demo: ## show coffer at work on a real Docker Engine, run privately (root)
	@test/support/setup.sh
	@$(MAKE) build plugin
	@node test/demo/run.mjs

.PHONY: bench
bench: ## measure coffer beside the engine's own secrets (root)
	@test/support/setup.sh
	@$(MAKE) build
	@node test/bench/run.mjs

.PHONY: flame-graphs
flame-graphs: ## draw where the time goes on the hot paths: docs/images/flame-*.svg (root; make flame-graphs ONLY="push put")
	@test/support/setup.sh
	@$(MAKE) build
	@node test/bench/flames.mjs $(ONLY)

.PHONY: reference
reference: $(packages) ## write docs/reference/ anew, from the code
	@node test/reference/run.mjs

# How much of it: QUICK=1 for a short one, ONLY="cluster secrets" for some sections, CURVE_S=600 for larger sizes, DOCS=1 to
# keep it as docs/benchmarks.md.
QUICK ?=
DOCS ?=
CURVE_S ?=

.PHONY: bench-report
bench-report: ## measure all, the peers beside, and write tables and plots to build/bench-report/ (root; QUICK=1 for a short one, ONLY="agents" to measure a part of it again)
	@test/support/setup.sh
	@$(MAKE) build
	@node test/bench/report/run.mjs $(if $(QUICK),--quick) $(if $(DOCS),--docs) $(if $(CURVE_S),--curve-seconds=$(CURVE_S)) $(ONLY)

.PHONY: plugin
plugin: $(plugin) ## assemble the managed plugin in build/plugin/ and print its digest (no engine needed)
	@echo "plugin: sha256 $$(cat $(plugin))"

.PHONY: audit
audit: $(packages) ## ask the npm registry for known weaknesses of the packages (needs the network)
	@echo 'what is shipped:'
	@npm audit --omit=dev
	@echo 'what builds and tests it too:'
	@npm audit

.PHONY: install
install: build ## install the command line as coffer and as docker coffer (PREFIX=/usr/local)
	install -D -m 755 dist/coffer.cjs $(DESTDIR)$(PREFIX)/bin/coffer
	install -D -m 755 dist/coffer.cjs $(DESTDIR)$(PREFIX)/lib/docker/cli-plugins/docker-coffer
	install -D -m 644 dist/coffer.THIRD-PARTY-LICENSES $(DESTDIR)$(PREFIX)/share/doc/coffer/THIRD-PARTY-LICENSES
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/coffer/copyright

.PHONY: clean
clean: ## remove what was built; the downloads in build/cache and node_modules stay
	rm -rf dist build/plugin $(plugin) build/test

$(packages): package.json package-lock.json
	@node -e '$(check_node)'
	@echo 'installing the npm packages of package-lock.json'
	@npm ci
	@touch $@

$(programs): $(packages) build.mjs $(wildcard plugin/*.mjs) $(sources)
	@echo 'bundling into dist/'
	@node build.mjs

$(plugin): $(programs) config.json $(wildcard plugin/*.mjs)
	@node plugin/build.mjs
