# Every target makes .venv when it is missing and installs what pyproject.toml and constraints.txt say.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# Which tests: "not bench and not services" leaves out those that need PostgreSQL, a browser or a cluster.
TESTS ?= not bench

.PHONY: demo test bench lint format

demo: $(INSTALLED)
	$(BIN)/assay demo

# A file at a time, in their order: what its tests share is made once, and the slow ones begin first. Three at once on
# two cores: those end to end wait for servers and processes much of their time.
test: $(INSTALLED)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "$(TESTS)"

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
