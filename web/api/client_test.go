package api_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// generator is the folder of the generator and the validator, which .ci/clients-pypi.sh installs.
const generator = "openapi-0.29.1"

// python returns a function that runs Python with the generator's modules and those in a folder of the test's. It skips
// without them, or fails where the script must have run.
func python(t *testing.T, dir string) func(args ...string) {
	t.Helper()
	clients := os.Getenv("SLIPWAY_CLIENTS")
	if clients == "" {
		clients = filepath.Join("..", "..", ".cache", "clients")
	}
	modules, err := filepath.Abs(filepath.Join(clients, generator))
	if err == nil {
		_, err = os.Stat(modules)
	}
	program, lookErr := exec.LookPath("python3")
	if err != nil || lookErr != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatalf("%s is not installed (run .ci/clients-pypi.sh): %v, %v", generator, err, lookErr)
		}
		t.Skipf("%s is not installed; run .ci/clients-pypi.sh", generator)
	}
	return func(args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8", "NO_COLOR=1", "COLUMNS=200",
			"PYTHONPATH=" + modules + string(filepath.ListSeparator) + dir,
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
}

// TestGeneratedClient makes a client of the document, and lists, tags, reads and errs with it against the server that served
// the document.
func TestGeneratedClient(t *testing.T) {
	dir := t.TempDir()
	run := python(t, dir)
	p := prepare(t)
	document := p.call(formatstest.Anonymous, "GET", "/openapi.json", "")
	for name, body := range map[string][]byte{"openapi.json": document.Body, "config.yml": []byte("post_hooks: []\ncontent_type_overrides: {application/jsonl: application/octet-stream}\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs(filepath.Join("testdata", "openapi", "client.py"))
	if err != nil {
		t.Fatal(err)
	}
	run("-m", "openapi_spec_validator", "openapi.json")
	run("-m", "openapi_python_client", "generate", "--path", "openapi.json", "--output-path", "slipway_client", "--meta", "none",
		"--config", "config.yml", "--fail-on-warning")
	run(script, p.URL+"/api/v1", p.Token("*", access.Admin))
	var tag tag
	p.want(200, "GET", packages+"/lib/tags/from-python", "", &tag)
	if tag.Version != "1.0.0" || tag.Reason != "by a generated client" {
		t.Errorf("the tag: %+v", tag)
	}
}
