package pypi

import (
	"regexp"

	"slipway/formats"
	"slipway/registry"
)

// maxNameBytes leaves room for the name in file names, which have at most 255 bytes.
const maxNameBytes = 200

var (
	// namePattern is the grammar of PEP 508 names, in ASCII only.
	namePattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	separators  = regexp.MustCompile(`[-_.]+`)
)

// normalize returns the one name of a project (PEP 503, "Normalized Names"). Invalid.
func normalize(name string) (string, error) {
	if len(name) > maxNameBytes || !namePattern.MatchString(name) {
		return "", registry.Errorf(registry.Invalid, registry.AboutPackage,
			"%q is not a project name: letters, digits, '.', '_', '-', at most %d, starting and ending with a letter or digit", formats.Clip(name), maxNameBytes)
	}
	return fold(name), nil
}

// fold is normalize without the check, for parts of file names.
func fold(name string) string { return separators.ReplaceAllString(asciiLower(name), "-") }

// purl is the package URL of a version, by the rules of its type pypi: the normalised name.
func purl(name, version string) string { return packagePURL(name) + "@" + formats.Escape(version) }

// packagePURL is registry.Rules.PackagePURL.
func packagePURL(name string) string { return "pkg:pypi/" + formats.Escape(name) }

func invalid(about registry.Subject, format string, args ...any) error {
	return registry.Errorf(registry.Invalid, about, format, args...)
}
