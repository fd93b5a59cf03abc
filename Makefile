# `make` lists the targets. Everything is installed into .venv and built below target/.
# Needs Python >= 3.11 (PYTHON=... names another than python3), make and a Rust toolchain.

PYTHON      ?= python3
PYTEST_ARGS ?= -n auto
DEMO_ARGS   ?=
BENCH_ARGS  ?=
TARGET      ?= checkpoint
RUNS        ?= 100000

# What is tested is what is shipped; PROFILE=dev compiles in half of the time, for work on the tests.
PROFILE ?= release

VENV      := .venv
BIN       := $(VENV)/bin
INSTALLED := $(VENV)/.installed
STEP      := $(PYTHON) tools/step.py
SOURCES   := python tests benches tools

# Whatever calls cargo must meet the same interpreter, or pyo3 is compiled again each time.
export PYO3_PYTHON := $(abspath $(BIN))/python

# pip names every package twice; the steps say often enough that they go on.
export PIP_QUIET := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The steps share one target directory and one terminal, and the first failure must be the last line.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup demo test check rust-check python-check rust-test python-test
.PHONY: audit fuzz bench wheel test-engines test-matrix test-libraries docs test-quick test-pages clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## let Orbax write checkpoints, read them with orbscan, and time both
	@$(BIN)/python -m tools.demo $(DEMO_ARGS)

test: check rust-test python-test ## run every check and every test

test-quick: setup ## run the tests that failed last, and those of what is not committed (QUICK=tests/cli names others)
	@$(STEP) "pytest" $(BIN)/pytest $(PYTEST_ARGS) --failed-first $(or $(QUICK),$(shell $(PYTHON) tools/touched.py))

test-matrix: setup ## run the tests of restoring with other releases of Python, JAX and Orbax (MATRIX="newest-*" names some)
	@$(PYTHON) -m tools.matrix $(MATRIX)

test-engines: setup ## run the tests of Spark, Dask, Beam, Daft and what tables are written to, each in an environment of its own (ENGINES="dask beam" names some)
	@$(PYTHON) tools/engines.py $(ENGINES)

test-libraries: setup ## let libraries write checkpoints and restore them with and without the patch, each in an environment of its own (LIBRARIES="keras gemma" names some)
	@$(PYTHON) -m tools.libraries $(LIBRARIES)

check: rust-check python-check ## run the checks that execute no test

rust-check: $(INSTALLED) ## rustfmt, clippy, and the links of the documentation
	@tools/rust-tools.sh
	@$(STEP) "cargo fmt" cargo fmt --all --check
	@$(STEP) "cargo clippy" cargo clippy --workspace --all-targets --all-features -- -D warnings
	@RUSTDOCFLAGS="-D warnings" $(STEP) "cargo doc" cargo doc --workspace --no-deps --all-features --quiet

python-check: setup ## ruff, mypy, the scripts of pages, and the stub of the extension against the extension
	@$(STEP) "ruff check" $(BIN)/ruff check $(SOURCES)
	@$(STEP) "ruff format" $(BIN)/ruff format --check $(SOURCES)
	@$(STEP) "oxlint" $(BIN)/oxlint --deny-warnings python/orbscan/reporting/assets
	@$(STEP) --heartbeat "mypy" $(BIN)/mypy --num-workers auto $(SOURCES)
	@$(STEP) --heartbeat "stubtest" $(BIN)/stubtest --allowlist tests/typing/stubtest-allowlist.txt orbscan._core

rust-test: $(INSTALLED) ## the tests of the core and of the Arrow tables
	@$(STEP) "cargo test" $(PYTHON) tools/cargo_test.py --package orbscan-core --package orbscan-arrow --package orbscan-remote --all-features

python-test: setup ## the tests of the package
	@$(STEP) "pytest" $(BIN)/pytest $(PYTEST_ARGS)

test-pages: setup ## open the pages that orbscan makes in Chromium (CHROMIUM names one), and keep pictures in target/pages
	@$(BIN)/python -m tests.pages.browser || exit 1
	@$(STEP) --heartbeat "pages in a browser" $(BIN)/pytest -n 2 --dist loadfile -m pages tests/pages

docs: setup ## build the documentation into target/site
	@$(STEP) --heartbeat "documentation" $(BIN)/python -m tools.site

audit: $(INSTALLED) ## look for known weaknesses of what is linked and installed (asks the network)
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	@$(STEP) "cargo deny" cargo deny check
	@$(BIN)/pip install pip-audit
	@$(STEP) "pip-audit" $(BIN)/pip-audit --skip-editable

fuzz: ## fuzz a decoder or the whole reader (TARGET=checkpoint RUNS=100000)
	@tools/fuzz.sh $(TARGET) $(RUNS)

bench: setup ## compare orbscan with Orbax, and engines with one machine (BENCH_ARGS="--large --runs 3": 10,000 leaves, too, and medians of three runs)
	@$(BIN)/python -m benches.compare $(BENCH_ARGS)
	@$(BIN)/python -m benches.engines

# The abi3 wheel is for every Python with a GIL; one without cannot install it.
FREE_THREADED ?= $(foreach version,3.13t 3.14t,$(shell command -v python$(version)))

wheel: $(INSTALLED) ## build a wheel for this machine into dist/, and those for free-threaded Python
	@$(STEP) "wheel" tools/pgo/build.sh $(VENV) release build --out dist
	@for python in $(FREE_THREADED); do \
	  $(STEP) "wheel for $$python" \
	    tools/pgo/build.sh $(VENV) release build --out dist --interpreter $$python || exit 1; \
	done
	@ls dist/*.whl

setup: $(INSTALLED) ## build the extension module into .venv
	@$(STEP) "extension module" tools/pgo/build.sh $(VENV) $(PROFILE) develop --skip-install

# Installs the dependencies and orbscan itself in editable form: once, and again when one of the
# files named here has changed. From then on a change of the Rust code only calls cargo.
$(INSTALLED): pyproject.toml Cargo.toml Makefile tools/install.sh tools/packages.py tools/pgo/train.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "*** orbscan needs Python 3.11 or newer: make PYTHON=/path/to/python3 ..."; exit 1; }
	@command -v cargo >/dev/null \
	  || { echo "*** cargo was not found: orbscan needs a Rust toolchain"; exit 1; }
	@$(STEP) --heartbeat "virtual environment" $(PYTHON) -m venv $(VENV)
	@$(STEP) --heartbeat "maturin" $(BIN)/pip install "maturin>=1.9,<2"
	@$(STEP) --heartbeat "orbscan and its dependencies" tools/install.sh $(VENV) $(PROFILE)
	@touch $@

clean: ## remove everything that make has made
	rm -rf $(VENV) .venv-engines .venv-libraries .venv-matrix target dist demo-checkpoints bench-checkpoints
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f python/orbscan/_core*.so
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
