package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What one file, function, type and interface may be: more is a sign of a second idea. Suites of tests are as long as what they ask for.
const (
	maxFileLines        = 400
	maxFunctionLines    = 60
	maxExportedMethods  = 25
	maxInterfaceMethods = 12
)

// beyond are the types that may have more methods than others, and why.
var beyond = map[string]string{
	"api/client.Client":             "has a method for every operation of the API, in files by resource",
	"metadata.Tx":                   "hands out the groups of records, one by each method",
	"metadata/internal/sqlstore.Tx": "does the same in SQL, and ends and counts what it did for the backends",
	"registry/accounts.Accounts":    "every change of users, groups, roles, tokens and sessions renews the caller and empties the cache of logins in the same way",
	"registry/catalog.Reader":       "is all that front-ends read; what wraps it must answer every method, or show what it hides",
	"registry/upstreams.Upstreams":  "lists, claims and cache of a repository decide together where a name comes from, under one set of locks and remotes",
}

// TestMeasures holds files, functions, types and interfaces to their bounds, and the exceptions to being exceptions.
func TestMeasures(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	over := map[string]bool{}
	files := 0
	for {
		var p struct {
			ImportPath, Dir string
			GoFiles         []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		folder := strings.TrimPrefix(p.ImportPath, module+"/")
		if isTestPackage(folder) {
			continue
		}
		m := measured{t: t, folder: folder, methods: map[string]int{}, over: over}
		for _, name := range p.GoFiles {
			m.file(filepath.Join(p.Dir, name))
			files++
		}
		for name, n := range m.methods {
			m.count(name, n, maxExportedMethods)
		}
	}
	for name := range beyond {
		if !over[name] {
			t.Errorf("%s needs no exception any more", name)
		}
	}
	if files < 100 {
		t.Errorf("only %d files were looked at", files)
	}
}

// measured is a package that is looked at.
type measured struct {
	t       *testing.T
	folder  string
	methods map[string]int // exported ones, by type
	over    map[string]bool
}

func (m measured) file(path string) {
	m.t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		m.t.Fatal(err)
	}
	line := func(at token.Pos) int { return set.Position(at).Line }
	name := m.folder + "/" + filepath.Base(path)
	if n := set.File(f.FileStart).LineCount() - 1; n > maxFileLines {
		m.t.Errorf("%s has %d lines, which is more than %d: which of its ideas has a file of its own?", name, n, maxFileLines)
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if n := line(d.End()) - line(d.Pos()) + 1; n > maxFunctionLines {
				m.t.Errorf("%s: %s has %d lines, which is more than %d", name, d.Name.Name, n, maxFunctionLines)
			}
			if d.Recv != nil && d.Name.IsExported() {
				m.methods[receiver(d.Recv.List[0].Type)]++
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if one, ok := s.(*ast.TypeSpec); ok {
					if i, ok := one.Type.(*ast.InterfaceType); ok {
						m.count(one.Name.Name, i.Methods.NumFields(), maxInterfaceMethods)
					}
				}
			}
		}
	}
}

// receiver is the name of the type that a method belongs to.
func receiver(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func (m measured) count(typeName string, n, most int) {
	m.t.Helper()
	if n <= most {
		return
	}
	name := m.folder + "." + typeName
	m.over[name] = true
	if beyond[name] == "" {
		m.t.Errorf("%s has %d methods, which is more than %d: which of its callers need only a part of it?", name, n, most)
	}
}
