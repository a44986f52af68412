package maven

import "strings"

// saw says what a request has done; see setup.Section.
func saw(method, path string) (did, what string, done bool) {
	rest, ok := strings.CutPrefix(path, "/maven/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 5 {
		return "", "", false
	}
	n := len(parts)
	file := parts[n-1]
	if strings.HasPrefix(file, "maven-metadata.xml") {
		return "asked for", strings.Join(parts[1:n-2], ".") + ":" + parts[n-2], false
	}
	what = strings.Join(parts[1:n-3], ".") + ":" + parts[n-3] + " " + parts[n-2]
	switch {
	case method == "PUT":
		return "published", what, true
	case method == "GET" && !strings.Contains(file, ".sha") && !strings.HasSuffix(file, ".md5"):
		return "resolved", what, true
	}
	return "", "", false
}
