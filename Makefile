# make run   build and serve on http://127.0.0.1:8080 with everything in ./slipway-data
# make test  everything: unit, race, real clients, kill and disk-full tests
# make lint  gofmt, go vet, staticcheck
# make bench the server beside the floors of this machine, as ratios; make microbench: benchmarks of the hot paths
# make fuzz  each fuzz target for FUZZTIME

CACHE    ?= $(CURDIR)/.cache
CLIENTS  ?= $(CACHE)/clients
TOOLS    ?= $(CACHE)/tools
FUZZTIME ?= 20s
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -X main.buildVersion=$(VERSION)
STATICCHECK_VERSION := v0.8.2

.PHONY: run build test check lint bench microbench fuzz clients clean

run: build
	./slipway serve

build:
	go build -ldflags '$(LDFLAGS)' -o slipway ./cmd/slipway

# The second run is without the race detector: it changes what the compiler does, and hid a fault of the compiler once.
test: clients
	SLIPWAY_CLIENTS=$(CLIENTS) SLIPWAY_REQUIRE_CLIENTS=1 go test -race -timeout 20m ./...
	go test ./storage/local ./storage/mem ./metadata/... ./registry/...

clients:
	@for script in .ci/clients*.sh .ci/*/build.sh; do SLIPWAY_CLIENTS=$(CLIENTS) $$script || exit 1; done

lint: $(TOOLS)/staticcheck-$(STATICCHECK_VERSION)
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "not gofmt-clean: $$out"; exit 1; }
	go vet ./...
	$(TOOLS)/staticcheck-$(STATICCHECK_VERSION) ./...

$(TOOLS)/staticcheck-$(STATICCHECK_VERSION):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	mv $(TOOLS)/staticcheck $@

check: lint test

bench: build
	SLIPWAY_CLIENTS=$(CLIENTS) .ci/s3/build.sh
	go build -o $(CACHE)/ratios ./bench/ratios
	$(CACHE)/ratios -slipway ./slipway -s3 $(TOOLS)/versitygw $(BENCH)

microbench:
	go test -run '^$$' -bench . -benchtime 1s ./...

fuzz:
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

clean:
	rm -rf slipway .cache
