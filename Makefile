# `make` without a target lists the targets. Everything runs in .venv, which is built if missing.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: gallery notebooks help install train evaluate test test-slow test-sweeps results table bench bench-gpu train-gpu docs lint format clean

help: ## print this list
	@echo "innerloop: meta-learning experiments. Targets:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-11s %s\n", $$1, $$2}'
	@echo 'Overrides: make train ARGS="algorithm=protonet dataset=omniglot"'

install: .venv/.installed ## build .venv (again only after pyproject.toml has changed)

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info < (3, 14); sys.exit(0 if ok else "innerloop needs Python 3.11 to 3.13, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.12")'
	@command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || { echo "innerloop needs a C++ compiler (g++ or clang++) for learn2learn and torch.compile: install one, for example with 'apt install g++', and run make again."; exit 1; }
	@echo "Building .venv: PyTorch and its dependencies are about 6 GB, which takes one to five minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing: install it, for example with 'apt install python3-venv'."; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --compile-bytecode -e '.[learn2learn]' --group dev
	@touch $@
	@echo "Installed in .venv."

train: install ## meta-train and test; ARGS="KEY=VALUE ..." passes overrides on
	@$(BIN)/python src/train.py $(ARGS)

evaluate: install ## test a checkpoint: ARGS="ckpt_path=RUN_DIR"
	@$(BIN)/python src/evaluate.py $(ARGS)

test: install ## run the tests
	@$(BIN)/python -m pytest -n 2 $(ARGS)

test-slow: install ## also run the longer learning tests
	@$(BIN)/python -m pytest -n 2 -m "slow or not slow" $(ARGS)

test-sweeps: install ## test sweeps with joblib, Ray, SLURM and Optuna, where installed
	@$(BIN)/python -m pytest -m "slow or not slow" tests/sweeping $(ARGS)

results: install ## write the tables of docs/results
	@$(BIN)/python src/results.py

table: install ## TABLE=omniglot: run what a table of docs/tables lacks, and write its page
	@$(BIN)/python src/table.py $(TABLE) $(ARGS)

gallery: install ## screenshots of terminal, pictures, report page and live view, in docs/gallery
	@PYTHONPATH=src:tests $(BIN)/python tests/gallery.py

notebooks: install ## run the notebooks, and write their pages, in docs/notebooks
	@$(BIN)/python docs/site/notebooks.py

bench: install ## benchmark innerloop against other libraries; ARGS="PART ..." for some parts
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet --compile-bytecode -e '.[bench,learn2learn]' --group dev
	@$(BIN)/python -m benchmarks.bench $(ARGS)

bench-gpu: install ## benchmarks on a GPU: ARGS="--part PART"; ARGS="--rehearse" runs them in small
	@PYTHONPATH=src:. $(BIN)/python -m benchmarks.gpu $(ARGS)

train-gpu: install ## the papers' trainings on a GPU: ARGS="miniimagenet", omniglot_5way, omniglot_20way
	@PYTHONPATH=src:. $(BIN)/python -m benchmarks.gpu.trainings $(ARGS)

docs: install ## build the documentation in outputs/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet -f docs/site/mkdocs.yml
	@echo "open outputs/site/index.html"

lint: install ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## remove .venv and caches; keep outputs
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
