# Everything a newcomer types. Each target makes what it needs in .venv first.
PYTHON ?= python3
VENV ?= .venv
# What the demo's bot hears and speaks with: realtime or cascade.
ENGINE ?= realtime
BIN := $(VENV)/bin
# More testers than cores: half of the time, a test of theirs waits for a call.
TESTERS ?= 4
COVERAGE = --cov --cov-fail-under=100
PIP = $(BIN)/python -m pip --disable-pip-version-check
WANTED = -c constraints.txt -e '.$(EXTRAS)'

.PHONY: demo test lint types serve clean

demo: $(VENV)/.demo
	$(BIN)/voicebot demo --engine $(ENGINE)

test: $(VENV)/.dev
	$(BIN)/pytest -q -n $(TESTERS) --dist worksteal $(COVERAGE)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy voicebot tests

serve: $(VENV)/.base
	$(BIN)/voicebot serve

clean:
	rm -rf $(VENV)

# One stamp for each set of packages, so that nothing is installed twice. uv takes 7 s
# where pip takes 27; pip is for who reaches packages in a way that only pip knows.
$(VENV)/.base: EXTRAS =
$(VENV)/.demo: EXTRAS = [demo]
$(VENV)/.dev: EXTRAS = [dev]
$(VENV)/.%: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing voicebot$(EXTRAS) into $(VENV)"
	@$(PIP) install --quiet uv -c constraints.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python $(WANTED) \
	  || $(PIP) install --quiet $(WANTED)
	@touch $@
