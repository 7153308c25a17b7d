PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-all check format docs clinic bench clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[train]' --group dev
	touch $(READY)

demo: $(READY) ## fine-tune a real model on real data, with its troubles found, mended and proven
	$(BIN)/tunewell tune examples/banking77 --budget 420 --seeds 2 --runs demo-run

test: $(READY) ## every quick test
	$(BIN)/python -m pytest -m 'not slow and not gpu' -n 2

test-all: $(READY) ## every test that needs no GPU
	$(BIN)/python -m pytest -m 'not gpu' -n 2

check: $(READY) ## style, types, module boundaries, generated documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/generate_docs.py --check

format: $(READY) ## put the code and the generated documentation in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/generate_docs.py

docs: format

clinic: $(READY) ## which faults of the catalogue are found, and what is said of healthy runs
	$(BIN)/python -m pytest -q tests/checks tests/train/test_real_runs.py
	$(BIN)/python tools/clinic.py

bench: $(READY) ## speed of the commands and cost of the watcher, side by side in one run
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/watch_overhead.py

clean:
	rm -rf .venv demo-run build dist
