package raw

import "strings"

// saw says what a request has done; see setup.Section.
func saw(method, path string) (did, what string, done bool) {
	rest, ok := strings.CutPrefix(path, "/raw/")
	_, what, below := strings.Cut(rest, "/")
	if !ok || !below || what == "" {
		return "", "", false
	}
	switch method {
	case "PUT", "POST":
		return "published", what, true
	case "GET":
		return "downloaded", what, true
	}
	return "", "", false
}
