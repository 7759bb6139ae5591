# Gatehouse. `make help` lists what can be made; it is generated from the
# comments behind `##`. Nothing has to be installed by hand: a target that needs
# a tool or a Debian package gets it first, or says how to.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

# Variables for the command line. Plain `=`, so that one of the same name in the
# environment means nothing here.
PKG = ./...
RUN =
FEATURE =
FUZZ =
VECTORS =
FUZZTIME = 10s
SOAK = 1h
STRIFE = 1m
SEED = 1
ARGS =

# `make feature PATH=features/…` would replace the PATH that commands are found
# by. Take the value as the feature's path, and give recipes the PATH back that
# make itself was started with.
ifeq ($(origin PATH),command line)
FEATURE := $(PATH)
override PATH := $(shell PATH=/usr/bin:/bin; tr '\0' '\n' </proc/$$PPID/environ | sed -n 's/^PATH=//p' | head -n 1)
ifeq ($(PATH),)
override PATH := /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
endif
endif
# Go's own place is often missing from the PATH of root and of cron.
ifeq ($(shell PATH='$(PATH)'; command -v go),)
override PATH := $(PATH):/usr/local/go/bin
endif
export PATH

# PKCS#11 and SQLite are C: without this, a missing compiler would only quietly
# leave them out.
export CGO_ENABLED := 1

# Go refuses to build where git does not trust or know the checkout; the commit
# is then left out of the binary.
BUILDFLAGS := -trimpath $(if $(shell PATH='$(PATH)'; git rev-parse --verify -q HEAD 2>/dev/null),,-buildvcs=false)

# Developer tools have a module of their own: their requirements stay out of the product's.
TOOL := go tool -modfile=tools/go.mod

COMPILER := gcc libc6-dev ca-certificates
DEBIAN   := $(COMPILER) softhsm2 opensc libnss3 libnss3-tools openssl sqlite3 curl haproxy mmdebstrap rpm

# CI=true: a test that finds its token, container or database missing fails
# instead of skipping. `tools` has seen to it that they are there.
GOTEST := CI=true go test -race -shuffle=on -timeout 30m -p 2

##@ Use it

.PHONY: run
run: tools build ## start service, gateway and a SoftHSM token with keys, show the main job, stay up until Ctrl-C
	bin/gatehouse-lab run $(ARGS)

.PHONY: demo
demo: tools build ## the same, but ends by itself; exits 0 only if every step was true
	bin/gatehouse-lab demo $(ARGS)

.PHONY: build
build: compiler faultp11 ## build the programs and the lab into bin/
	mkdir -p bin
	go build $(BUILDFLAGS) -o bin/ ./app/cmd/... ./simulators/cmd/gatehouse-lab ./simulators/cmd/gatehouse-faults

.PHONY: faultp11
faultp11: compiler ## build bin/faultp11.so, which wraps a PKCS#11 module and injects faults
	@$(MAKE) --no-print-directory -C simulators/faultp11 OUT='$(abspath bin)/faultp11.so'

##@ Test it

.PHONY: test
test: tools ## all tests, race detector on, nothing skipped; one package: make test PKG=./core/... RUN=TestName
	$(GOTEST) $(if $(RUN),-run '$(RUN)') $(PKG) $(ARGS)

.PHONY: features
features: tools ## all features, in process and over REST against a real token
	$(GOTEST) -run '^TestFeatures' ./features/... $(ARGS)

.PHONY: feature
feature: tools ## one feature, folder or scenario: make feature PATH=features/groups/sync/duplicate_ids.feature:12
	@[ -n '$(FEATURE)' ] || { echo 'Which one? make feature PATH=features/…' >&2; exit 2; }
	@file='$(FEATURE)'; while [[ $$file =~ ^(.+):[0-9]+$$ ]]; do file=$${BASH_REMATCH[1]}; done; \
		[ -e "$$file" ] || { echo "No such feature: $$file" >&2; exit 2; }
	GATEHOUSE_FEATURES='$(abspath $(FEATURE))' $(GOTEST) -v -run '^TestFeatures' ./features/... $(ARGS)

.PHONY: conformance
conformance: compiler ## the suite over your own HSM: make conformance PKCS11_LIB_PATH=FILE PKCS11_SLOT=ID PKCS11_PIN_FILE=FILE NAME='…'
	@for v in PKCS11_LIB_PATH PKCS11_SLOT PKCS11_PIN_FILE NAME; do \
		[ -n "$${!v:-}" ] || { echo "Set $$v: see docs/hsm/README.md" >&2; exit 2; }; done
	go run ./simulators/cmd/tested-tokens -name "$$NAME" $(ARGS)

