# make distill            drawn faces, 2 to 4 minutes on 2 cores after installation
# make distill DATA=path  FER2013: a .zip, a folder or a .csv; DATA=kaggle fetches it
# make test               the tests
# make lint               the linters
# make torture MINUTES=10 inputs damaged and runs killed at random
# make docs               the pages of docs/ and the API as a site in build/site
# make page               the page that runs the students in a browser, as a folder for any static server: web/dist
# make page-serve         the same, and serve it at http://localhost:8000
# make page-picture       docs/page.png, the picture of it, again
# make docs-tables        the tables of README.md and docs/, again from saved_models/
# ARGS='...' passes more options to the script.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := web/node_modules/.package-lock.json
NPM := $(shell command -v npm)
BROWSER := $(and $(NPM),$(shell command -v chromium chromium-browser google-chrome))

.PHONY: distill test torture lint lock docs docs-tables page page-picture page-serve clean

distill: $(READY)
	$(BIN)/python scripts/distill.py $(if $(DATA),--data '$(DATA)') --resume $(ARGS)

test: $(READY) $(if $(BROWSER),$(PACKAGES))
	$(if $(BROWSER),,@echo 'tests/web is skipped: it needs Chromium and npm (Debian: apt-get install chromium npm)')
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

torture: $(READY)
	$(BIN)/python tests/torture/torture.py --minutes $(or $(MINUTES),10) $(ARGS)

lint: $(READY) $(if $(NPM),$(PACKAGES))
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(if $(NPM),web/node_modules/.bin/tsc --project web,@echo "the types in web/ are not checked: that needs npm")

# The site's packages are not in the lock: they make nothing that is published here.
docs: $(READY)
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

page: $(READY) $(PACKAGES)
	$(BIN)/python web/build.py

page-serve: page
	$(BIN)/python -m http.server --directory web/dist --bind 127.0.0.1 8000

page-picture: page
	$(BIN)/python tests/web/picture.py

$(PACKAGES): web/package.json web/package-lock.json
	npm ci --prefix web --no-fund --no-audit --loglevel error
	touch $@

docs-tables: $(READY)
	$(BIN)/python scripts/docs_tables.py

# The lock has every package with its hashes; the project itself is installed editable on top of it.
$(READY): requirements.lock setup.cfg setup.py pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "fer_keras needs Python 3.11 to 3.13; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

# Needs uv (pip install uv).
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra dev setup.cfg -o requirements.lock

clean:
	rm -rf $(VENV) web/dist web/node_modules build *.egg-info .pytest_cache .ruff_cache
