package maven

import (
	"net/url"
	"strings"

	"slipway/formats"
	"slipway/internal/lazyregexp"
	"slipway/registry"
)

// kind is the kind of thing that a path of the layout names (maven.md 1).
type kind int

const (
	kindOther     kind = iota // a directory, a file of the root, or too short to be a file
	kindFile                  // a file of a version
	kindArtifacts             // maven-metadata.xml of an artifact (versions), of a group (plugins), or of both
	kindSnapshots             // maven-metadata.xml of a snapshot version
)

// Bounds of a path, in bytes.
const (
	maxPathBytes    = 2048
	maxSegmentBytes = 255
)

const (
	metadataFile = "maven-metadata.xml"
	snapshot     = "SNAPSHOT"
)

// target is a parsed path.
type target struct {
	repository string
	kind       kind
	path       string // below the repository, decoded, without the suffix of a sum
	group      string // of kindFile and kindSnapshots, and what kindArtifacts has above its last segment: may be ""
	artifact   string
	version    string
	file       fileName
	sum        *algorithm // the path names a sum; nil: the file or document itself
	unsummed   bool       // a sum of a sum
}

// name is the package that the path belongs to.
func (t target) name() registry.Name {
	key := t.group + ":" + t.artifact
	return registry.Name{Repository: t.repository, Format: formatName, Package: key, Display: key}
}

func (t target) at() registry.Coordinate { return t.name().At(t.version) }

// plugins is the group whose plugins a path of kindArtifacts may be about.
func (t target) plugins() string {
	if t.group == "" {
		return t.artifact
	}
	return t.group + "." + t.artifact
}

// parsePath reads an encoded path, "/maven/main/com/acme/lib/1.0/lib-1.0.jar". Each segment is decoded once; "." and "..",
// encoded slashes, backslashes and control characters are refused; doubled slashes count as one, as clients whose URL ends
// in a slash send them. Invalid, NotFound about the repository.
func parsePath(escaped string) (target, error) {
	rest, ok := strings.CutPrefix(escaped, prefix)
	if !ok {
		return target{}, invalid("not a Maven path")
	}
	if len(rest) > maxPathBytes {
		return target{}, invalid("the path is longer than %d bytes", maxPathBytes)
	}
	dir := strings.HasSuffix(rest, "/")
	var segments []string
	repository, rest, _ := strings.Cut(rest, "/")
	repository, err := url.PathUnescape(repository)
	if err != nil || !registry.ValidRepository(repository) {
		return target{}, registry.Errorf(registry.NotFound, registry.AboutRepository, "there is no repository %q", formats.Clip(repository))
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == "" {
			continue
		}
		seg, err := url.PathUnescape(part)
		switch {
		case err != nil:
			return target{}, invalid("the path has a broken %%-escape: %q", formats.Clip(part))
		case strings.Contains(seg, "/"):
			return target{}, invalid("the path has an encoded slash in a segment: %q", formats.Clip(part))
		case len(seg) > maxSegmentBytes:
			return target{}, invalid("the path has a segment of over %d bytes", maxSegmentBytes)
		}
		segments = append(segments, seg)
	}
	t := target{repository: repository, path: strings.Join(segments, "/")}
	if len(segments) == 0 {
		return t, nil
	}
	if err := registry.CheckPath(t.path); err != nil {
		return t, err
	}
	if !dir {
		t.classify(segments)
	}
	return t, nil
}

// classify reads the layout from right to left.
func (t *target) classify(segments []string) {
	last := len(segments) - 1
	name := segments[last]
	if t.sum, name = cutSum(name); t.sum != nil {
		if again, _ := cutSum(name); again != nil {
			t.unsummed = true
		}
		t.path = strings.TrimSuffix(t.path, "."+t.sum.suffix)
	}
	dirs := segments[:last]
	switch {
	case name == metadataFile && len(dirs) >= 3 && isSnapshot(dirs[len(dirs)-1]):
		t.kind = kindSnapshots
		t.group, t.artifact, t.version = groupOf(dirs[:len(dirs)-2]), dirs[len(dirs)-2], dirs[len(dirs)-1]
	case name == metadataFile && len(dirs) >= 1:
		t.kind = kindArtifacts
		t.group, t.artifact = groupOf(dirs[:len(dirs)-1]), dirs[len(dirs)-1]
	case name != metadataFile && len(dirs) >= 3:
		t.kind = kindFile
		t.group, t.artifact, t.version = groupOf(dirs[:len(dirs)-2]), dirs[len(dirs)-2], dirs[len(dirs)-1]
		t.file = parseFileName(name, t.artifact, t.version)
	}
	for _, seg := range dirs[:max(0, len(dirs)-t.depth())] {
		if strings.Contains(seg, ".") {
			t.kind = kindOther // a dot in a group is a slash in the path, so no file has two paths
		}
	}
}

