package npm

import (
	"fmt"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// maxNameBytes is validate-npm-package-name's bound.
const maxNameBytes = 214

// safe are the characters of names that a URL has as they are, apart from capitals.
const safe = "abcdefghijklmnopqrstuvwxyz0123456789._-~!'()*"

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

// legacyNames lets names be published that npm calls legacy.
var legacyNames = registry.NewSetting[bool]("npm_legacy_names", "npm packages may have old names",
	"npm packages may have the names of older packages, with capitals (JSONStream) and ~'!()*, when they are published.")

// checkNewName applies the rules of validate-npm-package-name for names that are published here: those for new packages, or, with
// legacy, those for packages that npm has taken before there were these rules. Invalid.
func checkNewName(name string, legacy bool) error {
	reason := nameFault(name)
	if reason == "" && !legacy {
		if reason = newNameFault(name); reason != "" {
			reason += "; the repository's setting " + legacyNames.Name + " allows such names"
		}
	}
	if reason != "" {
		return registry.Errorf(registry.Invalid, registry.AboutPackage, "%q can't be published: %s", formats.Clip(name), reason)
	}
	return nil
}

// nameFault is what is wrong with a name by the rules for all packages; "": nothing.
func nameFault(name string) string {
	scope, last, ok := splitName(name)
	switch lower := strings.ToLower(name); {
	case !ok:
		return "expected name or @scope/name"
	case len(name) > maxNameBytes:
		return fmt.Sprintf("it is longer than %d characters", maxNameBytes)
	case strings.HasPrefix(name, "_") || strings.HasPrefix(last, ".") || strings.HasPrefix(last, "-") ||
		strings.HasPrefix(scope, ".") || strings.HasPrefix(scope, "-"):
		return "it can't start with '.', '_' or '-'"
	case strings.Trim(strings.ToLower(last), safe) != "" || strings.Trim(strings.ToLower(scope), safe) != "":
		return "only URL-safe characters are possible"
	case lower == "node_modules" || lower == "favicon.ico":
		return "the name is reserved"
	}
	return ""
}

// newNameFault is nameFault by the rules for new packages alone.
func newNameFault(name string) string {
	_, last, _ := splitName(name)
	switch {
	case strings.ToLower(name) != name:
		return "it must be lower case"
	case strings.ContainsAny(last, "~'!()*"):
		return "it can't contain any of ~'!()*"
	}
	return ""
}

// fileName is the path of a version's tarball within the package, and the last segment of its URL.
func fileName(name, version string) string {
	_, last, _ := splitName(name)
	return last + "-" + version + ".tgz"
}

// purl of a version: pkg:npm/%40acme/web@1.4.2.
func purl(name, version string) string { return packagePURL(name) + "@" + formats.Escape(version) }

// packagePURL is registry.Rules.PackagePURL: pkg:npm/%40acme/web.
func packagePURL(name string) string {
	scope, last, _ := splitName(name)
	if scope != "" {
		last = "%40" + formats.Escape(scope) + "/" + formats.Escape(last)
	} else {
		last = formats.Escape(last)
	}
	return "pkg:npm/" + last
}
