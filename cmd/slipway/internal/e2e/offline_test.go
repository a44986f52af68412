//go:build linux

package e2e

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/integration/upstream/upstreamtest"
)

// dependencyPlugin is the version of the plugin in .cache/clients/m2.
const dependencyPlugin = "3.8.1"

// TestOffline is upstreams.md acceptance 28, as clients see it, and 30: npm, pip, Maven and skopeo install what is cached from empty caches of
// their own, while the registries elsewhere fail, and from a server that is started with --offline, which opens no connection: in a network
// namespace without routes what is not cached is 503 with the reason, and the kernel counts no connection of the server, and no packet
// that had no route. Where the machine lets nobody make such a namespace, the registry elsewhere counts.
func TestOffline(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	u.NPM("pad", "1.0.0", upstreamtest.NPMVersion{})
	u.PyPI("pad", "1.0")
	u.Maven("org.up:parts:1.0", upstreamtest.MavenVersion{})
	u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64"}})
	s := commandtest.NewServer(t, "--anonymous-read", "--upstream-allow", "127.0.0.1")
	s.Start()
	b := newBuilder(t, s) // it looks for the clients
	if _, err := exec.LookPath("skopeo"); err != nil {
		b.missing(err.Error())
	}
	s.Env = append(s.Env, "SLIPWAY_SERVER="+s.URL, "SLIPWAY_TOKEN="+s.Token("*", "admin,read"))
	for repository, r := range map[string][2]string{"mirror": {u.NPMURL(), "npm"}, "mirror-pypi": {u.PyPIURL(), "pypi"}, "mirror-maven": {u.MavenURL(), "maven"},
		"mirror-oci": {u.OCIURL(), "oci"}, "mirror-raw": {u.RawURL(), "raw"}} {
		s.Run(0, "repo", "create", repository, "--upstream", "up="+r[0], "--format", r[1])
		s.Run(0, "upstream", "set", repository, "up", "--anonymous-fetch", "--redirects", "127.0.0.1", "--ttl", "0s", "--stale-while-revalidate", "0s")
	}
	s.Run(0, "repo", "create", "far", "--upstream", "https://images.example.com/", "--format", "oci") // whose name would have to be resolved
	uncached := []string{"/npm/mirror/absent", "/pypi/mirror-pypi/simple/absent/", "/maven/mirror-maven/org/up/absent/1.0/absent-1.0.jar", "/v2/mirror-oci/team/absent/manifests/1.0",
		"/raw/mirror-raw/absent/1.0/file", "/v2/far/team/app/manifests/1.0"}
	env := append(os.Environ(), "SLIPWAY="+s.Bin, "DATA="+s.Data, "ADDR="+s.Addr, "CLIENTS="+b.clients, "TOKEN="+s.Token("*", "read"), "UNCACHED="+strings.Join(uncached, " "),
		"DEPENDENCY_PLUGIN="+dependencyPlugin, "no_proxy=*", "CI=1", "PIP_CONFIG_FILE=/dev/null", "MAVEN_OPTS=-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
	run := func(role string, wrap ...string) string {
		t.Helper()
		script, err := filepath.Abs("testdata/offline.sh")
		mustDo(t, err)
		args := append(slices.Clip(wrap), "sh", script)
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Env = append(slices.Clip(env), "ROLE="+role, "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", role, err, commandtest.Tail(string(out), 6000))
		}
		return string(out)
	}
	run("online")
	u.Reset()
	u.On("**", upstreamtest.Status(http.StatusInternalServerError))
	run("online") // from the copies, once the registry has failed
	for _, path := range []string{"/npm/**", "/pypi/**", "/v2/**"} {
		if u.Count("", path) == 0 {
			t.Errorf("nobody asked for %s again:\n%s", path, u.Dump())
		}
	}
	s.Terminate()
	u.Reset()
	namespace := namespaceWithoutRoutes(t)
	out := run("offline", namespace...)
	for _, path := range uncached {
		_, answer, _ := strings.Cut(out, "uncached "+path+" ")
		answer, _, _ = strings.Cut(answer, "\n")
		if !strings.HasSuffix(strings.TrimSpace(answer), " 503") || !strings.Contains(answer, "is offline") {
			t.Errorf("%s: %q", path, answer)
		}
	}
	u.NeverAsked(t, "**")
	if len(namespace) > 0 {
		counts := counters(t, out)
		if counts["Ip OutNoRoutes"] != 0 || counts["Tcp AttemptFails"] != 0 || counts["Tcp ActiveOpens"] != counts["Tcp PassiveOpens"] || counts["Tcp PassiveOpens"] < int64(len(uncached)) {
			t.Errorf("the kernel counts %v", counts)
		}
	}
}

// namespaceWithoutRoutes is the start of a command line that runs in a network namespace of its own; empty where the machine does not let
// the test make one.
func namespaceWithoutRoutes(t *testing.T) []string {
	t.Helper()
	for _, flags := range []string{"-n", "-rn"} {
		if exec.CommandContext(t.Context(), "unshare", flags, "sh", "-c", "ip link set lo up || ifconfig lo up").Run() == nil {
			return []string{"unshare", flags}
		}
	}
	t.Log("no network namespace can be made here")
	return nil
}

// counters reads /proc/net/snmp: a line of names, then one of values, for each protocol.
func counters(t *testing.T, out string) map[string]int64 {
	t.Helper()
	counts, names := map[string]int64{}, map[string][]string{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "Ip:" && fields[0] != "Tcp:" {
			continue
		}
		if names[fields[0]] == nil {
			names[fields[0]] = fields
			continue
		}
		for i, name := range names[fields[0]][1:] {
			n, err := strconv.ParseInt(fields[i+1], 10, 64)
			mustDo(t, err)
			counts[strings.TrimSuffix(fields[0], ":")+" "+name] = n
		}
	}
	maps.DeleteFunc(counts, func(name string, _ int64) bool {
		return !slices.Contains([]string{"Ip OutNoRoutes", "Tcp AttemptFails", "Tcp ActiveOpens", "Tcp PassiveOpens"}, name)
	})
	return counts
}
