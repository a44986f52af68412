package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// newCluster is a cluster with the programs that make test has built, in a folder and at ports of its own.
func newCluster(t *testing.T) *cluster {
	clients := os.Getenv("SLIPWAY_CLIENTS")
	s3 := filepath.Join(filepath.Dir(filepath.Clean(clients)), "tools", "versitygw")
	c := &cluster{slipway: os.Getenv("SLIPWAY_TEST_BINARY"), s3: s3, replicas: 2}
	for _, program := range []string{c.slipway, c.s3} {
		if _, err := os.Stat(program); err != nil && os.Getenv("SLIPWAY_REQUIRE_CLIENTS") == "" {
			t.Skipf("make test builds what is missing: %v", err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("/tmp", "slipway-cluster-test-") // which PostgreSQL's user can reach, and has a short name
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	c.dir, c.port = dir, freePorts(t, replicaPort+c.replicas)
	return c
}

// freePorts is the first of n ports that nothing uses, below those that the system gives away.
func freePorts(t *testing.T, n int) int {
	for try := range 200 {
		first := 12_000 + (os.Getpid()*n+try*n)%7_000
		free := true
		for port := first; port < first+n && free; port++ {
			ln, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
			free = err == nil && ln.Close() == nil
		}
		if free {
			return first
		}
	}
	t.Fatal("there are no free ports")
	return 0
}

// in runs a cluster while do does something.
func (c *cluster) in(t *testing.T, do func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- (&cluster{dir: c.dir, slipway: c.slipway, s3: c.s3, replicas: c.replicas, port: c.port}).run(ctx)
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, ok := c.running(); ok {
			t.Error("a cluster that has ended counts as running")
		}
	}()
	for end := time.Now().Add(startTime); ; time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(c.path(passwordFile)); err == nil {
			c.password = string(text)
		}
		if _, err := os.Stat(c.path(summaryFile)); err == nil {
			break
		}
		if time.Now().After(end) || len(done) > 0 {
			t.Fatal("the cluster does not answer")
		}
	}
	if pid, ok := c.running(); !ok || pid != os.Getpid() {
		t.Errorf("running as %d, %v", pid, ok)
	}
	do()
}

func (c *cluster) do(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.url()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("admin", c.password)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// TestCluster: what is published through the balancer is there at every server and goes to NATS, also while one of the servers is killed, which
// comes back; and all of it is there at the next start.
func TestCluster(t *testing.T) {
	c := newCluster(t)
	c.in(t, func() {
		subscription := fmt.Sprintf(`{"name":"bus","sink":"nats","url":"nats://%s?stream=SLIPWAY&create=true&tls=false"}`, c.addr(natsPort))
		if code, body := c.do(t, http.MethodPost, "/api/v1/subscriptions", subscription); code != http.StatusCreated {
			t.Fatal(code, body)
		}
		for i := range 4 {
			if code, body := c.do(t, http.MethodPut, fmt.Sprintf("/raw/main/tool/1.%d.0/tool.txt", i), "hello"); code != http.StatusCreated {
				t.Fatal(code, body)
			}
			if i == 1 {
				c.kill(t, "replica-1")
			}
		}
		c.heard(t, 4)
	})
	c.in(t, func() {
		for i := range 4 {
			if code, body := c.do(t, http.MethodGet, fmt.Sprintf("/raw/main/tool/1.%d.0/tool.txt", i), ""); code != http.StatusOK || body != "hello" {
				t.Error(code, body)
			}
		}
	})
}

// kill kills a process and waits until another one is in its place.
func (c *cluster) kill(t *testing.T, name string) {
	pid := func() int {
		text, err := os.ReadFile(c.path(name + ".pid"))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return 0 // it is being written
		}
		return n
	}
	before := pid()
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(startTime); pid() == before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not come back", name)
		}
	}
}

// heard waits until the broker has the events of n versions.
func (c *cluster) heard(t *testing.T, n int) {
	conn, err := nats.Connect("nats://" + c.addr(natsPort))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	events, err := stream.SubscribeSync("slipway.artifact.published.>", nats.BindStream("SLIPWAY"))
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := events.NextMsg(startTime); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFolderOfAnother: a folder that belongs to another user is not used, as passwords would be readable and files could be links.
func TestFolderOfAnother(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a folder to another user")
	}
	c := cluster{dir: t.TempDir()}
	if err := c.folder(); err != nil {
		t.Error(err)
	}
	if err := os.Chown(c.dir, 1000, 1000); err != nil {
		t.Fatal(err)
	}
	if err := c.folder(); err == nil {
		t.Error("a folder of another user is used")
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if err := (&cluster{dir: link}).folder(); err == nil {
		t.Error("a link is used")
	}
}
