package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/api"
	"slipway/cmd/slipway/internal/commandtest"
	"slipway/metadata/postgres/postgrestest"
	"slipway/storage/s3/s3test"
)

// replicas are servers over one database and one bucket.
type replicas struct {
	all   []*commandtest.Server
	token string
}

// any is one of them, as a balancer chooses it.
func (c *replicas) any() *commandtest.Server { return c.all[rand.IntN(len(c.all))] }

func newReplicas(t *testing.T, n int) *replicas {
	url, env := s3test.New(t)
	database, key := postgrestest.Blank(t), filepath.Join(t.TempDir(), "log.key")
	c := &replicas{}
	for i := range n {
		s := commandtest.NewServer(t, "--metadata", database, "--blobs", url, "--log-key", key)
		s.Env = append(slices.Clone(env), fmt.Sprint("SLIPWAY_REPLICA=r", i))
		c.all = append(c.all, s)
	}
	c.all[0].Run(0, "key", "generate", key)
	return c
}

// start starts all at once.
func (c *replicas) start() {
	var starts sync.WaitGroup
	for _, s := range c.all {
		starts.Go(s.Start)
	}
	starts.Wait()
}

// meanwhile runs clients side by side while fn runs. Each does its steps one after the other, numbered from 0.
func meanwhile(clients int, step func(client, n int), fn func()) {
	stop := make(chan struct{})
	var running sync.WaitGroup
	for client := range clients {
		running.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					step(client, n)
				}
			}
		})
	}
	defer running.Wait()
	defer close(stop)
	fn()
}

// TestReplicas: three servers start at once over an empty database and one bucket, and answer as one. What one of them acknowledges,
// all show at once, also the end of a token; an upload goes on at any of them; one that is killed takes nothing with it.
func TestReplicas(t *testing.T) {
	c := newReplicas(t, 3)
	c.start()
	c.token = c.all[0].Token("*", "read,publish,delete,tag")

	var acknowledged sync.Map
	publish := func(rounds int) {
		var clients sync.WaitGroup
		for client := range 6 {
			clients.Go(func() {
				for n := range rounds {
					path := fmt.Sprintf("/raw/main/client%d/%s/file", client, digest.FromString(fmt.Sprint(rounds, n)).Encoded()[:8])
					if code, body := c.any().Put(c.token, path, []byte(path)); code != http.StatusCreated {
						t.Errorf("%s: %d %s", path, code, body)
						continue
					}
					acknowledged.Store(path, true)
					for _, s := range c.all { // at once, and again: what is remembered is not what was before
						if code, body := s.Get(c.token, path); code != http.StatusOK || body != path {
							t.Errorf("%s, acknowledged: %d %.100s", path, code, body)
						}
					}
				}
			})
		}
		clients.Wait()
	}
	publish(20)
	c.members(t)
	c.removals(t)
	c.revocation(t)
	c.upload(t)

	dead := c.all[2]
	c.all = c.all[:2]
	dead.Kill()
	publish(10)
	dead.Start()
	c.all = append(c.all, dead)
	acknowledged.Range(func(path, _ any) bool {
		for _, s := range c.all {
			if code, body := s.Get(c.token, path.(string)); code != http.StatusOK || body != path {
				t.Errorf("%s after a death: %d", path, code)
			}
		}
		return true
	})
	alone := []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--metadata", dead.Args[1], "--log-key", dead.Args[5]}
	if out := dead.Run(1, append(alone, "--start-timeout", "2s")...); !strings.Contains(out, `"r0"`) {
		t.Errorf("a server with blobs of its own: %s", out)
	}
	for _, s := range c.all {
		s.Terminate()
	}
	dead.Fsck()
}

// members: every server knows all of them, itself among them, and that each duty is done by one.
func (c *replicas) members(t *testing.T) {
	token := c.all[0].Token("*", "audit")
	for i, s := range c.all {
		var cluster api.Cluster
		code, body := s.Get(token, "/api/v1/cluster")
		if err := json.Unmarshal([]byte(body), &cluster); err != nil || code != http.StatusOK || len(cluster.Members) != len(c.all) {
			t.Fatalf("the cluster: %d %s", code, body)
		}
		duties := map[string]int{}
		for n, m := range cluster.Members {
			if m.Name != fmt.Sprint("r", n) || m.Self != (n == i) || m.Version == "" || m.Since == nil || m.Until == nil {
				t.Errorf("member %d, as server %d shows it: %+v", n, i, m)
			}
			for _, d := range m.Duties {
				duties[d]++
			}
		}
		if len(duties) < 5 || slices.Max(slices.Collect(maps.Values(duties))) > 1 {
			t.Errorf("duties: %v", duties)
		}
	}
}

