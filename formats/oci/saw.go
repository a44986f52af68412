package oci

import "strings"

// saw says what a request has done; see setup.Section.
func saw(method, path string) (did, what string, done bool) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	name, ref, manifest := strings.Cut(rest, "/manifests/")
	if !ok || !manifest {
		return "", "", false
	}
	join := ":"
	if strings.Contains(ref, ":") {
		join = "@"
	}
	switch method {
	case "PUT":
		return "pushed", name + join + ref, true
	case "GET", "HEAD":
		return "pulled", name + join + ref, true
	}
	return "", "", false
}
