package bench_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"slipway/bench/load"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// TestBenchFill fills a new directory, which fsck finds clean; a second run changes nothing.
func TestBenchFill(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"bench", "fill", "--data", data, "--packages", "20", "--versions", "150", "--output", "json"}
	for _, fresh := range []int{150, 0} {
		code, out, errs := commandtest.Command(t.Context(), "", nil, args...)
		var sum struct{ Packages, Versions, New int }
		if err := json.Unmarshal([]byte(out), &sum); code != command.Done || err != nil {
			t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
		}
		if sum.Packages != 20 || sum.Versions != 150 || sum.New != fresh {
			t.Errorf("%+v, want %d new", sum, fresh)
		}
	}
	if code, out, _ := commandtest.Command(t.Context(), "", nil, "fsck", "--data", data); code != command.Done || !strings.Contains(out, "150 versions") {
		t.Errorf("fsck: exit code %d\n%s", code, out)
	}
	for _, wrong := range [][]string{{"--mix", "cargo=1"}, {"--versions", "1"}, {"--files", "0"}, {"--output", "xml"}, {"extra"}} {
		if code, _, errs := commandtest.Command(t.Context(), "", nil, append(append([]string{}, args[:4]...), wrong...)...); code != command.Usage {
			t.Errorf("%v: exit code %d: %s", wrong, code, errs)
		}
	}
}

// TestBenchRun: the report names every unit that ran, as a table and as JSON; a unit that fails makes the exit code 1.
func TestBenchRun(t *testing.T) {
	r := commandtest.Start(t)
	r.Login()
	small := []string{"bench", "run", "-n", "60", "--duration", "0", "--clients", "2", "--versions", "3", "--bytes", "1000", "--layer-bytes", "1000"}
	table := r.CLI(command.Done, small...)
	for _, unit := range load.NewSuite(load.Sizes{}).Units() {
		if !strings.Contains(table, unit) {
			t.Errorf("%s is missing:\n%s", unit, table)
		}
	}
	var report struct {
		Seconds float64
		Units   []struct {
			Unit  string
			Count uint64
			P99   float64 `json:"p99_ms"`
			Bytes int64
		}
	}
	if err := json.Unmarshal([]byte(r.CLI(command.Done, append(small, "--mix", "raw.put", "--output", "json")...)), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Units) != 1 || report.Units[0].Count != 60 || report.Units[0].P99 <= 0 || report.Units[0].Bytes != 60*1000 || report.Seconds <= 0 {
		t.Errorf("%+v", report)
	}
	r.CLI(command.Usage, append(small, "--mix", "cargo")...)
	r.CLI(command.Usage, "bench", "run", "--duration", "0")
	if errs := r.CLI(command.Failed, append(small, "--mix", "raw.put", "--repository", "missing")...); errs != "slipway: there is no repository \"missing\" (HTTP 404)\n" {
		t.Errorf("a repository that is not there: %s", errs)
	}
	reader := strings.TrimSpace(r.CLI(command.Done, "token", "create", "reader", "--allow", "main:read"))
	if errs := r.CLI(command.Failed, append(small, "--mix", "raw.put", "--token", reader)...); !strings.Contains(errs, "60 units failed") {
		t.Errorf("a token that may only read: %s", errs)
	}
}
