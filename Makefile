# Every target makes .venv when it is missing and installs what pyproject.toml and constraints.txt say.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test bench lint format

demo: $(INSTALLED)
	$(BIN)/assay demo

# Tests that start a Prefect server are one group: it is started once, on one of the two processes.
test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not bench"

bench: $(INSTALLED)
	$(BIN)/python -m pytest -m bench -s

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(INSTALLED)
