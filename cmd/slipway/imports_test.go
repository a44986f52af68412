package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "slipway"

// mayImport says which of our folders a folder may import. "+" stands for the folder itself and all below it; what is
// below the importing folder is always allowed.
var mayImport = map[string][]string{
	"internal":    {},
	"storage":     {"storage", "internal/ctxgrace", "internal/fsync", "internal/sqldrv"},
	"metadata":    {"metadata", "metadata/internal+", "internal/fsync", "internal/sqldrv"},
	"registry":    {"registry+", "storage", "metadata", "internal/ctxgrace"},
	"formats":     {"formats", "registry+"},
	"formats/*":   {"formats", "formats/archive", "formats/version", "registry+"},
	"formats/all": {"formats+", "registry"},
	"integration": {"integration+", "registry+", "metadata"},
	"api":         {},
	"api/client":  {"api"},
	"backup":      {"metadata", "storage", "storage/local", "internal/fsync"},
	"docs":        {"docs"},
	"bench":       {"bench+", "formats+", "registry+", "internal/fsync"},
	"cmd":         {"+"},

	"formats/archive": {"registry"},
	"formats/version": {},

	"cmd/slipway/internal/command": {},
	"cmd/slipway/internal/cli":     {"api+", "cmd/slipway/internal/command"},

	"web/api":      {"web/openapi", "web/internal+", "api", "formats", "registry+"},
	"web/openapi":  {},
	"web/ui":       {"web/internal+", "api", "formats", "registry+", "docs"},
	"web/internal": {"registry", "formats"},
}

// onlyIn names the folders that alone may import something from outside.
var onlyIn = map[string][]string{
	"github.com/minio/minio-go/v7": {"storage/s3"},
	"github.com/mattn/go-sqlite3":  {"metadata/sqlite", "storage/local/packs"},
	"database/sql":                 {"internal/sqldrv", "metadata/sqlite", "metadata/internal", "metadata/postgres"},
	"net/http":                     {"formats", "web", "cmd", "api/client", "integration", "bench", "storage/s3"},
	"github.com/gorilla/mux":       {"formats", "web", "cmd"},
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
	if within(to, from) {
		return true
	}
	return slices.ContainsFunc(mayImport[importRow(from)], func(rule string) bool {
		base, below := strings.CutSuffix(rule, "+")
		return to == base || below && (base == "" || within(to, base))
	})
}

// importRow is the line of mayImport that a folder belongs to.
func importRow(from string) string {
	top, rest, _ := strings.Cut(from, "/")
	switch {
	case mayImport[from] != nil:
		return from
	case top == "web":
		folder, _, _ := strings.Cut(rest, "/")
		return "web/" + folder
	case top == "formats" && rest != "":
		return "formats/*"
	}
	return top
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
