package cli

import (
	"time"

	"slipway/api"
)

var tokenColumns = []column[api.Token]{
	{"ID", func(t api.Token) any { return t.ID }},
	{"NAME", func(t api.Token) any { return t.Name }},
	{"USER", func(t api.Token) any { return t.User }},
	{onlyWide("SECRET BEGINS WITH"), func(t api.Token) any { return t.Hint }},
	{onlyWide("CREATED"), func(t api.Token) any { return when(t.CreatedAt) }},
	{"EXPIRES", func(t api.Token) any { return whenever(t.ExpiresAt) }},
	{"REVOKED", func(t api.Token) any { return whenever(t.RevokedAt) }},
	{onlyWide("LAST USED"), func(t api.Token) any { return whenever(t.LastUsedAt) }},
	{onlyWide("FROM"), func(t api.Token) any { return t.LastUsedFrom }},
	{onlyWide("MADE WITH"), func(t api.Token) any { return t.Parent }},
	{"PERMISSIONS", func(t api.Token) any { return tokenPermissions(t) }},
}

// sessionKind is the kind of the token of a login.
const sessionKind = "session"

// tokenPermissions are the permissions of a token; that of a login has its user's.
func tokenPermissions(t api.Token) any {
	if t.Kind == sessionKind {
		return "login: all of its user's"
	}
	return permissions(t.Permissions)
}

// tokenRequest asks for a token that is valid for a time; 0 is as long as the credentials that make it.
func tokenRequest(name string, permissions []api.Permission, expires time.Duration) api.TokenRequest {
	r := api.TokenRequest{Name: name, Permissions: permissions}
	if expires > 0 {
		text := expires.String()
		r.ExpiresIn = &text
	}
	return r
}
