package pypi

import (
	"fmt"
	"sync/atomic"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/registrytest"
)

// TestGrowth: what an upload reads and writes does not grow with the files that the release has.
func TestGrowth(t *testing.T) {
	var rows atomic.Int64
	e := newEnv(t, formatstest.Options{Core: []registrytest.Option{registrytest.CountRows(&rows)}})
	const few, many = 10, 120
	var reads [many + 1]int64
	upload := func(i int, python string) int64 {
		before := rows.Load()
		e.wheel(dist{name: "grows", version: "1.0", file: fmt.Sprintf("grows-1.0-%d-py3-none-any.whl", i), header: []string{"Requires-Python: " + python}})
		return rows.Load() - before
	}
	kept := func() int {
		d, err := e.Catalog.VersionDetail(e.Admin, registry.Name{Repository: "main", Format: formatName, Package: "grows"}.At("1.0"))
		must(t, err)
		return len(d.Version.Descriptor)
	}
	bytes := 0
	for i := range reads {
		if reads[i] = upload(i, ">=3.9"); i == few {
			bytes = kept()
		}
	}
	if reads[many] > reads[few] {
		t.Errorf("an upload reads %d records beside few files and %d beside many", reads[few], reads[many])
	}
	if n := kept(); n != bytes {
		t.Errorf("the descriptor has %d bytes with few files and %d with many", bytes, n)
	}

	upload(many+1, ">=3.10")
	for _, f := range e.page("grows").Files {
		want := ">=3.9"
		if f.Filename == fmt.Sprintf("grows-1.0-%d-py3-none-any.whl", many+1) {
			want = ">=3.10"
		}
		if f.RequiresPython != want {
			t.Errorf("%s requires Python %s, not %s", f.Filename, f.RequiresPython, want)
		}
	}
}

// TestOneVersionIsRead: a change of one version, in whatever spelling, does not read the others.
func TestOneVersionIsRead(t *testing.T) {
	var rows atomic.Int64
	e := newEnv(t, formatstest.Options{Core: []registrytest.Option{registrytest.CountRows(&rows)}})
	const versions = 20
	for i := range versions {
		e.wheel(dist{name: "many", version: fmt.Sprintf("1.%d", i)})
	}
	rows.Store(0)
	e.want(204, "", e.do(formatstest.Admin, "PUT", "/api/many/1.7.0/yank"))
	e.want(404, "no version", e.do(formatstest.Admin, "PUT", "/api/many/7/yank"))
	if n := rows.Load(); n >= versions {
		t.Errorf("%d records were read", n)
	}
}

// TestDescriptor: descriptors that name every file stay as they are read, and a file that comes again loses what it said before.
func TestDescriptor(t *testing.T) {
	add := func(old []byte, file, python string) []byte {
		var d distribution
		d.file.text, d.inside.metadata.requiresPython = file, python
		raw, err := d.merge(old)
		must(t, err)
		return raw
	}
	of := func(raw []byte, file string) string {
		d, err := readDescriptor(raw)
		must(t, err)
		return d.of(file).RequiresPython
	}
	for _, first := range [][]byte{[]byte(`{"files":{"a":{"requires_python":">=3.8"},"b":{}}}`), add(add(nil, "a", ">=3.8"), "b", "")} {
		raw := add(add(first, "c", ">=3.8"), "d", ">=3.9")
		for file, want := range map[string]string{"a": ">=3.8", "b": "", "c": ">=3.8", "d": ">=3.9"} {
			if got := of(raw, file); got != want {
				t.Errorf("%s: %s requires %q, not %q", raw, file, got, want)
			}
		}
		if got := of(add(raw, "d", ">=3.8"), "d"); got != ">=3.8" {
			t.Errorf("d came again and requires %q", got)
		}
	}
}
