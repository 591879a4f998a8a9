# leadfield: build, test and measure. `make help` lists the targets.
# Every target works on a fresh machine with Rust and a C compiler. Other missing packages are installed where that is
# allowed (Debian and Ubuntu, as root or with passwordless sudo); elsewhere the command to run is printed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# the folder where rustup installs cargo, for shells that have not read its profile
export PATH := $(PATH):$(HOME)/.cargo/bin

TARGET := $(or $(CARGO_TARGET_DIR),target)
PYTHON := .venv/bin/python
PEERS := .venv-peers/bin/python
SERIAL_HDF5 := /usr/lib/$(shell cc -dumpmachine 2>/dev/null)/hdf5/serial

# If an MPI build of HDF5 is installed in addition to the serial one, pkg-config may name the MPI build: HDF5_DIR then names the
# serial one. Evaluated when a recipe runs, that is after `setup`; not set otherwise, since a change rebuilds everything.
hdf5_dir = $(shell [ -z "$${HDF5_DIR:-}" ] && [ -d $(SERIAL_HDF5)/include ] \
	&& pkg-config --cflags hdf5 2>/dev/null | grep -q mpi && echo HDF5_DIR=$(SERIAL_HDF5))
cargo = $(hdf5_dir) cargo

# HDF5 to build against: named by HDF5_DIR, or known to pkg-config (not only as an MPI build), or Homebrew's
has_hdf5 = [ -n "$${HDF5_DIR:-}" ] \
	|| { pkg-config --exists hdf5 2>/dev/null \
		&& { [ -d $(SERIAL_HDF5)/include ] || ! pkg-config --cflags hdf5 | grep -q mpi; }; } \
	|| brew --prefix --installed hdf5 >/dev/null 2>&1

# $(call install,PACKAGES): installs Debian packages by apt-get if allowed, else prints the command and exits with code 2
install = if ! command -v apt-get >/dev/null; then \
		echo 'missing; install the packages that your system has for: $(1)' >&2; exit 2; \
	elif [ "$$(id -u)" = 0 ]; then may='env'; \
	elif sudo -n true 2>/dev/null; then may='sudo'; \
	else echo 'missing; run: sudo apt-get install -y $(1)' >&2; exit 2; fi; \
	echo 'installing $(1)' >&2; \
	get() { $$may env DEBIAN_FRONTEND=noninteractive apt-get -qq "$$@" >&2; }; \
	get install -y --no-install-recommends $(1) 2>/dev/null \
		|| { get update && get install -y --no-install-recommends $(1); }

.PHONY: help
help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name what; do \
		printf '  make %-14s %s\n' "$$name" "$$what"; done

.PHONY: setup
setup: ## Install the build dependencies: HDF5's headers and pkg-config
	@command -v cargo >/dev/null || { echo 'missing: Rust 1.90 or newer, see https://rustup.rs' >&2; exit 2; }
	@command -v cc >/dev/null || { echo 'missing: a C compiler, `cc`' >&2; exit 2; }
	@$(has_hdf5) || { $(call install,pkg-config libhdf5-dev); }

.PHONY: build
build: setup ## Build the program
	$(cargo) build --release --locked

# cmake, which builds HDF5: any that is installed, else Debian's
has_cmake = command -v cmake >/dev/null

.PHONY: release
release: ## Build the program for distribution, with HDF5 2 linked into it
	@command -v cargo >/dev/null || { echo 'missing: Rust 1.90 or newer, see https://rustup.rs' >&2; exit 2; }
	@$(has_cmake) || { $(call install,cmake); }
	cargo build --release --locked --features static-hdf5

.PHONY: demo
demo: build ## Build, then make a synthetic circuit, its segments and electrodes file, check them, and write a report
	$(TARGET)/release/leadfield demo --force

.PHONY: picture
picture: demo ## Make docs/weights.png, the README's picture, from the demo
	$(TARGET)/release/leadfield plot weights leadfield-demo/segments.parquet leadfield-demo/weights.h5 \
		--electrode 195 -o docs/weights.png --force

.PHONY: test
test: setup ## Run the tests, except those that need other programs
	$(cargo) test --locked

.PHONY: test-minimal
test-minimal: setup ## Build without the default features, and run the tests of queries
	$(cargo) test --locked --no-default-features --test tests quer

RUNS ?= 5
.PHONY: explore
explore: setup ## Damage 2000 files of every kind, and run the tests RUNS times (5) with new random cases
	LEADFIELD_MUTATIONS=2000 $(cargo) test --locked --test tests mutations::
	@for run in $$(seq $(RUNS)); do \
		seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' '); echo "PROPTEST_RNG_SEED=$$seed"; \
		LEADFIELD_KILLS=20 PROPTEST_RNG_SEED=$$seed $(cargo) test --locked || exit; \
	done

.PHONY: clients
clients: .venv/clients ## Install other readers (h5py, libsonata, duckdb, ...) into .venv, and chromium, for test-clients

.venv/clients: tests/clients.txt Makefile
	@command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null \
		|| { $(call install,python3 python3-venv); }
	python3 -m venv --clear .venv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r tests/clients.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps neurodamus==4.2.9
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .venv/polars-1.41 polars==1.41.2
	@command -v chromium >/dev/null || { $(call install,chromium); }
	@touch $@

