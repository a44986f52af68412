package registry

import (
	"strings"

	"slipway/internal/lazyregexp"
)

var (
	uriScheme = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+.-]*$`)
	scpLike   = lazyregexp.New(`^([^:/]+):([^/].*)$`) // without the user
	portOnly  = lazyregexp.New(`^[^:]*:[0-9]*$`)
	oneSlash  = lazyregexp.New(`^(https?|ssh|git|svn|ftp):/([^/])`)
)

// NormalizeSource gives a repository URL a single spelling (no git+ prefix, no user, no .git, https for the ssh and git
// forms), so that facts of different sources can be compared. No credential is left in it, whatever its form.
func NormalizeSource(url string) string {
	url = strings.TrimSpace(url)
	if url == "" {
		return ""
	}
	for {
		rest, ok := strings.CutPrefix(strings.TrimPrefix(url, "git::"), "git+")
		if url = rest; !ok {
			break
		}
	}
	url = CleanURL(oneSlash.Get().ReplaceAllString(url, "$1://$2"))
	if scheme, _, ok := strings.Cut(url, "://"); !ok || !uriScheme.MatchString(scheme) {
		url = withoutUser(url)
		if m := scpLike.FindStringSubmatch(url); !ok && m != nil && strings.Contains(m[1], ".") {
			url = "https://" + m[1] + "/" + m[2]
		}
	}
	if scheme, rest, ok := strings.Cut(url, "://"); ok && uriScheme.MatchString(scheme) {
		host, path, _ := strings.Cut(rest, "/")
		if scheme == "ssh" || scheme == "git" {
			scheme = "https"
		}
		url = scheme + "://" + strings.ToLower(host) + "/" + path
	}
	url, _, _ = strings.Cut(url, "#")
	return strings.TrimSuffix(strings.TrimSuffix(url, "/"), ".git")
}

// CleanURL removes user name, password and token from every URL in a text, and leaves the rest as it is.
func CleanURL(text string) string {
	head, rest, ok := strings.Cut(text, "//")
	if !ok || head != "" && !strings.HasSuffix(head, ":") {
		if ok {
			return head + "//" + CleanURL(rest)
		}
		return text
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	switch {
	case strings.Contains(authority, "@"):
		authority = authority[strings.LastIndex(authority, "@")+1:]
	case strings.Contains(authority, ":") && !strings.HasPrefix(authority, "[") && !portOnly.MatchString(authority):
		// A colon before something that is no port: a password with a slash, a question mark or a hash in it.
		if at := strings.LastIndex(path, "@"); at >= 0 {
			authority, path = path[at+1:], ""
		}
	}
	return head + "//" + authority + CleanURL(path)
}

// withoutUser removes what stands before an @ in the first part of an address without a scheme: user@host:path,
// user:token@host/path, scheme:user@host.
func withoutUser(address string) string {
	first, rest, more := strings.Cut(address, "/")
	at := strings.LastIndex(first, "@")
	if at <= 0 {
		return address
	}
	if first = first[at+1:]; more {
		first += "/" + rest
	}
	return first
}
