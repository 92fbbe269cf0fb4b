# The two commands of a newcomer are `make run` and `make test`; `make` alone lists the rest.

TORCH ?=
PORT  ?= 8000
VENV  := .venv
PY    := $(VENV)/bin/python
UV    := $(VENV)/bin/uv
PYTHON ?= python3

# TORCH=cpu: the small build of PyTorch that knows no CUDA, for machines without a GPU.
ifeq ($(TORCH),)
INSTALL = $(UV) pip install --quiet --python $(PY)
PINS    = requirements.txt
else
INSTALL = $(UV) pip install --quiet --python $(PY) --torch-backend $(TORCH)
PINS    = $(VENV)/requirements-$(TORCH).txt
endif

# A file that a full disk or Ctrl-C left half made is made again.
.DELETE_ON_ERROR:
.PHONY: help run test bench pictures check lock browser clean

help: ## List what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: $(VENV)/installed ## Bring in images, open a first study and serve it on http://127.0.0.1:8000
	@exec $(PY) manage.py serve --port "$(PORT)"

test: $(VENV)/installed-tests browser ## Run every check: style, types, imports, tests
	@VENV=$(VENV) tools/check

bench: $(VENV)/installed-tests browser ## Measure speed, as ratios within one run
	@$(PY) -m tests.bench

pictures: $(VENV)/installed-tests browser ## Photograph every page for docs/pictures
	@$(PY) -m tests.pictures

lock: $(VENV)/uv ## Pin what the four requirements*.in ask for
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header requirements.in -o requirements.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header requirements-training.in -o requirements-training.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header requirements-onnx.in -o requirements-onnx.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.txt

browser: ## Install a Chromium for the browser tests where there is none
	@tools/chromium $(PY)

clean: ## Remove the environment and caches; var/ (data, votes) stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is older (make run PYTHON=python3.12)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/requirements-%.txt: requirements.txt $(VENV)/uv
	@grep -vE '^(nvidia-|cuda-|triton)' requirements.txt > $@

$(VENV)/installed: $(PINS) $(VENV)/uv
	@echo "Installing the pinned requirements"
	@$(INSTALL) -r $(PINS)
	@touch $@

$(VENV)/installed-tests: requirements-dev.txt $(VENV)/installed
	@$(INSTALL) -r requirements-dev.txt
	@touch $@
