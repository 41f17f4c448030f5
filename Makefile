# `make demo` and `make test` need Python >= 3.10 and Node >= 20, and set up the rest by themselves.
# Each step of that is a file, so a second run is quick; `make clean` starts the built parts anew.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
# make test TOGETHER="-n 2 --dist loadfile": two files at a time, for a machine with cores to spare. Some tests hold the
# product against the clock (a Cancel works at once), so on two cores they go one after the other.
TOGETHER ?=
BIN := .venv/bin

# `npm run build` calls jupyter-builder, and the tests call jupyter and node.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

LABEXTENSION := src/oidc_widget/labextension
FRONTEND := $(shell find frontend $(wildcard schema style) -type f) $(wildcard tsconfig*.json) package.json

.PHONY: help
help:
	@echo "make demo    a local provider, a demo API and JupyterLab with the quickstart notebook (ARGS=--no-browser)"
	@echo "make test    every check and test, the browser tests included"
	@echo "make test-firefox    the product in Firefox ESR"
	@echo "make test-keycloak   the product with Keycloak (Java 17 and Maven; 180 MB once)"
	@echo "make build   the wheel and the source distribution, in dist/"
	@echo "make check   linters, formatters and type checkers only"
	@echo "make fix     what linters and formatters can mend by themselves"
	@echo "make clean   remove what was built; the environments stay"

.PHONY: demo
demo: .venv/linked
	exec $(BIN)/oidc-widget demo $(ARGS)

.PHONY: test
test: check .venv/linked .venv/provisioned
	npm test
	$(BIN)/pytest $(TOGETHER) tests
	$(BIN)/pytest $(TOGETHER) ui-tests

.PHONY: test-firefox
test-firefox: .venv/linked .venv/provisioned
	$(BIN)/python ui-tests/firefox_esr.py
	node --test --test-concurrency=1 ui-tests/firefox/*.test.mjs

.PHONY: test-keycloak
test-keycloak: .venv/linked .venv/provisioned
	$(BIN)/python ui-tests/providers/keycloak.py
	$(BIN)/pytest ui-tests/keycloak

.PHONY: check
check: .venv/installed node_modules/installed
	npm run check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: fix
fix: .venv/installed node_modules/installed
	npm run fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: build
build: .venv/installed node_modules/installed
	rm -rf dist
	$(BIN)/python -m build

.PHONY: clean
clean:
	rm -rf dist lib test-results $(LABEXTENSION) src/oidc_widget/static
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
.venv/installed: pyproject.toml | .venv/created
	rm -rf .venv/share/jupyter/labextensions/oidc-widget
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install -q -e . --group test
	touch $@

node_modules/installed: package.json package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { \
	  echo "Node 20 or later is needed, and 'node' is not that: install it, and start again." >&2; \
	  exit 1; }
	npm ci --no-audit --no-fund
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

# What the browser tests would otherwise fetch when they first need it, within a test's time limit.
.venv/provisioned: ui-tests/chromium.py ui-tests/kernelspecs.py .venv/installed
	$(BIN)/python ui-tests/chromium.py
	$(BIN)/python ui-tests/kernelspecs.py
	touch $@
