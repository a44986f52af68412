package ui

import (
	"net/http"

	"slipway/api"
	"slipway/formats/setup"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// repositoryTab is a part of a repository's pages, by the last segment of its path; "" is the page itself.
type repositoryTab struct {
	tab, text string
	needs     access.Action // the right in the repository that the part is for
}

var repositoryTabs = []repositoryTab{{"", "Packages", access.Read}, {"upstreams", "Upstreams", access.Read}, {"rules", "Rules and claims", access.Read}, {"publishes", "Under way", access.Publish},
	{"cache", "Came from elsewhere", access.Admin}, {"settings", "Settings", access.Admin}}

// repositoryFrame is what the pages of a repository begin with.
type repositoryFrame struct {
	*frame
	Repository api.Repository
	Tabs       []link
	Admin      bool // the visitor administers the repository
}

// aboutRepository reads the repository of a request, and begins its page. tab is the part that is shown.
func (u *Pages) aboutRepository(r *http.Request, tab string) (v repositoryFrame, err error) {
	v.frame = frameOf(r)
	name, err := wire.Segment(r, "repository")
	if err != nil {
		return v, err
	}
	if v.Repository, err = u.api.Repository(r.Context(), name); err != nil {
		return v, err
	}
	v.Admin = access.Decide(access.From(r.Context()), access.Admin, name) == access.Allow
	for _, t := range repositoryTabs {
		if t.needs != access.Read && access.Decide(access.From(r.Context()), t.needs, name) != access.Allow {
			continue
		}
		to := repositoryPath(name)
		if t.tab != "" {
			to += "/-/" + t.tab
		}
		v.Tabs = append(v.Tabs, link{Text: t.text, Link: v.Link(to), Current: t.tab == tab})
	}
	if tab != "" {
		v.crumb(name, repositoryPath(name))
	}
	return v, nil
}

// needsAdmin refuses a visitor who does not administer a repository. Unauthenticated, Denied.
func needsAdmin(r *http.Request, repository string) error {
	switch access.Decide(access.From(r.Context()), access.Admin, repository) {
	case access.Allow:
		return nil
	case access.Challenge:
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see this page")
	}
	return registry.Errorf(registry.Denied, registry.AboutRequest, "this needs the right %q in the repository %s", access.Admin, repository)
}

// formats are those of the program.
func (u *Pages) formats() []string {
	sections := u.guide.At(setup.AddressOf("http://slipway", "main"))
	out := make([]string, len(sections))
	for i, s := range sections {
		out[i] = s.Format
	}
	return out
}

// formatChoices are the formats as options, after one that has no value.
func (u *Pages) formatChoices(none, chosen string) []choice {
	out := []choice{{Value: "", Text: none}}
	for _, format := range u.formats() {
		out = append(out, choice{Value: format, Text: format, Chosen: format == chosen})
	}
	return out
}
