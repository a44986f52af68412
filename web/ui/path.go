package ui

import (
	"net/http"
	"net/url"
	"strings"

	"slipway/api/client"
	"slipway/web/internal/wire"
)

// Paths of the pages below a repository. A segment "-" stands before a part of what is to its left, and "v" before a version: where a
// package's own name has such a segment, packagePath writes it with an escape that the router does not undo.
const (
	repositoryRoute = "/r/{repository}"
	packageRoute    = repositoryRoute + "/{format}/{package:.+}"
	versionRoute    = packageRoute + "/v/{version}"
)

// repositoryPath is the path of a repository's page.
func repositoryPath(repository string) string { return "/r/" + url.PathEscape(repository) }

// packagePath is the path of a package's page: slashes and @ of the name stay as they are.
func packagePath(repository, format, name string) string {
	return repositoryPath(repository) + "/" + url.PathEscape(format) + "/" + slashed(name)
}

// slashed escapes a name for a path; its slashes stay.
func slashed(name string) string {
	segments := strings.Split(name, "/")
	for i, s := range segments {
		switch s {
		case "-", "v", ".", "..", "":
			segments[i] = escapeAll(s)
		default:
			segments[i] = url.PathEscape(s)
		}
	}
	return strings.Join(segments, "/")
}

// escapeAll writes every byte as an escape.
func escapeAll(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte('%')
		b.WriteByte(hex[s[i]>>4])
		b.WriteByte(hex[s[i]&15])
	}
	return b.String()
}

// versionPath is the path of a version's page.
func versionPath(repository, format, name, version string) string {
	return packagePath(repository, format, name) + "/v/" + url.PathEscape(version)
}

// insidePath is the path of the page that shows what is in a file of a version.
func insidePath(repository, format, name, version, file string) string {
	return versionPath(repository, format, name, version) + "/-/inside/" + slashed(file)
}

// insideEntryPath is the path of the page that shows a file in an archive.
func insideEntryPath(repository, format, name, version, file, entry string) string {
	return insidePath(repository, format, name, version, file) + "?entry=" + url.QueryEscape(entry)
}

// comparePath is the path of the page that compares two versions of a package; "" where one is still to be chosen.
func comparePath(repository, format, name, from, to string) string {
	return "/compare?" + url.Values{"repo": {repository}, "format": {format}, "package": {name}, "from": {from}, "to": {to}}.Encode()
}

// tagPath is the path of the page with the history of a tag.
func tagPath(repository, format, name, tag string) string {
	return packagePath(repository, format, name) + "/-/tags?tag=" + url.QueryEscape(tag)
}

// packageAt returns the package that the path of a request names. Invalid.
func packageAt(r *http.Request) (p client.Package, err error) {
	for key, to := range map[string]*string{"repository": &p.Repository, "format": &p.Format, "package": &p.Name} {
		if *to, err = wire.Segment(r, key); err != nil {
			return p, err
		}
	}
	return p, nil
}
