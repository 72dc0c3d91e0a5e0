# Everything runs in .venv, which each target sets up when it is missing or older than the lock file.
# The first of these that the machine has; `make PYTHON=...` names another one.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
    $$python -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" 2>/dev/null && echo $$python && break; \
    done)
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test lint format types bench report lock

demo: $(READY)
	$(BIN)/python -m reproductions.ser_parallel
	$(BIN)/python -m reports build --runs runs-demo --out report
	@echo
	@echo "Next: read report/index.html, or"
	@echo "  $(BIN)/encore list                                               every experiment with its published number"
	@echo "  $(BIN)/encore run ser_parallel single-cnn --data FOLDER          an experiment on a corpus that you have"
	@echo "  $(BIN)/encore predict ser_parallel FILE                          the emotion of a file of yours"

test: $(READY)
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

report: $(READY)
	$(BIN)/python -m reports build --runs reports/results --out reports

lock: $(READY)
	$(BIN)/uv pip compile setup.cfg --extra dev --universal --python-version 3.11 \
	    --fork-strategy fewest --generate-hashes --no-header --no-annotate --output-file requirements.lock

$(READY): requirements.lock setup.cfg
	@test -n "$(PYTHON)" || { \
	    echo "Encore needs Python 3.11, 3.12 or 3.13; install one, or name it: make PYTHON=/path/to/python3.12"; exit 2; } >&2
	@echo "Installing $$(grep -c '^[a-z]' requirements.lock) packages with $(PYTHON) into .venv: some minutes, 3.3 GB"
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
