# Two commands for a newcomer: `make sweep` and `make test`. Each sets itself up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SWEEP ?= search_spaces/densenet_depth.py

.PHONY: sweep test setup lint format data bench clean

sweep: setup
	$(BIN)/python -m raypg.tune $(SWEEP)

# Half of what the tests of clusters do is waiting: two files at a time.
test: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "raypg needs Python 3.11 or later; try make PYTHON=python3.12" >&2; exit 1; }
	@# Debian without python3-venv leaves a folder with a python and no pip.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	@touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

data: setup
	$(BIN)/python -m raypg.data fetch

bench: setup
	$(BIN)/python -m tests.benchmarks $(if $(QUICK),--quick)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
