package pypi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/ledger"
)

// env is a server with the PyPI front-end and shorthands for what tests ask of it.
type env struct {
	*formatstest.Server
	t testing.TB
}

func newEnv(t testing.TB, o formatstest.Options) *env {
	return &env{formatstest.NewServer(t, o, New()), t}
}

// do asks below the repository main.
func (e *env) do(as formatstest.As, method, path string, header ...string) formatstest.Response {
	e.t.Helper()
	q := formatstest.Request{Method: method, Path: "/pypi/main" + path}
	for i := 0; i < len(header); i += 2 {
		q = q.With(header[i], header[i+1])
	}
	return e.Do(as, q)
}

func (e *env) get(path string, header ...string) formatstest.Response {
	e.t.Helper()
	return e.do(formatstest.Admin, http.MethodGet, path, header...)
}

func (e *env) post(p post) formatstest.Response {
	e.t.Helper()
	return e.Do(formatstest.Admin, uploadRequest(e.t, registry.DefaultRepository, p))
}

// want fails the test unless the answer has the status and the words.
func (e *env) want(status int, words string, res formatstest.Response) formatstest.Response {
	e.t.Helper()
	if res.Status != status || !strings.Contains(string(res.Body), words) {
		e.t.Fatalf("%v, want %d with %q", res, status, words)
	}
	return res
}

// wheel publishes a wheel and expects success.
func (e *env) wheel(d dist) []byte {
	e.t.Helper()
	content := d.wheel(e.t)
	e.want(http.StatusOK, ": stored", e.post(post{file: d.wheelName(), content: content}))
	return content
}

// sdist publishes a source distribution and expects success.
func (e *env) sdist(d dist) []byte {
	e.t.Helper()
	content := d.sdist(e.t)
	e.want(http.StatusOK, ": stored", e.post(post{file: d.sdistName(), content: content, set: map[string]string{"name": d.name, "version": d.version}}))
	return content
}

// page reads the JSON page of a project.
func (e *env) page(project string) jsonPage {
	e.t.Helper()
	res := e.want(http.StatusOK, "", e.get("/simple/"+project+"/", "Accept", medias[2].mime))
	var p jsonPage
	must(e.t, json.Unmarshal(res.Body, &p))
	return p
}

// href is where a file of a page is, below the repository.
func (f jsonFile) href() string { return strings.TrimPrefix(f.URL, "../..") }

// events returns the types of all events about packages, with version and tag.
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

// logged counts the answers of a route in the server's log.
func (e *env) logged(route, status string) int {
	n := 0
	for line := range strings.Lines(e.Log()) {
		if strings.Contains(line, "msg=request ") && strings.Contains(line, "route="+route+" ") && strings.Contains(line, "status="+status+" ") {
			n++
		}
	}
	return n
}
