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
# The compiled twin, and the tests that it is what its source is.
TWIN ?= .venv-compiled
FRAME_TESTS = tests/test_fields.py tests/audio tests/bridge tests/flow tests/stepfun/realtime \
	tests/twilio tests/websocket tests/sim/test_clock.py \
	$(patsubst %,tests/sim/twilio/test_%.py,leg playout script stream tape wire) \
	$(wildcard tests/store/test_private_*.py) \
	$(wildcard tests/store/test_redaction*.py tests/store/test_spoken_*.py)
TWIN_TESTS = $(FRAME_TESTS) tests/test_twins.py tests/net/test_media_socket.py \
	tests/net/test_quick_socket.py tests/runtime/test_pipe.py tests/runtime/test_legs.py \
	tests/runtime/test_dialogue.py tests/runtime/test_model_leg.py \
	tests/runtime/test_warm.py tests/e2e/test_calls.py \
	tests/e2e/test_workers.py::test_a_worker_greets_answers_is_interrupted_and_ends
WANTED = -c constraints.txt -e '.$(EXTRAS)'

.PHONY: demo test lint types serve clean compiled test-compiled

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

compiled: $(TWIN)/.compiled

test-compiled: $(TWIN)/.compiled-dev
	COMPILED=1 $(TWIN)/bin/pytest -q -n $(TESTERS) --dist worksteal $(TWIN_TESTS)

clean:
	rm -rf $(VENV) $(TWIN)

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

# Not editable: it is the sources of now, so that any change of them makes it anew. Who
# starts a Python of it in the checkout gets it all the same, not the sources there.
$(TWIN)/.compiled: EXTRAS =
$(TWIN)/.compiled-dev: EXTRAS = [dev]
$(TWIN)/.compiled $(TWIN)/.compiled-dev: $(shell find voicebot deploy/compiled -name '*.py' -o -name '*.[ch]') \
		pyproject.toml constraints.txt
	@test -x $(TWIN)/bin/python || $(PYTHON) -m venv $(TWIN)
	@echo "compiling voicebot$(EXTRAS) into $(TWIN): some two minutes"
	@$(TWIN)/bin/python -m pip --disable-pip-version-check install --quiet uv -c constraints.txt
	@VOICEBOT_COMPILE=1 $(TWIN)/bin/uv pip install --quiet --reinstall-package voicebot \
	  --python $(TWIN)/bin/python -c constraints.txt '.$(EXTRAS)'
	@echo 'import voicebot' > $$($(TWIN)/bin/python -c \
	  'import sysconfig; print(sysconfig.get_path("purelib"))')/voicebot-first.pth
	@touch $@
