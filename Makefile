# make demo    a whole charging session on simulated hardware        make test   set up and run everything
# make run     the same station, kept up to play with                make bench  measure memory, CPU, reaction times
# make lint    ruff, mypy --strict, import contracts                 make clean  remove what these made
# make soak    8 simulated hours of the safety loop: does it grow?
# make coverage  every branch of the safety process                  make mutate defects that its tests must find
# make prove   every state that the safety rules can reach
# make safety-table  provoke every fault of the simulated board, and write what was seen into docs/SAFETY.md
#
# OCPP=1.6|2.0.1|2.1 chooses the version, CSMS=ws://... another CSMS, PYTHON=python3.12 another Python.

OCPP ?=
CSMS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
SOAK_ARGS ?=
MUTATE_ARGS ?=
VENV ?= .venv

.PHONY: demo run test test-fast lint format coverage mutate prove safety-table bench soak validators screenshot clean

demo:
	@tools/setup.sh run
	@.venv/bin/python -m stationd.sandbox.demo $(if $(OCPP),--ocpp $(OCPP))

run:
	@tools/setup.sh run
	@.venv/bin/python -m stationd.sandbox.run $(if $(OCPP),--ocpp $(OCPP)) $(if $(CSMS),--csms $(CSMS))

test:
	@tools/setup.sh system
	@tools/setup.sh dev
	@tests/interop/setup.sh
	@$(if $(PYTEST_ARGS),.venv/bin/python -m pytest $(PYTEST_ARGS),.venv/bin/python tools/run_tests.py)

# The part of the suite that needs no Node and no long campaigns, on the environment named by VENV. The proof of the safety
# rules and the provoked faults use nothing but the standard library, which is the same in every environment.
test-fast:
	@$(VENV)/bin/python tools/run_tests.py --ignore=tests/interop --ignore=tests/pilot/proof \
		--ignore=tests/pilot/fault_rows --ignore=tests/mutation -m "not slow"

lint:
	@tools/setup.sh dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/codespell stationd drivers tests docs tools README.md CHANGELOG.md CONTRIBUTING.md

format:
	@tools/setup.sh dev
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

# Every line and branch of the safety process's rules and loop; fails with those that no test reaches.
coverage:
	@tools/setup.sh dev
	@.venv/bin/python -m tests.pilot.branches

# Every reachable state of the rules with every input, slice by slice, until nothing new is found. Writes nothing.
prove:
	@tools/setup.sh dev
	@.venv/bin/python -m tests.pilot.proof

# Half an hour of small defects in the safety process, each of which its tests must find. Writes docs/MUTATION.md.
mutate:
	@tools/setup.sh dev
	@.venv/bin/python -m tests.mutation $(MUTATE_ARGS)

# Three minutes: every fault and warning on the simulated board with the real safety process. Writes docs/SAFETY.md.
safety-table:
	@tools/setup.sh dev
	@.venv/bin/python -m tests.pilot.fault_rows

bench:
	@tools/setup.sh dev
	@.venv/bin/python -m tests.bench $(BENCH_ARGS)

# 8 simulated hours at 250 Hz, in some minutes; fails if memory grew. SOAK_ARGS="--hours 1" is shorter.
soak:
	@tools/setup.sh dev
	@.venv/bin/python -m tests.pilot.soak $(SOAK_ARGS)

# The schema validators that the daemon ships, from the schemas of the ocpp package.
validators:
	@tools/setup.sh dev
	@.venv/bin/python tools/generate_validators.py

# The picture of the demo in the README, drawn by the demo itself.
screenshot:
	@tools/setup.sh run
	@.venv/bin/python -m stationd.sandbox.demo --ocpp 2.0.1 --svg docs/demo.svg

clean:
	rm -rf .venv .venv-debian12 .mypy_cache .ruff_cache .pytest_cache .import_linter_cache tests/interop/node_modules run
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
