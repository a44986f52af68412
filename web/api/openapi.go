package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"slipway/formats"
)

// operation is what the OpenAPI document says of a route beside its method and path.
type operation struct {
	id      string // operationId
	group   string // one of groups
	summary string
	about   string // more, in Markdown
	query   []param
	header  []param
	request *body
	answers []answer // of success
	errors  []int    // beside those that every operation of its kind may answer
}

// param is a parameter, or a header of an answer.
type param struct {
	name     string
	about    string
	of       schema // nil: a string
	example  any
	required bool // a query parameter can't be left out
}

// body is what a request carries: one JSON object that fits a Go type.
type body struct {
	name     string // of the component
	of       reflect.Type
	required []string
	example  string // JSON
	optional bool   // a request without a body will do
}

// answer is a success. Each content is of another media type; none is an answer without body.
type answer struct {
	status  int
	about   string
	header  []param
	content []content
}

type content struct {
	media   string
	of      schema // nil: that of the example's type
	example any
}

const openapiVersion = "3.1.0"

// openapi answers GET /openapi.json: this API, for people and for generators of clients. It is public: it tells nothing
// that the source does not.
func (h *handlers) openapi(w http.ResponseWriter, r *http.Request) error {
	base := h.site.BaseURL(r)
	w.Header().Set("Cache-Control", "no-cache")
	key := formats.DocumentKey{View: "openapi " + base} // packages are numbered from 1: none has this key
	return h.site.Documents.Serve(w, r, key, nil, func(context.Context) (formats.Document, error) {
		body, err := json.Marshal(h.document(base))
		return formats.Document{Body: body, ContentType: "application/json"}, err
	})
}

// document describes the routes of the router, one by one, for a server at a base URL.
func (h *handlers) document(base string) schema {
	s := newSchemas()
	paths := map[string]schema{}
	for _, rt := range h.routes() {
		path, names := templateOf(rt.path)
		if paths[path] == nil {
			item := schema{}
			if len(names) > 0 {
				item["parameters"] = pathParameters(names)
			}
			paths[path] = item
		}
		paths[path][lowerMethod[rt.method]] = s.operation(operations[rt.name], rt, len(names) > 0)
	}
	return schema{
		"openapi":  openapiVersion,
		"info":     documentInfo,
		"servers":  []any{schema{"url": base + Prefix}},
		"tags":     groups,
		"security": []any{schema{"basic": []string{}}, schema{"bearer": []string{}}},
		"paths":    paths,
		"components": schema{
			"securitySchemes": securitySchemes, "responses": s.problems(), "schemas": s.byName,
		},
	}
}

var lowerMethod = map[string]string{"GET": "get", "PUT": "put", "POST": "post", "PATCH": "patch", "DELETE": "delete"}

// variable is a variable of the router's path templates, which may have a pattern.
var variable = regexp.MustCompile(`\{(\w+)(?::[^}]*)?\}`)

// templateOf turns a path of the router into one of OpenAPI, and returns its variables.
func templateOf(path string) (template string, names []string) {
	for _, m := range variable.FindAllStringSubmatch(path, -1) {
		names = append(names, m[1])
	}
	return variable.ReplaceAllString(path, "{$1}"), names
}

func pathParameters(names []string) []any {
	out := make([]any, len(names))
	for i, name := range names {
		p := pathParams[name]
		p.name = name
		out[i] = p.object("path")
	}
	return out
}

// object writes a parameter; in is path, query or header, "" for a header of an answer.
func (p param) object(in string) schema {
	of := p.of
	if of == nil {
		of = schema{"type": "string"}
	}
	out := schema{"description": p.about, "schema": of}
	if p.example != nil {
		out["example"] = p.example
	}
	if in != "" {
		out["name"], out["in"] = p.name, in
	}
	if in == "path" || p.required {
		out["required"] = true
	}
	return out
}

