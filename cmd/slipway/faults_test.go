//go:build linux

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestD12 fills the disk under a running server: the server answers 507, keeps serving reads, loses nothing that it
// acknowledged, and accepts writes again by itself when there is space.
func TestD12(t *testing.T) {
	const size = 32 << 20
	s := commandtest.NewServer(t)
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", s.Data, "tmpfs", 0, fmt.Sprintf("size=%d", size)); errors.Is(err, syscall.EPERM) && os.Getenv("CI") == "" {
		t.Skip("a small file system can be mounted by root only")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if err := syscall.Unmount(s.Data, 0); err != nil {
			t.Error(err)
		}
	})
	// What is removed later: more room than the server waits for, however much of the last megabyte is used.
	filler := filepath.Join(s.Data, "filler")
	if err := os.WriteFile(filler, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start()
	token := s.Token("main", "read,publish,tag")
	acked := map[string]string{}
	publish := func(i, bytes int) int {
		body := make([]byte, bytes)
		_, _ = rand.Read(body)
		path := fmt.Sprintf("/raw/main/fill/%d/file", i)
		status, answer := s.Put(token, path, body)
		switch status {
		case http.StatusCreated:
			acked[path] = string(body)
		case http.StatusInsufficientStorage:
			if !strings.Contains(answer, "full") {
				t.Errorf("the answer does not say what is wrong: %s", answer)
			}
		default:
			t.Errorf("publish: %d %s", status, answer)
		}
		return status
	}
	n := 0
	for ; publish(n, 1<<20) == http.StatusCreated; n++ {
		if n > 100 {
			t.Fatal("the disk does not fill")
		}
	}
	// Now no space at all is left, so that the database can't write either.
	for _, block := range []int{1 << 20, 4096, 1} {
		fillDisk(t, filler, block)
	}
	refused := 0
	for i := range 20 {
		if publish(n+i, 100+i) == http.StatusInsufficientStorage {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nothing was refused on a full disk")
	}
	check := func(when string) {
		for path, want := range acked {
			if status, got := s.Get(token, path); status != http.StatusOK || got != want {
				t.Errorf("%s: %s: %d, %d bytes of %d", when, path, status, len(got), len(want))
			}
		}
	}
	check("on the full disk")
	// Also a restart must not make an outage of reads of it, after a kill and after an orderly end (K5).
	for _, end := range []func(){s.Kill, s.Terminate, s.Kill} {
		end()
		fillDisk(t, filler, 1)
		s.Start()
		check("restarted on the full disk")
		if status := publish(n+50, 10); status != http.StatusInsufficientStorage {
			t.Errorf("a change on the full disk: %d", status)
		}
		if status, answer := s.Get(token, "/readyz?write=1"); status == http.StatusOK {
			t.Errorf("ready for changes on a full disk: %s", answer)
		}
		if status, _ := s.Get(token, "/livez"); status != http.StatusOK {
			t.Errorf("not alive: %d", status)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for i := n + 100; publish(i, 1000) != http.StatusCreated; i++ {
		if time.Now().After(deadline) {
			t.Fatal("the service did not resume")
		}
		time.Sleep(50 * time.Millisecond)
	}
	check("after space is back")
	s.Kill()
	s.Start()
	check("after a kill")
	s.Terminate()
	s.Fsck()
}

// fillDisk appends blocks to a file until the disk is full.
func fillDisk(t *testing.T, path string, block int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, block)
	for err == nil {
		_, err = f.Write(buf)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// TestD13 runs the server with a handful of file descriptors under far more clients: the server refuses requests, corrupts
// nothing, and serves again afterwards.
func TestD13(t *testing.T) {
	t.Parallel()
	s := commandtest.NewServer(t)
	s.LimitFiles = 64
	s.Start()
	token := s.Token("main", "read,publish")
	var mu sync.Mutex
	acked := map[string]string{}
	var wg sync.WaitGroup
	for w := range 150 {
		wg.Go(func() {
			for i := range 3 {
				body := make([]byte, 200<<10)
				_, _ = rand.Read(body)
				path := fmt.Sprintf("/raw/main/many/%d-%d/file", w, i)
				status, answer := s.Put(token, path, body)
				switch status {
				case http.StatusCreated:
					mu.Lock()
					acked[path] = string(body)
					mu.Unlock()
				case 0, http.StatusServiceUnavailable: // not accepted, or told to come back
				default:
					t.Errorf("%s: %d %s", path, status, answer)
				}
			}
		})
	}
	wg.Wait()
	if len(acked) == 0 {
		t.Error("nothing was served")
	}
	if status, answer := s.Put(token, "/raw/main/after/1/file", []byte("x")); status != http.StatusCreated {
		t.Errorf("after the load: %d %s", status, answer)
	}
	for path, want := range acked {
		if status, got := s.Get(token, path); status != http.StatusOK || got != want {
			t.Errorf("%s: %d, %d bytes", path, status, len(got))
		}
	}
	s.Terminate()
	s.Fsck()
}
