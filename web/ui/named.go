package ui

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry"
)

// Bounds of the versions that a page asks for the tags by which people know them.
const (
	maxNamed    = 60
	namedAtOnce = 12 // versions of one search, which finds them by their digests
)

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
	var digests []string
	for _, d := range all {
		at := packageOf(d)
		if _, known := out[at][d.Version]; known || versionName(d.Version) == d.Version || !strings.HasPrefix(d.Version, "sha256:") || len(digests) == maxNamed {
			continue
		}
		if out[at] == nil {
			out[at] = map[string]string{}
		}
		out[at][d.Version] = "" // asked for
		if term := "digest:" + d.Version; !slices.Contains(digests, term) {
			digests = append(digests, term)
		}
	}
	for some := range slices.Chunk(digests, namedAtOnce) {
		page := client.Page{Limit: registry.MaxPage}
		for hit, err := range u.api.SearchOverview(client.OnePage(r.Context(), &page), strings.Join(some, " OR "), frameOf(r).AsOf) {
			if client.IsStatus(err, http.StatusUnauthorized) || client.IsStatus(err, http.StatusForbidden) {
				return out, nil
			}
			if err != nil {
				return nil, err
			}
			if names := out[client.Package{Repository: hit.Repository, Format: hit.Format, Name: hit.Name}]; names != nil && hit.Overview != nil {
				names[hit.Version] = nameAmong(hit.Overview.Tags)
			}
		}
	}
	return out, nil
}

// nameAmong is the tag by which people know a version; "": none of them looks like a version.
func nameAmong(tags []string) string {
	tags = slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return !strings.ContainsAny(tag, "0123456789") })
	if len(tags) == 0 {
		return ""
	}
	return clip(maxVersionName, slices.MinFunc(tags, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) }))
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