.PHONY: test-clients
test-clients: setup clients ## Run the tests that need `make clients`; with LEADFIELD_REAL_DATA also those on real neurons
	LEADFIELD_PYTHON=$(abspath $(PYTHON)) $(cargo) test --locked -- --ignored --skip docs:: $(if $(LEADFIELD_REAL_DATA),,--skip real_)

.PHONY: test-docs
test-docs: setup clients ## After `make python`: run all blocks of README and docs/, those of Python included
	LEADFIELD_PYTHON=$(abspath $(PYTHON)) PYTHONPATH=$(abspath tools/python) $(cargo) test --locked --test tests docs:: -- --ignored

# MPI to build against and to run with, from a module or from packages; libclang reads its headers
has_mpi = command -v mpicc >/dev/null && command -v mpirun >/dev/null \
	&& { [ -n "$${LIBCLANG_PATH:-}" ] || ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 \
		|| ldconfig -p 2>/dev/null | grep -q libclang || xcrun --find clang >/dev/null 2>&1; }

.PHONY: mpi
mpi: ## Install the dependencies of `--features mpi`: an MPI library and libclang
	@$(has_mpi) || { $(call install,libopenmpi-dev openmpi-bin libclang-dev); }

.PHONY: test-mpi
test-mpi: setup mpi ## Build with MPI and run the tests of 1, 2 and 4 ranks
	$(cargo) test --locked --features mpi --test tests ranks::

.PHONY: lint-mpi
lint-mpi: setup mpi ## Run clippy on the code that is built with MPI only
	$(cargo) clippy --locked --features mpi --bins -- -D warnings

.PHONY: lint
lint: setup ## Run rustfmt and clippy
	cargo fmt --check
	$(cargo) clippy --locked --all-targets -- -D warnings

.PHONY: doc
doc: setup ## Build the library's documentation
	RUSTDOCFLAGS=-Dwarnings $(cargo) doc --locked --no-deps

.PHONY: docs
docs: .venv-docs/docs ## Build the pages of docs/ as a site with search, in target/site
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet --site-dir $(abspath $(TARGET))/site
	@! grep -rlE '<(script|link|img|iframe)[^>]*(src|href)="(https?:)?//' --include='*.html' $(TARGET)/site \
		|| { echo 'these pages load something from elsewhere' >&2; exit 1; }

.venv-docs/docs: Makefile
	@command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null \
		|| { $(call install,python3 python3-venv); }
	python3 -m venv --clear .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check mkdocs==1.6.1 mkdocs-material==9.8.2
	@touch $@

.PHONY: peers
peers: .venv-peers/peers ## Install the programs that `make bench` compares with (numpy, BMTK, LFPykit, ...) into .venv-peers

.venv-peers/peers: benches/peers.txt Makefile
	@command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null \
		|| { $(call install,python3 python3-venv); }
	python3 -m venv --clear .venv-peers
	$(PEERS) -m pip install --quiet --disable-pip-version-check -r benches/peers.txt
	$(PEERS) -m pip install --quiet --disable-pip-version-check --no-deps bluerecording==0.7.0
	@touch $@

.PHONY: bench
bench: build peers ## Time the main steps, a plain write and other programs, as Markdown tables
	LEADFIELD_PEERS=$(abspath $(PEERS)) $(cargo) bench --locked --bench main_road

.PHONY: bench-all
bench-all: build peers ## Run all benchmarks
	LEADFIELD_PEERS=$(abspath $(PEERS)) $(cargo) bench --locked

# the Python module: built with HDF5 in it, as it is distributed
PYTHON_MODULE := .venv-python/bin

.venv-python/packages: tools/python/tests/requirements.txt
	@command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null \
		|| { $(call install,python3 python3-venv); }
	python3 -m venv --clear .venv-python
	$(PYTHON_MODULE)/python -m pip install --quiet --disable-pip-version-check -r tools/python/tests/requirements.txt
	@touch $@

.PHONY: python
python: .venv-python/packages ## Build the Python module into .venv-python, and run its tests
	@command -v cargo >/dev/null || { echo 'missing: Rust 1.90 or newer, see https://rustup.rs' >&2; exit 2; }
	VIRTUAL_ENV=$(abspath .venv-python) PATH=$(abspath $(PYTHON_MODULE)):$$PATH \
		maturin develop --release
	$(PYTHON_MODULE)/python -m pytest --quiet

.PHONY: lint-python
lint-python: setup ## Run clippy on the Python module's Rust
	$(cargo) clippy --locked -p leadfield-python --no-default-features --features python -- -D warnings

.PHONY: wheel
wheel: .venv-python/packages ## Make the wheel for manylinux_2_28 in dist/: the module and the program, small
	VIRTUAL_ENV=$(abspath .venv-python) PATH=$(abspath $(PYTHON_MODULE)):$$PATH \
		CFLAGS='-fno-asynchronous-unwind-tables -fno-unwind-tables' \
		maturin build --profile wheel --zig --compatibility manylinux_2_28 --compression-level 9 --out dist
	@large=$$(find dist -name '*.whl' -size +8000000c); \
		[ -z "$$large" ] || { echo "larger than 8,000,000 bytes: $$large" >&2; exit 1; }

.PHONY: clean
clean: ## Remove build outputs and the Python environments
	rm -rf .venv .venv-docs .venv-peers .venv-python dist
	cargo clean
