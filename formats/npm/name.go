package npm

import (
	"fmt"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// maxNameBytes is validate-npm-package-name's bound.
const maxNameBytes = 214

const (
	safePart  = "abcdefghijklmnopqrstuvwxyz0123456789._-"
	safeScope = safePart + "~!'()*"
)

// splitName returns the scope without "@" and the last part. ok is false for text that can't name a package.
func splitName(name string) (scope, last string, ok bool) {
	rest, scoped := strings.CutPrefix(name, "@")
	if !scoped {
		return "", name, name != "" && !strings.Contains(name, "/")
	}
	scope, last, ok = strings.Cut(rest, "/")
	return scope, last, ok && scope != "" && last != "" && !strings.Contains(last, "/")
}

// checkName checks the rules for all names, also old ones with capitals: an optional scope and one part. Names are never
// lower-cased: JSONStream and jsonstream are two packages. Invalid.
func checkName(name string) (string, error) {
	if _, _, ok := splitName(name); !ok {
		return "", registry.Errorf(registry.Invalid, registry.AboutPackage, "%q is not a package name: expected name or @scope/name", formats.Clip(name))
	}
	return name, nil
}

// checkNewName applies the rule for names that are published here: that of validate-npm-package-name for new packages.
// Invalid.
func checkNewName(name string) error {
	scope, last, ok := splitName(name)
	reason := ""
	switch {
	case !ok:
		reason = "expected name or @scope/name"
	case len(name) > maxNameBytes:
		reason = fmt.Sprintf("it is longer than %d characters", maxNameBytes)
	case strings.ToLower(name) != name:
		reason = "it must be lower case"
	case strings.ContainsAny(last, "~'!()*"):
		reason = "it can't contain any of ~'!()*"
	case strings.HasPrefix(name, "_") || strings.HasPrefix(last, ".") || strings.HasPrefix(last, "-") ||
		strings.HasPrefix(scope, ".") || strings.HasPrefix(scope, "-"):
		reason = "it can't start with '.', '_' or '-'"
	case strings.Trim(last, safePart) != "" || strings.Trim(scope, safeScope) != "":
		reason = "only URL-safe characters are possible"
	case name == "node_modules" || name == "favicon.ico":
		reason = "the name is reserved"
	}
	if reason != "" {
		return registry.Errorf(registry.Invalid, registry.AboutPackage, "%q can't be published: %s", formats.Clip(name), reason)
	}
	return nil
}

// fileName is the path of a version's tarball within the package, and the last segment of its URL.
func fileName(name, version string) string {
	_, last, _ := splitName(name)
	return last + "-" + version + ".tgz"
}

// purl of a version: pkg:npm/%40acme/web@1.4.2.
func purl(name, version string) string {
	scope, last, _ := splitName(name)
	if scope != "" {
		last = "%40" + formats.Escape(scope) + "/" + formats.Escape(last)
	} else {
		last = formats.Escape(last)
	}
	return "pkg:npm/" + last + "@" + formats.Escape(version)
}
