package pypi

import (
	"net/url"
	"slices"
	"strings"

	"slipway/internal/lazyregexp"
	"slipway/registry"
)

// maxFactBytes bounds one declared value.
const maxFactBytes = 1024

// Keys of facts that only this front-end knows.
const (
	factHomePage  = "pypi.home_page"
	factLicense   = "pypi.license"
	factSummary   = "pypi.summary"
	factGenerator = "toolchain.generator"
	factUserAgent = "client.user_agent"
)

// sourceLabels are the well-known labels of a Project-URL that leads to the source code, normalised ("Well-known Project URLs in
// Metadata"), the plainest first.
var sourceLabels = []string{"source", "repository", "sourcecode", "github", "code"}

// forges are hosts where a home page of the form /owner/name is a repository.
var forges = []string{"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"}

// facts are an upload's facts about its origin: all declared.
func facts(c contents, userAgent string) []registry.FactInput {
	var out []registry.FactInput
	add := func(key, value, source string) {
		value = strings.ToValidUTF8(value, "")
		if value != "" && len(value) <= maxFactBytes {
			out = append(out, registry.FactInput{Key: key, Value: value, Source: source, Rank: registry.RankDeclared})
		}
	}
	address, source := sourceURL(c.metadata)
	repository, commit := splitCommit(address)
	add(registry.FactSourceRepository, registry.NormalizeSource(repository), source)
	add(registry.FactSourceCommit, commit, source)
	if commit, dirty := commitOf(c.metadata.version); commit != "" {
		add(registry.FactSourceCommit, commit, "pypi:Version")
		add(registry.FactSourceDirty, dirty, "pypi:Version")
	}
	add(factHomePage, registry.CleanURL(c.metadata.homePage), "pypi:Home-page")
	add(factLicense, c.metadata.license, "pypi:License")
	add(factSummary, c.metadata.summary, "pypi:Summary")
	add(factGenerator, c.generator, "pypi:WHEEL")
	add(factUserAgent, userAgent, "http:user-agent")
	return out
}

// sourceURL picks the URL of the source code, and returns the field that it is from.
func sourceURL(m coreMetadata) (address, source string) {
	best := len(sourceLabels)
	for _, u := range m.projectURLs {
		if i := slices.Index(sourceLabels, plainLabel(u.label)); i >= 0 && i < best && web(u.url) != nil {
			best, address, source = i, u.url, "pypi:Project-URL"
		}
	}
	if address != "" {
		return address, source
	}
	home := web(m.homePage)
	if home != nil && slices.Contains(forges, strings.ToLower(home.Hostname())) && strings.Count(strings.Trim(home.Path, "/"), "/") == 1 {
		return m.homePage, "pypi:Home-page"
	}
	return "", ""
}

// atCommit is how forges address a commit, or the files as of one.
var atCommit = lazyregexp.New(`^(.+?)(?:/-)?/(?:commits?|tree|blob)/([0-9a-f]{40}(?:[0-9a-f]{24})?)(?:/.*)?$`)

// splitCommit divides the address of a commit at a forge into that of its repository and the commit; for any other address the
// commit is empty.
func splitCommit(address string) (repository, commit string) {
	if m := atCommit.FindStringSubmatch(address); m != nil {
		return m[1], m[2]
	}
	return address, ""
}

// commitOf reads the commit that setuptools-scm, versioneer and similar tools put into the local part of a version: +g<commit>,
// with Mercurial +h<commit>, followed by .d<date> or .dirty when files had uncommitted changes.
func commitOf(v version) (commit, dirty string) {
	dirty = "false"
	for _, part := range v.local {
		switch {
		case localCommit.MatchString(part):
			commit = part[1:]
		case localDate.MatchString(part), part == "dirty":
			dirty = "true"
		}
	}
	return commit, dirty
}

var (
	localCommit = lazyregexp.New(`^[gh][0-9a-f]{7,64}$`)
	localDate   = lazyregexp.New(`^d[0-9]{8}$`)
)

// plainLabel is the label normalisation of the same page: lower case, without spaces and punctuation.
func plainLabel(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}

func web(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil
	}
	return u
}
