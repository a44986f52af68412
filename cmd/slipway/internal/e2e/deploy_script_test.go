//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// stage is a server with the package "web" of raw files, and a machine that deploys it with docs/examples/deploy.sh.
type stage struct {
	t     *testing.T
	s     *commandtest.Server
	dir   string
	env   []string
	token string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := commandtest.NewServer(t)
	s.Start()
	g := &stage{t: t, s: s, dir: t.TempDir(), token: s.Token("main", "read,publish,tag,deploy")}
	g.env = append(os.Environ(), "PATH="+filepath.Dir(s.Bin)+":"+os.Getenv("PATH"), "SLIPWAY_SERVER="+s.URL, "SLIPWAY_TOKEN="+g.token, "DEPLOY_TOKEN="+g.token,
		"DEPLOY_DIR="+g.dir, "DEPLOY_PATIENCE=1", "XDG_CONFIG_HOME="+t.TempDir())
	t.Cleanup(g.stop)
	return g
}

// stop ends the service's process.
func (g *stage) stop() {
	if pid := g.read("pid"); pid != "" {
		_ = exec.Command("kill", "-KILL", "--", "-"+pid).Run() // it may have ended
	}
}

// read returns a file of the service's folder; "" when there is none.
func (g *stage) read(path string) string {
	raw, _ := os.ReadFile(filepath.Join(g.dir, "web", path))
	return strings.TrimSpace(string(raw))
}

