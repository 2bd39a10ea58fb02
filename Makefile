# setup: a virtual environment in .venv   demo: the whole main job   check: ruff, mypy   test: pytest
PYTHON ?= python3
BIN := .venv/bin
ALONE := ray or browser or cluster
.DEFAULT_GOAL := help
.PHONY: help setup demo check test bench clean

help:
	@echo "make setup   make .venv, or do nothing when it is up to date"
	@echo "make demo    draw an archive, train, score and evaluate on this machine (some minutes)"
	@echo "make check   ruff and mypy"
	@echo "make test    all tests"
	@echo "make bench   speed and memory, on this machine's cores"
	@echo "make clean   remove .venv and everything made here"

setup: .venv/.stamp

# The exact versions stand in constraints.txt; uv is kept inside the environment it makes. Compiled once here,
# torch and Ray start in half the time in each of the many processes that a run has.
.venv/.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "blanktrap needs Python 3.11 or newer: make PYTHON=python3.12 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/blanktrap demo --out demo

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What starts no cluster, browser or hosts of its own runs side by side, a file in one process.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not ($(ALONE))" --numprocesses logical --maxprocesses 8 --dist loadfile
	$(BIN)/pytest -m "$(ALONE)"

bench: setup
	$(BIN)/python benchmarks/score_throughput.py

clean:
	rm -rf .venv demo .bench build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
