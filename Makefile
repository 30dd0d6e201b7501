# Everything that is done with this repository. `make` lists it.

GO      ?= go
BIN     := $(CURDIR)/.bin
TOOLS   := $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
# How much each fuzz test runs (a count, because its end by the clock is not reliable), and the folder of pictures that bench sends.
FUZZTIME ?= 3000x
PICTURES ?= generated
JOB_ITEMS ?= 1000000
APP     := github.com/credenza-dev/credenza/internal/app
# Asked once, so that a commit meanwhile changes nothing.
VERSION := $(VERSION)
COMMIT  := $(COMMIT)
# The SDK for TypeScript, and what tells that its tools are installed.
TYPESCRIPT   := sdk/typescript
NODE_MODULES := $(TYPESCRIPT)/node_modules/.package-lock.json
UI_MODULES   := ui/node_modules/.package-lock.json
# The SDK for Python, and where its environments are.
PYTHON  ?= python3
VENVS   := $(BIN)/python
LDFLAGS := -s -w -X $(APP).Version=$(VERSION) -X $(APP).commit=$(COMMIT)
# What `make release` builds for.
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

# One set of flags for everything, so that demo, build and test share what was compiled. The largest
# package is compiled one function at a time: several at once take 1.1 GiB, and no less time on few cores.
FLAGS := -trimpath -gcflags=github.com/nats-io/nats-server/v2/server=-c=1
export GOFLAGS := $(FLAGS) $(filter-out $(FLAGS),$(GOFLAGS))
# Without C, programs are static: they run in an empty image. Only the race detector needs it.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help demo test race test-clients test-sdk fuzz build release image check-deploy lint lint-alerts vet generate drift bench bench-quota bench-servers bench-web bench-jobs bench-micro bench-pictures chaos test-sdk-typescript lint-typescript generate-typescript drift-typescript bench-sdk-typescript tools clean

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## classify the sample catalogue through a real server (offline without a key)
	@test -x .bin/credenza || echo "Building: this takes some minutes the first time, and seconds from then on."
	@$(GO) build -ldflags '$(LDFLAGS)' -o .bin/credenza ./cmd/credenza
	@.bin/credenza demo

test: $(BIN)/gotestsum ## run all tests
	$(BIN)/gotestsum --format pkgname -- -timeout 15m ./...

race: $(BIN)/gotestsum ## run all tests under the race detector, those that judge a figure once and without judging it (needs a C compiler)
	CGO_ENABLED=1 $(BIN)/gotestsum --format pkgname -- -race -timeout 15m ./...

test-clients: $(BIN)/grpcurl $(NODE_MODULES) $(VENVS)/new/.done ## run the clients in examples, and each line of docs/operations.md, against a real server (needs python3 with requests, node, curl)
	cd $(TYPESCRIPT) && npm run --silent build
	cd examples/clients && npm install --silent --no-audit --no-fund --no-package-lock
	PATH="$(BIN):$$PATH" CREDENZA_PYTHON=$(VENVS)/new/bin/python $(GO) test -timeout 10m -tags clients -run TestClient ./internal/app ./cmd/credenza

# A target fails on its own: with the input that broke it, kept under testdata.
fuzz: ## run each fuzz test for FUZZTIME (3000x)
	@for file in $$(grep -rlE '^func Fuzz' --include='*_test.go' cmd internal pkg); do \
	  for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9]+)\(.*/\1/p' $$file); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file) || exit 1; \
	  done; \
	done

build: ## build both programs into .bin
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/credenza ./cmd/credenza
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/llmsim ./cmd/llmsim

release: $(BIN)/cyclonedx-gomod ## build the archives of a release into dist, with checksums and SBOMs (PLATFORMS="linux/arm64"; needs GNU tar)
	GO='$(GO)' LDFLAGS='$(LDFLAGS)' VERSION='$(VERSION)' SBOM='$(BIN)/cyclonedx-gomod' deploy/release.sh $(PLATFORMS)

image: ## build the container image (needs docker, or ENGINE=buildah)
	$(or $(ENGINE),docker) build -f deploy/docker/Dockerfile -t credenza:$(VERSION) --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) .

check-deploy: build ## check the files in deploy, and run the program as they do (needs systemd-analyze, buildah and root for all of it)
	cd deploy/check && CREDENZA=$(BIN)/credenza $(GO) test -count=1 $(if $(VERBOSE),-v) ./...

lint: vet $(BIN)/golangci-lint $(BIN)/buf ## check style, import rules and the contract
	$(BIN)/golangci-lint run
	cd internal/chaos && $(BIN)/golangci-lint run
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code --exclude-path proto/buf
	@if git rev-parse --verify --quiet origin/main >/dev/null && git cat-file -e origin/main:buf.yaml 2>/dev/null; \
	then $(BIN)/buf breaking --against '.git#ref=origin/main'; \
	elif git cat-file -e HEAD~1:buf.yaml 2>/dev/null; then $(BIN)/buf breaking --against '.git#ref=HEAD~1'; \
	else echo "buf breaking: nothing earlier to compare with"; fi

