.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two processes, whole files to each, in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help install demo test quick bench lint clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# --no-compile: most of these files are never imported, the rest compile when they are first used
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile \
		--constraint constraints.txt --editable '.[dev]'
	# librosa compiles itself when it is first used: now, not in the middle of the first run
	$(BIN)/python -c "import numpy; from mmsearch_dagster.core.encoders.mfcc import RATE, sound_statistics; \
		sound_statistics(numpy.ones(RATE, 'float32'))"
	@touch $(STAMP)

install: $(STAMP) ## make .venv with the pinned dependencies

demo: $(STAMP) ## run the whole pipeline on the embedded sample store
	$(BIN)/mmsearch run

test: $(STAMP) ## style, then every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PYTEST) --durations=15

quick: $(STAMP) ## the tests that take seconds
	$(PYTEST) -m "not slow"

bench: $(STAMP) ## speed ratios against others, on this machine
	$(BIN)/python -m tests.bench

lint: $(STAMP) ## mend style; check types (pyright needs node)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/pyright

clean: ## remove .venv and caches; .mmsearch stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
