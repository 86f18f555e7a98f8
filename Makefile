# Every command of this project. All of them set up first; set-up does nothing when nothing changed.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup run test test-integration check check-format check-lint check-types
.PHONY: check-layers check-shape fmt content docs bench proof-1 proof-2 proof-3 lock wheel clean

help: ## Show these commands
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 20

setup: ## Make .venv with the locked packages
	@$(PYTHON) tools/setup

run: setup ## Start Tocsin with a small simulated enterprise
	@$(BIN)/tocsin up --demo

test: setup ## Run every test but the integration tests
	$(PYTEST) -n 2

test-integration: setup ## Start whole services, end them with kill -9, and look at what is left
	$(PYTEST) -m integration

check: check-format check-lint check-types check-layers check-shape ## Format, lint, types, layers, shape

check-format: setup
	$(BIN)/ruff format --check --quiet

check-lint: setup
	$(BIN)/ruff check --output-format concise

check-types: setup
	$(BIN)/mypy

check-layers: setup
	$(BIN)/lint-imports

check-shape: setup
	$(PYTEST) tests/test_house.py

fmt: setup ## Format and repair what can be repaired
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

content: setup ## Check the shipped content with its own tests
	$(BIN)/tocsin check

docs: setup ## Write the generated reference pages anew
	$(BIN)/python tools/docs

bench: setup ## Measure each stage (ZIRCOLITE=folder compares, INPUTS=otrf-100k)
	$(BIN)/python -m bench $(if $(ZIRCOLITE),--zircolite $(ZIRCOLITE)) $(INPUTS)

proof-1: setup ## Run the full counts of the first issue's claims
	$(BIN)/python tools/proof 1

proof-2: setup ## Fuzz every reader for two minutes each; measure recall and noise
	$(BIN)/python -m tests.fuzz all --seconds 120
	$(BIN)/python -m bench.recall
	$(BIN)/python -m bench.noise

proof-3: setup ## Kill processes, cut the power, fill the disk, send rubbish: the full counts
	$(BIN)/python tools/proof 3

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q
lock: setup ## Resolve the dependencies anew (needs the network)
	$(LOCK) --upgrade pyproject.toml --group dev -o requirements-dev.lock
	$(LOCK) -c requirements-dev.lock pyproject.toml -o requirements.lock
	$(LOCK) -c requirements-dev.lock --group setup -o requirements-setup.lock

wheel: setup ## Build the wheel into dist/
	$(BIN)/hatchling build -t wheel

clean: ## Remove what set-up and the tools made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
