package ui

import (
	"slices"
	"strings"

	"slipway/api"
)

// factItem is a fact in words.
type factItem struct {
	api.Fact
	Origin   string // its source, in words
	Weight   string
	Counts   bool // it is the one that the rest of the page shows
	Conflict bool // others say something else
}

// conflictView is a property of which sources say different things.
type conflictView struct {
	Key     string
	Meaning string
	Values  []conflictValue
}

// conflictValue is one of several values, with who says so.
type conflictValue struct {
	Value   string
	Sources []string
	Counts  bool
}

// factItems are the facts of a version in words, and what they contradict each other about.
func factItems(v api.Version) (out []factItem, conflicts []conflictView) {
	best := map[string]int{}
	for i, f := range v.Facts {
		b, ok := best[f.Key]
		if !ok || f.Rank > v.Facts[b].Rank || f.Rank == v.Facts[b].Rank && f.Seq > v.Facts[b].Seq {
			best[f.Key] = i
		}
	}
	for i, f := range v.Facts {
		out = append(out, factItem{Fact: f, Origin: factSource(f.Source), Weight: weightOf(f.Rank), Counts: best[f.Key] == i, Conflict: slices.Contains(v.Release.Conflicts, f.Key)})
	}
	for _, key := range v.Release.Conflicts {
		c := conflictView{Key: key, Meaning: conflictMeanings[key]}
		for _, item := range out {
			if item.Key != key {
				continue
			}
			i := slices.IndexFunc(c.Values, func(v conflictValue) bool { return v.Value == item.Value })
			if i < 0 {
				c.Values, i = append(c.Values, conflictValue{Value: item.Value}), len(c.Values)
			}
			c.Values[i].Sources = append(c.Values[i].Sources, item.Origin+", "+item.Weight)
			c.Values[i].Counts = c.Values[i].Counts || item.Counts
		}
		conflicts = append(conflicts, c)
	}
	return out, conflicts
}

// conflictMeanings say what it may mean that sources disagree.
var conflictMeanings = map[string]string{
	"source.commit":     "It was built from one commit only: one of the sources is wrong, or the package was changed by hand after it was built.",
	"source.repository": "It was built from one repository only: it was built from a fork, or its metadata were copied from another package.",
}

// factSources are the sources of facts in words.
var factSources = map[string]string{
	"api": "told by the API", "http:user-agent": "the client that published it, by its User-Agent",
	"npm:gitHead": "gitHead in package.json, which npm writes", "npm:repository": "repository in package.json", "npm:tarball": "the tarball, compared with what was sent",
	"npm:_npmVersion": "the npm that published it", "npm:_nodeVersion": "the Node that published it",
	"oci:annotation": "an annotation of the image", "oci:label": "a label of the image", "oci:config": "the config of the image", "oci:manifests": "all images of the index",
	"maven:scm.connection": "scm in the POM", "maven:scm.developerConnection": "scm in the POM", "maven:scm.url": "scm in the POM", "maven:scm.tag": "scm/tag in the POM",
	"maven:ciManagement.system": "ciManagement in the POM", "maven:ciManagement.url": "ciManagement in the POM",
	"pypi:Project-URL": "Project-URL in the core metadata", "pypi:Home-page": "Home-page in the core metadata", "pypi:Version": "the local part of the version",
	"pypi:License": "License in the core metadata", "pypi:Summary": "Summary in the core metadata", "pypi:WHEEL": "the file WHEEL",
}

// factSource puts the source of a fact into words.
func factSource(source string) string {
	if text := factSources[source]; text != "" {
		return text
	}
	if format, what, ok := strings.Cut(source, ":"); ok {
		return what + ", as " + format + " has it"
	}
	return source
}
