# Two commands for a newcomer: `make sweep` and `make test`. Each sets itself up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SWEEP ?= search_spaces/densenet_depth.py

.PHONY: sweep test setup lint format types tests data bench clean

sweep: setup
	$(BIN)/python -m raypg.tune $(SWEEP)

test: lint types tests

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "raypg needs Python 3.11 or later; try make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	@touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup
	$(BIN)/mypy

tests: setup
	$(BIN)/python -m pytest

data: setup
	$(BIN)/python -m raypg.data

bench: setup
	$(BIN)/python -m tests.benchmarks $(if $(QUICK),--quick)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
