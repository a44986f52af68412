//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestK12ReadOnly: while the file system of blobs can't be written, as after an error of its disk, reads are served and uploads get 503
// with the reason; later they succeed without a restart.
func TestK12ReadOnly(t *testing.T) {
	if os.Geteuid() != 0 { // in namespaces of its own the caller may mount
		again := exec.Command(os.Args[0], "-test.run=^TestK12ReadOnly$")
		again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}}
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	s := commandtest.NewServer(t)
	s.Start()
	token := s.Token("main", "read,publish,tag,delete")
	const file = "/raw/main/tool/1/file"
	s.MustPut(token, file, "content")
	// The database is open already, and goes on: where files of blobs are made, nothing can be made any more.
	var mounted []string
	release := func() {
		for _, dir := range mounted {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
		mounted = nil
	}
	t.Cleanup(release)
	for _, name := range []string{"blobs", "tmp", "uploads"} {
		dir := filepath.Join(s.Data, name)
		err := syscall.Mount(dir, dir, "", syscall.MS_BIND, "")
		if err != nil {
			t.Fatal(err)
		}
		mounted = append(mounted, dir)
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	}
	body := strings.Repeat("x", 1<<20) // larger than what is appended to files that are open
	for _, change := range []struct{ method, path string }{
		{"PUT", "/raw/main/tool/2/file"}, {"PUT", "/maven/main/org/example/a/1/a-1.jar"}, {"POST", fmt.Sprintf("/v2/main/image/blobs/uploads/?digest=sha256:%x", sha256.Sum256([]byte(body)))},
	} {
		req, err := http.NewRequest(change.method, s.URL+change.path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if status, answer := s.Send(token, req); status != http.StatusServiceUnavailable || !strings.Contains(answer, "can't be written") {
			t.Errorf("%s %s: %d %s", change.method, change.path, status, answer)
		}
	}
	if status, got := s.Get(token, file); status != http.StatusOK || got != "content" {
		t.Errorf("a read: %d %s", status, got)
	}
	release()
	s.MustPut(token, "/raw/main/tool/2/file", body)
	s.Terminate()
	s.Fsck()
}
