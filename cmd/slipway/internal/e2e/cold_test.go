//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/integration/upstream/upstreamtest"
)

const (
	coldRounds     = 3
	coldRoundsLong = 200 // with SLIPWAY_TEST_LONG
	coldPackages   = 8
)

// TestColdInstallsKilled is upstreams.md acceptance 19: the server is killed at a random moment of each of many installations through a repository
// that has none of the packages. Then the same installation passes, every file entered once and whole, and the data are consistent.
func TestColdInstallsKilled(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	s := commandtest.NewServer(t, "--anonymous-read", "--upstream-allow", "127.0.0.1")
	s.Start()
	s.Env = append(s.Env, "SLIPWAY_SERVER="+s.URL, "SLIPWAY_TOKEN="+s.Token("*", "admin,read"))
	s.Run(0, "repo", "create", "mirror", "--upstream", u.NPMURL(), "--format", "npm")
	s.Run(0, "upstream", "set", "mirror", "npm", "--anonymous-fetch")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	rounds := coldRounds
	if os.Getenv("SLIPWAY_TEST_LONG") != "" {
		rounds = coldRoundsLong
	}
	want, entries, mirror := 0, 0, s.URL+"/npm/mirror/"
	for round := range rounds {
		names := map[string]*upstreamtest.File{}
		for i := range coldPackages {
			name := fmt.Sprintf("cold-%d-%d", round, i)
			names[name] = u.NPM(name, "1.0.0", upstreamtest.NPMVersion{Size: int64(1000 + i%3*1500_000)})
		}
		want += len(names)
		killed := make(chan struct{})
		moment := time.Duration(200+random.IntN(600)) * time.Millisecond
		go func() {
			defer close(killed)
			time.Sleep(moment)
			s.Kill()
			s.Start()
		}()
		_ = npmCI(t, mirror, names) // it may have finished before, or try again until the server is back
		<-killed
		if out := npmCI(t, mirror, names); out != "" {
			t.Fatalf("round %d: %s", round, commandtest.Tail(out, 4000))
		}
		of := s.Run(0, "events", "ls", "--types", "cache.entered", "--package", fmt.Sprintf("cold-%d-*", round), "-o", "json")
		entries += strings.Count(of, `"sequence":`)
	}
	files := s.Run(0, "cache", "ls", "mirror", "-o", "json")
	if f := strings.Count(files, `"here": true`); f != want || entries != want {
		t.Errorf("%d files and %d entries, not %d", f, entries, want)
	}
	s.Terminate()
	s.Args = nil
	s.Fsck()
}

// npmCI installs these packages, version 1.0.0 of each, from an empty cache by a lock file, and returns what npm says if it fails.
func npmCI(t *testing.T, registry string, packages map[string]*upstreamtest.File) string {
	t.Helper()
	dir, home := t.TempDir(), t.TempDir()
	dependencies, locked := map[string]string{}, map[string]any{}
	for name, f := range packages {
		dependencies[name] = "1.0.0"
		locked["node_modules/"+name] = map[string]string{"version": "1.0.0", "resolved": registry + name + "/-/" + name + "-1.0.0.tgz", "integrity": f.Integrity()}
	}
	locked[""] = map[string]any{"name": "app", "version": "1.0.0", "dependencies": dependencies}
	for file, content := range map[string]any{
		"package.json":      map[string]any{"name": "app", "version": "1.0.0", "dependencies": dependencies},
		"package-lock.json": map[string]any{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": locked},
	} {
		raw, err := json.Marshal(content)
		mustDo(t, err)
		mustDo(t, os.WriteFile(filepath.Join(dir, file), raw, 0o600))
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1", "--fetch-retry-mintimeout", "100")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "CI=1", "npm_config_registry="+registry)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%v\n%s", err, out)
	}
	return ""
}

// TestColdLatency measures how much longer an installation from a lock file takes through an empty mirror than from the registry itself, which
// answers after 50 ms: upstreams.md U-8. Its figures, which -v prints, are those of docs/performance.md.
func TestColdLatency(t *testing.T) {
	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		t.Skip("it measures, and takes a while; make test LONG=1")
	}
	const packages, versions, latency = 200, 20, 50 * time.Millisecond
	u := upstreamtest.New(t, upstreamtest.Options{})
	names := map[string]*upstreamtest.File{}
	for i := range packages {
		name := fmt.Sprint("latency-", i)
		for v := range versions {
			u.NPM(name, fmt.Sprintf("0.%d.0", v), upstreamtest.NPMVersion{Size: 1000})
		}
		names[name] = u.NPM(name, "1.0.0", upstreamtest.NPMVersion{Size: 20_000})
	}
	u.On("**", upstreamtest.Delay(latency))
	s := commandtest.NewServer(t, "--anonymous-read", "--upstream-allow", "127.0.0.1")
	s.Start()
	s.Env = append(s.Env, "SLIPWAY_SERVER="+s.URL, "SLIPWAY_TOKEN="+s.Token("*", "admin,read"))
	took := func(registry string) time.Duration {
		start := time.Now()
		if out := npmCI(t, registry, names); out != "" {
			t.Fatal(commandtest.Tail(out, 4000))
		}
		return time.Since(start)
	}
	for round := range 5 {
		mirror := fmt.Sprint("mirror-", round)
		s.Run(0, "repo", "create", mirror, "--upstream", u.NPMURL(), "--format", "npm")
		s.Run(0, "upstream", "set", mirror, "npm", "--anonymous-fetch")
		mirror = s.URL + "/npm/" + mirror + "/"
		direct, cold, warm := took(u.NPMURL()), took(mirror), took(mirror)
		t.Logf("direct %.2f s, cold %.2f s, warm %.2f s; cold/direct %.2f, warm/direct %.2f", direct.Seconds(), cold.Seconds(), warm.Seconds(),
			cold.Seconds()/direct.Seconds(), warm.Seconds()/direct.Seconds())
	}
}
