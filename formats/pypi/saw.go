package pypi

import "strings"

// saw says what a request has done; see setup.Section.
func saw(method, path string) (did, what string, done bool) {
	rest, ok := strings.CutPrefix(path, "/pypi/")
	if !ok {
		return "", "", false
	}
	last := rest[strings.LastIndexByte(rest, '/')+1:]
	_, below, _ := strings.Cut(rest, "/")
	project, simple := strings.CutPrefix(below, "simple/")
	switch {
	case method == "POST":
		return "published", "a file", true
	case method == "GET" && simple && strings.Trim(project, "/") != "":
		return "asked for", strings.Trim(project, "/"), false
	case method == "GET" && last != "" && !simple && !strings.HasSuffix(last, ".metadata"):
		if parts := strings.Split(last, "-"); strings.HasSuffix(last, wheelSuffix) && len(parts) > 2 {
			return "installed", parts[0] + " " + parts[1], true
		}
		return "installed", last, true
	}
	return "", "", false
}
