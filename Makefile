# The verbs of this house. `make` alone says what each one does.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check fetched format bench schemas lock clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version
CLIENT := tests/klantclient/requirements
SURGE := services/surge/requirements
unexport PYTHONDONTWRITEBYTECODE # Else everything is compiled anew at each of hundreds of starts.
PORT ?= 8000
SIMULATE ?= on
SITE ?= var/site.toml

help: ## Say what each verb does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Install Draad, and play a town hall around it at port 8000; SIMULATE=off runs it for real
ifeq ($(SIMULATE),off)
	$(if $(wildcard $(SITE)),DRAAD_SITE=$(SITE)) $(BIN)/draad run --port $(PORT)
else
	$(BIN)/draad simulate --port $(PORT)
endif

test: $(VENV)/.test ## Install what the tests need, check, and run all tests; ARGS="-k timer" runs some
	infra/packages.sh
	$(MAKE) --no-print-directory --jobs=2 --output-sync check fetched
	$(BIN)/pytest -n logical --dist loadgroup $(ARGS)

check: $(VENV)/.test ## Check layout, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fetched: $(VENV)/.test ## Have what tests need from the network: Kafka, a client of desk tools, and faust
	$(BIN)/python -m infra.fetched

format: $(VENV)/.test ## Lay out the code, and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.test ## Measure, and print ratios first
	$(BIN)/draad bench

schemas: $(VENV)/.run ## Write what is generated from the events: JSON Schema and AsyncAPI
	$(BIN)/python -m schemas.generate

lock: $(VENV)/.test ## Write the locks from what is asked for; UPGRADE=--upgrade takes newer versions
	$(COMPILE) 3.11 $(UPGRADE) --extra dev --extra build --output-file requirements.lock pyproject.toml
	$(COMPILE) 3.11 --extra build --constraint requirements.lock --output-file requirements-run.lock pyproject.toml
	$(COMPILE) 3.12 $(UPGRADE) --output-file $(CLIENT).lock $(CLIENT).in
	$(COMPILE) 3.11 $(UPGRADE) --output-file $(SURGE).lock $(SURGE).in

clean: ## Remove what is installed and cached, never data
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps below are as new as what is installed, so that nothing is installed twice.

$(BIN)/pip:
	infra/venv.sh $(VENV)

$(VENV)/.run: requirements-run.lock pyproject.toml | $(BIN)/pip
	$(PIP) install --require-hashes --requirement requirements-run.lock
	$(PIP) install --no-index --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	touch $@

$(VENV)/.test: requirements.lock $(VENV)/.run
	$(PIP) install --require-hashes --requirement requirements.lock
	touch $@
