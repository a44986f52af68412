package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/storage/s3/s3test"
)

// nginxBefore runs nginx with the configuration of deploy/ in front of servers, and returns its URL.
func nginxBefore(t *testing.T, servers []*commandtest.Server) string {
	program := filepath.Join(os.Getenv("SLIPWAY_CLIENTS"), "nginx/usr/sbin/nginx")
	_, err := os.Stat(program)
	if err != nil && os.Getenv("SLIPWAY_REQUIRE_CLIENTS") == "" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s3test.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pairs := []string{"listen 8080", "listen " + addr, "/tmp/", dir + "/", "worker_rlimit_nofile 65536;", "", "worker_connections 8192;", "worker_connections 500;"}
	if os.Getuid() == 0 {
		pairs = append(pairs, "worker_processes auto;", "worker_processes 2; user root;")
	}
	for i, s := range servers {
		pairs = append(pairs, fmt.Sprintf("server-%d:8080", i+1), s.Addr)
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-e", filepath.Join(dir, "errors"), "-c", conf, "-g", "daemon off;")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &out, &out, &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, &out)
		}
		if t.Failed() {
			errors, _ := os.ReadFile(filepath.Join(dir, "errors")) // only adds to the message
			t.Logf("nginx:\n%s", errors)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get("http://" + addr + "/livez")
		if err == nil && res.StatusCode == http.StatusOK {
			_ = res.Body.Close()
			return "http://" + addr
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not answer: %v\n%s", err, &out)
		}
	}
}

// TestNginx: three servers behind nginx, set up as deploy/ does it: bodies of unknown length, parts of files, scoped names, events while they
// come, links that name nginx; and no request fails by the death of a server but those that it had begun.
func TestNginx(t *testing.T) {
	t.Parallel() // it waits more than it works
	c := newReplicas(t, 3)
	for _, s := range c.all {
		s.Env = append(s.Env, "SLIPWAY_TRUSTED_PROXIES=127.0.0.0/8")
	}
	c.start()
	front := *c.all[0]
	front.URL = nginxBefore(t, c.all)
	token := front.Token("*", "read,publish")
	events := follow(t, &front, token)

	large := make([]byte, 20<<20)
	if _, err := rand.Read(large); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPut, front.URL+"/raw/main/large/1/file", io.MultiReader(bytes.NewReader(large))) // no Content-Length
	if err != nil {
		t.Fatal(err)
	}
	if code, body := front.Send(token, req); code != http.StatusCreated {
		t.Fatalf("a body of unknown length: %d %s", code, body)
	}
	if req, err = http.NewRequest(http.MethodGet, front.URL+"/raw/main/large/1/file", nil); err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Range", "bytes=1000000-1000099")
	if code, body := front.Send(token, req); code != http.StatusPartialContent || body != string(large[1000000:1000100]) {
		t.Errorf("a part of a file: %d, %d bytes", code, len(body))
	}
	select {
	case line := <-events:
		if !strings.Contains(line, "large") {
			t.Errorf("the event is %s", line)
		}
	case <-time.After(10 * time.Second):
		t.Error("no event comes through")
	}

	tarball := commandtest.NpmTarball(t, "@acme/web", "1.0.0")
	if code, body := front.Put(token, "/npm/main/@acme%2fweb", commandtest.NpmDocument(t, "@acme/web", "1.0.0", tarball)); code >= 300 {
		t.Fatalf("a scoped name: %d %s", code, body)
	}
	host, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	if code, body := front.Get(token, "/npm/main/@acme%2fweb"); code != http.StatusOK || !strings.Contains(body, "http://"+host.Host+"/npm/main/@acme/web/-/") {
		t.Errorf("links of a packument: %d %s", code, body)
	}

	c.all[1].Kill()
	for n := range 30 {
		path := fmt.Sprintf("/raw/main/after/%d/file", n)
		if code, body := front.Put(token, path, []byte(path)); code != http.StatusCreated {
			t.Errorf("after a death, %s: %d %s", path, code, body)
		}
		if code, body := front.Get(token, path); code != http.StatusOK || body != path {
			t.Errorf("after a death, %s: %d %s", path, code, body)
		}
	}
	c.all[1].Start()
	for _, s := range c.all {
		s.Terminate()
	}
}

// follow returns the data of the events of publishes.
func follow(t *testing.T, s *commandtest.Server, token string) <-chan string {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/events?types=artifact.published", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	lines := make(chan string, 100)
	go func() {
		defer res.Body.Close()
		for scanner := bufio.NewScanner(res.Body); scanner.Scan(); {
			if data, ok := strings.CutPrefix(scanner.Text(), "data:"); ok {
				lines <- data
			}
		}
	}()
	return lines
}
