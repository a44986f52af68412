package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/web/openapi"
)

// documentRoutes are the endpoints of the OpenAPI document.
func (h *handlers) documentRoutes() []endpoint {
	return []endpoint{
		{"GET", "/openapi.json", "api.openapi", h.getDocument, openapi.Operation{
			Public: true, ID: "getDocument", Group: "Server", Summary: "This document",
			Answers: []openapi.Answer{
				{Status: http.StatusOK, About: "OpenAPI 3.1.", Header: []openapi.Param{{Name: "ETag", About: "Changes with the document."}},
					Content: []openapi.Content{{Media: "application/json", Of: openapi.Object{"type": "object"}}}},
				{Status: http.StatusNotModified, About: "You have it."},
			}}},
	}
}

// getDocument answers GET /openapi.json: this API, for people and for generators of clients. It is public, as it has nothing
// that the source does not have.
func (h *handlers) getDocument(w http.ResponseWriter, r *http.Request) error {
	base := h.server.BaseURL(r)
	w.Header().Set("Cache-Control", "no-cache")
	key := httpserver.DocumentKey{View: "openapi " + base}
	return h.server.Documents.Serve(w, r, key, nil, func(context.Context) (httpserver.Document, error) {
		body, err := json.Marshal(h.document(base).Build())
		return httpserver.Document{Body: body, ContentType: "application/json"}, err
	})
}

// document describes the endpoints for a server at a base URL.
func (h *handlers) document(base string) openapi.Document {
	d := openapi.Document{
		Info: documentInfo, Servers: []string{base + Prefix}, Tags: groups, Security: securitySchemes,
		Variables: h.pathVariables(), Problems: problems, Types: typeSchemas, Named: h.namedSchemas(),
	}
	for _, e := range h.endpoints() {
		d.Endpoints = append(d.Endpoints, openapi.Endpoint{Method: e.method, Path: e.path, Operation: e.Operation})
	}
	return d
}

// typeSchemas are the schemas of the API's types with a format or a closed set of values.
var typeSchemas = map[reflect.Type]openapi.Object{
	reflect.TypeFor[api.Action](): {"type": "string", "enum": access.Actions},
	reflect.TypeFor[api.Digest](): {"type": "string", "pattern": "^[a-z0-9]+:[0-9a-f]+$", "description": "Digest of the version: that of its manifest for OCI, " +
		"else of its only or of all its files. Lists leave it out for a version of more than 64 files until the version, or a tag on it, has been read after its latest change."},
	reflect.TypeFor[api.DeliveryState](): {"type": "string", "enum": deliveryStates},
}

// namedSchemas are the schemas that fields of the API name by the tag "as". Event types are examples and not enums, since
// filters take globs too, and clients generated from the document must accept the types of a newer server.
var namedSchemas = map[string]openapi.Named{
	"EventType":   {Of: openapi.Object{"type": "string", "examples": cloudEventTypes}},
	"EventFilter": {Of: openapi.Object{"type": "string", "examples": eventTypeNames}},
	"EventData":   {Struct: reflect.TypeFor[api.EventData]()},
	"UpstreamList": {Of: openapi.Object{"type": "array", "items": openapi.Object{"anyOf": []openapi.Object{
		{"type": "string"}, {"$ref": "#/components/schemas/NewUpstream"}}}}},
}

// namedSchemas returns the variable namedSchemas and the schemas that depend on the served formats.
func (h *handlers) namedSchemas() map[string]openapi.Named {
	var settings []openapi.Field
	for _, s := range h.svc.Core.Rules.Settings() {
		settings = append(settings, openapi.Field{Name: s.Name, Title: s.Title, About: s.Doc, Type: s.Type, Enum: s.Values})
	}
	out := maps.Clone(namedSchemas)
	out["RepositorySettings"] = openapi.Named{Fields: settings}
	out["SettingsChange"] = openapi.Named{Fields: settings, Request: true}
	return out
}

// pathVariables returns the variable pathVariables with the names of the served formats.
func (h *handlers) pathVariables() map[string]openapi.Param {
	names := ""
	formats := slices.Sorted(maps.Keys(h.svc.Core.Rules))
	for i, format := range formats {
		switch {
		case i == 0:
		case i < len(formats)-1:
			names += ", "
		default:
			names += " or "
		}
		names += "`" + format + "`"
	}
	out := maps.Clone(pathVariables)
	of := out["format"]
	of.About += ": " + names + "."
	out["format"] = of
	return out
}

