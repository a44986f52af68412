package program_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/program"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// TestReference: docs/cli.md is what the commands say of themselves. "go test ./cmd/slipway/internal/program -update" writes it.
func TestReference(t *testing.T) {
	p := &command.Program{Env: func(string) string { return "" }}
	want := command.Reference(program.Root(p))
	file := filepath.Join("..", "..", "..", "..", "docs", "cli.md")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/cli.md is not what the commands say: %v; run go test ./cmd/slipway/internal/program -update", err)
	}
	if host, err := os.Hostname(); err == nil && host != "slipway" && strings.Contains(want, host) {
		t.Error("the reference has the name of this machine")
	}
}

// TestManPages: there is a page for every command, which man can show.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := commandtest.Command(t.Context(), "", nil, "man", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if code != 0 || err != nil || len(pages) < 80 || !strings.HasSuffix(out, " pages in "+dir+"\n") {
		t.Fatalf("%d %s%s; %d pages, %v", code, out, errs, len(pages), err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "slipway-tag-set.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".TH \"SLIPWAY-TAG-SET\" 1", ".B slipway tag set REPO FORMAT PACKAGE TAG VERSION", `\-\-if\-generation`, ".BR slipway\\-tag (1)"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in\n%s", want, raw)
		}
	}
	if _, err := exec.LookPath("groff"); err == nil {
		if out, err := exec.Command("groff", "-man", "-Tutf8", "-ww", "-z", filepath.Join(dir, "slipway-tag-set.1")).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("groff: %v\n%s", err, out)
		}
	}
}
