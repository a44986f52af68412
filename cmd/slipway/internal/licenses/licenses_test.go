package licenses_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/licenses"
)

var update = flag.Bool("update", false, "write notices.txt")

const head = `Slipway contains the software below. A name with "/" is a Go module. Each license stands below the names of all that it covers.
`

const rule = "\n================================================================================\n"

// TestNotices: the text has the licenses of every module that is linked into the program on any of its platforms, in the version
// that is linked, and of nothing else.
func TestNotices(t *testing.T) {
	found := notices{}
	found.add(t, "Slipway", filepath.Join("..", "..", "..", "..", "LICENSE"))
	root := strings.TrimSpace(string(command(t, nil, "go", "env", "GOROOT")))
	found.add(t, "The Go standard library and runtime", filepath.Join(root, "LICENSE"))
	modules := 0
	for name, dirs := range linked(t) {
		paths := licenseFiles(t, dirs)
		for _, path := range paths {
			found.add(t, name, path)
		}
		if len(paths) == 0 {
			t.Errorf("%s: no license was found", name)
		}
		modules++
	}
	if modules < 30 {
		t.Errorf("only %d modules", modules)
	}
	want := found.text()
	if *update {
		if err := os.WriteFile("notices.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if licenses.Notices != want {
		for name := range found.names() {
			if !strings.Contains(licenses.Notices, "\n"+name+"\n") {
				t.Errorf("%s is missing", name)
			}
		}
		t.Error("notices.txt is not that of the linked modules: go generate ./cmd/slipway/internal/licenses")
	}
}

// TestCommand: the program prints the text.
func TestCommand(t *testing.T) {
	code, out, stderr := commandtest.Command(t.Context(), "", nil, "licenses")
	if code != 0 || out != licenses.Notices || !strings.Contains(out, "\ngithub.com/spf13/cobra v") {
		t.Errorf("exit code %d, %d bytes, %s", code, len(out), stderr)
	}
}

// notices are the names that each text covers.
type notices map[string][]string

func (n notices) add(t *testing.T, name, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimRight(strings.ReplaceAll(string(b), "\r\n", "\n"), " \t\n")
	if !slices.Contains(n[text], name) {
		n[text] = append(n[text], name)
	}
}

// names is the set of all names.
func (n notices) names() map[string]bool {
	out := map[string]bool{}
	for _, names := range n {
		for _, name := range names {
			out[name] = true
		}
	}
	return out
}

// text puts the texts in the order of their first names, Slipway's at the top.
func (n notices) text() string {
	blocks := make([]string, 0, len(n))
	for text, names := range n {
		slices.Sort(names)
		blocks = append(blocks, strings.Join(names, "\n")+"\n\n"+text+"\n")
	}
	own := func(block string) int {
		if strings.Contains(block, "\nSlipway\n") || strings.HasPrefix(block, "Slipway\n") {
			return 0
		}
		return 1
	}
	slices.SortFunc(blocks, func(a, b string) int {
		if d := own(a) - own(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return head + rule + strings.Join(blocks, rule)
}

// linked lists, for every module with its version, the folders of its packages that are linked into the program, and of those
// above them in the module.
func linked(t *testing.T) map[string][]string {
	t.Helper()
	dirs := map[string]map[string]bool{}
	for _, platform := range []string{"linux", "darwin", "windows"} {
		out := command(t, []string{"GOOS=" + platform, "GOARCH=amd64", "CGO_ENABLED=1"},
			"go", "list", "-deps", "-json=Dir,Module", "slipway/cmd/slipway")
		dec := json.NewDecoder(strings.NewReader(string(out)))
		for {
			var p struct {
				Dir    string
				Module *struct {
					Path, Version, Dir string
					Main               bool
				}
			}
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if p.Module == nil || p.Module.Main {
				continue
			}
			name := p.Module.Path + " " + p.Module.Version
			if dirs[name] == nil {
				dirs[name] = map[string]bool{p.Module.Dir: true}
			}
			for dir := p.Dir; len(dir) > len(p.Module.Dir); dir = filepath.Dir(dir) {
				dirs[name][dir] = true
			}
		}
	}
	out := map[string][]string{}
	for name, set := range dirs {
		out[name] = slices.Sorted(maps.Keys(set))
	}
	return out
}

// licenseName is what files with licenses are called; those of documentation and of tests don't cover what is linked.
var licenseName = regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|patents|copyright|unlicense)([.-].*)?$`)

func licenseFiles(t *testing.T, dirs []string) (paths []string) {
	t.Helper()
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); e.Type().IsRegular() && licenseName.MatchString(e.Name()) && ext != ".docs" && ext != ".go" {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	return paths
}

func command(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return out
}
