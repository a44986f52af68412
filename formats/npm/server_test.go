package npm

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/ledger"
)

// env is a server with the npm front-end and shorthands for what tests ask of it.
type env struct {
	*formatstest.Server
	t testing.TB
}

func newEnv(t testing.TB, o formatstest.Options) *env {
	return &env{formatstest.NewServer(t, o, New()), t}
}

func (e *env) do(as formatstest.As, method, path string, body []byte, header ...string) formatstest.Response {
	e.t.Helper()
	q := formatstest.Request{Method: method, Path: "/npm/main" + path, Body: body}
	for i := 0; i < len(header); i += 2 {
		q = q.With(header[i], header[i+1])
	}
	return e.Do(as, q)
}

// want fails the test unless the answer has the status, and, of an error, the words.
func (e *env) want(status int, words string, res formatstest.Response) formatstest.Response {
	e.t.Helper()
	if res.Status != status {
		e.t.Fatalf("%v, want %d", res, status)
	}
	if status >= http.StatusBadRequest {
		var f failure
		if err := json.Unmarshal(res.Body, &f); err != nil || f.Error != f.Message || f.Code == "" || f.RequestID == "" || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
			e.t.Fatalf("%v is not an npm error (%v)", res, err)
		}
		if !strings.Contains(f.Error, words) {
			e.t.Fatalf("%q, want %q in it", f.Error, words)
		}
	}
	return res
}

// publish publishes as admin and expects 201.
func (e *env) publish(p pub) {
	e.t.Helper()
	e.want(http.StatusCreated, "", e.put(p))
}

func (e *env) put(p pub) formatstest.Response {
	e.t.Helper()
	return e.do(formatstest.Admin, http.MethodPut, "/"+strings.Replace(p.name, "/", "%2f", 1), p.body(e.t))
}

// get reads a JSON document as admin.
func (e *env) get(path string, header ...string) map[string]any {
	e.t.Helper()
	return parsed(e.t, e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodGet, path, nil, header...)).Body)
}

// versions lists the keys of a packument's versions.
func (e *env) versions(name string) []string {
	e.t.Helper()
	var keys []string
	versions, _ := e.get("/" + name)["versions"].(map[string]any)
	for v := range versions {
		keys = append(keys, v)
	}
	return keys
}

func (e *env) name(pkg string) registry.Name {
	return registry.Name{Repository: registry.DefaultRepository, Format: formatName, Package: pkg, Display: pkg}
}

// events returns the types of all events about packages.
func (e *env) events() []string {
	e.t.Helper()
	list, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"artifact.*", "tag.*", "package.*"}})
	must(e.t, err)
	var out []string
	for _, ev := range list {
		kind := strings.TrimSuffix(strings.TrimPrefix(ev.Type, registry.EventTypePrefix), registry.EventTypeSuffix)
		var data registry.EventData
		must(e.t, json.Unmarshal(ev.Data, &data))
		out = append(out, strings.TrimSpace(kind+" "+data.Version+" "+data.Tag))
	}
	return out
}
