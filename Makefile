# Rollbook's chores. Needs GNU make and Python 3.11 or newer; everything else goes into environments beside this file.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PROTOS_PYTHON ?= $(PYTHON)
BIN := .venv/bin
ASYNC_MODULES := $(wildcard clients/python/rollbook/_async_*.py)
GENERATED := clients/python/rollbook/v1 clients/python/rollbook/models.py $(subst _async_,_,$(ASYNC_MODULES)) docs/api.md
# What the client promises: it holds on the oldest libraries that it takes as on the newest.
CLIENT_TESTS := $(wildcard tests/integration/test_client*.py) tests/integration/test_docs_clients.py \
	tests/integration/test_readme.py tests/unit/test_exports.py tests/unit/test_models.py tests/unit/test_payloads.py \
	tests/unit/test_specs.py

# A complaint of pip about its own age is no news to anybody.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_QUIET := 1

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

.PHONY: run
run: .venv/ready ## serve a ledger and its page on this machine until Ctrl-C; DATA=folder, SERVER=host:port, PAGE=host:port
	@exec $(BIN)/python -m tests.demo.run $(if $(DATA),--data "$(DATA)") $(if $(SERVER),--listen $(SERVER)) $(if $(PAGE),--page $(PAGE))

.PHONY: demo
demo: .venv/ready ## show a ledger at work, from an empty directory to exact profit
	@$(BIN)/python -m tests.demo.main

.PHONY: test
test: .venv/ready ## run the tests
	@$(BIN)/python -m pytest -n 2 -m "not faults and not bench and not packaging"

.PHONY: test-faults
test-faults: .venv/ready ## run the tests that kill servers and fill disks
	@$(BIN)/python -m pytest -m faults

.PHONY: test-packaging
test-packaging: .venv/ready ## install each wheel alone, in an empty environment (needs a package index)
	@$(BIN)/python -m pytest -m packaging tests/packaging

.PHONY: test-floor
test-floor: .venv/ready .venv-floor/ready ## run the client's tests on the oldest libraries that it takes
	@SERVER_PYTHON=$(CURDIR)/$(BIN)/python .venv-floor/bin/python -m pytest $(CLIENT_TESTS)

.PHONY: bench
bench: .venv/ready ## measure writes, reads, watches and the lab's runs
	@$(BIN)/python -m tests.bench

.PHONY: lint
lint: .venv/ready check-protos ## check style, types, imports, protos and generated code
	@echo "ruff";         $(BIN)/ruff check --quiet; $(BIN)/ruff format --check --quiet
	@echo "mypy";         $(BIN)/mypy
	@echo "import-linter"; $(BIN)/lint-imports --no-logo
	@echo "buf";          $(BIN)/buf lint

.PHONY: format
format: .venv/ready ## format Python and protos
	@$(BIN)/ruff check --fix --quiet; $(BIN)/ruff format; $(BIN)/buf format --write

.PHONY: protos
protos: .venv/ready .venv-protos/ready .venv-protos-mypy/ready ## make stubs, models and docs/api.md from the protos, Client and Lab from their asyncio twins
	@protos/generate.sh .
	@echo "made $(GENERATED)"

.PHONY: check-protos
check-protos: .venv/ready .venv-protos/ready .venv-protos-mypy/ready ## check that what make protos makes is committed
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	protos/generate.sh "$$fresh"; \
	for path in $(GENERATED); do \
		diff -r --brief -x __pycache__ "$$path" "$$fresh/$$path" >&2 || { \
			echo "$$path does not match its source: run make protos and commit." >&2; exit 1; }; \
	done

.PHONY: check
check: lint test ## lint and test

.PHONY: clean
clean: ## remove environments, caches and builds
	rm -rf .venv .venv-floor .venv-protos .venv-protos-mypy .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# $(call environment,DIRECTORY,INTERPRETER): an empty virtual environment, made anew so that nothing old stays in it.
define environment
	@$(2) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Rollbook needs Python 3.11 or newer, and $(2) is not: say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "$(1): creating the environment with $$($(2) --version)"
	@$(2) -m venv --clear $(1)
endef

# The generator and the floor are of one age.
define old_enough
	@! $(PROTOS_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 14))' 2>/dev/null || { \
		echo "grpcio and grpcio-tools 1.71.2 have no wheel for Python 3.14 or newer:" \
			"say make PROTOS_PYTHON=/path/to/python3.13 (3.11 to 3.13)" >&2; exit 1; }
endef

.venv/ready: requirements-dev.txt server/pyproject.toml clients/python/pyproject.toml clients/bot/pyproject.toml \
		clients/web/pyproject.toml
	$(call environment,.venv,$(PYTHON))
	@echo ".venv: installing the pinned libraries and tools"
	@$(BIN)/pip install -r requirements-dev.txt
	@echo ".venv: installing rollbook, rollbook-bot, rollbook-web and rollbook-server from this directory"
	@$(BIN)/pip install --no-deps --no-build-isolation -e clients/python -e clients/bot -e clients/web -e server
	@touch $@

.venv-floor/ready: requirements-floor.txt clients/python/pyproject.toml
	$(old_enough)
	$(call environment,.venv-floor,$(PROTOS_PYTHON))
	@echo ".venv-floor: installing the oldest libraries that rollbook takes, and rollbook from this directory"
	@.venv-floor/bin/pip install -r requirements-floor.txt
	@.venv-floor/bin/pip install --no-deps --no-build-isolation -e clients/python
	@.venv-floor/bin/pip check
	@touch $@

.venv-protos/ready: protos/requirements.txt
	$(old_enough)
	$(call environment,.venv-protos,$(PROTOS_PYTHON))
	@echo ".venv-protos: installing the pinned generator"
	@.venv-protos/bin/pip install -r protos/requirements.txt
	@touch $@

.venv-protos-mypy/ready: protos/requirements-mypy.txt
	$(call environment,.venv-protos-mypy,$(PROTOS_PYTHON))
	@echo ".venv-protos-mypy: installing the pinned plugins for typed stubs"
	@.venv-protos-mypy/bin/pip install -r protos/requirements-mypy.txt
	@touch $@
