package integration

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway/registry"
	"slipway/registry/access"
)

// Filter selects events for a subscription: one must match each list that is not empty. All are globs in which * stands
// for any text.
type Filter struct {
	Types        []string `json:"types,omitempty"`        // prefix and suffix may be left out
	Repositories []string `json:"repositories,omitempty"` // "*" also has what concerns the whole server
	Packages     []string `json:"packages,omitempty"`     // names as shown
	Tags         []string `json:"tags,omitempty"`         // only events that are about such a tag
}

const (
	maxGlobs     = 50 // in one list of a filter
	maxGlobBytes = 255
)

// check reports what is wrong with a filter but for its types, and names every repository where none is named. Invalid.
func (f *Filter) check() error {
	for what, list := range map[string][]string{"types": f.Types, "repositories": f.Repositories, "packages": f.Packages, "tags": f.Tags} {
		if len(list) > maxGlobs {
			return registry.Errorf(registry.Invalid, registry.AboutSubscription, "%s has more than %d entries", what, maxGlobs)
		}
		for _, glob := range list {
			if glob == "" || len(glob) > maxGlobBytes || !utf8.ValidString(glob) || strings.ContainsRune(glob, 0) {
				return registry.Errorf(registry.Invalid, registry.AboutSubscription, "%s: an entry is empty, longer than %d bytes or not UTF-8", what, maxGlobBytes)
			}
		}
	}
	if len(f.Repositories) == 0 {
		f.Repositories = []string{access.Instance}
	}
	for _, r := range f.Repositories {
		if !access.ValidGrant(access.Grant{Repository: r, Actions: []access.Action{access.Admin}}) {
			return registry.Errorf(registry.Invalid, registry.AboutSubscription, "repositories: %q is neither a repository nor a glob", registry.Clip(r))
		}
	}
	return nil
}

// matches reports whether the filter selects an entry. One whose data were erased has nothing to tell.
func (f Filter) matches(e registry.Entry) bool {
	if len(f.Types) > 0 && !anyGlob(f.Types, e.Type) || len(e.Data) == 0 {
		return false
	}
	var d struct{ Repository, Package, Tag string }
	if json.Unmarshal(e.Data, &d) != nil { // the log holds objects only
		return false
	}
	if e.RepositoryID == 0 && d.Repository == "" {
		if !slices.Contains(f.Repositories, access.Instance) {
			return false
		}
	} else if !anyGlob(f.Repositories, d.Repository) {
		return false
	}
	return (len(f.Packages) == 0 || anyGlob(f.Packages, d.Package)) && (len(f.Tags) == 0 || d.Tag != "" && anyGlob(f.Tags, d.Tag))
}

// covers reports whether the filter's repositories, all of which the subscription's owner administers, contain that of a version
// in an event. An old entry does not say which it is.
func (f Filter) covers(v registry.EventVersion) (bool, error) {
	return slices.Contains(f.Repositories, access.Instance) || v.Repository != "" && anyGlob(f.Repositories, v.Repository), nil
}

func anyGlob(globs []string, s string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return registry.MatchGlob(g, s) })
}
