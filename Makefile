# What each target promises to others is in docs/interfaces.md; keep it true.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
FROM ?= 0
SEEDS ?= 10000
DRILL_FLAGS ?=
PIP_INSTALL := pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: help setup drill test check format lock soak bench clean
help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready ## Make .venv with pinned, hashed dependencies (and Node, if the machine has none)

$(VENV)/.ready: requirements/dev.txt requirements/node.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setup: installing pinned dependencies into $(VENV) (about a minute)" >&2
	@$(BIN)/$(PIP_INSTALL) -r requirements/dev.txt
	@command -v node >/dev/null || $(BIN)/$(PIP_INSTALL) -r requirements/node.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv-clients/.ready: requirements/clients.txt
	@test -x .venv-clients/bin/python || $(PYTHON) -m venv .venv-clients
	@echo "setup: installing unmodified clients (AWS CLI, AWS IoT Device SDK)" >&2
	@.venv-clients/bin/$(PIP_INSTALL) -r requirements/clients.txt
	@touch $@

check: $(VENV)/.ready ## ruff, mypy --strict, import-linter, tidy: before each commit
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports
	@$(BIN)/pytest -q tests/test_tidy.py

format: $(VENV)/.ready ## Format and fix what a machine can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

lock: ## Resolve requirements/*.in again (needs uv)
	@for part in dev clients node; do uv pip compile --quiet --generate-hashes \
	  --python-version 3.11 --no-annotate --no-header \
	  requirements/$$part.in -o requirements/$$part.txt; done

clean: ## Remove what was built, never what was recorded
	rm -rf build .mypy_cache .ruff_cache .pytest_cache
