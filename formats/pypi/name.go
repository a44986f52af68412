package pypi

import (
	"regexp"
	"strings"

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
			"%q is not a project name: letters, digits, '.', '_', '-', at most %d, starting and ending with a letter or digit", clip(name), maxNameBytes)
	}
	return fold(name), nil
}

// fold is normalize without the check, for parts of file names.
func fold(name string) string { return separators.ReplaceAllString(asciiLower(name), "-") }

// purl is the package URL of a version, by the rules of its type pypi: the normalised name.
func purl(name, version string) string {
	return "pkg:pypi/" + escape(name) + "@" + escape(version)
}

// escape percent-encodes everything outside the unreserved characters of RFC 3986.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// maxClipBytes of what a client sent are repeated in a message.
const maxClipBytes = 120

func clip(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= maxClipBytes {
		return s
	}
	return strings.ToValidUTF8(s[:maxClipBytes], "") + "…"
}

func invalid(about registry.Subject, format string, args ...any) error {
	return registry.Errorf(registry.Invalid, about, format, args...)
}
