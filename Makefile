# The targets that people use: demo, regtest, test, check, bench, torture. Each installs what it needs first, or names it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
AUDIT = UV_HTTP_TIMEOUT=5 $(BIN)/uv tool run pip-audit@2.10.1 --timeout 5 --strict --require-hashes --disable-pip \
	--progress-spinner off -r requirements.lock
LOCK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --upgrade --no-header --python-version 3.11
# What has no pyproject.toml is built as the rest is; older pips warn otherwise.
export PIP_USE_PEP517 ?= true
# As pip does: where a proxy's certificate is trusted, the system knows of it.
export UV_SYSTEM_CERTS ?= true

.DEFAULT_GOAL := help
.PHONY: help demo regtest test quick check lint types properties audit bench torture cluster docs embed words screenshots sbom dist image workflows lock lowest newest format clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.installed ## Try it: gateway, demo site and wallet on a simulated LND
	@exec $(BIN)/tuppence demo

regtest: $(VENV)/.installed ## The same on a real network: btcd and three LND nodes
	@exec $(BIN)/tuppence demo --regtest

test: $(VENV)/.installed-dev ## Run every test; says what it had to skip
	@PATH="$(abspath $(BIN)):$$PATH" tools/run_tests

quick: $(VENV)/.installed-dev ## Run the tests that need neither a browser nor a real LND
	@$(BIN)/python -m pytest -q -m "not regtest and not browser" --numprocesses auto --maxprocesses 4 --dist worksteal

check: lint types ## Lint, types, layers, dependencies; -j2 does two of them at a time

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo 2>&1 | tail -n 8
	$(BIN)/python -m pytest -q -p no:randomly tests/project/test_tidy.py tests/project/test_error_codes.py \
		tests/project/test_page_sources.py
	$(BIN)/python -m tools.reference --check
	$(BIN)/python -m tools.supply
	@said=$$($(AUDIT) 2>&1) && echo "advisories: none" || case $$said in \
		*"known vulnerabilit"*) echo "$$said"; exit 1;; \
		*) echo "advisories: not reached, skipped; make audit says why";; esac

types: $(VENV)/.installed-dev
	$(BIN)/mypy

properties: $(VENV)/.installed-dev ## Look for counter-examples to the tested properties for some hours
	@tools/system_packages postgresql-15
	@$(BIN)/python -m pytest -q -p no:randomly --hypothesis-profile nightly --numprocesses auto --maxprocesses 4 --dist worksteal \
		$$(grep -rlE "hypothesis|example_count" tests --include="test_*.py")

audit: $(VENV)/.installed-dev ## Ask the advisories about every version that is locked; not to reach them is to fail
	$(AUDIT)

bench: $(VENV)/.installed-dev ## Measure, on the real network; PARTS=told; CLUSTER=1: at a running cluster
	@tools/system_packages chromium wrk postgresql-15
	@$(BIN)/python -m tools.bench $(if $(CLUSTER),--cluster) $(PARTS)

torture: $(VENV)/.installed-dev ## Break all that can break, count what is lost; QUICK=1: some minutes; PARTS=kills; SEED=7; CLUSTER=1
	@tools/system_packages postgresql-15
	@$(BIN)/python -m tools.torture $(if $(QUICK),--quick) $(if $(SEED),--seed $(SEED)) $(if $(CLUSTER),--cluster) $(PARTS)

cluster: $(VENV)/.installed-dev ## Three gateways on PostgreSQL behind nginx, on a simulated LND; REGTEST=1: a real one
	@tools/system_packages postgresql-15 nginx-light
	@exec $(BIN)/python -m tools.cluster $(if $(REGTEST),--regtest)

docs: $(VENV)/.installed-dev ## Renew the generated parts of the documentation and build the site in build/docs
	@$(BIN)/python -m tools.reference
	@$(BIN)/python -m sphinx -W --keep-going -q -c docs . build/docs
	@echo "build/docs/index.html"

sbom: $(VENV)/.installed-dev ## Write the bill of materials (CycloneDX) of requirements.lock to dist/sbom.json
	@$(BIN)/python -m tools.sbom dist/sbom.json

dist: $(VENV)/.installed-dev ## Build the wheel and the source distribution in dist
	@$(BIN)/python -m build --no-isolation --outdir dist .

image: ## Build the container image tuppence, by docker or IMAGE=podman
	$(or $(IMAGE),docker) build $(if $(filter podman,$(IMAGE)),--format docker) -f ops/Containerfile -t tuppence .

workflows: ## Check .github/workflows with actionlint, built by Go
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

embed: ## Build the embed from its sources (Node 20)
	cd paywall && npm ci --no-audit --no-fund && npm run check && npm run build

screenshots: $(VENV)/.installed-dev ## Take the README's pictures, and one of every state of the embed
	@tools/system_packages chromium fonts-noto-cjk
	@$(BIN)/python -m tools.pay_page_picture
	@$(BIN)/python -m tools.screenshots all

format: $(VENV)/.installed-dev ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

words: $(VENV)/.installed-dev ## Bring the pages' catalogues up to date with the code
	@$(BIN)/python -m tools.catalogues

lock: $(VENV)/.installed-dev ## Renew the three locks
	$(LOCK) --extra demo --extra fast --extra postgres --extra seal --group build pyproject.toml -o requirements.lock
	$(LOCK) --group build -c requirements.lock -o requirements-build.lock
	$(LOCK) --extra demo --extra fast --extra postgres --extra seal --group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

lowest: $(VENV)/.installed-dev ## Run the quick tests on the lowest versions that pyproject.toml allows
	@tools/run_on_versions lowest-direct

newest: $(VENV)/.installed-dev ## Run the quick tests on the newest versions that pyproject.toml allows, as a nightly run does
	@tools/run_on_versions highest

clean: ## Remove the environment and what the demo kept
	rm -rf $(VENV) .tuppence .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Say which: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot make environments. On Debian: apt install python3-venv"; exit 1; }
	@echo "making the environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements-build.lock requirements.lock pyproject.toml | $(VENV)/bin/python
	@[ ! -e $@ ] || [ $@ -nt requirements.lock ] || $(PYTHON) -m venv --clear $(VENV) # what the lock dropped goes
	@echo "installing from requirements.lock (a minute on a cold cache)"
	@$(PIP) install --require-hashes -r requirements-build.lock # else pip would build with what is newest, unlocked
	@$(PIP) install --require-hashes --no-build-isolation -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The lock of the tests names all that the other does, so nothing is installed twice.
$(VENV)/.installed-dev: requirements-build.lock requirements.lock requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@[ ! -e $@ ] || [ $@ -nt requirements-dev.lock ] || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing from requirements-dev.lock (a minute on a cold cache)"
	@$(PIP) install --require-hashes -r requirements-build.lock
	@$(PIP) install --require-hashes --no-build-isolation -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.installed $@
