package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// tree is a project with many dependencies, and what installs them from an address.
type tree struct {
	name, format string
	// lock makes the lockfile that all rounds install by, and whose addresses are those of the registry; nil: there is none.
	lock     func(home, registry string) *exec.Cmd
	lockfile string
	// install runs in a copy of the project, with a home of its own that is new each time.
	install func(home, registry string) []*exec.Cmd
	// check looks at what an installation printed and left.
	check func(t *testing.T, dir, out string)
}

// round is one installation of a tree.
type round struct {
	wall, client, server time.Duration // server: processor time
	files, entered       float64       // requests of files upstream, and files that entered, up to its end
}

// TestRealTrees is upstreams.md acceptance 1 to 3, 7 to 9 and 24 at size: the package managers of this machine install projects of their
// kinds from the registries that they are set up for, and through a server in front of these: for the first time, again from empty caches of
// the clients, and while the server may not ask anybody. It takes minutes and a network, so it runs with SLIPWAY_TEST_LONG (make test LONG=1)
// only, and then nothing may be missing. Its figures, which -v prints, are those of docs/performance.md.
func TestRealTrees(t *testing.T) {
	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		t.Skip("it takes minutes, and registries elsewhere; make test LONG=1")
	}
	s := commandtest.NewServer(t, "--anonymous-read", "--upstream-allow", "127.0.0.1")
	s.Start()
	s.Env = append(s.Env, "SLIPWAY_SERVER="+s.URL, "SLIPWAY_TOKEN="+s.Token("*", "admin,read"))
	registries := map[string]string{"oci": images(t)}
	s.Run(0, "repo", "create", "oci", "--upstream", "http://"+registries["oci"], "--format", "oci")
	for format, from := range map[string]string{"npm": "npm", "pypi": "pip", "maven": "mvn"} {
		s.Run(0, "repo", "create", format, "--upstream-from", from)
		shown := s.Run(0, "upstream", "show", format, format, "-o", "json")
		var up struct{ URL string }
		if err := json.Unmarshal([]byte(shown), &up); err != nil || up.URL == "" {
			t.Fatalf("upstream show: %v\n%s", err, shown)
		}
		registries[format] = strings.TrimRight(up.URL, "/") + "/"
	}
	hosts := []string{hostOf(t, registries["pypi"]), filesHost(t, registries["pypi"])}
	s.Run(0, "upstream", "set", "pypi", "pypi", "--redirects", strings.Join(hosts, ","))
	for format := range registries {
		s.Run(0, "upstream", "set", format, format, "--anonymous-fetch")
	}
	s.Terminate()
	s.Args = append(s.Args[:1:1], "--upstream-allow", strings.Join(addresses(t, append(hosts, hostOf(t, registries["npm"]), hostOf(t, registries["maven"]))), ","))
	s.Start()
	mirrors := map[string]string{"npm": s.URL + "/npm/npm/", "pypi": s.URL + "/pypi/pypi/simple/", "maven": s.URL + "/maven/maven/", "oci": s.Addr + "/oci"}

	for _, tr := range trees(os.Getenv("SLIPWAY_CLIENTS")) {
		t.Run(tr.name, func(t *testing.T) {
			project := filepath.Join(t.TempDir(), "tree")
			if err := os.CopyFS(project, os.DirFS(filepath.Join("testdata", "trees", tr.name))); err != nil {
				t.Fatal(err)
			}
			lock := func(registry string) string { return tr.locked(t, project, registry) }
			want := lock(registries[tr.format])
			run := func(registry string) round {
				return tr.run(t, s, project, registry, strings.ReplaceAll(want, registries[tr.format], registry))
			}
			direct := run(registries[tr.format])
			cold := run(mirrors[tr.format])
			warm := run(mirrors[tr.format])
			if warm.files != cold.files || warm.entered != cold.entered {
				t.Errorf("the second installation asked for %v files upstream, and %v entered", warm.files-cold.files, warm.entered-cold.entered)
			}
			if got := lock(mirrors[tr.format]); strings.ReplaceAll(got, mirrors[tr.format], registries[tr.format]) != want {
				t.Error("the lockfile that is made through the mirror is another one than that of the registry itself")
			}
			s.Terminate()
			s.Args = append(s.Args, "--offline")
			s.Start()
			offline := run(mirrors[tr.format])
			s.Terminate()
			s.Args = s.Args[:len(s.Args)-1]
			s.Start()
			for i, r := range []round{direct, cold, warm, offline} {
				t.Logf("%s: %.1f s, client %.1f s, server %.1f s of processor time", []string{"direct", "cold", "warm", "offline"}[i], r.wall.Seconds(), r.client.Seconds(), r.server.Seconds())
			}
			t.Logf("%v files have entered; cold/direct %.2f, warm/direct %.2f", cold.entered, cold.wall.Seconds()/direct.wall.Seconds(), warm.wall.Seconds()/direct.wall.Seconds())
		})
	}
	for _, v := range [][]string{{"npm", "npm", "react", "18.3.1"}, {"maven", "maven", "org.springframework:spring-webmvc", "5.3.39"}} {
		out := s.Run(0, append([]string{"version", "show"}, v...)...)
		for _, want := range []string{"cached", v[0]} {
			if !strings.Contains(out, want) {
				t.Errorf("version show lacks %q: %s", want, out)
			}
		}
	}
	s.Terminate()
	s.Args = nil
	s.Fsck()
}

