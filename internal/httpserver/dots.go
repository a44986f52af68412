package httpserver

import (
	"net/url"
	"strings"
)

// dropDots removes the "." segments of a path, also those that are percent-encoded: they name the folder that they stand in
// (RFC 3986 sections 5.2.4 and 6.2.2), and apt, flat repositories and WebDAV clients send them. ".." stays, for the routes to
// refuse. So does what stands in the first segment, which chooses the part of the server: a path that a proxy in front of the
// server guards has one spelling of it.
func dropDots(u *url.URL) {
	path := u.EscapedPath()
	if !strings.Contains(path, "/.") && !strings.Contains(path, "/%2") { // "/%2e" and "/%2E"
		return
	}
	const first = 2 // behind "" and the first segment
	segments := strings.Split(path, "/")
	if len(segments) <= first {
		return
	}
	kept := segments[:first]
	for i, s := range segments[first:] {
		switch last := first+i == len(segments)-1; {
		case s != "." && !strings.EqualFold(s, "%2e"):
			kept = append(kept, s)
		case last:
			kept = append(kept, "") // the folder itself
		}
	}
	clean := strings.Join(kept, "/")
	if decoded, err := url.PathUnescape(clean); err == nil {
		u.Path, u.RawPath = decoded, clean
	}
}
