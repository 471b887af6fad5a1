# Two commands for a newcomer: make demo, make test. Everything lands in .venv, .web and .ores; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# The whole suite runs as three processes, for many tests wait; what ARGS chooses, as one.
# Browsers, brokers and hubs of three processes crowd each other out: what fails among them is tried once more, and shown in the end.
AT_ONCE := -n 3 --dist loadfile --reruns 1 --rerun-show-tracebacks

# Dozens of processes start in a run: what one has compiled, the others load.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev demo edge-demo run test test-all check lint types contracts screenshots home-assistant bench client requirements smart-contract clean

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: ## Install everything the platform needs into .venv, and nothing else
	@$(PYTHON) deploy/bootstrap.py cloud

setup-dev:
	@$(PYTHON) deploy/bootstrap.py dev

demo: setup ## Play the whole loop with 24 homes, then keep serving (ARGS=--exit stops at the end)
	@$(BIN)/python -m ores_cloud demo $(ARGS)

edge-demo: setup-dev ## Play a day of one hub with real wires: sun, a price peak, a lost cloud, a lost grid (ARGS=--fast: half a minute)
	@$(BIN)/python -m tests.edge_demo $(ARGS)

run: setup ## Start the platform on its embedded services (or on DATABASE_URL and REDIS_URL)
	@$(BIN)/python -m ores_cloud run $(ARGS)

test: setup-dev ## Run all tests, on embedded services unless DATABASE_URL and REDIS_URL are set
	@$(BIN)/python -m pytest $(or $(ARGS),$(AT_ONCE))

test-all: setup-dev ## All tests with the slow and exhaustive variants
	@ORES_TEST_ALL=1 $(BIN)/python -m pytest $(or $(ARGS),$(AT_ONCE))

lint: setup-dev
	@$(BIN)/ruff format --check --quiet . || { echo "ruff format would change files: run .venv/bin/ruff format ."; exit 1; }
	@$(BIN)/ruff check .

types: setup-dev
	@$(BIN)/mypy

contracts: setup-dev
	@PYTHONPATH=. $(BIN)/lint-imports

check: lint types contracts test ## What CI runs: lint, types, import contracts, tests

screenshots: setup-dev ## Take every page, phone and desktop, light and dark, into .ores/screenshots; the README's into docs/images
	@ORES_SCREENSHOTS=.ores/screenshots $(BIN)/python -m pytest tests/browser/test_every_page.py

home-assistant: setup-dev ## Install a real Home Assistant into .ores/home-assistant, which test-all then tries the hub with
	@$(PYTHON) -m venv .ores/home-assistant
	@$(BIN)/uv pip install -q --python .ores/home-assistant/bin/python homeassistant 'josepy<2; python_version < "3.12"'
	@$(BIN)/python -m tests.edge_agent.home_assistant.record --install

bench: setup-dev ## Run the benchmarks, one JSON line each (ARGS="ingest startup" chooses)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

client: setup-dev ## Generate a Python client of the REST API into .client
	@$(BIN)/python -m deploy.api_client .client

requirements: setup-dev ## Compile requirements/*.in into hashed *.txt
	@for name in bootstrap edge cloud chain dev; do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	@for name in binaries node; do $(BIN)/uv pip compile -q --no-deps --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	@cd requirements/web && npm install --package-lock-only

smart-contract: setup-dev ## Compile the market's smart contract
	@$(BIN)/python -m apps.markets.chain.compiling

clean: ## Remove .venv, .web and .ores
	rm -rf .venv .web .ores
