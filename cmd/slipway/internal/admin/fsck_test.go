package admin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// TestOffline: fsck and gc work on a directory whose server does not run, and touch nothing where there is no installation.
func TestOffline(t *testing.T) {
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	if msg := r.CLI(1, "fsck", "--data", r.Data); !strings.Contains(msg, "in use") {
		t.Errorf("fsck beside a server: %s", msg)
	}
	r.CLI(0, "version", "rm", "main", "raw", "tool", "1.0.0")
	r.Stop()
	if out := r.CLI(0, "fsck", "--data", r.Data); !strings.HasPrefix(lastLine(out), "fsck: all is well") {
		t.Errorf("fsck: %s", out)
	}
	if out := r.CLI(0, "gc", "--data", r.Data, "--grace", "0s"); !strings.Contains(out, "removed 0 blobs") {
		t.Errorf("the version can be restored for a time: %s", out)
	}
	if out := r.CLI(0, "gc", "--data", r.Data, "--grace", "0s", "--deleted-grace", "0s", "--dry-run"); !strings.Contains(out, "would remove 1 blobs") {
		t.Errorf("dry run: %s", out)
	}
	if out := r.CLI(0, "gc", "--data", r.Data, "--grace", "0s", "--deleted-grace", "0s", "--output", "json"); !strings.Contains(out, `"blobs":1`) {
		t.Errorf("gc: %s", out)
	}
	absent := filepath.Join(t.TempDir(), "absent")
	for _, tool := range []string{"fsck", "gc"} {
		if msg := r.CLI(2, tool, "--data", absent); !strings.Contains(msg, "does not exist") {
			t.Errorf("%s: %s", tool, msg)
		}
	}
	if _, err := os.Stat(absent); !os.IsNotExist(err) {
		t.Error("a directory was made")
	}
}

// TestFsckFinds: a blob that lost its bytes is named, with the version that needs it, and the exit code is 1.
func TestFsckFinds(t *testing.T) {
	t.Run("a file", func(t *testing.T) { testFsckFinds(t, strings.Repeat("large ", 20_000), "sha256/*/*") })
	t.Run("in a pack", func(t *testing.T) { testFsckFinds(t, "one", "packs/*.pack") })
}

func testFsckFinds(t *testing.T, content, place string) {
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", content)
	r.Stop()
	files, err := filepath.Glob(filepath.Join(r.Data, "blobs", place))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"table", "json"} {
		code, stdout, stderr := commandtest.Command(t.Context(), "", nil, "fsck", "--data", r.Data, "--output", output)
		if code != command.Failed || !strings.Contains(stdout, "main/raw tool 1.0.0") || stderr != "" {
			t.Errorf("fsck: exit code %d\n%s%s", code, stdout, stderr)
		}
		if last := lastLine(stdout); !strings.HasPrefix(last, "fsck: 1 wrong") && !strings.Contains(last, `"wrong":1`) {
			t.Errorf("summary: %s", last)
		}
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
