.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# librosa compiles itself when it is first used; everything else when it is first imported.
COMPILE_SOUND := import numpy, mmsearch_dagster.core.encoders.mfcc as mfcc, librosa; \
	mfcc.audio_statistics(numpy.ones(mfcc.RATE, 'float32'))
COMPILE_IMPORTS := from mmsearch_dagster.core.encoders import networks; networks.import_torchvision(); \
	import great_expectations, implicit, lancedb, matplotlib.pyplot, mlflow.pyfunc, onnxruntime, timm; \
	import torch._dynamo, torch.onnx, mmsearch_dagster.definitions; from transformers import AutoTokenizer, BertModel
# Where bytecode is never written, each process of a run would compile for half a minute.
unexport PYTHONDONTWRITEBYTECODE
# Two processes, whole files to each, in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help install demo test check style types rules quick bench lint clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# --no-compile: most of these files are never imported
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile \
		--constraint constraints.txt --editable '.[dev]'
	# What a run imports is compiled now, on two cores, not in the middle of the first run
	$(BIN)/python -c "$(COMPILE_SOUND)" & $(BIN)/python -c "$(COMPILE_IMPORTS)" && wait
	@touch $(STAMP)

install: $(STAMP) ## make .venv with the pinned dependencies

demo: $(STAMP) ## run the whole pipeline on the embedded sample store
	$(BIN)/mmsearch run

# Pyright is one process that works for a minute: it has its time while tests wait for a disk or a server.
test: $(STAMP) ## every test, and all of check beside them
	@checks=$$(mktemp); $(MAKE) --no-print-directory check >$$checks 2>&1 & checking=$$!; \
	$(PYTEST) --durations=15 tests; tested=$$?; \
	wait $$checking; checked=$$?; cat $$checks; rm $$checks; exit $$((tested | checked))

check: $(STAMP) ## style, types, import rules and the examples in docstrings
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types rules style

style: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/pyright

rules: $(STAMP)
	$(BIN)/python -m pytest --doctest-modules tests/test_layers.py mmsearch_dagster

quick: $(STAMP) ## the tests that take seconds
	$(PYTEST) -m "not slow" --hypothesis-profile quick tests

bench: $(STAMP) ## speed ratios against others, on this machine
	$(BIN)/python -m tests.bench

lint: $(STAMP) ## mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv and caches; .mmsearch stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
