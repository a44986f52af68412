package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/metadata"
	"slipway/metadata/sqlite"
)

// TestK11: after the clock ran ahead, the server answers reads and refuses changes in every protocol, until an operator accepts
// the clock.
func TestK11(t *testing.T) {
	s := commandtest.NewServer(t)
	s.Start()
	token := s.Token("*", "read,publish,tag,delete,admin,audit")
	const file = "/raw/main/tool/1/file"
	s.MustPut(token, file, "content")
	s.Terminate()
	ahead := time.Now().AddDate(2, 0, 0)
	store, err := sqlite.Open(t.Context(), filepath.Join(s.Data, "slipway.db"), sqlite.WithClock(func() time.Time { return ahead }))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Update(t.Context(), func(tx metadata.Tx) error { return tx.Settings().PutSetting("test", "x") }); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	s.Start()
	if status, got := s.Get(token, file); status != http.StatusOK || got != "content" {
		t.Errorf("a read: %d %s", status, got)
	}
	for _, change := range []struct{ method, path string }{
		{"PUT", "/raw/main/tool/2/file"}, {"DELETE", "/api/v1/repositories/main"}, {"PUT", "/npm/main/lib"}, {"POST", "/pypi/main/legacy/"},
		{"PUT", "/maven/main/org/example/a/1/a-1.jar"}, {"POST", "/v2/main/image/blobs/uploads/"}, {"POST", "/api/v1/repositories"}, {"GET", "/readyz?write=1"},
	} {
		req, err := http.NewRequest(change.method, s.URL+change.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		status, answer := s.Send(token, req)
		if status != http.StatusServiceUnavailable || !strings.Contains(answer, "--accept-clock") || !strings.Contains(answer, ahead.UTC().Format("2006-01-02T15:04")) {
			t.Errorf("%s %s: %d %s", change.method, change.path, status, answer)
		}
	}
	s.Terminate()

	s.Args = []string{"--accept-clock"}
	s.Start()
	s.MustPut(token, "/raw/main/tool/2/file", "more")
	s.Terminate()
	s.Args = nil
	s.Start()
	s.MustPut(token, "/raw/main/tool/3/file", "more")
	if _, list := s.Get(token, "/api/v1/events?types=clock.jumped"); strings.Count(list, "the clock went from "+ahead.UTC().Format("2006-01-02T15:04")) != 1 {
		t.Errorf("noted: %s", list)
	}
	req, err := http.NewRequest(http.MethodPost, s.URL+"/api/v1/tokens", strings.NewReader(`{"name":"short","expires_in":"1h","permissions":[{"repository":"main","actions":["read"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	_, answer := s.Send(token, req)
	var made struct {
		Expires time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.Expires.IsZero() || time.Until(made.Expires) > time.Hour {
		t.Errorf("a token of one hour: %s, %v", answer, err)
	}
	s.Terminate()
	s.Fsck()
}
