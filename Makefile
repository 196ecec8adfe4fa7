# The verbs of this project. Each does its own set-up; only Python 3.11 to 3.13 is needed.

VENV ?= .venv
BIN := $(VENV)/bin
# Each of the processes that tests run in holds TensorFlow: some 3 GB.
TESTS_AT_ONCE ?= 2
export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format bench peers lock interchange clean

help:  ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

setup: $(VENV)/.installed  ## install everything into .venv

$(VENV)/.installed: requirements/dev.txt pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" sh scripts/setup.sh $(VENV)

demo: setup  ## train, evaluate and predict on the bundled messages
	@$(BIN)/multilabel demo --output demo-model --overwrite

test: setup  ## run all tests
	@sh scripts/install_chromium.sh
	@$(BIN)/python -m pytest -n $(TESTS_AT_ONCE)

lint: setup  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## rewrite the code in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## measure GoEmotions, whole commands, where ../shared/data is
	@$(BIN)/python benchmarks/goemotions.py

interchange: setup  ## install transformers and torch into an environment of their own, for the tests
	@sh scripts/setup_interchange.sh .venv-interchange $(BIN)/python

peers: setup  ## install what the benchmarks compare with, one environment each, in .venv-peers
	@sh scripts/setup_peers.sh $${MULTILABEL_PEERS:-.venv-peers} $(BIN)/python

lock: setup  ## resolve requirements/dev.txt and serve.txt anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra train --extra report --extra serve \
	    --extra onnx --extra int8 --group dev --universal \
	    --python-version 3.11 --no-emit-index-url --no-header --upgrade --quiet \
	    --output-file requirements/dev.txt
	@# What the container installs, in the versions that the tests have run with.
	$(BIN)/uv pip compile pyproject.toml --extra serve --universal \
	    --python-version 3.11 --no-emit-index-url --no-header --quiet \
	    --constraint requirements/dev.txt --output-file requirements/serve.txt

clean:  ## remove what the verbs made
	rm -rf $(VENV) .venv-interchange .venv-peers demo-model .pytest_cache .mypy_cache .ruff_cache
