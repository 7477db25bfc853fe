# `make` lists the targets. Everything is installed into .venv here; nothing else on the machine changes.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Whatever pip is told on this machine, packages go into .venv. Its package index is left as configured.
export PIP_USER := 0
export PIP_REQUIRE_HASHES := 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT PIP_REQUIREMENT PIP_REQUIRE_VIRTUALENV PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup demo up test long e2e soak browser check fix bench

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed  ## install the pinned packages into .venv

demo: setup  ## a real Airflow, the sample city, three days, one release, a summary
	@$(BIN)/urbanbrain demo

up: setup  ## Airflow and the sample city until Ctrl-C
	@$(BIN)/urbanbrain up

test: setup  ## the everyday tests, two at a time
	$(BIN)/pytest -n 2

long: setup  ## the tests that take minutes: kills, orders of loading, releases made again
	$(BIN)/pytest -m long -n 2

e2e: setup  ## the tests that start a real Airflow
	$(BIN)/pytest -m e2e

soak: setup  ## the tests that last minutes on purpose: many readers during many releases, whole years killed and attacked
	$(BIN)/pytest -m soak

browser: .venv/.browser  ## the page in a headless Chromium, which must be installed
	$(BIN)/pytest -m browser

check: setup  ## what CI checks: ruff, mypy, sqlfluff, contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar warehouse
	$(BIN)/urbanbrain check

fix: setup  ## repair what can be repaired by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --disable-progress-bar warehouse

bench: .venv/.bench  ## measure against rivals; results in bench/out
	$(BIN)/python -m bench

.venv/.installed: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=…")'
	@test -x $(BIN)/python || $(PYTHON) -m venv --clear .venv
	@echo "installing the pinned packages into .venv; the first time takes a minute or two"
	@$(PIP) install --quiet --require-hashes -r constraints.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/.browser: tests/browser/constraints.txt .venv/.installed
	@$(PIP) install --quiet --require-hashes -r tests/browser/constraints.txt
	@touch $@

.venv/.bench: bench/constraints.txt .venv/.installed
	@$(PIP) install --quiet --require-hashes -r bench/constraints.txt
	@touch $@
