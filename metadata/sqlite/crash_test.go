package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/sqlite"
)

// The test binary is its own second process: these environment variables name its role and its database.
const (
	childRole = "SLIPWAY_TEST_ROLE"
	childPath = "SLIPWAY_TEST_PATH"
	childRun  = "SLIPWAY_TEST_RUN"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childRole) {
	case "":
		os.Exit(m.Run())
	case "hold":
		childHold()
	case "write":
		childWrite()
	}
}

// child starts the test binary in a role.
func child(t *testing.T, role, path string, run int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path, fmt.Sprintf("%s=%d", childRun, run))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

func childStore() *sqlite.Store {
	s, err := sqlite.Open(context.Background(), os.Getenv(childPath))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return s
}

func childHold() {
	childStore()
	fmt.Println("open")
	select {}
}

// childWrite updates until it is killed, and prints each acknowledged update: a key and its two entries.
func childWrite() {
	s := childStore()
	run := os.Getenv(childRun)
	filling := strings.Repeat("x", 2000) // so that the write-ahead log is moved often
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%s.%d.%d", run, g, n)
				seqs, err := crashUpdate(s, key, filling)
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				// One line is one write.
				_, _ = os.Stdout.WriteString(fmt.Sprintf("%s %d %d\n", key, seqs[0], seqs[1]))
			}
		})
	}
	wg.Wait()
}

func crashUpdate(s metadata.Store, key, filling string) (seqs [2]int64, err error) {
	err = s.Update(context.Background(), func(tx metadata.Tx) error {
		for i, subject := range []string{"first " + key, "second " + key} {
			e, err := tx.Log().Append(metadata.Entry{Type: "test.crash", Subject: subject, Data: []byte(`{}`)})
			if err != nil {
				return err
			}
			seqs[i] = e.Seq
		}
		return tx.Settings().PutSetting(key, filling)
	})
	return seqs, err
}

// TestD14KillNine: every update acknowledged before a kill -9 is there after it (incident D-14).
func TestD14KillNine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	acknowledged := make(map[string][2]int64)
	for run := range 10 {
		cmd, lines := child(t, "write", path, run)
		if !lines.Scan() {
			t.Fatal("the child has not written")
		}
		// A few milliseconds are a few groups; up to 100 of them meet checkpoints as well.
		time.AfterFunc(time.Duration(rand.Int64N(int64(100*time.Millisecond))), func() { _ = cmd.Process.Kill() })
		before := len(acknowledged)
		for ok := true; ok; ok = lines.Scan() {
			var key string
			var seqs [2]int64
			// The last line may be cut.
			if n, _ := fmt.Sscanf(lines.Text()+"\n", "%s %d %d\n", &key, &seqs[0], &seqs[1]); n == 3 {
				acknowledged[key] = seqs
			}
		}
		_ = cmd.Wait()
		t.Logf("run %d: %d acknowledged", run, len(acknowledged)-before)
		s := open(t, path)
		checkAcknowledged(t, s, acknowledged)
		metadatatest.CheckLog(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func checkAcknowledged(t *testing.T, s metadata.Store, acknowledged map[string][2]int64) {
	t.Helper()
	err := s.View(context.Background(), func(tx metadata.Tx) error {
		entries, err := tx.Log().Entries(metadata.EntryQuery{After: -1})
		if err != nil {
			return err
		}
		for key, seqs := range acknowledged {
			if _, err := tx.Settings().Setting(key); err != nil {
				t.Errorf("%s: %v", key, err)
			}
			for i, which := range []string{"first ", "second "} {
				if n := seqs[i]; n >= int64(len(entries)) || entries[n].Subject != which+key {
					t.Errorf("%s: entry %d is missing or another", key, n)
				}
			}
		}
		// Updates that were not acknowledged are there whole or not at all.
		for i, e := range entries {
			if key, ok := strings.CutPrefix(e.Subject, "first "); ok {
				if _, err := tx.Settings().Setting(key); err != nil || entries[i+1].Subject != "second "+key {
					t.Errorf("%s is not whole: %v", key, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestD14SecondProcess: a second process is refused, with the process id of the first, until the first has ended in any way
// (incident D-14).
func TestD14SecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slipway.db")
	cmd, lines := child(t, "hold", path, 0)
	if !lines.Scan() {
		t.Fatal("the child has not opened the database")
	}
	_, err := sqlite.Open(context.Background(), path)
	if want := fmt.Sprintf("metadata: %s is in use by process %d", path, cmd.Process.Pid); !errors.Is(err, metadata.ErrInUse) || err.Error() != want {
		t.Fatalf("Open: %v, want %s", err, want)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s := open(t, path)
	if err := s.Ready(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestD12NoSpace fills a small file system: updates fail with ErrNoSpace, nothing acknowledged is lost, reading goes on,
// and once there is space the store works again by itself (incident D-12).
func TestD12NoSpace(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"); err != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatalf("a file system of its own: %v", err)
		}
		t.Skipf("a file system of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	// More than the rest, so that without it the write-ahead log can be moved into the database whole.
	ballast, path := filepath.Join(dir, "ballast"), filepath.Join(dir, "slipway.db")
	if err := os.WriteFile(ballast, make([]byte, 7<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	acknowledged := make(map[string][2]int64)
	var mu sync.Mutex
	var full atomic.Int32
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := 0; full.Load() < 50; n++ {
				key := fmt.Sprintf("%d.%d", g, n)
				// Sizes that hit the end of the space in statements and in commits.
				seqs, err := crashUpdate(s, key, strings.Repeat("x", 500+rand.IntN(20000)))
				switch {
				case errors.Is(err, metadata.ErrNoSpace):
					full.Add(1)
				case err != nil:
					t.Errorf("%s: %v", key, err)
					full.Add(1)
				default:
					mu.Lock()
					acknowledged[key] = seqs
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d acknowledged, %d refused", len(acknowledged), full.Load())
	checkAcknowledged(t, s, acknowledged)
	metadatatest.CheckLog(t, s)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		key := fmt.Sprint("later.", n)
		seqs, err := crashUpdate(s, key, "x")
		if err != nil {
			t.Fatalf("with space again: %v", err)
		}
		acknowledged[key] = seqs
	}
	checkAcknowledged(t, s, acknowledged)
	metadatatest.CheckLog(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	checkAcknowledged(t, s, acknowledged)
	metadatatest.CheckLog(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
