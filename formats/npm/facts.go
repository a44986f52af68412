package npm

import (
	"cmp"
	"encoding/json"
	"strings"

	"slipway/internal/lazyregexp"
	"slipway/registry"
)

// maxFactBytes bounds one declared value.
const maxFactBytes = 1024

// Keys of facts that only this front-end knows.
const (
	factNpm        = "toolchain.npm"
	factNode       = "toolchain.node"
	factUserAgent  = "client.user_agent"
	factDifference = "npm.manifest_difference"
)

var shorthand = lazyregexp.New(`^(?:(github|gitlab|bitbucket):)?([\w.-]+/[\w.-]+)$`)

// facts are a publish's facts about its origin: declared ones, and those that the server observed in the tarball.
func facts(m object, differs []difference, userAgent string) []registry.FactInput {
	var out []registry.FactInput
	add := func(key, value, source string, rank int) {
		if value != "" && len(value) <= maxFactBytes {
			out = append(out, registry.FactInput{Key: key, Value: value, Source: source, Rank: rank})
		}
	}
	out = append(out, registry.CommitFacts(m.text("gitHead"), "npm:gitHead", registry.RankDeclared)...)
	add(registry.FactSourceRepository, registry.NormalizeSource(repositoryURL(m)), "npm:repository", registry.RankDeclared)
	add(factNpm, m.text("_npmVersion"), "npm:_npmVersion", registry.RankDeclared)
	add(factNode, m.text("_nodeVersion"), "npm:_nodeVersion", registry.RankDeclared)
	add(factUserAgent, strings.ToValidUTF8(userAgent, ""), "http:user-agent", registry.RankDeclared)
	if len(differs) > 0 {
		add(factDifference, differenceText(differs), "npm:tarball", registry.RankObserved)
	}
	return out
}

// repositoryURL reads "repository", an object or a string, also in npm's shorthand.
func repositoryURL(m object) string {
	url := m.text("repository")
	if o, err := parseObject(m.get("repository")); err == nil {
		url = o.text("url")
	}
	if strings.Contains(url, "://") {
		return url
	}
	if s := shorthand.FindStringSubmatch(url); s != nil {
		return "https://" + gitHosts[cmp.Or(s[1], "github")] + "/" + s[2]
	}
	return url
}

// differenceText lists the fields that differ from the tarball, with the sent values as far as they fit.
func differenceText(differs []difference) string {
	if raw, err := json.Marshal(differs); err == nil && len(raw) <= maxFactBytes {
		return string(raw)
	}
	short := make([]difference, len(differs))
	for i, d := range differs {
		short[i] = difference{Field: d.Field}
	}
	raw, _ := json.Marshal(short) // a few known names always encode
	return string(raw)
}
