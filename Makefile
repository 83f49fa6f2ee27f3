# Two commands for everyone: `make demo` and `make test`. Both make their own environment in .venv first.
# Others: lint, sanitize, fuzz, bench, clean. FUZZ_SECONDS=600 fuzzes each target for longer.
# PYTHON=python3.12 chooses the interpreter, TESTS=tests/sip narrows the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := message sdp digest uri stream stun endpoint
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
NATIVE_SOURCES := $(shell find native -name '*.[ch]' -o -name '*.pyx' -o -name '*.pxd' -o -name CMakeLists.txt)
TOOLS := PATH="$(abspath $(BIN)):$$PATH"
PYTHON_SOURCES := microsip_core tests examples benchmarks

.PHONY: demo test lint sanitize fuzz bench clean
.DEFAULT_GOAL := demo

demo: $(VENV)/installed
	$(BIN)/microsip demo

test: $(VENV)/installed-test
	$(BIN)/python -m pytest $(TESTS) $(PYTEST_OPTIONS)

lint: $(VENV)/installed-lint
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/mypy
	$(TOOLS) cmake -S native -B build/lint -DMICROSIP_TESTS=ON -DMICROSIP_BINDING=OFF -DMICROSIP_WERROR=ON >/dev/null
	$(TOOLS) cmake --build build/lint --parallel

sanitize: $(VENV)/installed-lint
	$(TOOLS) native/tests/sanitize.sh

fuzz: $(VENV)/installed-fuzz
	@for target in $(FUZZ_TARGETS); do $(BIN)/python tests/fuzz/run.py $$target $(FUZZ_SECONDS) || exit 1; done

bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks.parse
	$(BIN)/python -m benchmarks.setup_rate
	$(BIN)/python -m benchmarks.calls_per_core

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "microsip-core needs Python 3.11 or later; set PYTHON=python3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	    { echo "could not make a virtual environment: install your system's python3-venv package" >&2; exit 1; }

$(VENV)/installed: $(BIN)/python pyproject.toml $(NATIVE_SOURCES)
	@echo "installing microsip-core into $(VENV) (the first time takes a minute)"
	$(PIP) install --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) install --editable '.[test]'
	@touch $@

$(VENV)/installed-lint: $(VENV)/installed-test
	$(PIP) install --editable '.[test,lint]'
	@touch $@

$(VENV)/installed-fuzz: $(VENV)/installed
	$(PIP) install --editable '.[fuzz]'
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed-test
	$(PIP) install --editable '.[test,bench]'
	@touch $@

clean:
	rm -rf build dist $(VENV) microsip_core/media/_native*.so demo-output