.PHONY: tested-tokens
tested-tokens: tools ## run the suite over the software tokens by every way, and make docs/hsm/tested-tokens.md
	go run ./simulators/cmd/tested-tokens $(ARGS)

.PHONY: faults
faults: tools build ## inject each fault of docs/faults.md under load, hang a slot, try wrong PINs (10 min); tests do a part of it
	bin/gatehouse-faults run $(ARGS)

.PHONY: soak
soak: tools build ## random faults under load for SOAK (1h), looking for leaks; shorter: make soak SOAK=2m
	bin/gatehouse-faults soak '$(SOAK)' $(ARGS)

.PHONY: strife
strife: tools ## two administrators change, sync and delete the same keys at once, for STRIFE (1m); another strife: make strife SEED=2
	GATEHOUSE_STRIFE='$(STRIFE)' GATEHOUSE_STRIFE_SEED='$(SEED)' CI=true go test -race -count=1 -timeout 0 -v -run AtOdds ./features/crash $(ARGS)

.PHONY: workflows
workflows: tools ## table of workflow ids: scenarios passing, failing, none yet
	@go run ./features/cmd/workflows $(ARGS)

.PHONY: vectors
vectors: compiler ## published test vectors through REST; all of a folder: make vectors VECTORS=…/wycheproof/testvectors_v1
	VECTORS='$(if $(VECTORS),$(abspath $(VECTORS)))' CI=true go test -count=1 -timeout 4h -v $(if $(RUN),-run '$(RUN)',-run 'Simulated') ./features/vectors $(ARGS)

.PHONY: fuzz
fuzz: compiler ## every fuzz function for FUZZTIME (10s); one: make fuzz FUZZ=FuzzFrame FUZZTIME=5m
	@found=0; \
	while IFS=: read -r file name; do \
		if [ -n '$(FUZZ)' ] && [ "$$name" != '$(FUZZ)' ]; then continue; fi; \
		found=1; echo "== $$name in $$(dirname "$$file")"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime '$(FUZZTIME)' "./$$(dirname "$$file")"; \
	done < <(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed -e 's|^\./||' -e 's/:func /:/' | sort); \
	[ $$found = 1 ] || { echo 'No fuzz function found.' >&2; exit 1; }

.PHONY: bench
bench: tools build ## rates, latencies and ratios of every hop in one run; JSON in bench/results/
	go run ./bench/cmd/gatehouse-bench $(ARGS)

##@ Deliver it

.PHONY: packages
packages: compiler ## deb and rpm of the service, of the gateway and of the command line, in dist/
	go run ./packaging/build -out dist

.PHONY: test-packages
test-packages: packages ## install, start, use, upgrade and remove the packages in a Debian of their own with systemd; needs root
	@tools/need mmdebstrap systemd-container rpm rpm2cpio cpio lintian mandoc
	GATEHOUSE_DIST='$(CURDIR)/dist' go test -tags packages -count=1 -timeout 14m $(if $(RUN),-run '$(RUN)') ./packaging/installed $(ARGS)

##@ Change it

.PHONY: check
check: format-check vet lint imports test ## what CI runs (make test), and besides format, vet and lint

.PHONY: lint
lint: compiler ## golangci-lint with .golangci.yml (built once, which takes two minutes)
	$(TOOL) golangci-lint run $(ARGS)

.PHONY: fmt
fmt: compiler ## format all Go files with gofumpt
	$(TOOL) gofumpt -l -w .

.PHONY: format-check
format-check: compiler
	@unformatted=$$($(TOOL) gofumpt -l .); \
	[ -z "$$unformatted" ] || { echo 'Not formatted (make fmt):'; echo "$$unformatted"; exit 1; } >&2

.PHONY: vet
vet: compiler ## go vet
	go vet ./...
	go vet -tags packages ./packaging/...

.PHONY: imports
imports: compiler ## who may import whom, and what programs that ship may not hold
	go test -count=1 ./app/assembly -run '^Test(Imports|ShippedPrograms|Reveal|Adapters)'

.PHONY: tools
tools: ## install the Debian packages that tests and the lab need, if any is missing
	@tools/need $(DEBIAN)

.PHONY: compiler
compiler:
	@tools/need $(COMPILER)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
