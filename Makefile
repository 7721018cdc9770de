# `make demo` and `make test` set up everything they need; nothing has to be installed by hand but Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests start hundreds of processes; without bytecode each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-all check lint bench fuzz examples docs coverage mutants clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up the virtual environment in $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## convert, validate and run the lab 05 pipeline on this machine
	@$(BIN)/python examples/demo.py

test: $(STAMP) ## all tests but the slow ones
	@$(BIN)/python -m pytest -m 'not slow' -n 2 --dist loadfile

test-all: $(STAMP) ## all tests; fetches TensorFlow (280 MB) for one of the examples
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,tensorflow]'
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/reference.py --check

check: lint test ## what CI runs: linters, types, import contracts, tests

bench: $(STAMP) ## measure the budgets of the design
	@$(BIN)/python -m benchmarks

fuzz: $(STAMP) ## broken and hostile files through the commands, five minutes or as FUZZ="--minutes 60" says
	@$(BIN)/python -m fuzz $(FUZZ)

examples: $(STAMP) ## write the example projects again
	@$(BIN)/python examples/projects.py

docs: $(STAMP) ## write the generated pages of docs/ again, and build the site in build/site
	@$(BIN)/python docs/reference.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

coverage: $(STAMP) ## count what is translated of the corpus, and write docs/coverage.md
	@$(BIN)/python -m benchmarks.coverage --write

mutants: $(STAMP) ## put faults into conversions, count those that the comparison reports, and write docs/mutants.md
	@$(BIN)/python -m benchmarks.mutants --write $(MUTANTS)

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
