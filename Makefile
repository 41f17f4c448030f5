# `make demo` and `make test` need Python >= 3.10 and Node >= 20, and set up the rest by themselves.
# Each step of that is a file, so a second run is quick; `make clean` starts the built parts anew.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
# How many tests run at a time; TOGETHER=0: one after the other, in one process. Those that hold the product against the
# clock (`alone`: a Cancel works at once) have the machine to themselves in any case.
TOGETHER ?= 2
BIN := .venv/bin

# `npm run build` calls jupyter-builder, and the tests call jupyter and node.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

LABEXTENSION := src/oidc_widget/labextension
FRONTEND := $(shell find frontend $(wildcard schema style) -type f) $(wildcard tsconfig*.json) package.json

.PHONY: help
help:
	@echo "make demo       a local provider, a demo API and JupyterLab with the quickstart notebook (ARGS=--no-browser)"
	@echo "make test       every check and test, the browser tests included"
	@echo "make test-fast  all of them but those in a browser"
	@echo "make security-report  attacks and bad luck: case, expected, seen, test"
	@echo "make soak       three tabs, four notebooks, 1,000 refreshes and all that can go wrong, in an hour (SECONDS=300)"
	@echo "make bench      how fast it is and what it weighs, beside others; writes docs/benchmarks.md (ARGS=--quick)"
	@echo "make docs       the documentation, in docs/_build/html; a warning or a broken link fails it"
	@echo "make pictures   the README's moving pictures, from the demo in a browser; writes docs/_static"
	@echo "make states     pictures of every state of widget and sidebar, in test-results/states"
	@echo "make test-firefox   the product in Firefox ESR"
	@echo "make test-keycloak  the product with Keycloak (Java 17 and Maven; 180 MB once)"
	@echo "make build      the wheels and source distributions of oidc-widget and oidc-widget-core, in dist/"
	@echo "make check      linters, formatters, type checkers and who imports whom"
	@echo "make imports    draws who imports whom, in both languages, as Mermaid in Markdown (ROOM=signin: inside that one)"
	@echo "make fix        what linters and formatters can mend by themselves"
	@echo "make clean      remove what was built; the environments stay"

.PHONY: demo
demo: .venv/linked
	exec $(BIN)/oidc-widget demo $(ARGS)

.PHONY: test
test: test-fast .venv/chromium
	$(BIN)/pytest -n $(TOGETHER) -m "not alone" ui-tests
	$(BIN)/pytest -m alone ui-tests

# The wheels first: they take longest.
.PHONY: test-fast
test-fast: check docs .venv/linked .venv/kernels
	npm test
	$(BIN)/pytest -n $(TOGETHER) --dist loadfile --no-loadscope-reorder tests/test_wheel.py tests

# What attacks, and what becomes of them. Each part runs, whatever comes of the one before; the table says it.
REPORT := security-report
ATTACKS := tests/hostile tests/hub tests/server/test_hub_relay.py tests/signin/test_secrets.py
IN_BROWSER := $(patsubst %,ui-tests/test_%.py,boundaries faults hub_neighbours hub_relay hub_service secrets)
REPORTED = $(BIN)/pytest -q --tb=line -n $(TOGETHER) -o junit_family=xunit1
.PHONY: security-report
security-report: .venv/linked .venv/kernels .venv/chromium
	mkdir -p $(REPORT)
	rm -f $(REPORT)/*
	-$(REPORTED) --dist loadfile --junitxml=$(REPORT)/python.xml $(ATTACKS) > $(REPORT)/python.log
	-$(REPORTED) --junitxml=$(REPORT)/browser.xml $(IN_BROWSER) > $(REPORT)/browser.log
	-npx vitest run frontend/oauth frontend/vault --reporter=json --outputFile=$(REPORT)/vitest.json
	$(BIN)/python tests/hostile/report.py $(REPORT)/python.xml $(REPORT)/browser.xml $(REPORT)/vitest.json

# About an hour; SECONDS= is how long.
.PHONY: soak
soak: .venv/linked .venv/kernels .venv/chromium
	PYTHONPATH=ui-tests $(BIN)/python ui-tests/soak.py $(if $(filter command line,$(origin SECONDS)),$(SECONDS))

# Nothing else should run meanwhile; some 20 minutes. ARGS="--only weight" measures that part alone, and writes nothing.
.PHONY: bench
bench: .venv/linked .venv/kernels .venv/chromium benchmarks/node_modules/installed
	$(BIN)/python -m benchmarks $(or $(ARGS),--write docs/benchmarks.md)

.PHONY: test-firefox
test-firefox: .venv/linked .venv/chromium
	$(BIN)/python ui-tests/firefox_esr.py
	node --test --test-concurrency=1 $(ARGS) ui-tests/firefox/*.test.mjs

.PHONY: test-keycloak
test-keycloak: .venv/linked .venv/chromium
	$(BIN)/python ui-tests/providers/keycloak.py
	$(BIN)/pytest $(ARGS) ui-tests/keycloak

.PHONY: check
check: .venv/installed node_modules/installed
	npm run check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

# Two pictures in Mermaid, which GitHub and JupyterLab draw: rooms, and who imports whom. ROOM=signin (a package below
# oidc_widget) looks into one.
ROOM :=
ROOMS := --exclude '(^node_modules|/testing/|\.test\.ts$$|\.(mjs|css)$$)' --collapse '^frontend/[^/]+'
.PHONY: imports
imports: .venv/installed node_modules/installed
	@echo '```mermaid'; echo 'flowchart LR'
	@$(BIN)/import-linter drawgraph $(addprefix oidc_widget.,$(ROOM))$(if $(ROOM),,oidc_widget) \
	  | sed -nE 's/^ *"\.([^"]+)" -> *"\.([^"]+)".*/  \1 --> \2/p'
	@echo '```'; echo; echo '```mermaid'
	@npx depcruise --config .dependency-cruiser.json --output-type mermaid $(ROOMS) frontend
	@echo '```'

