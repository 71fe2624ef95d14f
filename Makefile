# make demo: the whole chain on the embedded default, in five to six minutes.   make demo-full: the same with more steps.   make test: the tests.   make docs: the pages.   Each sets up .venv when it is missing or stale.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= runs/demo

OLDEST := .venv-oldest/bin

.PHONY: demo demo-full test test-all test-gpu test-oldest constraints lint docs clean .venv

demo: .venv/demo-stamp
	$(BIN)/python -m experiments.demo --out $(OUT)

demo-full: .venv/demo-stamp
	$(BIN)/python -m experiments.demo --full --out $(OUT)-full

# a process a core, one thread each: a file of tests stays in one process, and files begin in the order of conftest.py
APART := -n auto --dist loadfile --no-loadscope-reorder

test: .venv
	OMP_NUM_THREADS=1 $(BIN)/python -W error -m pytest $(APART)

# also the tests that take minutes
test-all: .venv
	OMP_NUM_THREADS=1 $(BIN)/python -W error -m pytest $(APART) -m "not gpu"

# every command on the GPU of this machine
test-gpu: .venv
	$(BIN)/python -m pytest -m gpu

# with the oldest packages that setup.cfg promises, whose own warnings are no faults of ours
test-oldest: .venv-oldest/stamp
	OMP_NUM_THREADS=1 $(OLDEST)/python -m pytest $(APART) -W ignore

.venv-oldest/stamp: setup.cfg
	test -x $(OLDEST)/python || $(PYTHON) -m venv .venv-oldest
	$(OLDEST)/python -m experiments.pins oldest > .venv-oldest/floors.txt
	$(OLDEST)/python -m pip install --quiet --requirement .venv-oldest/floors.txt
	$(OLDEST)/python -m pip install --quiet --no-deps --editable .
	touch $@

# the newest packages that go together, for developers and the page
constraints: .venv
	mkdir -p build
	$(BIN)/python -m pip install --quiet --dry-run --ignore-installed --report build/newest.json '.[dev,app]'
	$(BIN)/python -m experiments.pins newest build/newest.json > build/constraints.txt
	cp build/constraints.txt constraints.txt

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html -d build/docs-cache docs build/docs
	@echo "docs: open build/docs/index.html"

.venv: .venv/stamp

.venv/stamp: setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/demo-stamp

# what a user needs, without the tools of developers; where these are installed, nothing is left to do
.venv/demo-stamp: setup.cfg pyproject.toml constraints.txt
	@test -x $(BIN)/python || echo "setting up .venv by pip: 2 to 4 minutes, once"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

clean:
	rm -rf .venv .venv-oldest build *.egg-info
