package npm

import "strings"

// saw says what a request has done; see setup.Section.
func saw(method, path string) (did, what string, done bool) {
	rest, ok := strings.CutPrefix(path, "/npm/")
	_, name, below := strings.Cut(rest, "/")
	if !ok || !below || strings.HasPrefix(name, "-/") {
		return "", "", false
	}
	name, file, isFile := strings.Cut(name, "/-/")
	switch {
	case isFile && method == "GET" && strings.HasSuffix(file, ".tgz"):
		base := name[strings.LastIndexByte(name, '/')+1:]
		version := strings.TrimPrefix(strings.TrimSuffix(file, ".tgz"), base+"-")
		return "installed", name + " " + version, true
	case method == "PUT" && !isFile:
		return "published", name, true
	case method == "GET" && !isFile:
		return "asked for", name, false
	}
	return "", "", false
}
