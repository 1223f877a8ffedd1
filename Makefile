# `make lab` opens the first lesson; `make test` runs every test. Each makes the environment it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: lab test lint grade solutions release bench figures clean

lab: $(VENV)/student $(VENV)/no-news
	$(BIN)/jupyter lab $(AS_ROOT) --notebook-dir=. notebooks/01_tiling.ipynb $(LAB_OPTIONS)

test: lint $(VENV)/chromium
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --durations=15 $(TESTS)

lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

grade: $(VENV)/dev
	$(BIN)/course grade "$(SUBMISSIONS)" --out "$(OUT)"

solutions: $(VENV)/dev
	$(BIN)/course build

release: $(VENV)/dev
	$(BIN)/course release --upto $(UPTO) --out "$(OUT)"

figures: $(VENV)/dev
	for script in img/[a-z]*.py; do PYTHONPATH=. $(BIN)/python $$script || exit 1; done

bench: $(VENV)/dev
	for script in benchmarks/[a-z]*.py; do PYTHONPATH=. $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/pip: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/student: $(VENV)/pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

# JupyterLab would ask each new student whether to fetch its news; nothing here is fetched.
$(VENV)/no-news: | $(VENV)/student
	$(BIN)/jupyter labextension disable "@jupyterlab/apputils-extension:announcements" 2>/dev/null
	@touch $@

$(VENV)/dev: $(VENV)/pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/student

# The browser tests need a Chromium. CHROMIUM names one; without it Debian's is installed.
$(VENV)/chromium: | $(VENV)/dev
	@$(if $(CHROMIUM),test -x "$(CHROMIUM)",command -v chromium >/dev/null || $(MAKE) --no-print-directory install-chromium)
	@touch $@

.PHONY: install-chromium
install-chromium:
	@command -v apt-get >/dev/null || { echo "Install Chromium, or name it: make test CHROMIUM=/path/to/chromium" >&2; exit 1; }
	if [ "$$(id -u)" = 0 ]; then S=; else S=sudo; fi; $$S apt-get update -qq && $$S env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
