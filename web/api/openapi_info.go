package api

import (
	"net/http"
	"reflect"

	"slipway/web/internal/wire"
)

var documentInfo = schema{
	"title":   "Slipway",
	"version": "1",
	"summary": "Repositories, versions, tags with their history, release metadata, events and the Merkle log.",
	"description": `JSON in UTF-8 with ` + "`snake_case`" + ` keys. Times are RFC 3339 in UTC with microseconds, digests ` + "`sha256:<hex>`" + `.
A client ignores keys that it does not know; a request with a key that the server does not know is refused.

**Lists** take ` + "`limit`" + ` and ` + "`after`" + ` and answer ` + "`{\"items\":[…],\"next\":\"…\"}`" + `; ` + "`next`" + ` is absent at the end.

**Names in paths** are one percent-encoded segment each: ` + "`@acme%2Fweb`, `com.acme:lib`, `team%2Fapp`" + `.

**Errors** are ` + "`application/problem+json`" + ` (RFC 9457): ` + "`type`" + ` is for programs, ` + "`detail`" + ` for people, ` + "`request_id`" + ` finds the request
in the server's log. Every answer carries the id in ` + "`X-Request-Id`" + `; a request may bring its own (8 to 64 letters, digits, ` + "`. _ -`" + `).

**HEAD** is answered wherever GET is. A server with anonymous reading answers reads of versions and tags without credentials.`,
	"license": schema{"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}

var securitySchemes = schema{
	"basic":  schema{"type": "http", "scheme": "basic", "description": "A user's name and password, or any name with a token as the password."},
	"bearer": schema{"type": "http", "scheme": "bearer", "description": "A token; it begins with `slp_`."},
}

// groups are the tags of the document, in the order in which people read them.
var groups = []schema{
	{"name": "Repositories", "description": "A repository is a named place for versions that speaks every format."},
	{"name": "Versions", "description": "Packages and their versions, whatever format they are of, with files, tags and release metadata."},
	{"name": "Tags", "description": "Names that move from version to version, with their past. npm's dist-tags and OCI's tags are among them."},
	{"name": "Publishes", "description": "Files of several requests that appear at one moment, sent with the header `X-Slipway-Publish`."},
	{"name": "Deployments", "description": "What is wanted, recorded and running where, now and at any past moment."},
	{"name": "Events", "description": "The log as CloudEvents: what happened, in the order in which it happened."},
	{"name": "Subscriptions", "description": "Where events are sent to, and what became of each delivery."},
	{"name": "Log", "description": "The Merkle log (C2SP tlog-tiles): proof that nothing was rewritten."},
	{"name": "Access", "description": "Tokens and users."},
	{"name": "Server", "description": "The server itself."},
}

// pathParams are the variables of all paths.
var pathParams = map[string]param{
	"repository":  {about: "Name of the repository.", of: schema{"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}, example: "main"},
	"format":      {about: "Format of the package: `maven`, `npm`, `oci`, `pypi` or `raw`.", example: "npm"},
	"package":     {about: "Name of the package, as its format writes it.", example: "@acme/web"},
	"version":     {about: "The version, as its format writes it; for OCI the digest of the manifest.", example: "1.4.2"},
	"tag":         {about: "Name of the tag.", example: "production"},
	"path":        {about: "Path of the file within its version. Slashes may be encoded or not.", example: "web-1.4.2.tgz"},
	"tile":        {about: "Path of the tile: `<level>/<n>` or `entries/<n>`, with `.p/<width>` when it is not full.", example: "0/000.p/1"},
	"id":          {about: "The id, as lists show it.", example: "12"},
	"name":        {about: "Its name.", example: "jane"},
	"environment": {about: "Name of the environment.", example: "prod"},
	"service":     {about: "Name of the service.", example: "web"},
}

// paged are the parameters of every list, behind those of its own.
func paged(own ...param) []param {
	return append(own,
		param{name: "limit", about: "How many items at most; more than 1000 count as 1000.", of: schema{"type": "integer", "minimum": 1, "default": wire.DefaultLimit}},
		param{name: "after", about: "The `next` of the page before."})
}

var (
	asOfParam = param{name: "as_of", about: "A moment of the past: an RFC 3339 time, or `seq:<n>` for the state right after an entry of the log."}
	reasonOf  = param{name: "reason", about: "Why; it is kept in the log."}
	publishIn = param{name: "repository", about: "The repository, where several hold a publish of this id."}
	typesOf   = param{name: "types", about: "Event types or globs over them, separated by commas, each of which must match a type; `dev.slipway.` and `.v1` may be left out.",
		of: schema{"type": "string", "examples": eventTypeNames}, example: "artifact.published,tag.*"}
	ifMatch = []param{
		{name: "If-Match", about: "The generation in which the tag must be, in quotes: compare-and-swap.", example: `"3"`},
		{name: "If-None-Match", about: "`*`: the tag must not be there."},
	}
	generationOf = []param{{name: "ETag", about: "The tag's generation, for `If-Match`.", example: `"3"`}}
	locationOf   = []param{{name: "Location", about: "Where it is."}}
)

// success, created and accepted answer with JSON whose schema is that of the example's type.
func success(about string, example any, header ...param) []answer {
	return []answer{{http.StatusOK, about, header, jsonContent(example)}}
}

func created(about string, example any, header ...param) []answer {
	return []answer{{http.StatusCreated, about, header, jsonContent(example)}}
}

func accepted(about string, example any, header ...param) []answer {
	return []answer{{http.StatusAccepted, about, header, jsonContent(example)}}
}

func jsonContent(example any) []content {
	return []content{{media: "application/json", example: example}}
}

func empty(about string) []answer { return []answer{{status: http.StatusNoContent, about: about}} }

// plain answers with text of a type of its own.
func plain(about, media, example string) []answer {
	return []answer{{status: http.StatusOK, about: about, content: []content{{media, schema{"type": "string"}, example}}}}
}

// takes is a request whose body is a T.
func takes[T any](name, example string, required ...string) *body {
	return &body{name: name, of: reflect.TypeFor[T](), required: required, example: example}
}

// bytesType stands for every media type where the bytes are somebody's file.
const bytesType = "application/octet-stream"

var rawBytes = schema{"type": "string", "format": "binary"}