lint-alerts: ## check and test the alerting rules (needs promtool, of Debian's package prometheus)
	@command -v promtool >/dev/null || { echo "promtool is missing: install Debian's package prometheus, or a release of Prometheus"; exit 1; }
	promtool check rules deploy/alerts/credenza.yaml
	promtool test rules deploy/alerts/credenza_test.yaml

vet: ## run go vet
	$(GO) vet -tags clients ./...
	cd internal/chaos && $(GO) vet ./...

generate: $(TOOLS) ## generate the code of the contract, and docs/metrics.md
	PATH="$(BIN):$$PATH" $(BIN)/buf generate
	$(GO) test -run TestDocument ./internal/metric -update

drift: generate ## fail if the generated code or go.mod is not what is committed
	git diff --exit-code -- pkg/credenza/v1 docs/metrics.md
	$(GO) mod tidy -diff
	cd internal/chaos && $(GO) mod tidy -diff

bench: build ## measure throughput and CPU next to a bare loop, pictures (PICTURES=folder), the cache, and the hot paths
	$(GO) run ./internal/bench --bin $(BIN) throughput
	$(GO) run ./internal/bench --bin $(BIN) pictures $(PICTURES)
	$(GO) run ./internal/bench --bin $(BIN) hits
	$(MAKE) bench-micro

bench-quota: build ## play upstreams with quotas, faults and outages, next to plain AIMD (20 min; ONLY=regexp for some rows)
	$(GO) run ./internal/bench --bin $(BIN) quota $(if $(ONLY),--only '$(ONLY)')
	$(GO) test -run '^$$' -bench Lease -benchtime 1000000x ./internal/upstream

bench-servers: build ## play a folder of fake model servers against the service (CASES=folder; ONLY=regexp; needs python3)
	@test -n "$(CASES)" || { echo "name a folder with a fakes.py: make bench-servers CASES=folder"; exit 1; }
	$(GO) run ./internal/bench --bin $(BIN) servers $(CASES) $(if $(ONLY),--only '$(ONLY)')

bench-web: build ## measure HTTP next to gRPC: time to the first event, and items/s; and calls next to a thousand idle connections (6 min)
	$(GO) run ./internal/bench --bin $(BIN) web
	$(GO) run ./internal/bench --bin $(BIN) crowd

bench-jobs: build ## run a job of JOB_ITEMS (a million) on the offline classifier, or with JOB_FLAGS=--model on a simulated model
	$(GO) run ./internal/bench --bin $(BIN) jobs $(JOB_FLAGS) $(JOB_ITEMS)

bench-pictures: ## judge difficult pictures and saved pages by their manifests (NASTY=folder, PAGES=folder)
	@test -n "$(NASTY)$(PAGES)" || { echo "name a folder with a manifest.csv: make bench-pictures NASTY=folder PAGES=folder"; exit 1; }
	$(if $(NASTY),$(GO) run ./internal/bench nasty $(NASTY))
	$(if $(PAGES),$(GO) run ./internal/bench pages $(PAGES))

chaos: build ## play faults against real processes for DURATION (10m), as SEED decides (needs root for full disks)
	cd internal/chaos && $(GO) test ./... && $(GO) build -o $(BIN)/chaos .
	$$(unshare --mount true 2>/dev/null && echo unshare --mount) $(BIN)/chaos -bin $(BIN) -duration $(or $(DURATION),10m) -seed $(or $(SEED),0)

bench-micro: build ## measure the hot paths alone, and the size of the program
	@wc -c $(BIN)/credenza | awk '{printf "credenza: %d bytes (%.1f MiB)\n", $$1, $$1/1048576}'
	$(GO) test -run '^$$' -bench . -benchtime 1s ./internal/...

test-sdk: test-sdk-python test-sdk-typescript ## test the clients in sdk

test-sdk-typescript: build $(NODE_MODULES) ## test the packed tarball of sdk/typescript against a real server, in Node and in Chromium
	cd $(TYPESCRIPT) && CREDENZA_BIN=$(BIN)/credenza npm test --silent

lint-typescript: $(NODE_MODULES) $(UI_MODULES) ## check the style and the types of sdk/typescript and ui
	cd $(TYPESCRIPT) && npm run --silent lint
	cd ui && npm run --silent lint

generate-typescript: $(BIN)/buf $(NODE_MODULES) ## generate the TypeScript code of the contract
	cd $(TYPESCRIPT) && $(BIN)/buf generate

drift-typescript: generate-typescript ## fail if the generated TypeScript code is not what is committed
	git diff --exit-code -- $(TYPESCRIPT)/src/gen

bench-sdk-typescript: build $(NODE_MODULES) ## measure items/s of sdk/typescript next to its generated stubs alone
	cd $(TYPESCRIPT) && npm run --silent build && CREDENZA_BIN=$(BIN)/credenza node bench/bench.mjs

$(NODE_MODULES): $(TYPESCRIPT)/package-lock.json
	cd $(TYPESCRIPT) && npm ci --silent --no-audit --no-fund && touch node_modules/.package-lock.json

