package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/storage/s3/s3test"
)

func (s *testServer) mustPut(token, path, content string) {
	s.t.Helper()
	if status, body := s.put(token, path, []byte(content)); status != http.StatusCreated {
		s.t.Fatalf("PUT %s: %d %s", path, status, body)
	}
}

// TestBackupRestore: a backup beside a running server makes another server that answers the same; what came later is not there.
func TestBackupRestore(t *testing.T) {
	s := newTestServer(t)
	s.start()
	token := s.token("*", "admin")
	large := strings.Repeat("a file of its own ", 10_000)
	s.mustPut(token, "/raw/main/app/1/small", "in a pack")
	s.mustPut(token, "/raw/main/app/1/large", large)
	backup := filepath.Join(t.TempDir(), "a backup")
	args := func(name string) []string { return append([]string{name, backup, "--data", s.data}, s.args...) }
	if out := s.run(0, args("backup")...); !strings.HasPrefix(out, "backup: snapshot ") || !strings.Contains(out, ", 2 blobs (180009 bytes), 2 of them new (180009 bytes); removed 0 ") {
		t.Errorf("printed %q", out)
	}
	s.mustPut(token, "/raw/main/app/2/small", "later")
	if out := s.run(1, args("restore")...); !strings.Contains(out, "there is an installation already") {
		t.Errorf("over the running server: %s", out)
	}
	s.kill()
	if err := os.RemoveAll(s.data); err != nil {
		t.Fatal(err)
	}
	out := s.run(0, args("restore")...)
	if !strings.Contains(out, "2 blobs (180009 bytes), 2 of them copied") || !strings.Contains(out, "\nfsck: all is well; ") {
		t.Errorf("printed %q", out)
	}
	s.start()
	for path, want := range map[string]string{"/raw/main/app/1/small": "in a pack", "/raw/main/app/1/large": large} {
		if status, body := s.get(token, path); status != http.StatusOK || body != want {
			t.Errorf("%s: %d, %.100q", path, status, body)
		}
	}
	if status, _ := s.get(token, "/raw/main/app/2/small"); status != http.StatusNotFound {
		t.Errorf("what came later: %d", status)
	}
	if _, body := s.get(token, "/api/v1/events?types=instance.restored"); !strings.Contains(body, "restored from the backup of") {
		t.Errorf("the log does not tell: %s", body)
	}
	s.terminate()
	s.fsck()
}

// TestBackupStopped: a backup of a server that was killed has what it acknowledged last.
func TestBackupStopped(t *testing.T) {
	s := newTestServer(t)
	s.start()
	token := s.token("*", "admin")
	s.mustPut(token, "/raw/main/app/1/f", "acknowledged")
	s.kill()
	backup := filepath.Join(t.TempDir(), "backup")
	for range 3 {
		s.run(0, "backup", backup, "--data", s.data, "--keep", "2")
	}
	lines := strings.Fields(s.run(0, "restore", backup, "--list"))
	if len(lines) != 2 {
		t.Fatalf("snapshots %q, want 2", lines)
	}
	s.run(1, "restore", filepath.Join(t.TempDir(), "none"), "--list")
	s.run(0, "backup", backup, "--data", s.data, "--keep", "2", "--verify")
	lines = strings.Fields(s.run(0, "restore", backup, "--list"))
	s.run(1, "restore", backup, "--at", "2020-01-01T00:00:00Z", "--data", filepath.Join(t.TempDir(), "none"))
	again := newTestServer(t)
	var report struct {
		Name string
		Lost []string
	}
	first, _, _ := strings.Cut(s.run(0, "restore", backup, "--at", lines[0], "--data", again.data, "--output", "json"), "\n")
	if err := json.Unmarshal([]byte(first), &report); err != nil || report.Name == "" || report.Lost == nil {
		t.Errorf("%s: %v", first, err)
	}
	again.start()
	if status, body := again.get(token, "/raw/main/app/1/f"); status != http.StatusOK || body != "acknowledged" {
		t.Errorf("%d %s", status, body)
	}
	blobs := filepath.Join(t.TempDir(), "blobs")
	s.args = []string{"--blobs", "file://" + blobs}
	s.start()
	s.mustPut(token, "/raw/main/app/2/f", "elsewhere")
	s.run(2, "backup", blobs, "--data", s.data, "--blobs", "file://"+blobs, "--keep", "1")
	s.terminate()
	for _, wrong := range [][]string{
		{"restore", backup, "--data", backup}, {"restore", backup, "--list", "--at", lines[0]},
		{"backup", s.data, "--data", s.data}, {"backup", backup, "--data", s.data, "--keep", "-1"}, {"backup"},
		{"backup", backup, "--data", s.data + "-none"}, {"restore", backup, "--at", "yesterday"},
	} {
		s.run(2, wrong...)
	}
}

// TestBackupS3: bytes that lie in a bucket go into the backup, or stay with the bucket and are found there again.
func TestBackupS3(t *testing.T) {
	url, env := s3test.New(t)
	s := newTestServer(t, "--blobs", url)
	s.env = env
	s.start()
	token := s.token("*", "admin")
	s.mustPut(token, "/raw/main/app/1/f", "in the bucket")
	with, without := filepath.Join(t.TempDir(), "with"), filepath.Join(t.TempDir(), "without")
	s.run(0, "backup", with, "--data", s.data, "--blobs", url)
	s.run(0, "backup", without, "--data", s.data, "--blobs", url, "--without-blobs")
	s.kill()
	if err := os.RemoveAll(s.data); err != nil {
		t.Fatal(err)
	}
	local := newTestServer(t)
	local.run(0, "restore", with, "--data", local.data)
	bare := newTestServer(t)
	if out := bare.run(1, "restore", without, "--data", bare.data); !strings.Contains(out, "has no bytes") {
		t.Errorf("without the bucket: %s", out)
	}
	s.run(0, "restore", without, "--data", s.data, "--blobs", url)
	for _, server := range []*testServer{local, s} {
		server.start()
		if status, body := server.get(token, "/raw/main/app/1/f"); status != http.StatusOK || body != "in the bucket" {
			t.Errorf("%d %s", status, body)
		}
		server.terminate()
		server.fsck()
	}
}
