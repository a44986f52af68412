//go:build linux

package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// deployer deploys the versions that tags name into one environment, with docs/examples/deploy.sh.
type deployer struct {
	t    *testing.T
	b    *builder
	name string
	dir  string
	env  []string
}

func newDeployer(t *testing.T, b *builder, name string) *deployer {
	t.Helper()
	d := &deployer{t: t, b: b, name: name, dir: t.TempDir()}
	script, err := filepath.Abs(deployScript)
	mustDo(t, err)
	d.env = append(b.env, "PATH="+filepath.Dir(b.s.Bin)+":"+filepath.Join(b.clients, "oci")+":"+os.Getenv("PATH"), "SLIPWAY_SERVER="+b.s.URL,
		"DEPLOY_ENVIRONMENT="+name, "DEPLOY_DIR="+d.dir, "DEPLOY_TOKEN="+b.token, "DEPLOY_SCRIPT="+script,
		`DEPLOY_CHECK=[ "$(cat "$DEPLOY_STATE/says")" = "$(sed -n "s/^# says //p" start.sh)" ]`)
	t.Cleanup(d.stopAll)
	// An administrator makes it: from then on, the tag is moved in no repository without the right to.
	b.slipwayAs(b.s.Token("*", "admin"), "env", "create", name, "--tag", "production")
	return d
}

// running returns the process id of a service and its output; 0 when the service does not run.
func (d *deployer) running(service string) (pid int, says string) {
	raw, err := os.ReadFile(filepath.Join(d.dir, service, "pid"))
	if err != nil {
		return 0, ""
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return 0, ""
	}
	said, err := os.ReadFile(filepath.Join(d.dir, service, "says"))
	if err != nil {
		return 0, ""
	}
	return pid, strings.TrimSpace(string(said))
}

func (d *deployer) stopAll() {
	for _, service := range []string{"oci", "pypi", "maven", "npm", "raw"} {
		if pid, _ := d.running(service); pid != 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
	}
}

// webhook makes the subscription and the receiver: it checks the signature, answers with success, and starts the script,
// one at a time for each service.
func (d *deployer) webhook() {
	key := []byte("0123456789abcdef0123456789abcdef")
	var mu sync.Mutex
	queues := map[string]chan event{}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		var e event
		if got := r.Header.Get("webhook-signature"); got != want || json.Unmarshal(body, &e) != nil {
			d.t.Errorf("a webhook with signature %q, want %q: %s", got, want, body)
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		queue := queues[e.Data.Format]
		if queue == nil {
			queue = make(chan event, 1000)
			queues[e.Data.Format] = queue
			wg.Go(func() {
				for {
					select {
					case <-ctx.Done():
						return
					case e := <-queue:
						d.script(ctx, &e)
					}
				}
			})
		}
		queue <- e
		w.WriteHeader(http.StatusNoContent)
	}))
	d.t.Cleanup(func() {
		cancel()
		wg.Wait()
		receiver.Close()
	})
	body, err := json.Marshal(map[string]any{
		"name": "deploy", "sink": "webhook", "url": receiver.URL, "secret": "whsec_" + base64.StdEncoding.EncodeToString(key), "preset": "cloudevents",
		"types": []string{"tag.set"}, "repositories": []string{"main"}, "packages": []string{"*"}, "tags": []string{"production"},
	})
	mustDo(d.t, err)
	req, err := http.NewRequest(http.MethodPost, d.b.s.URL+"/api/v1/subscriptions", bytes.NewReader(body))
	mustDo(d.t, err)
	req.SetBasicAuth("admin", commandtest.Password)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	mustDo(d.t, err)
	defer res.Body.Close()
	if answer, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusCreated {
		d.t.Fatalf("subscribe: %s %s, %v", res.Status, answer, err)
	}
}

// event holds the fields of an event that the deploy script needs.
type event struct {
	ID      string
	Type    string
	Subject string
	Data    struct{ Repository, Format, Package, Version, PURL, Digest, Tag string }
}

// environment is the environment of a command of "events tail --exec".
func (e *event) environment() []string {
	var out []string
	for name, value := range map[string]string{
		"ID": e.ID, "TYPE": strings.TrimSuffix(strings.TrimPrefix(e.Type, "dev.slipway."), ".v1"), "REPOSITORY": e.Data.Repository,
		"FORMAT": e.Data.Format, "PACKAGE": e.Data.Package, "VERSION": e.Data.Version, "PURL": e.Data.PURL, "DIGEST": e.Data.Digest, "TAG": e.Data.Tag,
	} {
		out = append(out, "SLIPWAY_EVENT_"+name+"="+value)
	}
	return out
}

// script runs the deploy script for one event.
func (d *deployer) script(ctx context.Context, e *event) {
	cmd := exec.CommandContext(ctx, deployScript)
	cmd.Env, cmd.WaitDelay = append(append(slices.Clone(d.env), "DEPLOY_SERVICE="+e.Data.Format), e.environment()...), time.Second
	if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
		d.t.Errorf("%s: deploy %s: %v\n%s", d.name, e.Subject, err, commandtest.Tail(string(out), 2000))
	}
}

// tail follows the feed as a named consumer, so that the server keeps the position.
func (d *deployer) tail() {
	cmd := exec.Command(d.b.s.Bin, "events", "tail", "--consumer", d.name, "--after", "start", "--types", "tag.set", "--exec", `DEPLOY_SERVICE=$SLIPWAY_EVENT_FORMAT "$DEPLOY_SCRIPT"`)
	cmd.Env = append(slices.Clone(d.env), "SLIPWAY_TOKEN="+d.b.token)
	logs := &commandtest.LockedBuffer{}
	cmd.Stdout, cmd.Stderr = logs, logs
	mustDo(d.t, cmd.Start())
	d.t.Cleanup(func() {
		mustDo(d.t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // ended by the signal
		if d.t.Failed() {
			d.t.Logf("events tail says:\n%s", commandtest.Tail(logs.String(), 4000))
		}
	})
}

// waitFor waits until every service runs its version, and the environment reports it.
func (d *deployer) waitFor(products []*product, version string, deadline time.Time) {
	d.t.Helper()
	want := versionsOf(products)
	for {
		right := true
		for _, p := range products {
			if pid, says := d.running(p.format); pid == 0 || says != p.format+" "+version {
				right = false
			}
		}
		got := d.environment("")
		if right && maps.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			state := ""
			for _, p := range products {
				pid, says := d.running(p.format)
				state += fmt.Sprintf("%s: process %d says %q\n", p.format, pid, says)
			}
			d.t.Fatalf("%s: the environment shows %v, want %v\n%s", d.name, got, want, state)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// environment is what runs there according to the server, by service.
func (d *deployer) environment(asOf string) map[string]string {
	d.t.Helper()
	args := []string{"env", "show", d.name, "--output", "json"}
	if asOf != "" {
		args = append(args, "--as-of", asOf)
	}
	var shown struct {
		Services []struct {
			Service string
			Running struct{ Version string }
		}
	}
	mustDo(d.t, json.Unmarshal(d.b.slipway(args...), &shown))
	out := map[string]string{}
	for _, s := range shown.Services {
		if s.Running.Version != "" {
			out[s.Service] = s.Running.Version
		}
	}
	return out
}
