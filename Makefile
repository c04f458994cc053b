# What each target promises to others is in CONTRIBUTING.md; keep it true.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
FROM ?= 0
SEEDS ?= 10000
DRILL_FLAGS ?=
TEST_FLAGS ?= -q
COVERED := --cov=hotsite.core --cov=hotsite.flows --cov-branch --cov-report=json:build/coverage.json --cov-report=
# A lock names all that is needed; a resolver would look for newer releases (of `coverage[toml]`).
PIP_INSTALL := pip install --quiet --disable-pip-version-check --require-hashes --no-deps

# Each test starts many processes: they would all compile hotsite anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup companion drill test rehearse tools release check format lock soak bench conformance clean
help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready $(VENV)/.companion ## Make .venv with pinned, hashed dependencies (and Node, if the machine has none)

$(VENV)/.ready: requirements/dev.txt requirements/node.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setup: installing pinned dependencies into $(VENV) (about a minute)" >&2
	@$(BIN)/$(PIP_INSTALL) -r requirements/dev.txt
	@command -v node >/dev/null || $(BIN)/$(PIP_INSTALL) -r requirements/node.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/pip check --disable-pip-version-check >&2
	@touch $@

.venv-clients/.ready: requirements/clients.txt
	@test -x .venv-clients/bin/python || $(PYTHON) -m venv .venv-clients
	@echo "setup: installing unmodified clients (AWS CLI, AWS IoT Device SDK)" >&2
	@.venv-clients/bin/$(PIP_INSTALL) -r requirements/clients.txt
	@.venv-clients/bin/pip check --disable-pip-version-check >&2
	@touch $@

companion: $(VENV)/.companion ## Build the companion app into the package

$(VENV)/.companion: $(VENV)/.ready $(shell find companion -path companion/node_modules -prune -o -type f -print)
	@echo "setup: building the companion app" >&2
	@scripts/companion.sh build
	@touch $@

drill: $(VENV)/.ready ## Lose a Region of the local two-Region cloud, and measure (DRILL_FLAGS="--devices 300")
	@$(BIN)/hotsite drill drills/region-loss.toml $(DRILL_FLAGS)

tools: # Debian packages that the tests' unmodified clients come from
	@scripts/tools.sh

test: $(VENV)/.ready $(VENV)/.companion .venv-clients/.ready tools check ## The whole suite, with real Regions on loopback
	@$(BIN)/python -m compileall -q src tests scripts
	@$(BIN)/python scripts/suite.py $(TEST_FLAGS)

rehearse: $(VENV)/.ready $(VENV)/.companion .venv-clients/.ready tools ## Coverage, wrong decisions, the runbook, failovers on live Regions: before a release
	@scripts/tools.sh chromium
	@$(BIN)/pytest -q $(COVERED) -m "not local" tests/core tests/flows tests/sim tests/pan tests/disasters/test_course.py tests/contract/test_lags.py
	@$(BIN)/python scripts/coverage_gate.py build/coverage.json
	@$(BIN)/pytest -s -q tests/rehearsal tests/fleet

soak: $(VENV)/.ready ## Play seeds FROM .. FROM+SEEDS-1 of the simulated disasters
	@$(BIN)/python scripts/soak.py --from $(FROM) --seeds $(SEEDS)

bench: $(VENV)/.ready .venv-clients/.ready ## Write the benchmarks, one JSON file each, under build/bench/
	@scripts/tools.sh mosquitto dnsperf knot
	@$(BIN)/python scripts/bench.py --out build/bench

conformance: $(VENV)/.ready .venv-clients/.ready ## Try our agent, the AWS SDK v2 and paho, and write docs/conformance.md
	@$(BIN)/python scripts/conformance.py

release: $(VENV)/.ready ## Templates, packages, wheel, SBOM and digests under build/release/
	@$(BIN)/python scripts/release.py --out build/release

check: $(VENV)/.ready ## ruff, mypy --strict, import-linter, tidy: before each commit
	@$(BIN)/ruff check --quiet src tests scripts conformance
	@$(BIN)/ruff format --check --quiet src tests scripts conformance
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports
	@$(BIN)/pytest -q tests/test_tidy.py

format: $(VENV)/.ready ## Format and fix what a machine can
	@$(BIN)/ruff format --quiet src tests scripts conformance
	@$(BIN)/ruff check --fix --quiet src tests scripts conformance

lock: ## Resolve requirements/*.in again (needs uv)
	@for part in dev clients node lambda-onboarding lambda-canary; do uv pip compile --quiet --generate-hashes \
	  --python-version 3.11 --no-annotate --no-header \
	  requirements/$$part.in -o requirements/$$part.txt; done

clean: ## Remove what was built, never what was recorded
	rm -rf build .mypy_cache .ruff_cache .pytest_cache
