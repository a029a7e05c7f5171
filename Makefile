# Everything runs in .venv, from uv.lock. All local state lies under .local/.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: up test check bench clean

up: .venv/installed
	@$(BIN)/python -m dashboard.up

test: check browser
	$(BIN)/python -m pytest
	$(BIN)/python -m tests.postgresql

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	STEPGATE_URL=https://stepgate.example $(BIN)/python manage.py check --deploy --fail-level WARNING

bench: .venv/installed
	$(BIN)/python -m bench

clean:
	rm -rf .local

.PHONY: browser
browser: .venv/installed
	@$(BIN)/python -m tests.browser

# uv comes first by pip, then at the version that the lock names.
.venv/installed: uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Stepgate needs Python 3.11 or newer: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv sync --frozen --quiet
	@touch $@
