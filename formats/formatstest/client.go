package formatstest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// ClientsTable names the variable of the environment with the file in which tests note the clients that they drive. Without it
// they note nothing.
const ClientsTable = "SLIPWAY_CLIENTS_TABLE"

// ClientRun is one line of that file, as JSON. docs/clients.md is made of them.
type ClientRun struct {
	Client   string `json:"client"`
	Version  string `json:"version"`
	Format   string `json:"format"`
	Scenario string `json:"scenario"`
	Test     string `json:"test"`
	Passed   bool   `json:"passed"`
}

// RecordsClients reports whether the clients are noted, so that a test need not ask a client for its version otherwise.
func RecordsClients() bool { return os.Getenv(ClientsTable) != "" }

// RecordClient notes, when the test ends, that it drove a client: name as its makers write it, version as the client itself prints
// it, and what the test does with it in a few words, such as "publish, install by the lockfile". The format is the folder
// of the calling test. A skipped test notes nothing.
func RecordClient(t testing.TB, name, version, scenario string) {
	t.Helper()
	path := os.Getenv(ClientsTable)
	if path == "" {
		return
	}
	_, caller, _, _ := runtime.Caller(1)
	run := ClientRun{Client: name, Version: version, Format: filepath.Base(filepath.Dir(caller)), Scenario: scenario, Test: t.Name()}
	t.Cleanup(func() {
		if t.Skipped() {
			return
		}
		run.Passed = !t.Failed()
		if err := appendLine(path, run); err != nil {
			t.Errorf("%s: %v", ClientsTable, err)
		}
	})
}

// appendLine adds a value as one line of JSON, in one write: tests of several packages write to the same file.
func appendLine(path string, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