// locked makes the lockfile of a tree from a registry; "" where its rounds make their own.
func (tr tree) locked(t *testing.T, project, registry string) string {
	t.Helper()
	if tr.lock == nil {
		return ""
	}
	dir, home := copied(t, project), t.TempDir()
	execute(t, tr.lock(home, registry), dir, home)
	raw, err := os.ReadFile(filepath.Join(dir, tr.lockfile))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func copied(t *testing.T, project string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.CopyFS(dir, os.DirFS(project)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// execute runs a client in a directory, and returns what it printed.
func execute(t *testing.T, cmd *exec.Cmd, dir, home string) string {
	t.Helper()
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "HOME="+home, "NO_COLOR=1", "CI=1", "PIP_FIND_LINKS="), cmd.Env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, commandtest.Tail(string(out), 4000))
	}
	return string(out)
}

// run installs a tree once, from empty caches.
func (tr tree) run(t *testing.T, s *commandtest.Server, project, registry, lock string) round {
	t.Helper()
	dir, home := copied(t, project), t.TempDir()
	if lock != "" {
		if err := os.WriteFile(filepath.Join(dir, tr.lockfile), []byte(lock), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var r round
	before := metrics(t, s)
	started := time.Now()
	for _, cmd := range tr.install(home, registry) {
		out := execute(t, cmd, dir, home)
		r.client += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if tr.check != nil {
			tr.check(t, dir, out)
		}
	}
	r.wall = time.Since(started)
	after := metrics(t, s)
	r.server = time.Duration((after["cpu"] - before["cpu"]) * float64(time.Second))
	r.files, r.entered = after["files"], after["entered"]
	return r
}

// trees are the projects. That of Python has source distributions, those of Maven and Gradle take their plugins from the registry.
func trees(clients string) []tree {
	command := func(env []string, name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Env = env
		return cmd
	}
	npm := func(registry string, args ...string) *exec.Cmd {
		return command([]string{"npm_config_registry=" + registry}, "npm", append(args, "--ignore-scripts", "--no-audit", "--no-fund")...)
	}
	uv := filepath.Join(clients, "uv-0.13.8", "bin", "uv")
	return []tree{
		{name: "npm", format: "npm", lockfile: "package-lock.json",
			lock:    func(_, registry string) *exec.Cmd { return npm(registry, "install", "--package-lock-only") },
			install: func(_, registry string) []*exec.Cmd { return []*exec.Cmd{npm(registry, "ci")} }},
		{name: "python", format: "pypi", install: func(home, registry string) []*exec.Cmd {
			env := []string{"UV_CACHE_DIR=" + filepath.Join(home, "cache"), "UV_PYTHON_DOWNLOADS=never", "UV_DEFAULT_INDEX=" + registry}
			return []*exec.Cmd{command(env, uv, "lock"), command(env, uv, "sync", "--frozen"), command(env, uv, "export", "--frozen", "--format", "pylock.toml", "-o", "pylock.toml", "-q")}
		}, check: func(t *testing.T, dir, _ string) {
			for _, name := range []string{"uv.lock", "pylock.toml"} {
				raw, _ := os.ReadFile(filepath.Join(dir, name)) // the second one comes last
				if strings.Contains(string(raw), "127.0.0.1") && strings.Contains(string(raw), `"https://`) {
					t.Errorf("%s names other hosts beside the mirror", name)
				}
			}
		}},
		{name: "maven", format: "maven", install: func(home, registry string) []*exec.Cmd {
			settings := "<settings><mirrors><mirror><id>all</id><mirrorOf>*</mirrorOf><url>" + registry + "</url></mirror></mirrors></settings>"
			script := `echo "$0" >"$HOME/settings.xml" && exec mvn -B -s "$HOME/settings.xml" -Dmaven.repo.local="$HOME/repository" -DskipTests package`
			return []*exec.Cmd{command(nil, "sh", "-c", script, settings)}
		}, check: func(t *testing.T, _, out string) {
			if !strings.Contains(out, "BUILD SUCCESS") || regexp.MustCompile(`(?i)warn.*checksum`).MatchString(out) {
				t.Errorf("mvn: %s", commandtest.Tail(out, 4000))
			}
		}},
		{name: "gradle", format: "maven", install: func(home, registry string) []*exec.Cmd {
			return []*exec.Cmd{command([]string{"REPOSITORY=" + registry}, "gradle", "--no-daemon", "--console=plain", "-g", home, "build")}
		}},
		{name: "oci", format: "oci", install: func(home, registry string) []*exec.Cmd {
			return []*exec.Cmd{command(nil, "skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false", "docker://"+registry+"/main/app:1", "dir:"+filepath.Join(home, "image"))}
		}},
	}
}

// images is the address of a second server, which has an image of several layers.
func images(t *testing.T) string {
	t.Helper()
	s := commandtest.NewServer(t, "--anonymous-read")
	s.Start()
	home := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte("admin:" + commandtest.Password))
	write := func(name string, content []byte) string {
		path := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write(".docker/config.json", []byte(`{"auths":{"`+s.Addr+`":{"auth":"`+auth+`"}}}`))
	args := []string{"append", "--oci-empty-base", "--insecure", "-t", s.Addr + "/main/app:1"}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 6 {
		var layer bytes.Buffer
		w := tar.NewWriter(&layer)
		content := make([]byte, 8<<20)
		for j := range content {
			content[j] = byte(random.Uint32())
		}
		err := w.WriteHeader(&tar.Header{Name: fmt.Sprint("file", i), Mode: 0o644, Size: int64(len(content))})
		_, failed := w.Write(content)
		if err := errors.Join(err, failed, w.Close()); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-f", write(fmt.Sprintf("layer%d.tar", i), layer.Bytes()))
	}
	execute(t, exec.Command(filepath.Join(os.Getenv("SLIPWAY_CLIENTS"), "oci", "crane"), args...), home, home)
	return s.Addr
}

// metrics are the sums of those metrics that the figures need.
func metrics(t *testing.T, s *commandtest.Server) map[string]float64 {
	t.Helper()
	_, body := s.Get("", "/metrics")
	out := map[string]float64{}
	for line := range strings.Lines(body) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseFloat(value, 64)
		switch {
		case strings.HasPrefix(name, "process_cpu_seconds_total"):
			out["cpu"] += n
		case strings.HasPrefix(name, "slipway_upstream_request_duration_seconds_count") && strings.Contains(name, `kind="file"`):
			out["files"] += n
		case strings.HasPrefix(name, "slipway_cache_entered_files_total"):
			out["entered"] += n
		}
	}
	return out
}

// addresses are those of hosts. They are opened to the server, as a registry may be reached at an address that is closed to remotes.
func addresses(t *testing.T, hosts []string) []string {
	t.Helper()
	out := []string{"127.0.0.1"}
	for _, host := range hosts {
		addrs, err := net.LookupHost(host)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, addrs...)
	}
	return out
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// filesHost is the host that a page of an index of Python packages leads to.
func filesHost(t *testing.T, index string) string {
	t.Helper()
	res, err := http.Get(index + "six/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	m := regexp.MustCompile(`href="(https?://[^"]+)"`).FindSubmatch(page)
	if err != nil || m == nil {
		return hostOf(t, index)
	}
	return hostOf(t, string(m[1]))
}
