// Package api has the JSON of Slipway's HTTP API under /api/v1: a Go type for every body of a request and of an answer. The
// server and the client in api/client write and read these types, and the OpenAPI document is made from them. The package
// imports nothing of the server, so that other programs can use it.
//
// Times are text: RFC 3339 in UTC with microseconds. Digests are sha256:<hex>. Ids are text, also when they look like
// numbers. A pointer without omitempty is null when there is no value; a field with omitempty is absent when it is empty.
//
// The struct tags hold what the OpenAPI document says about a field: doc is its text, where 'x' stands for code; format,
// pattern, const, enum, examples and minimum are the keywords of JSON Schema; as names a schema of the server, for the
// content of a raw field or the values of a text.
package api

// Prefix is where the API lives below the address of a server.
const Prefix = "/api/v1"

// List is the answer of every list: one page of it. Next is the value of the parameter after for the next page; it is
// absent on the last page.
type List[T any] struct {
	Items []T    `json:"items" doc:"The items of this page."`
	Next  string `json:"next,omitempty" doc:"The 'after' of the next page; absent at the end."`
}

// Digest is the digest of a version: that of its manifest for OCI, else of its only or of all its files. Lists leave it out
// for a version of more than 64 files until the version, or a tag on it, has been read after its latest change.
type Digest string
