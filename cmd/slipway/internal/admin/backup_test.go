package admin_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/storage/s3/s3test"
)

// TestBackupRestore: from a backup made beside a running server, another server gives the same answers; later changes are
// not there.
func TestBackupRestore(t *testing.T) {
	s := commandtest.NewServer(t)
	s.Start()
	token := s.Token("*", "admin")
	large := strings.Repeat("a file of its own ", 10_000)
	s.MustPut(token, "/raw/main/app/1/small", "in a pack")
	s.MustPut(token, "/raw/main/app/1/large", large)
	backup := filepath.Join(t.TempDir(), "a backup")
	args := func(name string) []string { return append([]string{name, backup, "--data", s.Data}, s.Args...) }
	if out := s.Run(0, args("backup")...); !strings.HasPrefix(out, "backup: snapshot ") || !strings.Contains(out, ", 2 blobs (180009 bytes), 2 of them new (180009 bytes); removed 0 ") {
		t.Errorf("printed %q", out)
	}
	s.MustPut(token, "/raw/main/app/2/small", "later")
	if out := s.Run(1, args("restore")...); !strings.Contains(out, "there is an installation already") {
		t.Errorf("over the running server: %s", out)
	}
	s.Kill()
	if err := os.RemoveAll(s.Data); err != nil {
		t.Fatal(err)
	}
	out := s.Run(0, args("restore")...)
	if !strings.Contains(out, "2 blobs (180009 bytes), 2 of them copied") || !strings.Contains(out, "\nfsck: all is well; ") {
		t.Errorf("printed %q", out)
	}
	s.Start()
	for path, want := range map[string]string{"/raw/main/app/1/small": "in a pack", "/raw/main/app/1/large": large} {
		if status, body := s.Get(token, path); status != http.StatusOK || body != want {
			t.Errorf("%s: %d, %.100q", path, status, body)
		}
	}
	if status, _ := s.Get(token, "/raw/main/app/2/small"); status != http.StatusNotFound {
		t.Errorf("what came later: %d", status)
	}
	if _, body := s.Get(token, "/api/v1/events?types=instance.restored"); !strings.Contains(body, "restored from the backup of") {
		t.Errorf("the log does not tell: %s", body)
	}
	s.Terminate()
	s.Fsck()
}

// TestBackupStopped: a backup of a killed server has the last change that the server acknowledged.
func TestBackupStopped(t *testing.T) {
	s := commandtest.NewServer(t)
	s.Start()
	token := s.Token("*", "admin")
	s.MustPut(token, "/raw/main/app/1/f", "acknowledged")
	s.Kill()
	backup := filepath.Join(t.TempDir(), "backup")
	for range 3 {
		s.Run(0, "backup", backup, "--data", s.Data, "--keep", "2")
	}
	listed := func() (taken []string) {
		t.Helper()
		out := s.Run(0, "restore", backup, "--list")
		for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
			if fields := strings.Fields(line); strings.Join(fields[1:5], " ") != "1 1 12 complete" {
				t.Errorf("listed as %q", line)
			}
			taken = append(taken, strings.Fields(line)[0])
		}
		return taken
	}
	lines := listed()
	if len(lines) != 2 {
		t.Fatalf("snapshots %q, want 2", lines)
	}
	s.Run(1, "restore", filepath.Join(t.TempDir(), "none"), "--list")
	s.Run(0, "backup", backup, "--data", s.Data, "--keep", "2", "--verify")
	lines = listed()
	if out := s.Run(0, "restore", backup, "--list"); !strings.HasSuffix(out, "complete  all bytes\n") || strings.Count(out, "new bytes") != 1 {
		t.Errorf("which bytes were verified: %s", out)
	}
	s.Run(1, "restore", backup, "--at", "2020-01-01T00:00:00Z", "--data", filepath.Join(t.TempDir(), "none"))
	again := commandtest.NewServer(t)
	var report struct {
		Name string
		Lost []string
	}
	first, _, _ := strings.Cut(s.Run(0, "restore", backup, "--at", lines[0], "--data", again.Data, "--output", "json"), "\n")
	if err := json.Unmarshal([]byte(first), &report); err != nil || report.Name == "" || report.Lost == nil {
		t.Errorf("%s: %v", first, err)
	}
	again.Start()
	if status, body := again.Get(token, "/raw/main/app/1/f"); status != http.StatusOK || body != "acknowledged" {
		t.Errorf("%d %s", status, body)
	}
	blobs := filepath.Join(t.TempDir(), "blobs")
	s.Args = []string{"--blobs", "file://" + blobs}
	s.Start()
	s.MustPut(token, "/raw/main/app/2/f", "elsewhere")
	s.Run(2, "backup", blobs, "--data", s.Data, "--blobs", "file://"+blobs, "--keep", "1")
	s.Terminate()
	for _, wrong := range [][]string{
		{"restore", backup, "--data", backup}, {"restore", backup, "--list", "--at", lines[0]},
		{"backup", s.Data, "--data", s.Data}, {"backup", backup, "--data", s.Data, "--keep", "-1"}, {"backup"},
		{"backup", backup, "--data", s.Data + "-none"}, {"restore", backup, "--at", "yesterday"},
	} {
		s.Run(2, wrong...)
	}
}

// TestBackupS3: bytes that lie in a bucket go into the backup, or stay with the bucket and are found there again.
func TestBackupS3(t *testing.T) {
	url, env := s3test.New(t)
	s := commandtest.NewServer(t, "--blobs", url)
	s.Env = env
	s.Start()
	token := s.Token("*", "admin")
	s.MustPut(token, "/raw/main/app/1/f", "in the bucket")
	with, without := filepath.Join(t.TempDir(), "with"), filepath.Join(t.TempDir(), "without")
	s.Run(0, "backup", with, "--data", s.Data, "--blobs", url)
	s.Run(0, "backup", without, "--data", s.Data, "--blobs", url, "--without-blobs")
	s.Kill()
	if err := os.RemoveAll(s.Data); err != nil {
		t.Fatal(err)
	}
	local := commandtest.NewServer(t)
	local.Run(0, "restore", with, "--data", local.Data)
	bare := commandtest.NewServer(t)
	if out := bare.Run(1, "restore", without, "--data", bare.Data); !strings.Contains(out, "has no bytes") {
		t.Errorf("without the bucket: %s", out)
	}
	s.Run(0, "restore", without, "--data", s.Data, "--blobs", url)
	for _, server := range []*commandtest.Server{local, s} {
		server.Start()
		if status, body := server.Get(token, "/raw/main/app/1/f"); status != http.StatusOK || body != "in the bucket" {
			t.Errorf("%d %s", status, body)
		}
		server.Terminate()
		server.Fsck()
	}
}
