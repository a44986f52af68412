package ui

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
)

// maxNamed is how many packages a page asks for the tags by which people know their versions.
const maxNamed = 12

// versionNames are the names by which people know versions that are digests, by package and version.
type versionNames map[client.Package]map[string]string

// Of is the name of a version as a page shows it: of a digest the tag, else the beginning.
func (n versionNames) Of(d api.Deployed) string {
	if name := n[packageOf(d)][d.Version]; name != "" {
		return name
	}
	return versionName(d.Version)
}

func packageOf(d api.Deployed) client.Package {
	return client.Package{Repository: d.Repository, Format: d.Format, Name: d.Package}
}

// namesOf finds the names of what was deployed, at the moment that the page shows. A digest that several tags name is known by the one that looks like a
// version: tags such as production move.
func (u *Pages) namesOf(r *http.Request, all []api.Deployed) (versionNames, error) {
	out := versionNames{}
	for _, d := range all {
		at := packageOf(d)
		if versionName(d.Version) == d.Version || out[at] != nil || len(out) == maxNamed {
			continue
		}
		names := map[string]string{}
		tags, err := u.tags(r, at)
		if err != nil && !client.IsStatus(err, http.StatusNotFound) && !client.IsStatus(err, http.StatusForbidden) {
			return nil, err
		}
		slices.SortFunc(tags, func(a, b api.Tag) int { return cmp.Or(cmp.Compare(len(b.Tag), len(a.Tag)), cmp.Compare(a.Tag, b.Tag)) })
		for _, t := range tags {
			if names[t.Version] == "" && strings.ContainsAny(t.Tag, "0123456789") {
				names[t.Version] = clip(maxVersionName, t.Tag)
			}
		}
		out[at] = names
	}
	return out, nil
}

// deployedIn are the versions that services run or ran.
func deployedIn(services []api.ServiceState) (out []api.Deployed) {
	for _, s := range services {
		if s.Running != nil {
			out = append(out, s.Running.Deployed)
		}
		if s.Previous != nil {
			out = append(out, s.Previous.Deployed)
		}
		if s.Recorded != nil {
			out = append(out, s.Recorded.Deployed)
		}
	}
	return out
}