# With the frontend, since the reference imports the widget. Anew each time: else only pages that changed would warn.
.PHONY: docs
docs: .venv/linked
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going -b dirhtml docs docs/_build/html

.PHONY: pictures
pictures: .venv/linked .venv/chromium
	PYTHONPATH=ui-tests $(BIN)/python docs/pictures/record.py

.PHONY: states
states: .venv/linked .venv/chromium
	PYTHONPATH=ui-tests $(BIN)/python ui-tests/states.py

.PHONY: fix
fix: .venv/installed node_modules/installed
	npm run fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: build
build: $(LABEXTENSION)/package.json
	rm -rf dist
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m build --outdir dist core
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m build --outdir dist .

.PHONY: clean
clean:
	rm -rf dist lib test-results docs/_build $(LABEXTENSION) src/oidc_widget/static
	rm -f .venv/linked *.tsbuildinfo

# The steps, in their order.

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "Python 3.10 or later is needed, and '$(PYTHON)' is not that: install it, or say where it is: make PYTHON=/path/to/python3" >&2; \
	  exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	touch $@

# The frontend is built below, with the lock file's versions, so the build hook is not wanted here. pip must not find
# the link that is made below: it would write through it, into what the next wheel is made of.
.venv/installed: pyproject.toml core/pyproject.toml | .venv/created
	rm -rf .venv/share/jupyter/labextensions/oidc-widget
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install -q -e core -e . --group test
	touch $@

node_modules/installed: package.json package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { \
	  echo "Node 20 or later is needed, and 'node' is not that: install it, and start again." >&2; \
	  exit 1; }
	npm ci --no-audit --no-fund
	touch $@

# The others that are measured.
benchmarks/node_modules/installed: benchmarks/package.json benchmarks/package-lock.json | node_modules/installed
	npm ci --no-audit --no-fund --ignore-scripts --prefix benchmarks
	touch $@

$(LABEXTENSION)/package.json: $(FRONTEND) .venv/installed node_modules/installed
	npm run build
	touch $@

# A link instead of a copy: JupyterLab serves what was built last.
.venv/linked: $(LABEXTENSION)/package.json .venv/installed
	rm -rf .venv/share/jupyter/labextensions/oidc-widget
	mkdir -p .venv/share/jupyter/labextensions
	ln -s $(CURDIR)/$(LABEXTENSION) .venv/share/jupyter/labextensions/oidc-widget
	touch $@

# What tests would otherwise fetch when they first need it: within a test's time limit, and two of them at once.
.venv/kernels: ui-tests/kernelspecs.py .venv/installed
	$(BIN)/python ui-tests/kernelspecs.py
	touch $@

.venv/chromium: ui-tests/chromium.py .venv/installed
	$(BIN)/python ui-tests/chromium.py
	touch $@