func (s *schemas) operation(o operation, rt route, named bool) schema {
	out := schema{"operationId": o.id, "tags": []string{o.group}, "summary": o.summary}
	if o.about != "" {
		out["description"] = o.about
	}
	if rt.public {
		out["security"] = []any{}
	}
	params := []any{}
	for _, p := range o.query {
		params = append(params, p.object("query"))
	}
	for _, p := range o.header {
		params = append(params, p.object("header"))
	}
	if len(params) > 0 {
		out["parameters"] = params
	}
	if b := o.request; b != nil {
		s.component(b.name, b.of, b)
		out["requestBody"] = schema{"required": !b.optional, "content": schema{
			"application/json": schema{"schema": refTo(b.name), "example": json.RawMessage(b.example)},
		}}
	}
	responses := schema{"default": schema{"$ref": "#/components/responses/Problem"}}
	for _, a := range o.answers {
		responses[strconv.Itoa(a.status)] = s.answer(a)
	}
	for _, status := range o.failures(rt, named) {
		responses[strconv.Itoa(status)] = schema{"$ref": "#/components/responses/" + problemResponses[status].name}
	}
	out["responses"] = responses
	return out
}

func (s *schemas) answer(a answer) schema {
	out := schema{"description": a.about}
	media := schema{}
	for _, c := range a.content {
		of := c.of
		if of == nil {
			of = s.of(reflect.TypeOf(c.example))
		}
		m := schema{"schema": of}
		if c.example != nil {
			m["example"] = c.example
		}
		media[c.media] = m
	}
	if len(media) > 0 {
		out["content"] = media
	}
	headers := schema{}
	for _, p := range a.header {
		headers[p.name] = p.object("")
	}
	if len(headers) > 0 {
		out["headers"] = headers
	}
	return out
}

// failures are the statuses that a client should be ready for; all others are the default's.
func (o operation) failures(rt route, named bool) []int {
	out := slices.Clone(o.errors)
	if named || len(o.query)+len(o.header) > 0 || o.request != nil {
		out = append(out, http.StatusBadRequest)
	}
	if named {
		out = append(out, http.StatusNotFound)
	}
	if o.request != nil {
		out = append(out, http.StatusRequestEntityTooLarge)
	}
	if !rt.public {
		out = append(out, http.StatusUnauthorized, http.StatusForbidden)
	}
	return out
}

// problemResponse is one component of the document's responses.
type problemResponse struct {
	name, about string
	example     any
	or          any // a value of another type that it may have
}

// problemResponses are the answers that are no success, by status; 0 is every other.
var problemResponses = map[int]problemResponse{
	0: {name: "Problem", about: "Any other failure: 405, 500, 507; 429 and 503 with `Retry-After`.",
		example: problemExample(503, "unavailable", "the database can't be reached")},
	400: {name: "Invalid", about: "The request can't be understood, or a value is outside of its grammar.",
		example: problemExample(400, "invalid", "limit must be a number from 1 to 1000")},
	401: {name: "Unauthenticated", about: "No credentials, or wrong ones; `WWW-Authenticate` says which are taken.",
		example: problemExample(401, "unauthenticated", "log in to see this")},
	403: {name: "Denied", about: "You are known and may not do this.",
		example: problemExample(403, "denied", `token "ci" may not tag in repository "main"`)},
	404: {name: "NotFound", about: "It is not there, or you may not know that it is.",
		example: problemExample(404, "not-found", `there is no repository "main"`)},
	409: {name: "Conflict", about: "What is there stands in the way; `detail` says how.",
		example: problemExample(409, "already-exists", `there is a repository "main" already`), or: inUseProblem{}},
	412: {name: "TagMoved", about: "The tag is not in the generation of `If-Match`; `current` is what holds, null when there is no tag.",
		example: staleProblem{problemExample(412, "precondition-failed", "the tag is in generation 3"), &tagExample}},
	413: {name: "TooLarge", about: "The body is larger than 256 KiB.",
		example: problemExample(413, "too-large", "the body is larger than the limit of 262144 bytes")},
	416: {name: "RangeNotSatisfiable", about: "The range begins behind the end; `Content-Range` has the length.",
		example: problemExample(416, "range-not-satisfiable", "the range begins behind the end")},
}

func problemExample(status int, kind, detail string) problemJSON {
	return problemJSON{Type: "urn:slipway:problem:" + kind, Title: http.StatusText(status), Status: status, Detail: detail, RequestID: "ci-run-4711.2"}
}

func (s *schemas) problems() schema {
	out := schema{}
	for _, p := range problemResponses {
		of := s.of(reflect.TypeOf(p.example))
		if p.or != nil {
			of = schema{"anyOf": []any{of, s.of(reflect.TypeOf(p.or))}}
		}
		out[p.name] = schema{"description": p.about, "content": schema{
			"application/problem+json": schema{"schema": of, "example": p.example},
		}}
	}
	return out
}
