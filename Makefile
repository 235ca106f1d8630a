# Tasks have the same names by hand and in CI. Everything is installed into .venv in this folder.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help:  ## Show the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

# The lock holds every version with its hash, so --no-deps spares pip the resolving.
$(STAMP): requirements.lock pyproject.toml
	@for python in python3.11 python3.12 python3.10 python3; do \
	  if $$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null; then \
	    set -x; $$python -m venv $(VENV); exit $$?; fi; done; \
	  echo "adaptor needs Python 3.10, 3.11 or 3.12 on PATH (found none of python3.10 .. python3.12)" >&2; exit 1
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP)  ## Install the locked packages into .venv

demo: $(STAMP)  ## Run the main job: K-Means under adaptor on an embedded Flink
	$(BIN)/adaptor demo

lint: $(STAMP)  ## ruff, mypy strict, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## Lint, then every test (real Flink included)
	$(BIN)/python -m pytest

unit: $(STAMP)  ## The tests that need no Flink
	$(BIN)/python -m pytest -m "not e2e"

simulate: $(STAMP)  ## 10,000 simulated networks of peers, and how news spread among up to 1,000 (half an hour)
	$(BIN)/adaptor experiment network --seeds 10000 --scale --report .adaptor/network

simulate-mutants: $(STAMP)  ## Plant defects one at a time; the simulated networks must find each
	$(BIN)/adaptor experiment network --mutants

format: $(STAMP)  ## Format and fix what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: $(STAMP)  ## Generate adaptor/api from protos/
	$(BIN)/python -m adaptor.app.protos

clean:  ## Remove what was installed and built
	rm -rf $(VENV) build *.egg-info .adaptor

.PHONY: help install demo lint test unit format proto clean simulate simulate-mutants
