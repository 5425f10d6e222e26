# What a newcomer types: `make demo`, then `make test`. Everything lives in .venv, nothing outside it
# (but the lab's Docker engine and Debian's Chromium, where there is none: see tests/lab/engine and
# tests/browser/chromium). `make clean` removes what can be removed, and names the packages that stay.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-whole test-fast test-random test-browser test-lab gates conformance lab-up lab-down bench mutants lock docs screenshots clean

demo: $(VENV)/.product
	@$(BIN)/eop-probe demo

# However the tests end, the last lines say what they left on this machine.
test:
	@$(MAKE) --no-print-directory test-whole; code=$$?; tests/lab/engine left; exit $$code

# Gates and fast tests first: what is cheap fails early. Nothing is left out: no engine, no green run.
# Coverage makes a test two to three times as long: neither what bounds time is measured under it, nor properties with
# their many examples, nor the browser and the lab, which add nothing to it.
test-whole: $(VENV)/.test gates
	$(BIN)/coverage erase
	$(BIN)/pytest -m "not lab and not slow and not browser and not hypothesis" -n auto --dist worksteal --cov --cov-report= --cov-fail-under=0 -q
	$(BIN)/coverage report
	$(BIN)/pytest tests/conformance -m slow -q
	$(BIN)/pytest -m "slow or hypothesis" --ignore=tests/conformance -n auto --dist worksteal -q
	$(BIN)/pytest tests/browser -m browser -n auto --dist loadscope -q
	$(BIN)/pytest tests/lab -m lab -n auto --dist loadscope -q

test-fast: $(VENV)/.test
	$(BIN)/pytest -m "not lab and not slow and not browser" -n auto --dist worksteal --hypothesis-profile fast -q

# Properties on examples that no run has tried before; what fails is written into its test as an @example.
test-random: $(VENV)/.test
	$(BIN)/pytest -m hypothesis -n auto --dist worksteal --hypothesis-profile random -q

# The pages in a real Chromium: see tests/browser/chromium.
test-browser: $(VENV)/.test
	$(BIN)/pytest tests/browser -m browser -n auto --dist loadscope -q

test-lab: $(VENV)/.test
	$(BIN)/pytest tests/lab -m lab -n auto --dist loadscope -q; code=$$?; tests/lab/engine left; exit $$code

gates: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The path-validation suites: x509-limbo (EOP_PROBE_LIMBO names the file; the run says where there is none) and PKITS.
conformance: $(VENV)/.test
	$(BIN)/pytest tests/conformance -q

lab-up: $(VENV)/.test
	tests/lab/lab up

lab-down:
	tests/lab/lab down

bench: $(VENV)/.test
	$(BIN)/python bench/run.py

# How many small faults the tests notice: a sample, or MUTANTS=all. Not part of `make test`: it takes minutes to hours.
mutants: $(VENV)/.mutants
	@$(BIN)/python tools/mutants.py

docs: $(VENV)/.test
	$(BIN)/python tools/docs.py

# The pictures in docs/images, of the pages as they are now.
screenshots: $(VENV)/.test
	$(BIN)/python tools/screenshots.py

# An engine that somebody else runs stays; what the lab put into it goes.
clean:
	tests/lab/engine clean
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf tests/lab/run build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the container image is made of, with hashes: requirements.lock to run it, build.lock to make its wheel.
EXTRAS = dask history notify postgres serve
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
lock: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check --group lock
	$(LOCK) pyproject.toml $(EXTRAS:%=--extra %) --output-file requirements.lock
	$(LOCK) --group build --output-file build.lock

$(VENV)/.product: pyproject.toml
	@tools/venv $(PYTHON) $(VENV)
	@echo "installing eop-probe into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.product
	@echo "installing what the tests need into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --group test
	@touch $@

$(VENV)/.mutants: pyproject.toml $(VENV)/.test
	@echo "installing mutmut into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --group mutants
	@touch $@