var documentInfo = openapi.Object{
	"title":   "Slipway",
	"version": "1",
	"summary": "Repositories, versions, tags with their history, release metadata, events and the Merkle log.",
	"description": `JSON in UTF-8 with ` + "`snake_case`" + ` keys. Times are RFC 3339 in UTC with microseconds, digests ` + "`sha256:<hex>`" + `.
A client ignores keys that it does not know; a request with a key that the server does not know is refused.

**Lists** take ` + "`limit`" + ` and ` + "`after`" + ` and answer ` + "`{\"items\":[…],\"next\":\"…\"}`" + `; ` + "`next`" + ` is absent at the end.

**Names in paths** are one percent-encoded segment each: ` + "`@acme%2Fweb`, `com.acme:lib`, `team%2Fapp`" + `.

**Errors** are ` + "`application/problem+json`" + ` (RFC 9457): ` + "`type`" + ` is for programs, ` + "`detail`" + ` for people, ` + "`request_id`" + ` finds the request
in the server's log. Every answer carries the id in ` + "`X-Request-Id`" + `; a request may bring its own (8 to 64 letters, digits, ` + "`. _ -`" + `).

**HEAD** is answered wherever GET is. A server with anonymous reading answers reads of versions and tags without credentials.` + rightsText,
	"license": openapi.Object{"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}

var securitySchemes = openapi.Object{
	"basic":  openapi.Object{"type": "http", "scheme": "basic", "description": "A user's name and password, or any name with a token as the password."},
	"bearer": openapi.Object{"type": "http", "scheme": "bearer", "description": "A token; it begins with `slp_`."},
}

// groups are the tags of the document, in reading order.
var groups = []openapi.Object{
	{"name": "Repositories", "description": "A repository is a named place for versions that speaks every format."},
	{"name": "Rules", "description": "What becomes of single versions and bytes, whatever they come from, and what was refused."},
	{"name": "Upstreams", "description": "The places that a repository answers from beside its own versions, and the rules about names that come with them."},
	{"name": "Mirrors", "description": "What is fetched ahead of time, for places without a network."},
	{"name": "Versions", "description": "Packages and their versions, whatever format they are of, with files, tags and release metadata."},
	{"name": "Tags", "description": "Names that move from version to version, with their past. npm's dist-tags and OCI's tags are among them."},
	{"name": "Publishes", "description": "Files of several requests that appear at one moment, sent with the header `X-Slipway-Publish`."},
	{"name": "Deployments", "description": "What is wanted, recorded and running where, now and at any past moment."},
	{"name": "Events", "description": "The log as CloudEvents: what happened, in the order in which it happened."},
	{"name": "Subscriptions", "description": "Where events are sent to, and what became of each delivery."},
	{"name": "Log", "description": "The Merkle log (C2SP tlog-tiles): proof that nothing was rewritten."},
	{"name": "Access", "description": "Users, service accounts, groups, roles and tokens; who may do what, and why."},
	{"name": "Server", "description": "The server itself."},
}

// pathVariables are the variables of all paths.
var pathVariables = map[string]openapi.Param{
	"repository":  {About: "Name of the repository.", Of: openapi.Object{"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}, Example: "main"},
	"format":      {About: "Format of the package", Example: "npm"},
	"package":     {About: "Name of the package, as its format writes it.", Example: "@acme/web"},
	"version":     {About: "The version, as its format writes it; for OCI the digest of the manifest.", Example: "1.4.2"},
	"tag":         {About: "Name of the tag.", Example: "production"},
	"digest":      {About: "SHA-256 of the bytes.", Example: digestExample},
	"path":        {About: "Path of the file within its version. Slashes may be encoded or not.", Example: "web-1.4.2.tgz"},
	"tile":        {About: "Path of the tile: `<level>/<n>` or `entries/<n>`, with `.p/<width>` when it is not full.", Example: "0/000.p/1"},
	"request":     {About: "The id of a request that was refused.", Example: "K4Q7TZJ6M5N2B3V8X1C9L0A2SD"},
	"id":          {About: "The id, as lists show it.", Example: "12"},
	"name":        {About: "Its name.", Example: "jane"},
	"environment": {About: "Name of the environment.", Example: "prod"},
	"service":     {About: "Name of the service.", Example: "web"},
}