# The console's page. Its bundle is committed, so that only its tests and changes need Node.
.PHONY: ui drift-ui test-ui bench-ui screenshots
UI_RUN = cd ui && CREDENZA_BIN=$(BIN)/credenza

ui: $(UI_MODULES) ## bundle the console's page into internal/web/ui/dist
	cd ui && npm run --silent build

drift-ui: ui ## fail if the bundle is not what is committed, or a licence is not in NOTICE
	git diff --exit-code -- internal/web/ui/dist
	@test -z "$$(git status --porcelain -- internal/web/ui/dist)" || { git status --short -- internal/web/ui/dist; exit 1; }
	cd ui && node notice.mjs --check

test-ui: build $(UI_MODULES) ## test the console's page against a real server in Chromium (its path in CHROMIUM)
	$(UI_RUN) npm test --silent

bench-ui: build $(UI_MODULES) ## measure the console's page with 100,000 products in Chromium
	$(UI_RUN) node bench/bench.mjs

screenshots: build $(UI_MODULES) ## take the pictures of docs/console.md
	$(UI_RUN) node docs/screenshots.mjs

$(UI_MODULES): ui/package-lock.json
	cd ui && npm ci --silent --no-audit --no-fund && touch node_modules/.package-lock.json

# The SDK for Python is tested in two environments, of the oldest and of the newest packages, and generated in a third.
.PHONY: test-sdk-python pytest-new pytest-old lint-python generate-python drift-python bench-sdk-python
PYTHON ?= python3
# That of the oldest packages, such as python3.10, which is the oldest that the SDK supports.
PYTHON_OLD ?= $(PYTHON)
VENVS  := $(BIN)/python
SDK_PYTHON = env -u PYTHONPATH PYTHONDONTWRITEBYTECODE=1 CREDENZA_BIN=$(BIN)/credenza CREDENZA_REPOSITORY=$(CURDIR) CREDENZA_VENVS=$(VENVS)

test-sdk-python: build $(VENVS)/old/.done $(VENVS)/new/.done $(VENVS)/generate/.done ## test the built wheel of sdk/python against a real server
	rm -rf $(VENVS)/dist
	$(VENVS)/new/bin/python -m build --wheel --no-isolation --outdir $(VENVS)/dist sdk/python >/dev/null
	@for venv in new old; do \
	  $(VENVS)/$$venv/bin/python -m pip install --quiet --no-deps --force-reinstall $(VENVS)/dist/*.whl || exit 1; \
	done
	$(MAKE) --no-print-directory --output-sync -j2 pytest-new pytest-old

pytest-new: ; cd sdk/python && $(SDK_PYTHON) $(VENVS)/new/bin/python -m pytest
pytest-old: ; cd sdk/python && $(SDK_PYTHON) $(VENVS)/old/bin/python -m pytest -m 'not once'

lint-python: $(VENVS)/new/.done ## check the style and the types of sdk/python
	cd sdk/python && $(VENVS)/new/bin/ruff check . && $(VENVS)/new/bin/ruff format --check .
	cd sdk/python && $(VENVS)/new/bin/mypy

generate-python: $(BIN)/buf $(VENVS)/generate/.done ## generate the Python code of the contract
	$(BIN)/buf generate --template buf.gen.python.yaml

drift-python: generate-python ## fail if the generated Python code is not what is committed
	git diff --exit-code -- sdk/python/src/credenza/v1

bench-sdk-python: build $(VENVS)/new/.done ## measure items/s of sdk/python next to its generated stubs alone
	cd sdk/python && $(SDK_PYTHON) PYTHONPATH=src $(VENVS)/new/bin/python tests/bench.py

tools: $(BIN)/grpcurl $(BIN)/gotestsum $(TOOLS) $(BIN)/gofumpt $(BIN)/golangci-lint ## install the pinned tools into .bin

clean: ## remove what was built
	rm -rf $(BIN)

$(BIN)/gotestsum: ; GOBIN=$(BIN) $(GO) install gotest.tools/gotestsum@v1.13.0
$(BIN)/buf: ; GOBIN=$(BIN) $(GO) install github.com/bufbuild/buf/cmd/buf@v1.75.0
$(BIN)/protoc-gen-go: ; GOBIN=$(BIN) $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
$(BIN)/protoc-gen-go-grpc: ; GOBIN=$(BIN) $(GO) install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
$(BIN)/golangci-lint: ; GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
$(BIN)/gofumpt: ; GOBIN=$(BIN) $(GO) install mvdan.cc/gofumpt@v0.12.0
$(BIN)/cyclonedx-gomod: ; GOBIN=$(BIN) $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
$(BIN)/grpcurl: ; GOBIN=$(BIN) $(GO) install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4

$(VENVS)/old/.done: VENV_PYTHON = $(PYTHON_OLD)
$(VENVS)/%/.done: VENV_PYTHON ?= $(PYTHON)
$(VENVS)/%/.done: sdk/python/requirements/%.txt
	rm -rf $(@D) && $(VENV_PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
