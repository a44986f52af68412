package ui

import (
	"slices"
	"strings"

	"slipway/api"
	"slipway/registry"
)

// factItem is a value of a property, with all who say so.
type factItem struct {
	Key, Name, Value string // the name is the key in words
	Sources          []factSaid
	Counts           bool // it is the one that the rest of the page shows
	Conflict         bool // others say something else
}

// factSaid is who says so, how well it is known, and since when.
type factSaid struct {
	Origin, Weight, At string
	Seq                int64
}

// conflictView is a property of which sources say different things.
type conflictView struct {
	Key, Name string
	Meaning   string
	Values    []conflictValue
}

// conflictValue is one of several values, with who says so.
type conflictValue struct {
	Value   string
	Sources []string
	Counts  bool
}

// factItems are the facts of a version in words, each value once, and what they contradict each other about.
func factItems(v api.Version) (out []factItem, conflicts []conflictView) {
	best := bestFacts(v)
	for i, f := range v.Facts {
		at := slices.IndexFunc(out, func(item factItem) bool { return item.Key == f.Key && item.Value == f.Value })
		if at < 0 {
			at = len(out)
			out = append(out, factItem{Key: f.Key, Name: factName(f.Key), Value: f.Value, Conflict: slices.Contains(v.Release.Conflicts, f.Key)})
		}
		out[at].Counts = out[at].Counts || best[f.Key] == i
		out[at].Sources = append(out[at].Sources, factSaid{factSource(f.Source), weightOf(f.Rank), f.At, f.Seq})
	}
	for _, key := range v.Release.Conflicts {
		c := conflictView{Key: key, Name: factName(key), Meaning: conflictMeanings[key]}
		for _, item := range out {
			if item.Key != key {
				continue
			}
			value := conflictValue{Value: item.Value, Counts: item.Counts}
			for _, s := range item.Sources {
				value.Sources = append(value.Sources, s.Origin+", "+s.Weight)
			}
			c.Values = append(c.Values, value)
		}
		conflicts = append(conflicts, c)
	}
	return out, conflicts
}

// bestFacts are the places of the facts that count, by key.
func bestFacts(v api.Version) map[string]int {
	best := map[string]int{}
	for i, f := range v.Facts {
		b, ok := best[f.Key]
		if !ok || f.Rank > v.Facts[b].Rank || f.Rank == v.Facts[b].Rank && f.Seq > v.Facts[b].Seq {
			best[f.Key] = i
		}
	}
	return best
}

// factNames are the keys of facts in words.
var factNames = map[string]string{
	registry.FactSourceRepository: "Source repository", registry.FactSourceCommit: "Commit", registry.FactSourceRevision: "Where the commit was read", registry.FactSourceRef: "Branch or tag",
	registry.FactSourceDirty: "Built with changes in no commit", registry.FactBuildSystem: "Build system", registry.FactBuildID: "Build", registry.FactBuildURL: "Page of the build",
	registry.FactBuildStartedAt: "Build began", registry.FactBuildFinishedAt: "Build ended", registry.FactUpstreamName: "Came from the upstream", registry.FactUpstreamVerified: "Checksum that was compared",
	registry.FactUpstreamPublishedAt: "Published there", registry.FactUpstreamFirstSeenAt: "First listed there", registry.FactPromotedFrom: "Promoted from the repository",
	"client.user_agent": "Program that published it", "toolchain.npm": "npm", "toolchain.node": "Node", "toolchain.generator": "Built with", "npm.manifest_difference": "What was sent differs from the tarball",
	"pypi.home_page": "Home page", "pypi.license": "License", "pypi.summary": "Summary",
}

// factName puts the key of a fact into words.
func factName(key string) string {
	if name := factNames[key]; name != "" {
		return name
	}
	return strings.TrimPrefix(key, registry.FactCustomPrefix)
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
