# Everything one does with Qixia, in the same words everywhere. The work itself is in scripts/ and in the command `qixia`.
PYTHON ?= python3
QIXIA := .venv/bin/qixia
.DEFAULT_GOAL := help
export PORT HOST TLS

.PHONY: help run setup demo test check fmt bench lock messages clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: ## start Qixia with the demo district  (PORT=8001, HOST=127.0.0.1, TLS=1)
	@$(PYTHON) scripts/bootstrap.py run

setup: ## environment, packages, front-end assets; no database
	@$(PYTHON) scripts/bootstrap.py setup

demo: setup ## load the demo district anew; what was in the demo database is lost  (ARGS="--as-of 2026-11-20")
	@QIXIA_DEMO=true $(QIXIA) prepare
	@QIXIA_DEMO=true $(QIXIA) demo --fresh $(ARGS)
	@QIXIA_DEMO=true $(QIXIA) prepare

test: ## everything that must hold: style, types, contracts, both databases, browser
	@$(PYTHON) scripts/bootstrap.py setup --dev
	@.venv/bin/python scripts/test.py $(ARGS)

check: ## the quick part of `make test`: style, types, contracts, snapshots
	@$(PYTHON) scripts/bootstrap.py setup --dev
	@.venv/bin/python scripts/test.py --quick $(ARGS)

fmt: ## format the code and mend what can be mended by machine
	@$(PYTHON) scripts/bootstrap.py setup --dev
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

bench: setup ## measure intake and ledger against raw PostgreSQL  (JSON lines on stdout)
	@$(QIXIA) bench intake && $(QIXIA) bench ledger

lock: ## write requirements/*.lock anew from *.in
	@$(PYTHON) scripts/bootstrap.py lock

messages: setup ## collect new texts into the English catalogue and name those that lack a translation
	@.venv/bin/python scripts/messages.py update

clean: ## remove everything that was made, but not var/ (database, pictures, keys)
	rm -rf .venv build node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
