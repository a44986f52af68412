package raw_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/internal/httpserver"
	"slipway/registry/access"
)

func path(repository, pkg, version string) string {
	return "/raw/" + repository + "/" + pkg + "/" + version + "/bin/file.bin"
}

func suite() formatstest.Suite {
	return formatstest.Suite{
		New: raw.New,
		Publish: func(repository, pkg, version string, content []byte) formatstest.Request {
			return formatstest.Request{Method: http.MethodPut, Path: path(repository, pkg, version), Body: content}
		},
		Download: func(repository, pkg, version string) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: path(repository, pkg, version)}
		},
		Needs: map[string][]access.Action{"PUT raw.put": {access.Publish}, "DELETE raw.delete": {access.Delete}},
		Cells: map[string]formatstest.Cell{
			"raw.get": formatstest.Exact,
		},
		Example: func(route httpserver.Route, _, repository string) (formatstest.Request, bool) {
			q := formatstest.Request{Path: path(repository, "example", "1.0.0"), Body: []byte("content")}
			switch route.Name {
			case "raw.get", "raw.delete", "raw.options":
				q.Body = nil
				return q, true
			case "raw.put":
				return q, true
			}
			return q, false
		},
		Listing: func(repository, pkg string) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: "/raw/" + repository + "/" + pkg + "/"}
		},
		// A version's line in the listing has the time when the version last changed, and being restored is a change.
		Volatile: regexp.MustCompile(`/</a></td><td>[0-9: -]{19}</td>`),
		Refusal:  formatstest.ReadRefusal, AnyBytes: []string{"raw.put"}, Public: []string{"raw.options"},
		// A read of a path with an empty segment is sent to the one without.
		Malformed: func(_, between, _ string) int {
			if between == "//" {
				return http.StatusFound
			}
			return 0
		},
		Documents: []formatstest.Target{{Route: "sum", AnyBytes: true, Request: formatstest.Request{Method: http.MethodPut, Path: path("main", "example", "1.0.0") + ".sha256",
			Body: []byte(strings.Repeat("0", 64))}}},
		Created: http.StatusCreated, Again: http.StatusOK, Conflict: http.StatusConflict,
	}
}

func TestFormat(t *testing.T) { formatstest.Run(t, suite()) }
