# Everything a newcomer types. Each target makes what it needs in .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types serve clean

demo: $(VENV)/.demo
	$(BIN)/voicebot demo

test: $(VENV)/.dev
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage report --fail-under=100

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy voicebot tests

serve: $(VENV)/.base
	$(BIN)/voicebot serve

clean:
	rm -rf $(VENV)

# One stamp for each set of packages, so that nothing is installed twice.
$(VENV)/.base: EXTRAS =
$(VENV)/.demo: EXTRAS = [demo]
$(VENV)/.dev: EXTRAS = [dev]
$(VENV)/.%: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing voicebot$(EXTRAS) into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.$(EXTRAS)'
	@touch $@
