package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/metadata/postgres/postgrestest"
)

// TestPostgres: a server over PostgreSQL takes publishes and pulls, is refused beside another one, and loses nothing that it has
// acknowledged when it is killed.
func TestPostgres(t *testing.T) {
	url, dir := postgrestest.Blank(t), t.TempDir()
	key, other := filepath.Join(dir, "log.key"), filepath.Join(dir, "other.key")
	s := commandtest.NewServer(t, "--metadata", url)
	if out := s.Run(2, "serve", "--data", s.Data, "--metadata", url); !strings.Contains(out, "--log-key: ") {
		t.Errorf("without a key: %s", out)
	}
	public := s.Run(0, "key", "generate", key)
	if again := s.Run(2, "key", "generate", key); !strings.Contains(again, "exists already") {
		t.Errorf("a key was written over: %s", again)
	}
	if kept := s.Run(0, "key", "generate", "--keep", key); kept != public {
		t.Errorf("the key is kept as %s, made as %s", kept, public)
	}
	if shown := s.Run(0, "key", "show", key); shown != public {
		t.Errorf("the key is shown as %s, made as %s", shown, public)
	}
	s.Args = append(s.Args, "--log-key", key)
	s.Start()
	token := s.Token("*", "read,publish")
	tarball := commandtest.NpmTarball(t, "left-pad", "1.0.0")
	if code, body := s.Put(token, "/npm/main/left-pad", commandtest.NpmDocument(t, "left-pad", "1.0.0", tarball)); code >= 300 {
		t.Fatalf("npm publish: %d %s", code, body)
	}
	if code, body := s.Get(token, "/npm/main/left-pad/-/left-pad-1.0.0.tgz"); code != http.StatusOK || body != string(tarball) {
		t.Errorf("the tarball: %d, %d bytes", code, len(body))
	}
	beside := []string{"serve", "--data", filepath.Join(dir, "second"), "--listen", "127.0.0.1:0", "--metadata", url, "--log-key", key}
	if out := s.Run(1, beside...); !strings.Contains(out, "another Slipway runs on this database") {
		t.Errorf("a second server: %s", out)
	}

	acknowledged := map[string]bool{}
	publishUntilKilled(s, token, acknowledged)
	s.Start() // waits until the killed one counts as gone
	for path := range acknowledged {
		if code, body := s.Get(token, path); code != http.StatusOK || body != path {
			t.Errorf("%s was acknowledged: %d", path, code)
		}
	}
	if len(acknowledged) < 10 {
		t.Errorf("only %d publishes", len(acknowledged))
	}
	s.Terminate()
	s.Fsck()
	s.Run(0, "key", "generate", other)
	beside[len(beside)-1] = other
	if out := s.Run(2, beside...); !strings.Contains(out, strings.TrimSpace(public)) || !strings.Contains(out, "--new-log-key") {
		t.Errorf("another key: %s", out)
	}
}

// publishUntilKilled publishes files that hold their own path, by several clients, and kills the server amid.
func publishUntilKilled(s *commandtest.Server, token string, acknowledged map[string]bool) {
	var mu sync.Mutex
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for n := 0; ; n++ {
				path := fmt.Sprintf("/raw/main/client%d/%d/file", client, n)
				req, err := http.NewRequest(http.MethodPut, s.URL+path, strings.NewReader(path))
				if err != nil {
					s.T.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+token)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					return // killed
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusCreated {
					s.T.Errorf("%s: %s", path, resp.Status)
					return
				}
				mu.Lock()
				acknowledged[path] = true
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Second)
	s.Kill()
	clients.Wait()
}
