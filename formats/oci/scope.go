package oci

import (
	"net/http"
	"slices"
	"strings"

	"slipway/registry"
	"slipway/registry/access"
)

// Bounds of a token's scopes; a token must fit into a header.
const (
	maxScopes     = 64
	maxScopeBytes = 8 << 10
)

// scope is one resource and actions on it: "repository:<name>:pull,push", "registry:catalog:*".
type scope struct {
	Type    string   `json:"t"`
	Name    string   `json:"n"`
	Actions []string `json:"a"`
}

type scopes []scope

// parseScopes reads scopes in every way that clients write them: repeated parameters, several in one with spaces between,
// duplicates, actions in any order. Text outside the grammar type[(class)]:name:actions is left out. Invalid: too many scopes.
func parseScopes(params []string) (scopes, error) {
	var out scopes
	size := 0
	for _, p := range params {
		if size += len(p); size > maxScopeBytes {
			return nil, errScopes
		}
		for text := range strings.FieldsSeq(p) {
			kind, rest, ok := strings.Cut(text, ":")
			end := strings.LastIndex(rest, ":") // a name may have a host with a port in front
			if !ok || end < 0 {
				continue
			}
			kind, _, _ = strings.Cut(kind, "(")
			out = out.add(scope{Type: kind, Name: rest[:end], Actions: strings.Split(rest[end+1:], ",")})
			if len(out) > maxScopes {
				return nil, errScopes
			}
		}
	}
	return out, nil
}

var errScopes = registry.Errorf(registry.Invalid, registry.AboutRequest, "a token is for at most %d scopes in %d bytes", maxScopes, maxScopeBytes)

func (s scopes) add(n scope) scopes {
	i := slices.IndexFunc(s, func(o scope) bool { return o.Type == n.Type && o.Name == n.Name })
	if i < 0 {
		s = append(s, scope{Type: n.Type, Name: n.Name})
		i = len(s) - 1
	}
	for _, a := range n.Actions {
		if known := a == "*" || a == string(pull) || a == string(push) || a == string(remove); known && !slices.Contains(s[i].Actions, a) {
			s[i].Actions = append(s[i].Actions, a)
		}
	}
	return s
}

// cover reports whether the scopes contain an action on an image.
func (s scopes) cover(need action, image string) bool {
	kind, word := "repository", string(need)
	switch need {
	case public, login:
		return true
	case listAll:
		kind, image, word = "registry", "catalog", "*"
	}
	return slices.ContainsFunc(s, func(o scope) bool {
		return o.Type == kind && o.Name == image && (slices.Contains(o.Actions, word) || slices.Contains(o.Actions, "*"))
	})
}

// granted is the part of the scopes that a caller has rights to now, as text. It does not depend on what exists.
func (s scopes) granted(a access.Actor) string {
	var out []string
	for _, o := range s {
		if o.Type == "registry" {
			out = append(out, o.Type+":"+o.Name+":"+strings.Join(o.Actions, ","))
			continue
		}
		repository, _, _ := strings.Cut(o.Name, "/")
		var may []string
		for _, need := range []action{pull, push, remove} {
			asked := slices.Contains(o.Actions, string(need)) || slices.Contains(o.Actions, "*")
			if asked && slices.ContainsFunc(need.rights(), func(x access.Action) bool {
				return registry.ValidRepository(repository) && access.Decide(a, x, repository) == access.Allow
			}) {
				may = append(may, string(need))
			}
		}
		if len(may) > 0 {
			out = append(out, o.Type+":"+o.Name+":"+strings.Join(may, ","))
		}
	}
	return strings.Join(out, " ")
}

// asked returns the scopes of a request to the token endpoint.
func asked(r *http.Request) (scopes, error) { return parseScopes(r.Form["scope"]) }