// removals: a version that one server deletes is gone from all, though they have just shown it, and a package's document follows.
func (c *replicas) removals(t *testing.T) {
	tarball := commandtest.NpmTarball(t, "left-pad", "1.0.0")
	if code, body := c.all[0].Put(c.token, "/npm/main/left-pad", commandtest.NpmDocument(t, "left-pad", "1.0.0", tarball)); code >= 300 {
		t.Fatalf("npm publish: %d %s", code, body)
	}
	for n := 1; n <= 12; n++ {
		version := fmt.Sprintf("1.0.%d", n)
		tarball := commandtest.NpmTarball(t, "left-pad", version)
		if code, body := c.all[n%3].Put(c.token, "/npm/main/left-pad", commandtest.NpmDocument(t, "left-pad", version, tarball)); code >= 300 {
			t.Fatalf("npm publish: %d %s", code, body)
		}
		for i, s := range c.all {
			if code, body := s.Get(c.token, "/npm/main/left-pad"); code != http.StatusOK || !strings.Contains(body, `"`+version+`"`) {
				t.Errorf("replica %d lacks %s: %d", i, version, code)
			}
		}
	}
	const path = "/raw/main/gone/1/file"
	if code, _ := c.all[0].Put(c.token, path, []byte("x")); code != http.StatusCreated {
		t.Fatalf("put: %d", code)
	}
	for i, s := range c.all {
		if code, _ := s.Get(c.token, path); code != http.StatusOK {
			t.Errorf("replica %d: %d", i, code)
		}
	}
	req, err := http.NewRequest(http.MethodDelete, c.all[1].URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, body := c.all[1].Send(c.token, req); code >= 300 {
		t.Fatalf("delete: %d %s", code, body)
	}
	for i, s := range c.all {
		if code, _ := s.Get(c.token, path); code == http.StatusOK {
			t.Errorf("replica %d still has what was deleted", i)
		}
	}
}

// revocation: a token that one server ends is refused by all with the next request.
func (c *replicas) revocation(t *testing.T) {
	for n := range 6 {
		token := c.all[n%3].Token("*", "read")
		for i, s := range c.all {
			if code, _ := s.Get(token, "/api/v1/whoami"); code != http.StatusOK {
				t.Errorf("replica %d does not know a new token: %d", i, code)
			}
		}
		var own struct{ Items []struct{ ID string } }
		_, list := c.all[n%3].Get(token, "/api/v1/tokens")
		if err := json.Unmarshal([]byte(list), &own); err != nil || len(own.Items) != 1 {
			t.Fatalf("its own tokens: %v\n%s", err, list)
		}
		req, err := http.NewRequest(http.MethodDelete, fmt.Sprint(c.all[(n+1)%3].URL, "/api/v1/tokens/", own.Items[0].ID), nil)
		if err != nil {
			t.Fatal(err)
		}
		if code, body := c.all[(n+1)%3].Send(token, req); code >= 300 {
			t.Fatalf("revoke: %d %s", code, body)
		}
		for i, s := range c.all {
			if code, _ := s.Get(token, "/api/v1/whoami"); code != http.StatusUnauthorized {
				t.Errorf("replica %d takes an ended token: %d", i, code)
			}
		}
	}
}

// upload pushes a blob whose every chunk goes to another server.
func (c *replicas) upload(t *testing.T) {
	for range 4 {
		req, err := http.NewRequest(http.MethodPost, c.any().URL+"/v2/main/app/blobs/uploads/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		location := res.Header.Get("Location")
		_, path, ok := strings.Cut(location, "/v2/")
		if !ok || res.StatusCode != http.StatusAccepted {
			t.Fatalf("begin: %s, Location %q", res.Status, location)
		}
		path = "/v2/" + path
		sent := ""
		for n := range 5 {
			chunk := strings.Repeat(string(rune('a'+n)), 1000+rand.IntN(200_000))
			req, err := http.NewRequest(http.MethodPatch, c.any().URL+path, strings.NewReader(chunk))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Range", fmt.Sprintf("%d-%d", len(sent), len(sent)+len(chunk)-1))
			req.Header.Set("Content-Type", "application/octet-stream")
			if code, body := c.any().Send(c.token, req); code != http.StatusAccepted {
				t.Fatalf("chunk %d: %d %s", n, code, body)
			}
			sent += chunk
		}
		d := digest.FromString(sent).String()
		req, err = http.NewRequest(http.MethodPut, c.any().URL+path+"?digest="+d, nil)
		if err != nil {
			t.Fatal(err)
		}
		if code, body := c.any().Send(c.token, req); code != http.StatusCreated {
			t.Fatalf("end: %d %s", code, body)
		}
		for i, s := range c.all {
			if code, body := s.Get(c.token, "/v2/main/app/blobs/"+d); code != http.StatusOK || body != sent {
				t.Errorf("replica %d: %d, %d bytes", i, code, len(body))
			}
		}
	}
}
