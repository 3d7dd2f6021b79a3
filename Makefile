# Every target does its own set-up, on a machine that has Python 3.11+, make and git and nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
SHELL := /bin/bash

VENV := .venv
BIN := $(VENV)/bin
# Any Python from 3.11 on; the machine's own first. Choose another one with `make test PYTHON=python3.13`.
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# So many tests run side by side; 0 runs them one after the other, as a debugger wants it.
WORKERS ?= 2

CATALOGUES := server/web/translations
COMPILED := $(VENV)/translations-compiled
LOCKS := gate server sim
UV_COMPILE = $(BIN)/uv --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

.PHONY: help
help: ## list these targets (the default)
	@echo 'Genkan. Each of these does its own set-up:'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: packages-demo $(VENV)/installed $(COMPILED) ## play a visit on real parts; ONCE=1 plays it and ends, CAMERA=0 reads a webcam
	$(BIN)/python -m demo $(if $(ONCE),--once) $(if $(CAMERA),--camera $(CAMERA))

.PHONY: test
test: packages-test $(VENV)/installed $(COMPILED) ## run every test, with a real broker, database and browser; ARGS='-k name' picks some
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

.PHONY: test-faults
test-faults: packages-test $(VENV)/installed $(COMPILED) ## end processes, fill disks, cut lines, forge; one JSON object a line. FAULTS=long takes hours
	@$(BIN)/python -m tests.faults $(ARGS)

.PHONY: check
check: packages-check $(VENV)/installed $(COMPILED) ## format, lint, types, import contracts, house rules and complete docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/architecture

.PHONY: bench
bench: packages-test $(VENV)/installed $(COMPILED) ## measure; one JSON object a line, each with its baseline
	@$(BIN)/python -m bench $(ARGS)

.PHONY: format
format: $(VENV)/installed ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: translations
translations: $(VENV)/installed ## gather the words on the screens into the catalogues and compile them
	cd server && ../$(BIN)/pybabel --quiet extract -F web/babel.cfg --no-location --sort-output --project=Genkan -o web/translations/messages.pot .
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --ignore-pot-creation-date -i $(CATALOGUES)/messages.pot -d $(CATALOGUES)
	@$(MAKE) --no-print-directory $(COMPILED)

.PHONY: lock
lock: $(VENV)/installed ## pin and hash the dependencies of each program; UPGRADE=1 moves to the newest
	$(UV_COMPILE) --extra dev -o requirements/dev.txt pyproject.toml
	for program in $(LOCKS); do \
		$(UV_COMPILE) --extra $$program -c requirements/dev.txt -o requirements/$$program.txt pyproject.toml || exit 1; \
	done

.PHONY: check-aarch64
check-aarch64: $(VENV)/installed ## see that every locked package of the gate has a wheel for a Raspberry Pi (64 bit)
	for python in 3.11 3.13; do \
		$(BIN)/uv --no-config pip compile --quiet --python-version $$python --python-platform aarch64-manylinux_2_28 \
			--only-binary :all: --extra gate -c requirements/gate.txt -o $(VENV)/gate-aarch64.txt pyproject.toml || exit 1; \
	done

.PHONY: clean
clean: ## remove what make made; a site's data stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find access_protocol server gate_agent firmware_sim demo bench tests -name __pycache__ -prune -exec rm -rf {} +
	find $(CATALOGUES) -name '*.mo' -delete

.PHONY: packages-demo packages-check packages-test
packages-demo packages-check packages-test: packages-%:
	@PYTHON='$(PYTHON)' scripts/system-packages $*

# The order matters: a virtual environment cannot be made before the system has its venv module.
$(VENV)/installed: requirements/dev.txt | packages-demo
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

$(COMPILED): $(wildcard $(CATALOGUES)/*/LC_MESSAGES/*.po) $(VENV)/installed
	$(BIN)/pybabel --quiet compile -d $(CATALOGUES)
	touch $@