func (g *stage) slipway(args ...string) string {
	g.t.Helper()
	cmd := exec.Command(g.s.Bin, args...)
	cmd.Env = g.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("slipway %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// release publishes a version, tags it, and returns the tag's event as the script sees it. files are pairs of path and content.
func (g *stage) release(version string, files ...string) []string {
	g.t.Helper()
	for i := 0; i < len(files); i += 2 {
		cmd := exec.Command("curl", "-fsS", "-u", "ci:"+g.token, "-T", "-", g.s.URL+"/raw/main/web/"+version+"/"+files[i])
		cmd.Stdin = strings.NewReader(files[i+1])
		if out, err := cmd.CombinedOutput(); err != nil {
			g.t.Fatalf("publish: %v\n%s", err, out)
		}
	}
	var set struct{ Seq int64 }
	mustDo(g.t, json.Unmarshal([]byte(g.slipway("tag", "set", "main", "raw", "web", "production", version, "--output", "json")), &set))
	var e event
	lines := strings.Split(strings.TrimSpace(g.slipway("events", "tail", "--once", "--types", "tag.set", "--after", "start", "--output", "json")), "\n")
	mustDo(g.t, json.Unmarshal([]byte(lines[len(lines)-1]), &e))
	return e.environment()
}

// deploy starts the script for an event.
func (g *stage) deploy(event []string, more ...string) (*exec.Cmd, *commandtest.LockedBuffer) {
	g.t.Helper()
	out := &commandtest.LockedBuffer{}
	cmd := exec.Command(deployScript)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = append(append(slices.Clone(g.env), event...), more...), out, out, time.Second
	mustDo(g.t, cmd.Start())
	return cmd, out
}

// run deploys and expects the exit code.
func (g *stage) run(code int, event []string, more ...string) {
	g.t.Helper()
	cmd, out := g.deploy(event, more...)
	_ = cmd.Wait() // the code says it
	if got := cmd.ProcessState.ExitCode(); got != code {
		g.t.Fatalf("deploy.sh: exit code %d, want %d\n%s", got, code, out)
	}
}

// recorded are the deployments that the server has, the oldest first: version and status.
func (g *stage) recorded() string {
	g.t.Helper()
	var list []struct{ PURL, Status string }
	mustDo(g.t, json.Unmarshal([]byte(g.slipway("deploy", "ls", "--output", "json")), &list))
	var out []string
	for _, d := range slices.Backward(list) {
		out = append(out, d.PURL[strings.LastIndex(d.PURL, "@")+1:]+" "+d.Status)
	}
	return strings.Join(out, ", ")
}

func (g *stage) want(recorded, page string) {
	g.t.Helper()
	if got := g.recorded(); got != recorded {
		g.t.Errorf("recorded: %s, want %s", got, recorded)
	}
	if got := g.read("current/index.html"); got != page {
		g.t.Errorf("the machine has %q, want %q", got, page)
	}
}

// TestDeployScript is B4: docs/examples/deploy.sh deploys files and a process, and records only what happened: a version that does not
// answer, and a deployment that was cut off, are failed, and the version before runs again.
func TestDeployScript(t *testing.T) {
	g := newStage(t)
	const serve, healthy = "echo up >\"$DEPLOY_STATE/up\"\nexec sleep 1000\n", "[ -f \"$DEPLOY_STATE/up\" ]\n"

	one := g.release("1.0", "index.html", "one")
	g.run(0, one)
	g.want("1.0 succeeded", "one")
	g.run(0, one) // the event comes again
	g.want("1.0 succeeded", "one")

	two := g.release("2.0", "index.html", "two", "start.sh", serve, "check.sh", healthy)
	g.run(0, one) // an event that a newer one has overtaken
	g.want("1.0 succeeded", "one")
	g.run(0, two)
	g.want("1.0 succeeded, 2.0 succeeded", "two")
	pid := g.read("pid")

	for _, c := range []struct{ version, start, check string }{
		{"3.0", serve, "echo no; exit 1\n"}, // does not answer
		{"3.1", "exit 3\n", "exit 0\n"},     // ends at once
		{"3.2", serve, ""},                  // nothing says whether it answers
	} {
		files := []string{"index.html", "three", "start.sh", c.start}
		if c.check != "" {
			files = append(files, "check.sh", c.check)
		}
		before := g.recorded()
		g.run(0, g.release(c.version, files...))
		g.want(before+", "+c.version+" failed", "two")
		if now := g.read("pid"); now == "" || now == pid {
			t.Errorf("after %s the process is %q, and was %q", c.version, now, pid)
		}
	}

	// The deployer is ended while the version starts: by a signal that it can answer, and by one that it can't.
	for version, signal := range map[string]syscall.Signal{"4.0": syscall.SIGTERM, "5.0": syscall.SIGKILL} {
		before := g.recorded()
		event := g.release(version, "index.html", "four", "start.sh", serve, "check.sh", "echo waits >\"$DEPLOY_STATE/waits-"+version+"\"; exit 1\n")
		cmd, out := g.deploy(event, "DEPLOY_PATIENCE=60")
		for g.read("waits-"+version) == "" {
			if err := syscall.Kill(cmd.Process.Pid, 0); err != nil {
				t.Fatalf("the script ended: %s", out)
			}
			time.Sleep(5 * time.Millisecond)
		}
		mustDo(t, cmd.Process.Signal(signal))
		_ = cmd.Wait() // it was killed
		if signal == syscall.SIGTERM {
			g.want(before+", "+version+" failed", "two")
			continue
		}
		g.want(before+", "+version+" running", "four")
		g.run(0, event) // the event comes again, as it was not acknowledged
		g.want(before+", "+version+" failed, "+version+" failed", "two")
	}
	six := g.release("6.0", "index.html", "six")
	g.run(0, six)
	if got := g.recorded(); !strings.HasSuffix(got, ", 6.0 succeeded") || g.read("pid") != "" || g.read("current/index.html") != "six" {
		t.Errorf("files alone: %s, process %q", got, g.read("pid"))
	}
	if list := g.slipway("deploy", "ls", "--output", "json"); !strings.Contains(list, `"reason": "it does not answer: no`) || !strings.Contains(list, `"reason": "its process has ended, see `) || !strings.Contains(list, `"reason": "the deployer was killed"`) {
		t.Errorf("the records do not say why the deployments failed: %s", list)
	}
	if log := g.read("deploy.log"); !strings.Contains(log, "failed: pkg:generic/web@3.0: it does not answer: no") {
		t.Errorf("the log of the deployer:\n%s", log)
	}
}
