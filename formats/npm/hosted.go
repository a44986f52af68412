package npm

import (
	"net/url"
	"strings"

	"slipway/internal/lazyregexp"
)

// gitHosts are the hosts of Git repositories that npm knows, by their names in shorthand.
var gitHosts = map[string]string{
	"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org", "gist": "gist.github.com", "sourcehut": "git.sr.ht",
}

var (
	// hostedShort is github:owner/repository, perhaps with a user in front of it.
	hostedShort = lazyregexp.New(`^([a-z]+):(?:[^@/]*@)?([^@:]+)$`)
	// hostedPlain is owner/repository, at github.com.
	hostedPlain = lazyregexp.New(`^[\w-][\w.-]*/[\w.-]+$`)
	// hostedURL is an address, also in the form of ssh (git@github.com:owner/repository.git) or a mixture of the two.
	hostedURL = lazyregexp.New(`(?i)^(?:(?:git\+)?(?:https?|ssh)://|git://)?(?:[^@/]*@)?(?:www\.)?([a-z.]+)(?::\d+/|[:/])(.+)$`)
)

// sameSource is a dependency in the form in which all spellings of a repository at one of gitHosts are equal, "host/path#commit", as
// npm rewrites them while publishing (hosted-git-info). Any other text is returned as it is.
func sameSource(want string) string {
	where, commit, pinned := strings.Cut(want, "#")
	host, path := hostedAt(where)
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	segments := strings.Split(path, "/")
	switch host {
	case "":
		return want
	case "gist.github.com":
		path = segments[len(segments)-1] // the user in front of it is left out at times
	case "gitlab.com":
		if len(segments) < 2 || strings.Contains(path, "/-/") || strings.HasSuffix(path, "/archive.tar.gz") {
			return want
		}
	case "github.com":
		if len(segments) > 3 && segments[2] == "tree" && !pinned { // the address of a branch's page
			path, commit, pinned = strings.Join(segments[:2], "/"), strings.Join(segments[3:], "/"), true
			break
		}
		fallthrough
	default:
		if len(segments) != 2 {
			return want
		}
	}
	if text, err := url.PathUnescape(commit); err == nil {
		commit = text
	}
	if pinned && commit != "" {
		path += "#" + commit
	}
	return host + "/" + path
}

// hostedAt returns the host of a repository and its path there; "" for a text that names none of gitHosts.
func hostedAt(where string) (host, path string) {
	if hostedPlain.MatchString(where) {
		return gitHosts["github"], where
	}
	if m := hostedShort.FindStringSubmatch(where); m != nil && gitHosts[m[1]] != "" {
		return gitHosts[m[1]], m[2]
	}
	if m := hostedURL.FindStringSubmatch(where); m != nil {
		for _, known := range gitHosts {
			if strings.EqualFold(m[1], known) {
				return known, m[2]
			}
		}
	}
	return "", ""
}
