package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/web/api"
	"slipway/web/internal/wire"
)

const documentURL = "https://slipway.example.com/openapi.json"

// document is the server's own description of its API.
type document struct {
	t    *testing.T
	root map[string]any
	c    *jsonschema.Compiler
}

func (a *env) document() *document {
	a.t.Helper()
	var root map[string]any
	res := a.call(formatstest.Anonymous, "GET", "/openapi.json", "")
	if res.Status != http.StatusOK {
		a.t.Fatal(res)
	}
	if err := json.Unmarshal(res.Body, &root); err != nil {
		a.t.Fatal(err)
	}
	d := &document{t: a.t, root: root, c: jsonschema.NewCompiler()}
	d.c.AssertFormat()
	// Clients have to bear keys that they do not know; this test does not, so that the document leaves none out.
	for _, of := range d.at("components", "schemas").(map[string]any) {
		if of, ok := of.(map[string]any); ok && of["properties"] != nil {
			of["additionalProperties"] = false
		}
	}
	if err := d.c.AddResource(documentURL, root); err != nil {
		a.t.Fatal(err)
	}
	return d
}

// at walks down the document; nil when there is nothing.
func (d *document) at(keys ...string) any {
	var v any = d.root
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// check validates JSON against the schema at a place of the document.
func (d *document) check(raw []byte, keys ...string) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	pointer := ""
	for _, key := range keys {
		pointer += "/" + escapePointer.Replace(key)
	}
	s, err := d.c.Compile(documentURL + "#" + pointer)
	if err != nil {
		d.t.Fatal(err)
	}
	return s.Validate(v)
}

