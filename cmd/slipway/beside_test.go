package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestToolsBesideReplicas: while clients publish and delete with three servers, a check on their stores finds nothing wrong, a collection
// removes what is deleted and nothing else, and a lost password is set, which all servers know at once.
func TestToolsBesideReplicas(t *testing.T) {
	t.Parallel() // it waits more than it works
	c := newReplicas(t, 3)
	c.start()
	c.token = c.all[0].Token("*", "read,publish,delete")
	stores := append([]string{"--data", t.TempDir()}, c.all[0].Args...)
	tool := func(args ...string) string { return c.all[0].Run(0, slices.Concat(args, stores)...) }

	meanwhile(3, func(client, n int) { c.publishOrDelete(t, client, n) }, func() {
		for range 2 {
			if out := tool("fsck"); !strings.Contains(out, "fsck: all is well") {
				t.Errorf("a check: %s", out)
			}
			tool("fsck", "--repair", "--quick")
			tool("gc", "--grace", "0s", "--deleted-grace", "0s", "--force")
		}
	})

	cmd := exec.Command(c.all[0].Bin, append([]string{"user", "passwd", "admin", "--password-stdin"}, stores...)...)
	cmd.Env = append(append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir()), c.all[0].Env...)
	cmd.Stdin = strings.NewReader("a password that is new\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("passwd: %v, %s", err, out)
	}
	for i, s := range c.all {
		for password, want := range map[string]int{commandtest.Password: http.StatusUnauthorized, "a password that is new": http.StatusOK} {
			req, err := http.NewRequest(http.MethodGet, s.URL+"/api/v1/whoami", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.SetBasicAuth("admin", password)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if _ = res.Body.Close(); res.StatusCode != want {
				t.Errorf("replica %d, password %q: %s", i, password, res.Status)
			}
		}
	}
	for _, s := range c.all {
		s.Terminate()
	}
	c.all[0].Fsck()
}

// publishOrDelete publishes a file of its own, and one that was deleted before, at any server, and reads both back; every third goes again.
func (c *replicas) publishOrDelete(t *testing.T, client, n int) {
	own, shared := fmt.Sprintf("/raw/main/client%d/%d/own", client, n), fmt.Sprintf("/raw/main/client%d/%d/shared", client, n)
	for path, content := range map[string]string{own: own, shared: fmt.Sprint("the same again and again ", n%5)} {
		if code, body := c.any().Put(c.token, path, []byte(content)); code != http.StatusCreated {
			t.Errorf("%s: %d %.200s", path, code, body)
			return
		}
		if code, body := c.any().Get(c.token, path); code != http.StatusOK || body != content {
			t.Errorf("%s: %d %.200s", path, code, body)
		}
	}
	if n%3 != 0 {
		return
	}
	for _, path := range []string{own, shared} {
		s := c.any()
		req, err := http.NewRequest(http.MethodDelete, s.URL+path, nil)
		if err != nil {
			t.Error(err)
			return
		}
		if code, body := s.Send(c.token, req); code >= 300 {
			t.Errorf("delete %s: %d %.200s", path, code, body)
		}
	}
}
