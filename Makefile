# Needs python3 (3.11 or newer) and make; everything else is fetched into .venv, pinned by hash.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:

PYTHON ?= python3
PORT ?= 8000
# One more than the number of processors, because tests wait for disks, browsers and each other's servers.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
ARGS ?=

# If it were set, each of the hundreds of processes started by the tests would compile every library again.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PO := $(wildcard app/locales/*/LC_MESSAGES/*.po)
CODE := app alembic tests $(wildcard bench mutants drill) requirements/install.py
I18N := $(BIN)/python -c 'from app.cli.i18n import i18n_app; i18n_app()'
# Compiles the catalogues if one of them is newer than its compiled form.
CATALOGUES = for po in $(PO); do \
    [ "$${po%.po}.mo" -nt "$$po" ] || { $(I18N) compile || exit 1; break; }; done

.PHONY: help run test check format bench drill generators mutants lock sbom audit clean base dev

help:  ## List the targets
	@echo "make run      start Pristan with a made-up network on http://127.0.0.1:$(PORT)  (PORT=8000)"
	@echo "make test     everything that must hold before a change is shared: make check, then all tests"
	@echo "              ARGS='-k receipt' picks some, WORKERS=0 runs them in one process"
	@echo "make check    format, lint, types, layers, catalogues, templates"
	@echo "make format   format the code"
	@echo "make bench    measure the budgets of docs/budgets.md on this machine"
	@echo "make drill    break a PostgreSQL cluster under load and judge what was acknowledged (needs Debian packages; ARGS=--help)"
	@echo "make mutants  make small changes to the code and list those that no test notices  (ARGS='--packages app/links --seed 3')"
	@echo "make generators  generate clients of the API, compile and drive them (needs the package registries)"
	@echo "make lock     resolve the dependencies of pyproject.toml into requirements/*.txt, pinned by hash"
	@echo "make sbom     write build/sbom.cdx.json, a CycloneDX list of all components of the service (needs the package registry)"
	@echo "make audit    ask the registry for known vulnerabilities of them; says what it could not ask about"
	@echo "make clean    remove .venv, var, caches and compiled catalogues; never a file that git tracks"

run: base
	@$(CATALOGUES)
	@exec $(BIN)/python -m app.cli.main run-demo --port "$(PORT)"

test: check
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal --durations 15 --durations-min 1 $(ARGS)

check: dev
	@$(CATALOGUES)
	$(BIN)/python -m ruff format --check $(CODE)
	$(BIN)/python -m ruff check $(CODE)
	$(BIN)/python -m mypy
	$(BIN)/python -c "from importlinter.cli import lint_imports_command as lint; lint()" --no-logo
	$(I18N) check
	$(BIN)/python -m djlint --lint --quiet app/web/templates

format: dev
	$(BIN)/python -m ruff format $(CODE)
	$(BIN)/python -m ruff check --fix $(CODE)

bench: dev
	@$(CATALOGUES)
	@exec $(BIN)/python -m bench $(ARGS)

# A cluster of Debian's packages on 127.0.0.1, as an ordinary user. It names those that are missing.
drill: dev
	@$(CATALOGUES)
	@exec $(BIN)/python -m drill $(ARGS)

mutants: dev
	@$(CATALOGUES)
	@exec $(BIN)/python -m mutants $(ARGS)

# Each generator has an environment of its own in build/generators; without the registries nothing is tried, and nothing fails.
generators: dev
	@$(CATALOGUES)
	@exec $(BIN)/python -m tests.generators

# The lock of the service constrains the development lock, so that tests use the versions that run in production.
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock: base
	$(BIN)/uv $(COMPILE) --output-file requirements/uv.txt --group bootstrap
	$(BIN)/uv $(COMPILE) --output-file requirements/base.txt pyproject.toml
	$(BIN)/uv $(COMPILE) --output-file requirements/ways.txt pyproject.toml --extra ways --constraint requirements/base.txt
	$(BIN)/uv $(COMPILE) --output-file requirements/traces.txt pyproject.toml --extra traces --constraint requirements/base.txt
	$(BIN)/uv $(COMPILE) --output-file requirements/dev.txt pyproject.toml --group dev --constraint requirements/base.txt

# Tools of their own versions, outside the development lock: nothing else needs them, and no test does.
sbom: base
	@mkdir -p build
	$(BIN)/uv tool run --quiet --from 'cyclonedx-bom==7.5.0' cyclonedx-py requirements requirements/base.txt \
	    --pyproject pyproject.toml --output-reproducible --output-format JSON --output-file build/sbom.cdx.json

audit: base
	$(BIN)/uv tool run --quiet --from 'pip-audit==2.10.1' pip-audit --requirement requirements/base.txt --require-hashes --disable-pip

base dev:
	@$(PYTHON) requirements/install.py $@

clean:
	rm -rf .venv .venv.lock var build ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f .coverage .coverage.* $(PO:.po=.mo)
	find app alembic tests requirements $(wildcard bench mutants drill) -name __pycache__ -type d -prune -exec rm -rf {} +
