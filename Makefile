# `make demo` shows Evenhours, `make test` checks it. Both need Python 3.11 or newer with venv, and make.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable
AGAIN := make PYTHON=python3.11 $(or $(MAKECMDGOALS),demo)

.DEFAULT_GOAL := help
.PHONY: help demo bench stories quarter attack test soak mutants lint format validity chromium peers clean

help: ## List these targets
	@awk -F ': .*## |: ## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: .venv/.ready ## Write a demonstration practice to demo/, read it, write its reports, serve its pages (EVENHOURS_DEMO_SERVE=0: do not serve)
	@$(BIN)/evenhours demo

stories: .venv/.ready ## Simulate the demonstration's changes in 20 practices and print the week of each notice (SEEDS=5 for fewer)
	@$(BIN)/python -m benchmarks.stories $(or $(SEEDS),20)

quarter: .venv/.ready-dev ## Simulate a quarter with failures and fail if anything claims that all is well (minutes)
	@$(BIN)/python -m benchmarks.quarter

attack: .venv/.ready-dev ## Measure what a director could derive from a year of daily pages and exports (half an hour)
	@EVENHOURS_FULL_ATTACK=1 $(BIN)/python -m pytest -o faulthandler_timeout=0 -s -p no:randomly tests/monitor/test_block_privacy.py

bench: .venv/.ready-dev peers ## Measure reading and a practice's daily work (minutes; ONLY="imap caldav ics mbox doctor night pages" for some)
	@$(BIN)/python -m benchmarks.reading_speed $(ONLY)
	@$(BIN)/python -m benchmarks.practice_speed $(ONLY)
	@$(if $(ONLY),,$(BIN)/python -m benchmarks.large_files)

test: lint chromium peers ## Run lint, then all tests
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

soak: .venv/.ready-dev ## Repeat property, model and kill tests many times (hours; METRICS=10000 EXAMPLES=500 KILLS=200 ROUNDS=200)
	EVENHOURS_EXAMPLES=$(or $(METRICS),10000) $(BIN)/python -m pytest -o faulthandler_timeout=0 --numprocesses auto \
	  tests/monitor/test_metric_properties.py
	EVENHOURS_EXAMPLES=$(or $(EXAMPLES),500) EVENHOURS_KILLS=$(or $(KILLS),200) EVENHOURS_ROUNDS=$(or $(ROUNDS),200) \
	  $(BIN)/python -m pytest -o faulthandler_timeout=0 --numprocesses auto \
	  $$(grep -lE 'EXAMPLES|KILLS|ROUNDS' tests/*/test_*.py | grep -v test_metric_properties)

mutants: .venv/.ready-dev ## Change single expressions of the modules that decide and expect a test to fail (N=300; N=all takes an hour)
	@$(BIN)/python -m benchmarks.mutants $(or $(N),300)

lint: .venv/.ready-dev ## Check style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: .venv/.ready-dev ## Format the code and apply ruff's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

validity: .venv/.ready-dev ## Compare the detectors with other methods on simulated people (ten minutes; results in docs/validity.md)
	$(BIN)/python -m benchmarks.validity

chromium: ## Install Chromium for the browser tests (on Debian as root; otherwise they are skipped)
	@if ! command -v chromium >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing Chromium for the browser tests (apt-get) ..."; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 \
	    || echo "It cannot be installed here; those tests will be skipped."; \
	fi

peers: ## Install the servers for the peer tests: Dovecot, Node (on Debian as root), Medplum, emulate; otherwise they are skipped
	@if ! command -v dovecot >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing Dovecot for the tests that read mail from a server (apt-get) ..."; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends dovecot-imapd; } >/dev/null 2>&1 \
	    || echo "It cannot be installed here; those tests will be skipped."; \
	fi
	@if ! command -v npm >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing Node for the tests that read from a record system (apt-get) ..."; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm; } >/dev/null 2>&1 \
	    || echo "It cannot be installed here; those tests will be skipped."; \
	fi
	@if command -v npm >/dev/null && ! cmp -s tests/peers/google/package.json .peers/google/package.json; then \
	  echo "Installing an emulator of Google's consent and mail for these tests (npm, 9 MB) ..."; \
	  mkdir -p .peers/google; \
	  { npm install --prefix .peers/google --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
	      $$(sed -n 's/.*"\(emulate\)": "\([0-9.]*\)".*/\1@\2/p' tests/peers/google/package.json) \
	    && cp tests/peers/google/package.json .peers/google/; } >/dev/null 2>&1 \
	    || echo "It cannot be installed here; those tests will be skipped."; \
	fi
	@if command -v npm >/dev/null && ! cmp -s tests/peers/fhir/package.json .peers/fhir/package.json; then \
	  echo "Installing Medplum's FHIR server for these tests (npm, 116 MB) ..."; \
	  mkdir -p .peers/fhir; \
	  { npm install --prefix .peers/fhir --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
	      $$(sed -n 's/.*"\(@medplum[^"]*\)": "\([0-9.]*\)".*/\1@\2/p' tests/peers/fhir/package.json) \
	    && cp tests/peers/fhir/package.json .peers/fhir/; } >/dev/null 2>&1 \
	    || echo "It cannot be installed here; those tests will be skipped."; \
	fi

clean: ## Remove the environment, the caches and the demonstration practice
	rm -rf .venv .peers demo build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find connectors monitor reports tests -name __pycache__ -prune -exec rm -rf {} +

# The environment. Each stamp file is newer than what was installed, so a second run installs nothing.

.venv/.ready: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing what Evenhours needs into .venv (a minute or two the first time) ..."
	@$(INSTALL) .
	@touch $@

.venv/.ready-dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing Evenhours and its test tools into .venv (a minute or two the first time) ..."
	@$(INSTALL) '.[dev]'
	@touch .venv/.ready $@

define CHECK_PYTHON
import sys
if sys.version_info < (3, 11):
    sys.exit("Evenhours needs Python 3.11 or newer; found %d.%d. Install one and run: $(AGAIN)" % sys.version_info[:2])
try:
    import ensurepip, venv
except ImportError:
    sys.exit("Python's venv is missing here. On Debian or Ubuntu, as root: apt-get install python3-venv")
endef
export CHECK_PYTHON

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null \
	  || { echo "Evenhours needs Python 3.11 or newer; there is no $(PYTHON) here. Install one and run: $(AGAIN)" >&2; exit 1; }
	@$(PYTHON) -c "$$CHECK_PYTHON"
	@$(PYTHON) -m venv --clear .venv
