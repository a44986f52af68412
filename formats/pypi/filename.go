package pypi

import (
	"strings"

	"slipway/formats"
	"slipway/internal/lazyregexp"
	"slipway/registry"
)

// Kinds of distributions, as the form's "filetype" names them.
const (
	typeWheel = "bdist_wheel"
	typeSdist = "sdist"
)

const (
	wheelSuffix    = ".whl"
	tarballSuffix  = ".tar.gz"
	zipSuffix      = ".zip"
	metadataSuffix = ".metadata"

	// maxFilenameBytes leaves room for metadataSuffix in a path segment of 255 bytes.
	maxFilenameBytes = 240
	// maxSplits bounds the readings of a source distribution's name, as each reading costs a look-up of its project.
	maxSplits = 8
)

// retired are the file types that PEP 527 and PEP 715 withdrew; installers ignore them.
var retired = []string{".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg", ".tar.bz2", ".tar.xz", ".tar.z", ".tgz", ".tar"}

var (
	filenamePattern = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._+!-]*$`)
	wheelName       = lazyregexp.New(`^[A-Za-z0-9]([A-Za-z0-9._]*[A-Za-z0-9])?$`)
	wheelBuild      = lazyregexp.New(`^[0-9][A-Za-z0-9._]*$`)
	wheelTag        = lazyregexp.New(`^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$`)
)

// filename is a parsed name of a distribution file.
type filename struct {
	text  string
	kind  string // typeWheel or typeSdist
	reads []reading
}

// reading is one way to split a file name; a wheel's has exactly one. "1.0-1" is a version (1.0.post1), so "a-1.0-1.tar.gz" is
// version 1.0-1 of "a" or version 1 of "a-1.0".
type reading struct {
	project string // normalised
	version version
}

// tarball reports whether the file is read as gzip and tar, else as zip.
func (f filename) tarball() bool { return strings.HasSuffix(f.text, tarballSuffix) }

// parseFilename checks the name of a distribution file: wheels by PEP 427, source distributions by PEP 625 and by earlier
// conventions. Invalid.
func parseFilename(s string) (filename, error) {
	f := filename{text: s}
	if len(s) > maxFilenameBytes || !filenamePattern.MatchString(s) {
		return f, invalid(registry.AboutFile, "%q can't name a distribution file: letters, digits and . _ + ! -, at most %d", formats.Clip(s), maxFilenameBytes)
	}
	for _, suffix := range retired {
		if strings.HasSuffix(asciiLower(s), suffix) {
			return f, invalid(registry.AboutFile, "%q: files of type %s are no longer installed by anything (PEP 527, PEP 715); send a .whl or .tar.gz", formats.Clip(s), suffix)
		}
	}
	if rest, ok := strings.CutSuffix(s, wheelSuffix); ok {
		f.kind = typeWheel
		r, err := parseWheel(rest)
		f.reads = []reading{r}
		return f, err
	}
	rest, ok := strings.CutSuffix(s, tarballSuffix)
	if !ok {
		if rest, ok = strings.CutSuffix(s, zipSuffix); !ok {
			return f, invalid(registry.AboutFile, "%q is not a distribution file: send a .whl, a .tar.gz or a .zip", formats.Clip(s))
		}
	}
	f.kind = typeSdist
	f.reads = splits(rest)
	if len(f.reads) == 0 {
		return f, invalid(registry.AboutFile, "%q is not of the form <name>-<version>.tar.gz", formats.Clip(s))
	}
	return f, nil
}

// parseWheel reads {distribution}-{version}(-{build tag})?-{python tag}-{abi tag}-{platform tag}. Unknown platform tags are
// accepted: linux_x86_64 is usual in a private repository.
func parseWheel(s string) (reading, error) {
	bad := func(why string) (reading, error) {
		return reading{}, invalid(registry.AboutFile, "%q: %s; a wheel is named <name>-<version>(-<build>)?-<python>-<abi>-<platform>.whl", formats.Clip(s+wheelSuffix), why)
	}
	parts := strings.Split(s, "-")
	if len(parts) != 5 && len(parts) != 6 {
		return bad("it has not 5 or 6 parts")
	}
	if !wheelName.MatchString(parts[0]) || strings.Contains(parts[0], "__") {
		return bad("the first part is no project name")
	}
	if len(parts) == 6 && !wheelBuild.MatchString(parts[2]) {
		return bad("the build tag does not begin with a digit")
	}
	for _, tag := range parts[len(parts)-3:] {
		if !wheelTag.MatchString(tag) {
			return bad("a tag is not one")
		}
	}
	v, err := parseVersion(parts[1])
	if err != nil {
		// Older tools wrote "_" where a version has "-".
		if v, err = parseVersion(strings.ReplaceAll(parts[1], "_", "-")); err != nil {
			return bad("the second part is no version by PEP 440")
		}
	}
	return reading{fold(parts[0]), v}, nil
}

// splits returns every reading of <name>-<version>, the shortest version first.
func splits(s string) []reading {
	var out []reading
	for i := len(s) - 1; i > 0 && len(out) < maxSplits; i-- {
		if s[i] != '-' || !namePattern.MatchString(s[:i]) {
			continue
		}
		if v, err := parseVersion(s[i+1:]); err == nil {
			out = append(out, reading{fold(s[:i]), v})
		}
	}
	return out
}

// of returns the version in the name of a file of the given project. Invalid.
func (f filename) of(project string) (version, error) {
	for _, r := range f.reads {
		if r.project == project {
			return r.version, nil
		}
	}
	return version{}, invalid(registry.AboutFile, "%q is a file of project %q, not of %q", formats.Clip(f.text), f.reads[0].project, project)
}
