# Everything runs in .venv, which each target sets up when it is missing or older than the lock file.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test lint format types bench report lock

demo: $(READY)
	$(BIN)/python -m reproductions.ser_parallel
	$(BIN)/python -m reports build --runs runs-demo --out report

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
	    --generate-hashes --no-header --no-annotate --output-file requirements.lock

$(READY): requirements.lock setup.cfg
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
