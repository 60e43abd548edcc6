# Everything here works from nothing: each target sets up .venv first, as far as that isn't done.
#
#   make demo     ingest the sample documents and answer a question from them
#   make test     every test            make check    style, types, layers
#   make setup    the environment only  make clean    remove what was made (distclean: .venv too)
#   make faults   kill, fill the disk, cut the network, set the clock: 100 times each (ROUNDS), and count
#
# PYTHON chooses the interpreter (3.11 or newer), QUESTION and DOCUMENTS what the demo does, WORKERS how many
# processes run tests (each needs a core and about 1 GB). pip's own variables
# hold: without a GPU, PIP_EXTRA_INDEX_URL may name the CPU index of pytorch.org, which saves gigabytes.

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import tomllib' 2>/dev/null && echo $$p && break; done)
endif

DOCUMENTS ?= evals/sets/harbour/documents
QUESTION ?= Why is grit spread on the ramp in winter rather than salt?
WORKERS ?= 2
ROUNDS ?= 100
DEMO := .demo
BIN := .venv/bin

.PHONY: demo test faults check setup pin clean distclean
.DEFAULT_GOAL := setup

setup: .venv/ready

.venv/ready: scripts/setup.py pyproject.toml constraints.txt
	@$(or $(PYTHON),python3) scripts/setup.py
	@touch $@

demo: setup
	@rm -rf $(DEMO)
	$(BIN)/ragent --home $(DEMO) ingest $(DOCUMENTS)
	$(BIN)/ragent --home $(DEMO) ask "$(QUESTION)"
	@echo
	@echo 'Ask your own: $(BIN)/ragent --home $(DEMO) ask "..."'

test: setup
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal

faults: setup
	RAGENT_FAULT_ROUNDS=$(ROUNDS) $(BIN)/pytest -q tests/faults

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

pin: setup
	$(BIN)/python scripts/pin.py > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(DEMO) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name .venv -prune -o -name __pycache__ -type d -print | xargs rm -rf

distclean: clean
	rm -rf .venv
