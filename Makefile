# make run   build and serve on http://127.0.0.1:8080 with everything in ./slipway-data
# make test  everything: unit, race, real clients, kill and disk-full tests; LONG=1 with ten rounds of kills instead of three
#            in the test of the whole chain (and SLIPWAY_KILL_ROUNDS=1000 for as many in the test of a mixed load), and with the
#            clients that take long to build or to start: Helm (which checks the chart in deploy/), cosign, sbt, Mill, RabbitMQ, and old versions of crane, regctl and oras; and the
#            company whose pages docs/ui.md shows (make pictures)
# make lint  gofmt, go vet, staticcheck
# make bench the server beside the floors of this machine, as ratios; make microbench: benchmarks of the hot paths
# make image the container image slipway:VERSION, also called slipway
# make fuzz  each fuzz target for FUZZTIME
# make pictures  the pictures of docs/ui.md, from a company that the real clients make
# make screens   every page at three widths, light and dark, as pictures in web/ui/screens
# make chaos three servers whose processes, database, S3 server and network fail every few seconds, for CHAOS (1h)
# make cluster   three servers over PostgreSQL, an S3 server and NATS behind a balancer on this machine; make cluster-down ends them
# make clients-table  the tests of clients, without the race detector and with those of LONG=1, and docs/clients.md made from them;
#            FORMATS=npm for one

CACHE    ?= $(CURDIR)/.cache
CLIENTS  ?= $(CACHE)/clients
TOOLS    ?= $(CACHE)/tools
FUZZTIME ?= 20s
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -X main.buildVersion=$(VERSION)
# Without the folder's name in what is built, Go's cache serves another clone too: vetting and compiling takes seconds there. The tags are those of
# the Dockerfile, so that what is tested is what the image has, and SQLite and all that stands on Go's network is compiled once.
export GOFLAGS := $(GOFLAGS) -trimpath -tags=netgo,osusergo,sqlite_omit_load_extension
STATICCHECK_VERSION := v0.8.2

.PHONY: image run build test server clientless driving undetected clustered test-cluster check lint bench microbench fuzz clients clients-system clients-fetched clean

run: build
	./slipway serve

build:
	go build -ldflags '$(LDFLAGS)' -o slipway ./cmd/slipway

# With the race detector, first the packages whose tests call no client, while the clients are installed, then the others. Of
# these, packages whose tests take long are named first, so that none of them begins last; three run at a time on two cores,
# because the tests of clients and of restarts wait. Every test runs, whatever Go remembers of it: most depend on clients that Go
# does not see. Nothing is vetted on the way: "make lint" vets it all; and test programs are linked without tables for debuggers,
# which takes half the time. These runs keep their temporary files in memory where they can (.ci/tmpdir.sh): what is tested there
# is killed processes and injected faults, whose files outlive them on any file system.
#
# The detector watches what shares memory. Expressions and bcrypt compute on strings that never change and on arrays of their own,
# and were a quarter of the raced processes' time: they are compiled without it. A raced process that ends waits 0.1 s instead of a
# second for goroutines that could still report. Garbage is collected less often than Go does by itself, which saves a tenth; tests
# that measure memory undo that.
#
# The runs of "undetected" are on disk, with its flushes, and without the race detector: that changes what the compiler does, and
# hid a fault of the compiler once, in how a statement's arguments were put together. They have what puts statements and bytes
# together: the stores, and the parts of the core that write through them; and the hostile requests and the walks over failing
# calls of all front-ends, of which the raced runs make a few (formatstest/sampled.go), and files in their full size, of which
# those send a tenth: the race detector makes them up to ten times slower. They wait for the disk, so they run beside the tests
# of clients, one package at a time. The server that the tests of cmd start, kill and check is built without the detector too, once
# for all of them.
DRIVING  := $(addprefix slipway/,formats/npm formats/maven cmd/slipway/internal/e2e formats/oci formats/pypi integration/kafka integration/amqp cmd/slipway deploy/cluster web/ui web/api storage/s3 formats/raw cmd/slipway/internal/cli \
	cmd/slipway/internal/doctest metadata/sqlite metadata/postgres internal/httpserver integration/upstream/upstreamtest cmd/slipway/internal/serve cmd/slipway/internal/admin docs storage/s3/s3test)
UNRACED  := ./metadata/... ./storage/local/... ./storage/mem ./registry/content ./registry/publish ./registry/staging ./registry/maintain
WHOLE    := '^(TestSuite|TestFormat|TestFaults|TestS1|TestS8|TestHostile|TestLargePublish|TestLargeUpload|TestRoutes)$$/^(S1|S8|hostile|bodies|deep|oversize|names|texts|local_.*)$$'
# A part of the core's tests runs over PostgreSQL too: all but those that do the same thing a thousand times. The raced runs have the
# system's PostgreSQL, these the oldest and the newest that is supported.
OVERPG   := ./registry ./registry/publish ./registry/deploy ./registry/ledger
COSTLY   := 'Faults|Many|Crowded|DigestOf|Sparse|Concurrent|InPart|Race'
PARALLEL ?= $(shell echo $$(($$(nproc) * 3 / 2)))
TESTING  := go test -count=1 -vet=off -ldflags='-s -w'
UNWATCHED := regexp regexp/syntax unicode golang.org/x/crypto/blowfish
RACED    := GOGC=400 GORACE=atexit_sleep_ms=100 SLIPWAY_CLIENTS=$(CLIENTS) SLIPWAY_REQUIRE_CLIENTS=1 SLIPWAY_TEST_BINARY=$(CACHE)/test/slipway SLIPWAY_TEST_LONG=$(LONG) \
	TMPDIR=$$(.ci/tmpdir.sh) $(TESTING) -race $(UNWATCHED:%=-gcflags=%=-race=false) -timeout 40m -p $(PARALLEL)

