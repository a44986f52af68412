package openapi

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Build writes the document. Encoded as JSON, the same document is always the same bytes. It panics where the descriptions
// contradict themselves: two types with the same name, a field of a type that JSON lacks, a name that Named lacks, a status
// that Problems lacks.
func (d Document) Build() Object {
	b := builder{Document: d, schemas: newSchemas(d.Types, d.Named)}
	servers, security := []any{}, []any{}
	for _, url := range d.Servers {
		servers = append(servers, Object{"url": url})
	}
	for _, scheme := range slices.Sorted(maps.Keys(d.Security)) {
		security = append(security, Object{scheme: []string{}})
	}
	return Object{
		"openapi":  Version,
		"info":     d.Info,
		"servers":  servers,
		"tags":     d.Tags,
		"security": security,
		"paths":    b.paths(),
		"components": Object{
			"securitySchemes": d.Security, "responses": b.problems(), "schemas": b.schemas.byName,
		},
	}
}

// builder writes one document.
type builder struct {
	Document
	schemas *schemas
}

func (b *builder) paths() map[string]Object {
	paths := map[string]Object{}
	for _, e := range b.Endpoints {
		path, names := Template(e.Path)
		if paths[path] == nil {
			item := Object{}
			if len(names) > 0 {
				item["parameters"] = b.variables(names)
			}
			paths[path] = item
		}
		paths[path][strings.ToLower(e.Method)] = b.operation(e, len(names) > 0)
	}
	return paths
}

// variable is a variable of the router's path templates, which may have a pattern.
var variable = regexp.MustCompile(`\{(\w+)(?::[^}]*)?\}`)

// Template turns a path of the router into one of OpenAPI, and returns its variables.
func Template(path string) (template string, names []string) {
	for _, m := range variable.FindAllStringSubmatch(path, -1) {
		names = append(names, m[1])
	}
	return variable.ReplaceAllString(path, "{$1}"), names
}

func (b *builder) variables(names []string) []any {
	out := make([]any, len(names))
	for i, name := range names {
		p := b.Variables[name]
		p.Name = name
		out[i] = p.object("path")
	}
	return out
}

// object writes a parameter; in is path, query or header, "" for a header of an answer.
func (p Param) object(in string) Object {
	of := p.Of
	if of == nil {
		of = Object{"type": "string"}
	}
	out := Object{"description": p.About, "schema": of}
	if p.Example != nil {
		out["example"] = p.Example
	}
	if in != "" {
		out["name"], out["in"] = p.Name, in
	}
	if in == "path" || p.Required {
		out["required"] = true
	}
	return out
}

// operation writes an endpoint; named: its path has variables.
func (b *builder) operation(e Endpoint, named bool) Object {
	out := Object{"operationId": e.ID, "tags": []string{e.Group}, "summary": e.Summary}
	if e.About != "" {
		out["description"] = e.About
	}
	if e.Public {
		out["security"] = []any{}
	}
	if e.Rights != nil {
		out[RightsExtension] = e.Rights
	}
	params := []any{}
	for _, p := range e.Query {
		params = append(params, p.object("query"))
	}
	for _, p := range e.Header {
		params = append(params, p.object("header"))
	}
	if len(params) > 0 {
		out["parameters"] = params
	}
	if r := e.Request; r != nil && r.Of != nil {
		out["requestBody"] = Object{"required": !r.Optional, "content": Object{r.Media: Object{"schema": r.Of}}}
	} else if r != nil {
		out["requestBody"] = Object{"required": !r.Optional, "content": Object{
			cmp.Or(r.Media, "application/json"): Object{"schema": b.schemas.request(r.Struct, r.Required), "example": json.RawMessage(r.Example)},
		}}
	}
	responses := Object{"default": Object{"$ref": responsePath + b.problem(0)}}
	for _, a := range e.Answers {
		responses[strconv.Itoa(a.Status)] = b.answer(a)
	}
	for _, status := range e.failures(named) {
		responses[strconv.Itoa(status)] = Object{"$ref": responsePath + b.problem(status)}
	}
	out["responses"] = responses
	return out
}

const responsePath = "#/components/responses/"

// problem is the name of the component for a status.
func (b *builder) problem(status int) string {
	p, ok := b.Problems[status]
	if !ok {
		panic("no problem is described for the status " + strconv.Itoa(status))
	}
	return p.Name
}

func (b *builder) answer(a Answer) Object {
	out := Object{"description": a.About}
	media := Object{}
	for _, c := range a.Content {
		of := c.Of
		if of == nil {
			of = b.schemas.of(reflect.TypeOf(c.Example))
		}
		m := Object{"schema": of}
		if c.Example != nil {
			m["example"] = c.Example
		}
		media[c.Media] = m
	}
	if len(media) > 0 {
		out["content"] = media
	}
	headers := Object{}
	for _, p := range a.Header {
		headers[p.Name] = p.object("")
	}
	if len(headers) > 0 {
		out["headers"] = headers
	}
	return out
}

func (b *builder) problems() Object {
	out := Object{}
	for _, p := range b.Problems {
		of := b.schemas.of(reflect.TypeOf(p.Example))
		if p.Or != nil {
			of = Object{"anyOf": []any{of, b.schemas.of(reflect.TypeOf(p.Or))}}
		}
		out[p.Name] = Object{"description": p.About, "content": Object{
			"application/problem+json": Object{"schema": of, "example": p.Example},
		}}
	}
	return out
}
