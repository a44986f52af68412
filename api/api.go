// Package api has the JSON of Slipway's HTTP API under /api/v1: a Go type for every body of a request and of an answer. The
// server writes and reads these types, the client in api/client does too, and the OpenAPI document is made of them. The
// package imports nothing of the server, so that other programs can use it.
//
// Times are text: RFC 3339 in UTC with microseconds. Digests are sha256:<hex>. Ids are text, whatever they look like. A
// pointer without omitempty is null when there is no value; a field with omitempty is absent when it is empty.
//
// The tags say what the OpenAPI document says of a field: doc is its text, where 'x' stands for code; format, pattern,
// const, enum, examples and minimum are the keywords of JSON Schema; as names a schema that the server knows: what a
// raw field holds, or the values that a text has.
package api

// Prefix is where the API lives below the address of a server.
const Prefix = "/api/v1"

// List is the answer of every list: one page of it. Next is what to send as after for the next page; at the end it is
// absent.
type List[T any] struct {
	Items []T    `json:"items" doc:"The items of this page."`
	Next  string `json:"next,omitempty" doc:"The 'after' of the next page; absent at the end."`
}

// Digest is the digest of a version: that of its manifest for OCI, else of its only or of all its files. Lists leave it out
// for a version of more than 64 files until the version, or a tag on it, has been read after its latest change.
type Digest string
