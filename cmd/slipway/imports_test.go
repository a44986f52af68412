package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "slipway"

// The rows that many packages have in common.
var (
	kernel = []string{"registry", "registry/access", "registry/lookup", "metadata", "storage", "internal/ctxgrace"}
	front  = []string{"formats", "internal/httpserver", "registry", "registry/access", "registry/accounts", "registry/catalog", "registry/content",
		"registry/publish", "registry/pulls", "registry/staging", "registry/upstreams", "internal/outbound"}
)

// anywhere is a package that every other may import: it has nothing of its own but the standard library's.
const anywhere = "internal/lazyregexp"

// mayImport says which of our packages a package may import. A row is of one package, or, where it ends in "/*", of all below
// a folder that have no row of their own. "+" stands for a package and all below it.
var mayImport = map[string][]string{
	"internal/*":          {},
	"internal/httpserver": {"registry", "registry/access", "internal/origin"},
	"internal/origin":     {"internal/outbound"},
	"api":                 {},
	"api/client":          {"api"},
	"docs":                {},

	"storage":    {},
	"storage/*":  {"storage+", "internal/ctxgrace", "internal/fsync", "internal/sqldrv"},
	"metadata":   {},
	"metadata/*": {"metadata", "metadata/internal+", "internal/fsync", "internal/sqldrv"},
	// A snapshot is a file of SQLite, whatever database it is of.
	"metadata/postgres": {"metadata", "metadata/sqlite", "metadata/internal+", "internal/fsync", "internal/sqldrv"},

	// The core: the kernel, and the parts over it.
	"registry":            {"registry/access", "registry/lookup", "metadata", "storage"},
	"registry/access":     {"metadata"},
	"registry/lookup":     {"metadata"},
	"registry/accounts":   kernel,
	"registry/catalog":    kernel,
	"registry/content":    kernel,
	"registry/deploy":     kernel,
	"registry/ledger":     kernel,
	"registry/publish":    slices.Concat(kernel, []string{"registry/content"}),
	"registry/staging":    slices.Concat(kernel, []string{"registry/content", "registry/publish"}),
	"registry/upstreams":  slices.Concat(kernel, []string{"registry/catalog", "registry/content", "registry/publish", "internal/origin", "internal/seal"}),
	"registry/policy":     slices.Concat(kernel, []string{"registry/catalog", "registry/content", "registry/upstreams"}),
	"registry/mirror":     slices.Concat(kernel, []string{"registry/catalog", "registry/content", "registry/ledger", "registry/publish", "registry/upstreams"}),
	"registry/maintain":   slices.Concat(kernel, []string{"registry/content", "registry/staging", "registry/deploy", "registry/ledger"}),
	"registry/dependents": slices.Concat(kernel, []string{"registry/catalog"}),
	"registry/pulls":      slices.Concat(kernel, []string{"registry/catalog"}),
	"registry/duty":       {"registry", "metadata"},
	"registry/instance":   {"registry+", "integration", "metadata", "storage"},

	"integration":   {"registry", "registry/access", "metadata", "internal/seal"},
	"integration/*": {"integration+", "registry", "metadata", "internal/outbound"},

	"formats":         slices.Concat(front, []string{"formats/setup"}),
	"formats/setup":   {},
	"formats/archive": {"registry"},
	"formats/version": {},
	"formats/*":       slices.Concat(front, []string{"formats/archive", "formats/setup", "formats/version"}),
	"formats/all":     {"formats+"},

	"web/api":        {"web/openapi", "web/internal+", "api", "internal/httpserver", "registry+", "integration", "internal/outbound"},
	"web/openapi":    {},
	"web/ui":         {"web/internal+", "api", "api/client", "formats/archive", "formats/setup", "internal/httpserver", "registry+", "docs"},
	"web/internal/*": {"registry", "internal/httpserver"},

	"backup":  {"metadata", "metadata/sqlite", "storage", "storage/local", "internal/fsync"},
	"bench/*": {"bench+", "formats+", "registry+", "internal/fsync"},
	"cmd/*":   {"+"},
	// What starts servers to try.
	"deploy/*": {"internal/balancer", "metadata/postgres/pgserver", "storage/s3/s3server"},
}

// onlyIn names the only folders that may import certain packages from outside.
var onlyIn = map[string][]string{
	"github.com/minio/minio-go/v7": {"storage/s3"},
	"github.com/mattn/go-sqlite3":  {"metadata/sqlite", "storage/local/packs"},
	"github.com/jackc/pgx/v5":      {"metadata/postgres"},
	"database/sql":                 {"internal/sqldrv", "metadata/sqlite", "metadata/internal", "metadata/postgres"},
	"net/http":                     {"formats", "internal/httpserver", "internal/balancer", "deploy", "web", "cmd", "api/client", "integration", "internal/outbound", "internal/origin", "bench", "storage/s3"},
	"github.com/gorilla/mux":       {"formats", "internal/httpserver", "web", "cmd"},
}

type listedPackage struct {
	ImportPath string
	Imports    []string
}

// TestImports compares the imports of every package with the tables: they point one way, and a backend's driver stays
// in the backend. Packages whose names end in "test" may import everything; only tests import them.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for ; ; seen++ {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		checkImports(t, p)
	}
	if seen < 10 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

func checkImports(t *testing.T, p listedPackage) {
	from := strings.TrimPrefix(p.ImportPath, module+"/")
	if isTestPackage(from) {
		return
	}
	if importRow(from) == "" {
		t.Errorf("%s has no row in mayImport", from)
	}
	for _, path := range p.Imports {
		if to, ours := strings.CutPrefix(path, module+"/"); ours {
			if isTestPackage(to) || !importAllowed(from, to) {
				t.Errorf("%s imports %s", from, to)
			}
			continue
		}
		for prefix, folders := range onlyIn {
			if within(path, prefix) && !slices.ContainsFunc(folders, func(f string) bool { return within(from, f) }) {
				t.Errorf("%s imports %s, which belongs to %v", from, path, folders)
			}
		}
	}
}

func isTestPackage(folder string) bool {
	return slices.ContainsFunc(strings.Split(folder, "/"), func(s string) bool { return strings.HasSuffix(s, "test") })
}

func importAllowed(from, to string) bool {
	return to == anywhere || slices.ContainsFunc(mayImport[importRow(from)], func(rule string) bool {
		base, below := strings.CutSuffix(rule, "+")
		return to == base || below && (base == "" || within(to, base))
	})
}

// importRow is the row of mayImport that a package belongs to; "" for none.
func importRow(from string) string {
	if _, ok := mayImport[from]; ok {
		return from
	}
	for dir := path.Dir(from); dir != "."; dir = path.Dir(dir) {
		if _, ok := mayImport[dir+"/*"]; ok {
			return dir + "/*"
		}
	}
	return ""
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
