// Package api is the server's side of the JSON API under /api/v1/: repositories, packages, versions, tags with their history,
// release metadata, tokens, users, the event feed and the Merkle log. The bodies are the types of slipway/api. Each file has
// one resource: its endpoints with their OpenAPI descriptions, examples, renderers and handlers. A handler parses, calls the
// core once, and renders; the rules are in the core.
//
// Answers are UTF-8 JSON with snake_case keys, RFC 3339 UTC times with microseconds and digests as sha256:<hex>. Errors
// are application/problem+json (RFC 9457). Lists take ?limit= and ?after= and answer {"items":[…],"next":"…"}. A package
// name in a path is one percent-encoded segment.
package api
