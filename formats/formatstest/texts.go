package formatstest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/registry/access"
)

// Texts that no database keeps: with a NUL character, and not UTF-8.
var (
	badEscapes = []string{"%00", "a%ff"}    // in a path or a query
	badStrings = []string{`\u0000`, "\xff"} // in JSON
)

// textHeaders are headers that a server may keep, or look something up by.
var textHeaders = []string{"User-Agent", "Content-Type", "Accept", "If-Match", "If-None-Match", "Range", "Npm-Session", "Npm-Command", "Referer", "X-Request-Id"}

// texts puts what no database keeps as text into each segment of each path, each parameter, headers, and each text of a JSON body.
// Whatever the database, the request fails like any other with a wrong name, or is done without that text.
func (h Hostile) texts(t *testing.T) {
	tried := 0
	h.each(t, func(t *testing.T, target Target) {
		send := func(what string, q Request) {
			if tried++; !Sampled(tried) {
				return
			}
			if res := h.Server.exactly(t, As(h.Server.admin), q); res.Status >= http.StatusBadRequest {
				h.answered(t, what, res)
			}
		}
		method := target.Request.Method
		for _, path := range badPaths(target.Request.Path, method == http.MethodGet) {
			q := target.Request
			q.Path = path
			send(path, q)
		}
		if method != http.MethodDelete { // which would be done, so that others find nothing
			for _, name := range textHeaders {
				send(name, target.Request.With(name, "a\xff"))
			}
		}
		for what, body := range badBodies(target.Request.Body) {
			q := target.Request
			q.Body = body
			send(what, q)
		}
	})
	if _, err := h.Server.Accounts.Authenticate(t.Context(), access.Credentials{Token: h.Server.admin}); err != nil {
		t.Errorf("the requests ended the credentials that they were made with: %v", err)
	}
}

// badPaths are the path and query of a request with bad text in each place; lists has it in parameters of lists too.
func badPaths(whole string, lists bool) []string {
	var out []string
	path, query, _ := strings.Cut(whole, "?")
	segments, parameters := strings.Split(path, "/"), strings.Split(query, "&")
	with := func(list []string, i int, text string) []string {
		list = slices.Clone(list)
		list[i] = text
		return list
	}
	for _, bad := range badEscapes {
		for i := 1; i < len(segments); i++ {
			changed := strings.Join(with(segments, i, bad), "/")
			if query != "" {
				changed += "?" + query
			}
			out = append(out, changed)
		}
		for i, p := range parameters {
			if name, _, ok := strings.Cut(p, "="); ok {
				out = append(out, path+"?"+strings.Join(with(parameters, i, name+"="+bad), "&"))
			}
		}
		for _, name := range []string{"after", "last", "q", "text", "from"} {
			if !lists {
				break
			}
			out = append(out, path+"?"+name+"="+bad)
		}
	}
	return out
}

// badBodies are a JSON document with bad text in the place of each of its texts.
func badBodies(body []byte) map[string][]byte {
	var doc any
	if json.Unmarshal(body, &doc) != nil {
		return nil
	}
	out := map[string][]byte{}
	const mark = "slipway-bad-text"
	var walk func(at string, v any, put func(any))
	walk = func(at string, v any, put func(any)) {
		switch v := v.(type) {
		case string:
			put(v + mark)
			marked, err := json.Marshal(doc)
			put(v)
			if err != nil {
				return
			}
			for _, bad := range badStrings {
				out[fmt.Sprintf("%s with %q", at, bad)] = []byte(strings.Replace(string(marked), mark, bad, 1))
			}
		case []any:
			for i, item := range v {
				walk(fmt.Sprint(at, "/", i), item, func(x any) { v[i] = x })
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(at+"/"+key, v[key], func(x any) { v[key] = x })
			}
		}
	}
	walk("", doc, func(v any) { doc = v })
	return out
}
