# Everything from a fresh clone, with Python 3.11+ and make alone. `make` lists the targets.
#
#   make report ACTIVATION=silu          another activation
#   make test PYTHON=python3.13          another interpreter (remove .venv first: make clean)

PYTHON ?= python3
ACTIVATION ?= gelu

# Relative paths only: the directory may then have a space in its name. Tools run as modules, for the same reason.
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install -qq --disable-pip-version-check

# The matrices of the tests are small: a second thread costs more than it brings. Set it to override.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report test nightly crosscheck lint bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1|/p' Makefile | awk -F'|' '{printf "%-13s %s\n", $$1, $$2}'

report: $(VENV)/installed ## report/: the page, LaTeX source, figures and verdicts of one activation (ACTIVATION=gelu)
	$(RUN) -m fimtheory report $(ACTIVATION) -o report/

test: $(VENV)/installed-test ## the whole test suite, doctests included, on all cores
	$(RUN) -m pytest -n auto --dist worksteal

nightly: $(VENV)/installed-test ## thousands of random formulas and 2,000 random expectations by every route (about an hour)
	FIMTHEORY_NIGHTLY=1 $(RUN) -m pytest tests/test_fuzz.py tests/test_differential.py

crosscheck: $(VENV)/installed-test ## Fisher matrices by nngeometry and curvlinops on PyTorch, against ours (a large download)
	$(PIP) torch==2.13.0 curvlinops-for-pytorch==3.0.1
	$(PIP) --no-deps nngeometry==0.4
	$(RUN) -m pytest -o norecursedirs= tests/external

lint: $(VENV)/installed-dev ## style, the import contract, types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -c "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
	$(RUN) -m pyright --pythonpath $(RUN)

bench: $(VENV)/installed ## what we are fast at, beside what one would use instead (about 20 minutes)
	$(RUN) benchmarks/calculus.py --limit 5
	$(RUN) benchmarks/quadrature.py
	$(RUN) benchmarks/certification.py
	$(RUN) benchmarks/duals.py
	$(RUN) benchmarks/order_parameters.py
	$(RUN) benchmarks/softmax.py
	$(RUN) benchmarks/kernel_spectra.py
	$(RUN) benchmarks/kernel_modes.py
	$(RUN) benchmarks/natural_gradient.py
	$(RUN) benchmarks/simulation.py
	$(RUN) benchmarks/spectrum.py
	$(RUN) benchmarks/expected_fisher.py

clean: ## remove everything that was made here, the environment included
	rm -rf $(VENV) report build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than what it depends on: nothing is installed twice.
$(VENV)/created:
	@$(PYTHON) -c "import sys; sys.exit('fimtheory needs Python 3.11 or newer: make PYTHON=...' if sys.version_info < (3, 11) else 0)"
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/created pyproject.toml
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-dev: $(VENV)/created pyproject.toml
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/installed $(VENV)/installed-test