// depth is how many directories there are below those of the group.
func (t *target) depth() int {
	switch t.kind {
	case kindFile, kindSnapshots:
		return 2
	default:
		return 0
	}
}

func groupOf(dirs []string) string { return strings.Join(dirs, ".") }

// isSnapshot is the rule of Maven's resolver: the case counts, the hyphen does not.
func isSnapshot(version string) bool { return strings.HasSuffix(version, snapshot) }

// fileName is the parsed name of a file of a version.
type fileName struct {
	name  string
	build string // of a snapshot: "20260102.030405-7", or "SNAPSHOT" for the literal name; "" for a file of a release
	rest  string // after name and version, "-sources.jar"; "" where the name has another shape
	stem  string // before the version; mostly the artifactId
}

var buildPattern = lazyregexp.New(`^(?:SNAPSHOT|[0-9]{8}\.[0-9]{6}-[0-9]+)`)

// parseFileName parses the name of a file. A name of another shape is valid too.
func parseFileName(name, artifact, version string) fileName {
	f := fileName{name: name}
	base, snap := strings.CutSuffix(version, snapshot)
	for from := 0; ; {
		i := strings.Index(name[from:], "-"+base)
		if i < 0 {
			break
		}
		stem, rest := name[:from+i], name[from+i+1+len(base):]
		from += i + 1
		if stem != artifact && strings.HasPrefix(name, artifact+"-"+base) {
			continue // the usual name wins
		}
		build := ""
		if snap {
			build = buildPattern.Get().FindString(rest)
			rest = rest[len(build):]
		}
		if snap && build == "" || rest == "" || rest[0] != '.' && rest[0] != '-' {
			continue
		}
		f.stem, f.build, f.rest = stem, build, rest
		return f
	}
	if snap {
		f.build = snapshot // of no build, so it can be replaced like a literal file
	}
	return f
}

// literal reports whether a later file of the same name replaces the file.
func (f fileName) literal() bool { return f.build == snapshot }

// isPOM reports whether the file is the POM of its version.
func (f fileName) isPOM() bool { return f.rest == ".pom" }

// signatures are endings of signature files; the pair of a signature is that of the signed file with the ending added.
var signatures = []string{".asc", ".sigstore.json", ".sigstore"}

func (f fileName) isSignature() bool {
	for _, s := range signatures {
		if strings.HasSuffix(f.name, s) {
			return true
		}
	}
	return false
}

// compound are extensions with a dot in them; otherwise the last dot counts (maven.md 1).
var compound = []string{"tar.gz", "tar.bz2", "tar.xz", "tar.zst", "tar.lz", "tar.Z", "cpio.gz", "nbm.gz"}

// pair is classifier and extension.
type pair struct{ classifier, extension string }

// pair splits the rest of a regular name. The name alone does not tell where the classifier ends, so known pairs, by their
// rest, come first. ok is false for a name of another shape.
func (f fileName) pair(known map[string]pair) (p pair, ok bool) {
	if k, ok := known[f.rest]; ok {
		return k, true
	}
	rest, signature := f.rest, ""
	for _, s := range signatures {
		if cut, ok := strings.CutSuffix(rest, s); ok && cut != "" {
			rest, signature = cut, s
			break
		}
	}
	if extension, ok := strings.CutPrefix(rest, "."); ok {
		return pair{"", extension + signature}, extension != ""
	}
	body, ok := strings.CutPrefix(rest, "-")
	if !ok {
		return pair{}, false
	}
	for _, c := range compound {
		if classifier, ok := strings.CutSuffix(body, "."+c); ok && classifier != "" {
			return pair{classifier, c + signature}, true
		}
	}
	i := strings.LastIndexByte(body, '.')
	if i <= 0 || i == len(body)-1 {
		return pair{}, false
	}
	return pair{body[:i], body[i+1:] + signature}, true
}

func (p pair) rest() string {
	if p.classifier == "" {
		return "." + p.extension
	}
	return "-" + p.classifier + "." + p.extension
}
