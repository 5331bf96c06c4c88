# polyrelu: one command for each habit. `make` alone lists them.
#
# Each command first asks scripts/setup.sh for the extras that it needs. That makes .venv
# once, and does nothing when all is there. PYTHON=python3.12 chooses the interpreter for it.

SETUP := scripts/setup.sh
PY := .venv/bin/python
TEST_EXTRAS := cdd onnx sklearn plot arrow completion test
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bounds lint docs format hooks bench train clean

help: ## list the commands
	@echo "make <command>  (ARGS=... is passed on to test, bounds and bench)"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

demo: ## enumerate a bundled network exactly, re-verify a sample, draw demo/regions.png
	@$(SETUP) cdd plot
	@$(PY) demo/run.py

test: ## run the tests (ARGS="-k graph -x" goes to pytest)
	@$(SETUP) $(TEST_EXTRAS)
	@$(PY) -m pytest $(ARGS)

bounds: ## the tests with every array access of the kernels checked (slow, fresh cache)
	@$(SETUP) $(TEST_EXTRAS)
	@cache=$$(mktemp -d) && trap 'rm -rf "$$cache"' EXIT && \
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR="$$cache" $(PY) -m pytest $(ARGS)

lint: ## ruff, ruff format and mypy: reports, changes nothing
	@$(SETUP) $(TEST_EXTRAS) dev
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy

docs: ## build the documentation site, running its code: build/docs/index.html
	@$(SETUP) $(TEST_EXTRAS) docs
	@$(PY) -m sphinx -q -W --keep-going -j 2 -c docs -d build/doctrees . build/docs
	@echo "build/docs/index.html"

format: ## let ruff format the code and fix what it can
	@$(SETUP) $(TEST_EXTRAS) dev
	@$(PY) -m ruff check --fix-only
	@$(PY) -m ruff format

hooks: ## run `make lint` before each commit (pre-commit)
	@$(SETUP) $(TEST_EXTRAS) dev
	@$(PY) -m pre_commit install

bench: ## the table of benchmarks (ARGS="--help" shows its options)
	@$(SETUP) $(TEST_EXTRAS)
	@$(PY) -m benchmarks $(ARGS)

train: ## train the demo's network again
	@$(SETUP) cdd plot sklearn
	@$(PY) demo/train.py

clean: ## remove .venv and all that was generated
	rm -rf .venv build dist docs/reference *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f demo/regions.png
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
