package formats

import (
	"net/url"
	"strings"
)

// maxLinkBytes bounds the address of a file in a document of a registry elsewhere.
const maxLinkBytes = 8 << 10

// Link returns the absolute address that a link in a document leads to, without its fragment, which is returned apart. ok is false for
// what no file is fetched from: another scheme than http and https, credentials in the address, text that is none.
func Link(base *url.URL, link string) (address, fragment string, ok bool) {
	if len(link) > maxLinkBytes || strings.ContainsAny(link, "\r\n\t\x00") {
		return "", "", false
	}
	u, err := base.Parse(strings.TrimSpace(link))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return "", "", false
	}
	fragment = u.Fragment
	u.Fragment, u.RawFragment = "", ""
	return u.String(), fragment, true
}