// TestDocumentIsValid holds the document to the meta schema of OpenAPI 3.1, and its examples to their schemas.
func TestDocumentIsValid(t *testing.T) {
	a := newAPI(t)
	d := a.document()
	meta, err := os.Open(filepath.Join("testdata", "openapi", "schema-3.1.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer meta.Close()
	rules, err := jsonschema.UnmarshalJSON(meta)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("meta.json", rules); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("meta.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(d.root); err != nil {
		t.Error(err)
	}
	for name := range d.at("components", "schemas").(map[string]any) {
		if _, err := d.c.Compile(documentURL + "#/components/schemas/" + name); err != nil {
			t.Errorf("the schema %s: %v", name, err)
		}
	}
	examples := 0
	d.examples(func(example any, keys []string) {
		examples++
		raw, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.check(raw, append(keys, "schema")...); err != nil {
			t.Errorf("the example at %v: %v", keys, err)
		}
	})
	if examples < 50 {
		t.Errorf("only %d examples were looked at", examples)
	}
}

// examples calls fn for everything with a schema and an example.
func (d *document) examples(fn func(example any, keys []string)) {
	var walk func(v any, keys []string)
	walk = func(v any, keys []string) {
		switch v := v.(type) {
		case map[string]any:
			if v["schema"] != nil && v["example"] != nil {
				fn(v["example"], keys)
				return
			}
			for key, below := range v {
				walk(below, append(slices.Clone(keys), key))
			}
		case []any:
			for i, below := range v {
				walk(below, append(slices.Clone(keys), strconv.Itoa(i)))
			}
		}
	}
	walk(d.root, nil)
}

// TestDocumentIsTheRouter compares the document with the routes that the router has, both ways.
func TestDocumentIsTheRouter(t *testing.T) {
	a := newAPI(t)
	d := a.document()
	var served []string
	err := a.Router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		route, ok := httpserver.RouteOf(r.GetHandler())
		if !ok || route.Format != "api" {
			return nil
		}
		methods, err := r.GetMethods()
		if err != nil {
			return err
		}
		template, err := r.GetPathTemplate()
		if err != nil {
			return err
		}
		for _, m := range methods {
			if m == http.MethodHead && slices.Contains(methods, http.MethodGet) {
				continue // the document says it of all
			}
			path := pattern.ReplaceAllString(strings.TrimPrefix(template, api.Prefix), "{$1}")
			served = append(served, m+" "+path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, item := range d.at("paths").(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if !slices.Equal(served, described) {
		t.Errorf("the router serves\n%v\nthe document describes\n%v", served, described)
	}
}

var pattern = regexp.MustCompile(`\{(\w+)(?::[^}]*)?\}`)

// TestAnswersFitTheDocument asks every route as every kind of caller, and holds each answer to what the document says of
// its status, and the request to what it says of requests.
func TestAnswersFitTheDocument(t *testing.T) {
	p := prepare(t)
	d := p.document()
	const version = "/repositories/{repository}/packages/{format}/{package}/versions/{version}"
	if res := p.call(formatstest.Admin, "DELETE", packages+"/lib/versions/1.0.0", ""); res.Status != http.StatusConflict || !strings.Contains(string(res.Body), `"uses":[{`) {
		t.Errorf("deleting what is deployed: %v", res)
	} else if err := d.fits(res, "DELETE", version); err != nil {
		t.Errorf("%v\n%v", res, err)
	}
	checked := map[string]bool{}
	p.routes(func(route httpserver.Route, method string, e example) {
		if method == http.MethodHead {
			return
		}
		template := p.templateOf(route)
		for who, as := range map[string]formatstest.As{"anonymous": formatstest.Anonymous, "ann": p.reader, "bob": p.elsewhere, "admin": formatstest.Admin} {
			res := p.ask(as, method, e, who)
			if err := d.fits(res, method, template); err != nil {
				t.Errorf("%s %s as %s: %v\n%v", method, template, who, res, err)
			}
			checked[fmt.Sprint(route.Name, " ", res.Status/100)] = true
		}
		if e.body != "" {
			body := strings.ReplaceAll(e.body, "%s", "ann")
			media := "application/json"
			if route.Name == "api.prefetch" { // a line of its body
				media = wire.JSONLines
			}
			if err := d.check([]byte(body), "paths", template, strings.ToLower(method), "requestBody", "content", media, "schema"); err != nil {
				t.Errorf("%s %s: request %s: %v", method, template, body, err)
			}
		}
	})
	// What the examples do not show.
	for _, q := range []struct{ method, path, template, body, header string }{
		{"PUT", packages + "/lib/tags/production", "/repositories/{repository}/packages/{format}/{package}/tags/{tag}", `{"version":"1.0.0"}`, `"77"`},
		{"PUT", packages + "/lib/tags/absent", "/repositories/{repository}/packages/{format}/{package}/tags/{tag}", `{"version":"1.0.0"}`, `"77"`},
		{"PUT", packages + "/lib/tags/production", "/repositories/{repository}/packages/{format}/{package}/tags/{tag}", `{"version":"1.0.0"}`, `77`},
		{"POST", "/repositories", "/repositories", `{"name":"main"}`, ""},
		{"POST", "/users", "/users", `{"name":"` + strings.Repeat("x", 300<<10) + `"}`, ""},
		{"GET", packages + "/lib/tags/staging/history", "/repositories/{repository}/packages/{format}/{package}/tags/{tag}/history", "", ""},
		{"GET", packages + "/lib/versions?deleted=true", "/repositories/{repository}/packages/{format}/{package}/versions", "", ""},
		{"GET", packages + "/lib/versions/0.9.0", "/repositories/{repository}/packages/{format}/{package}/versions/{version}", "", ""},
		{"GET", "/events?limit=1000", "/events", "", ""},
		{"GET", "/tokens?limit=2", "/tokens", "", ""},
	} {
		var header []string
		if q.header != "" {
			header = []string{"If-Match", q.header}
		}
		res := p.call(formatstest.Admin, q.method, q.path, q.body, header...)
		if err := d.fits(res, q.method, q.template); err != nil {
			t.Errorf("%s %s: %v\n%v", q.method, q.path, res, err)
		}
	}
	if len(checked) < len(examples) {
		t.Errorf("only %d answers of %d routes were looked at", len(checked), len(examples))
	}
}

// templateOf is the path of a route in the document.
func (p *prepared) templateOf(route httpserver.Route) (template string) {
	p.t.Helper()
	err := p.Router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if of, ok := httpserver.RouteOf(r.GetHandler()); ok && of == route {
			path, err := r.GetPathTemplate()
			template = pattern.ReplaceAllString(strings.TrimPrefix(path, api.Prefix), "{$1}")
			return err
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return template
}

// fits reports how an answer differs from what the document says of it.
func (d *document) fits(res formatstest.Response, method, template string) error {
	keys := []string{"paths", template, strings.ToLower(method), "responses", strconv.Itoa(res.Status)}
	described, ok := d.at(keys...).(map[string]any)
	if !ok {
		return fmt.Errorf("the status %d is not described, but %v", res.Status,
			slices.Collect(maps.Keys(d.at(keys[:len(keys)-1]...).(map[string]any))))
	}
	if ref, ok := described["$ref"].(string); ok {
		keys = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
		described, _ = d.at(keys...).(map[string]any)
	}
	contents, _ := described["content"].(map[string]any)
	sent := res.Header.Get("Content-Type")
	if len(contents) == 0 {
		if len(res.Body) > 0 {
			return fmt.Errorf("a body of type %q is not described", sent)
		}
		return nil
	}
	for media := range contents {
		if media == "application/octet-stream" { // somebody's file, of whatever type
			return nil
		}
		want, _, err := mime.ParseMediaType(media)
		if err != nil {
			return err
		}
		if got, _, err := mime.ParseMediaType(sent); err == nil && got == want {
			if !strings.HasSuffix(got, "json") {
				return nil
			}
			return d.check(res.Body, append(keys, "content", media, "schema")...)
		}
	}
	return fmt.Errorf("the media type %q is not described", sent)
}

// TestDocumentIsServed: without credentials, with an entity tag, and with the address under which the server is known.
func TestDocumentIsServed(t *testing.T) {
	a := newAPI(t, formatstest.Options{Site: httpserver.Options{URL: "https://slipway.example.com/behind"}})
	res := a.call(formatstest.Anonymous, "GET", "/openapi.json", "")
	tag := res.Header.Get("ETag")
	if res.Status != http.StatusOK || res.Header.Get("Content-Type") != "application/json" || tag == "" {
		t.Errorf("%v %v", res, res.Header)
	}
	if !strings.Contains(string(res.Body), `"servers":[{"url":"https://slipway.example.com/behind/api/v1"}]`) {
		t.Error("the address of the server is not in the document")
	}
	if res := a.call(formatstest.Anonymous, "GET", "/openapi.json", "", "If-None-Match", tag); res.Status != http.StatusNotModified || len(res.Body) != 0 {
		t.Errorf("again: %v", res)
	}
	if res := a.call(formatstest.Anonymous, "GET", "/openapi.json", "", "Accept-Encoding", "gzip"); res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("ETag") == tag {
		t.Errorf("compressed: %v", res.Header)
	}
}
