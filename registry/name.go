package registry

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of names, in bytes.
const (
	maxPackageBytes = 512
	maxVersionBytes = 255
	maxPathBytes    = 4096
	maxSegmentBytes = 255
	maxTagBytes     = 128
)

// Name is a package: repository, format, and the package's normalised name. Display is the name as written; "" means
// the same.
type Name struct {
	Repository string
	Format     string
	Package    string
	Display    string
}

// Coordinate is one version of a package.
type Coordinate struct {
	Name
	Version string
}

// At returns the coordinate of a version of n.
func (n Name) At(version string) Coordinate { return Coordinate{Name: n, Version: version} }

var tagName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

const maxRepositoryBytes = 63

// ValidRepository reports whether s can name a repository.
func ValidRepository(s string) bool {
	for i, c := range []byte(s) { // a loop, as every request calls this
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || i == 0) {
			return false
		}
	}
	return s != "" && len(s) <= maxRepositoryBytes
}

// NewName checks the rules for package names of every format, beyond the format's own grammar. Every package name passes here
// before it reaches a query or a path. Invalid.
func NewName(repository, format, pkg, display string) (Name, error) {
	if !ValidRepository(repository) {
		return Name{}, Errorf(NotFound, AboutRepository, "there is no repository %q", Clip(repository))
	}
	if err := checkPath("package name", pkg, maxPackageBytes); err != nil {
		return Name{}, Errorf(Invalid, AboutPackage, "%s", err.Error())
	}
	if display != "" && display != pkg {
		if err := checkPath("package name", display, maxPackageBytes); err != nil {
			return Name{}, Errorf(Invalid, AboutPackage, "%s", err.Error())
		}
	} else {
		display = pkg
	}
	return Name{Repository: repository, Format: format, Package: pkg, Display: display}, nil
}

// Check applies the rules of NewName again, as the last step before a name is stored: the caller may have built the Name
// itself.
func (n Name) Check() error {
	_, err := NewName(n.Repository, n.Format, n.Package, n.Display)
	return err
}

// CheckVersion reports why s can't name a version of any format. Invalid.
func CheckVersion(s string) error {
	if strings.Contains(s, "/") {
		return Errorf(Invalid, AboutVersion, "a version can't contain a slash: %q", Clip(s))
	}
	if err := checkPath("version", s, maxVersionBytes); err != nil {
		return Errorf(Invalid, AboutVersion, "%s", err.Error())
	}
	return nil
}

// CheckPath reports why s can't be the path of a file. Invalid.
func CheckPath(s string) error {
	if err := checkPath("path", s, maxPathBytes); err != nil {
		return Errorf(Invalid, AboutFile, "%s", err.Error())
	}
	return nil
}

// CheckTag reports why s can't be a tag: [A-Za-z0-9_][A-Za-z0-9._-]{0,127}, the grammar of distribution-spec. Invalid.
func CheckTag(s string) error {
	if len(s) > maxTagBytes || !tagName.MatchString(s) {
		return Errorf(Invalid, AboutTag, "%q is not a tag: letters, digits, '_', '.', '-', at most %d, not starting with '.' or '-'", Clip(s), maxTagBytes)
	}
	return nil
}

type NameError string

func (e NameError) Error() string { return string(e) }

// checkPath checks that s is safe as a name, a path and query text: valid UTF-8 that Unicode normalisation leaves alone, no
// control or invisible format characters, no backslash, no empty, "." or ".." segment.
func checkPath(what, s string, limit int) error {
	switch {
	case s == "":
		return NameError("the " + what + " is empty")
	case len(s) > limit:
		return NameError("the " + what + " is too long: " + Clip(s))
	case !utf8.ValidString(s):
		return NameError("the " + what + " is not valid UTF-8")
	case !norm.NFC.IsNormalString(s) || !norm.NFKC.IsNormalString(s):
		return NameError("the " + what + " has characters that Unicode normalisation changes: " + Clip(s))
	}
	for _, r := range s {
		if r == '\\' || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return NameError("the " + what + " has a character that is not allowed")
		}
	}
	for seg := range strings.SplitSeq(s, "/") {
		switch {
		case seg == "" || seg == "." || seg == "..":
			return NameError("the " + what + " has an empty, '.' or '..' segment")
		case len(seg) > maxSegmentBytes:
			return NameError("the " + what + " has a segment of over 255 bytes")
		case strings.TrimSpace(seg) != seg:
			return NameError("the " + what + " has a segment that begins or ends with a space")
		}
	}
	return nil
}

// Clip shortens client text for a message.
func Clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for !utf8.ValidString(s) && s != "" {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// IsLine reports whether s is text that stays on one line.
func IsLine(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

// isText reports whether s is text, of any number of lines.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' })
}