image:
	docker build --build-arg VERSION=$(VERSION) --build-arg COMMIT=$$(git rev-parse HEAD) -t slipway:$(VERSION) -t slipway .

test:
	$(MAKE) --no-print-directory -j4 server clients-system clients-fetched clientless
	$(MAKE) --no-print-directory -j2 driving undetected clustered

driving:
	$(RACED) $(DRIVING)

undetected:
	$(TESTING) -p 1 $(UNRACED)
	$(TESTING) -p 1 -run $(WHOLE) ./formats/... ./web/api ./internal/httpserver
	SLIPWAY_TEST_POSTGRES=$(CLIENTS)/postgres-14.20.0/bin $(TESTING) -run '^(TestStore|TestSchema|TestVersion)$$' ./metadata/postgres
	SLIPWAY_TEST_POSTGRES=$(CLIENTS)/postgres-18.3.0/bin $(TESTING) ./metadata/postgres
	SLIPWAY_TEST_POSTGRES=$(CLIENTS)/postgres-18.3.0/bin SLIPWAY_TEST_METADATA=postgres $(TESTING) -p 1 -skip $(COSTLY) $(OVERPG)

# A release of every format by its own clients, from build to deployment, at three servers over one database and one bucket behind a
# balancer, which is part of make test; test-cluster runs all tests that drive a server, but for those that start it themselves.
CLUSTERED := SLIPWAY_TEST_CLUSTER=3 SLIPWAY_CLIENTS=$(CLIENTS) SLIPWAY_REQUIRE_CLIENTS=1 SLIPWAY_TEST_BINARY=$(CACHE)/test/slipway SLIPWAY_TEST_LONG=$(LONG) \
	TMPDIR=$$(.ci/tmpdir.sh) $(TESTING) -timeout 40m

clustered:
	$(CLUSTERED) -run TestReleaseToDeployment ./cmd/slipway/internal/e2e

test-cluster: server clients
	$(CLUSTERED) -skip TestOffline ./cmd/slipway/internal/e2e

server:
	go build -ldflags '-s -w' -o $(CACHE)/test/slipway ./cmd/slipway

clientless: server
	$(RACED) $(filter-out $(DRIVING),$(shell go list ./...))

# What may come from the system's packages is installed by scripts that run in turn, as they share its lock; the others run beside
# them, as one waits for the network while another compiles.
SYSTEM  := $(addprefix .ci/clients-,base.sh browser.sh maven.sh oci.sh postgres.sh rabbitmq.sh)
FETCHED := $(filter-out $(SYSTEM),$(wildcard .ci/clients*.sh .ci/*/build.sh))

clients:
	@$(MAKE) --no-print-directory -j2 clients-system clients-fetched

clients-system:
	@$(call run,$(SYSTEM))

clients-fetched:
	@$(call run,$(FETCHED))

run = for script in $(1); do LONG=$(LONG) SLIPWAY_CLIENTS=$(CLIENTS) $$script || exit 1; done

FORMATS ?= maven npm oci pypi raw
RUNS    := $(CACHE)/clients.jsonl

CHAOS ?= 1h

.PHONY: chaos
chaos: server clients
	SLIPWAY_CHAOS=$(CHAOS) SLIPWAY_CLIENTS=$(CLIENTS) SLIPWAY_REQUIRE_CLIENTS=1 SLIPWAY_TEST_BINARY=$(CACHE)/test/slipway TMPDIR=$$(.ci/tmpdir.sh) \
		$(TESTING) -v -timeout 24h -run '^TestChaos$$' ./cmd/slipway

.PHONY: cluster cluster-down
cluster: build $(CACHE)/cluster
	.ci/clients-postgres.sh
	SLIPWAY_CLIENTS=$(CLIENTS) .ci/s3/build.sh
	$(CACHE)/cluster up -slipway $(CURDIR)/slipway -s3 $(TOOLS)/versitygw $(CLUSTER)

cluster-down: $(CACHE)/cluster
	$(CACHE)/cluster down $(CLUSTER)

$(CACHE)/cluster: $(wildcard deploy/cluster/*.go internal/balancer/*.go) go.mod
	go build -o $@ ./deploy/cluster

.PHONY: clients-table
clients-table:
	$(MAKE) --no-print-directory clients LONG=1
	rm -f $(RUNS)
	SLIPWAY_CLIENTS=$(CLIENTS) SLIPWAY_REQUIRE_CLIENTS=1 SLIPWAY_TEST_LONG=1 SLIPWAY_CLIENTS_TABLE=$(RUNS) TMPDIR=$$(.ci/tmpdir.sh) \
		go test -count=1 $(FORMATS:%=./formats/%)
	go test -count=1 ./docs -run TestClientsPage -update-clients=$(RUNS)

.PHONY: pictures
pictures:
	SLIPWAY_CLIENTS=$(CLIENTS) SLIPWAY_REQUIRE_CLIENTS=1 go test -count=1 ./web/ui -run '^TestPictures$$' -update-pictures

.PHONY: screens
screens:
	SLIPWAY_CLIENTS=$(CLIENTS) SLIPWAY_REQUIRE_CLIENTS=1 SLIPWAY_TEST_SCREENS=1 go test -count=1 ./web/ui -run '^TestScreens$$'

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
