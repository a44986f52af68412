package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// TestOperations holds the table of operations to the routes, and the descriptions of properties to the properties.
func TestOperations(t *testing.T) {
	h := &handlers{API: New(Options{})}
	ids, routed := map[string]string{}, map[string]bool{}
	s := newSchemas()
	for _, rt := range h.routes() {
		o, ok := operations[rt.name]
		if !ok {
			t.Errorf("the route %s is not in the document: describe it in operations", rt.name)
			continue
		}
		routed[rt.name] = true
		path, names := templateOf(rt.path)
		for _, name := range names {
			if pathParams[name].about == "" {
				t.Errorf("%s: the variable %q of the path is not described", path, name)
			}
		}
		if o.id == "" || o.summary == "" || ids[o.id] != "" {
			t.Errorf("%s: id %q, summary %q, used by %q", rt.name, o.id, o.summary, ids[o.id])
		}
		ids[o.id] = rt.name
		if len(o.answers) == 0 {
			t.Errorf("%s: no answer is described", rt.name)
		}
		if changes := rt.method != http.MethodGet && rt.method != http.MethodDelete; o.request != nil && !changes {
			t.Errorf("%s %s takes no body", rt.method, path)
		}
		grouped := false
		for _, g := range groups {
			grouped = grouped || g["name"] == o.group
		}
		if !grouped {
			t.Errorf("%s: there is no group %q", rt.name, o.group)
		}
		s.operation(o, rt, len(names) > 0)
	}
	for name := range operations {
		if !routed[name] {
			t.Errorf("the operation %s belongs to no route", name)
		}
	}
	s.problems()
	for component, of := range s.byName {
		for name, property := range of["properties"].(schema) {
			if about := property.(schema)["description"]; about == nil {
				t.Errorf("%s.%s is not described: add it to fields", component, name)
			}
		}
	}
	for key := range fields {
		if !s.used[key] {
			t.Errorf("the description of %s describes nothing", key)
		}
	}
}

// TestRequestExamples: every example of a body is one that its handler takes.
func TestRequestExamples(t *testing.T) {
	for name, o := range operations {
		if o.request == nil {
			continue
		}
		d := json.NewDecoder(strings.NewReader(o.request.example))
		d.DisallowUnknownFields()
		if err := d.Decode(reflect.New(o.request.of).Interface()); err != nil {
			t.Errorf("%s: %s: %v", name, o.request.example, err)
		}
	}
}

// TestDocumentIsStable: an entity tag is worth something only if the same document is always the same bytes.
func TestDocumentIsStable(t *testing.T) {
	h := &handlers{API: New(Options{})}
	render := func() []byte {
		b, err := json.Marshal(h.document("https://slipway.example.com"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for first, n := render(), 0; n < 5; n++ {
		if !bytes.Equal(first, render()) {
			t.Fatal("the document differs from one rendering to the next")
		}
	}
}
