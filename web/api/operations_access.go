package api

import (
	"net/http"
	"reflect"

	"slipway/registry"
)

var accessOperations = map[string]operation{
	"api.tokens.list": {id: "listTokens", group: "Access", summary: "List your tokens; an administrator sees everybody's",
		query: paged(), answers: success("The tokens, without their secrets.", list[tokenJSON]{Items: []tokenJSON{tokenExample}})},
	"api.tokens.create": {id: "createToken", group: "Access", summary: "Make a token",
		about: "A token never exceeds the rights of who made it, now or later.",
		request: takes[tokenRequest]("TokenRequest", `{"name":"ci","permissions":[{"repository":"main","actions":["read","publish"]}],"expires_in":"720h"}`,
			"name", "permissions"),
		answers: created("The token with its secret, shown this once.", newTokenJSON{tokenExample, "slp_…"})},
	"api.tokens.revoke": {id: "revokeToken", group: "Access", summary: "Revoke a token", answers: empty("It is refused from now on; also when it was revoked before.")},
	"api.users.list": {id: "listUsers", group: "Access", summary: "List the users",
		query: paged(), answers: success("The users, by name.", list[userJSON]{Items: []userJSON{userExample}})},
	"api.users.create": {id: "createUser", group: "Access", summary: "Make a user",
		request: takes[userChange]("NewUser", `{"name":"jane","password":"…","permissions":[{"repository":"*","actions":["read","tag"]}]}`, "name", "password"),
		answers: created("The user.", userExample), errors: []int{http.StatusConflict}},
	"api.users.change": {id: "changeUser", group: "Access", summary: "Change a user", about: "Everybody may set the own password. What the body does not name stays.",
		request: takes[userChange]("UserChange", `{"disabled":true}`),
		answers: success("The user.", userExample), errors: []int{http.StatusConflict}},
	"api.whoami": {id: "whoami", group: "Access", summary: "Show who you are and what you may do",
		answers: success("The caller.", callerJSON{Type: "token", ID: "token:12", Name: "jane", Token: "ci", Permissions: tokenExample.Permissions})},

	"api.gc": {id: "collect", group: "Server", summary: "Remove bytes that nothing needs",
		about:   "A run that would remove more than a fifth of all blobs is refused with 409 unless `force` is set.",
		request: &body{name: "CollectionRequest", of: reflect.TypeFor[collectionRequest](), example: `{"grace":"24h","dry_run":true}`, optional: true},
		answers: success("What was removed, or would be.", registry.CollectReport{Blobs: 12, Bytes: 52_428_800, DurationMilli: 140}),
		errors:  []int{http.StatusConflict}},
	"api.openapi": {id: "getDocument", group: "Server", summary: "This document",
		answers: []answer{
			{http.StatusOK, "OpenAPI 3.1.", []param{{name: "ETag", about: "Changes with the document."}},
				[]content{{media: "application/json", of: schema{"type": "object"}}}},
			{http.StatusNotModified, "You have it.", nil, nil},
		}},
}
