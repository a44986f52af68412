//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

const (
	e2eRounds     = 3
	e2eRoundsLong = 10               // with SLIPWAY_TEST_LONG
	e2ePatient    = 90 * time.Second // for a round to end right

	deployScript = "../../../../docs/examples/deploy.sh"
)

// TestReleaseToDeployment is the whole chain: one commit becomes an image, a wheel, a jar, an npm package and a zip, each
// published by its own client; the query by commit lists them; a tag move starts two deployers, one by webhook, one by
// "events tail --exec", which pull by digest, replace a running process and report; the environments tell what runs, and
// what ran. In every round but the first, the server is killed at random moments meanwhile. SLIPWAY_TEST_LONG makes it ten
// such rounds instead of three, and a cluster has one.
func TestReleaseToDeployment(t *testing.T) {
	s := commandtest.NewServer(t)
	s.Env = []string{"SLIPWAY_WEBHOOK_ALLOW=127.0.0.1"}
	s.Start()
	b := newBuilder(t, s)
	hook := newDeployer(t, b, "prod")
	hook.webhook()
	tail := newDeployer(t, b, "prod-b")
	tail.tail()

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	rounds := e2eRounds
	if os.Getenv("SLIPWAY_TEST_LONG") != "" {
		rounds = e2eRoundsLong
	} else if os.Getenv("SLIPWAY_TEST_CLUSTER") != "" {
		rounds = 1
	}
	var before map[string]string
	for round := range rounds + 1 {
		version := fmt.Sprintf("1.0.%d", round)
		commit := b.commit(version)
		products := b.build(version, commit)
		start := time.Now()
		stopKilling := func() {}
		if round > 0 {
			stopKilling = killing(s, random)
		}
		b.release(products)
		b.found(commit, products)
		asOf := b.tag(products)
		deadline := time.Now().Add(e2ePatient)
		for _, d := range []*deployer{hook, tail} {
			d.waitFor(products, version, deadline)
		}
		stopKilling()
		for _, d := range []*deployer{hook, tail} {
			d.waitFor(products, version, time.Now().Add(e2ePatient))
			if was := d.environment(asOf); round > 0 && !maps.Equal(was, before) {
				t.Fatalf("round %d: %s before the tags moved: %v, want %v", round, d.name, was, before)
			}
		}
		before = versionsOf(products)
		t.Logf("round %d: %s", round, time.Since(start).Round(time.Millisecond))
	}
	s.Terminate()
	s.Fsck()
}

func versionsOf(products []*product) map[string]string {
	out := map[string]string{}
	for _, p := range products {
		out[p.format] = p.version
	}
	return out
}

// killing ends the server at random moments and starts it again, until it is told to stop; then the server runs.
func killing(s *commandtest.Server, random *rand.Rand) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(300+random.IntN(2500)) * time.Millisecond):
			}
			s.Kill()
			s.Start()
		}
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() { close(done) })
		<-ended
	}
	s.T.Cleanup(stop)
	return stop
}

// until tries again as a build would, for as long as the server may be away.
func (b *builder) until(what string, try func(ctx context.Context) ([]byte, error)) []byte {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), e2ePatient)
	defer cancel()
	for {
		out, err := try(ctx)
		if err == nil {
			return out
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("%s: %v\n%s", what, err, commandtest.Tail(string(out), 4000))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// release publishes all products at once, each with its client.
func (b *builder) release(products []*product) {
	b.t.Helper()
	var wg sync.WaitGroup
	errs := make(chan error, len(products))
	for _, p := range products {
		wg.Go(func() {
			deadline := time.Now().Add(e2ePatient)
			for {
				out, err := p.publish(b.t.Context())
				if err == nil {
					return
				}
				if time.Now().After(deadline) {
					errs <- fmt.Errorf("publish %s %s: %w\n%s", p.format, p.version, err, commandtest.Tail(string(out), 4000))
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		b.t.Fatal(err)
	}
}

// slipway runs a client command until it succeeds, and returns what it prints.
func (b *builder) slipway(args ...string) []byte {
	b.t.Helper()
	return b.slipwayAs(b.token, args...)
}

func (b *builder) slipwayAs(token string, args ...string) []byte {
	b.t.Helper()
	return b.until("slipway "+strings.Join(args, " "), func(ctx context.Context) ([]byte, error) {
		cmd := b.command(ctx, "", b.s.Bin, args...)
		cmd.Env = append(cmd.Env, "SLIPWAY_SERVER="+b.s.URL, "SLIPWAY_TOKEN="+token)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return stderr.Bytes(), err
		}
		return out, nil
	})
}

// found checks that the query by commit lists the products and nothing else. The zip itself does not name its commit.
func (b *builder) found(commit string, products []*product) {
	b.t.Helper()
	for _, p := range products {
		if p.format == "raw" {
			b.slipway("version", "annotate", "main", p.format, p.name, p.version, "--commit", commit, "--source-repository", "https://git.example.com/acme/app")
		}
	}
	var hits []struct{ Format, Name, Version string }
	mustDo(b.t, json.Unmarshal(b.slipway("query", "commit:"+commit, "--output", "json"), &hits))
	var got, want []string
	for _, h := range hits {
		got = append(got, h.Format+" "+h.Name+" "+h.Version)
	}
	for _, p := range products {
		want = append(want, p.format+" "+p.name+" "+p.version)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.t.Fatalf("query commit:%s: %q, want %q", commit, got, want)
	}
}

// tag moves the tag production of every product, and returns a moment before the first move.
func (b *builder) tag(products []*product) (before string) {
	b.t.Helper()
	for _, p := range products {
		var set struct{ Seq int64 }
		mustDo(b.t, json.Unmarshal(b.slipway("tag", "set", "main", p.format, p.name, "production", p.version, "--output", "json"), &set))
		if before == "" {
			before = "seq:" + strconv.FormatInt(set.Seq-1, 10)
		}
	}
	return before
}
