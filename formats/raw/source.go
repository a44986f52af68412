package raw

import (
	"context"
	"io"
	"path"
	"strings"

	"slipway/formats"
	"slipway/internal/lazyregexp"
	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

var _ upstreams.Source = format{}

// Document implements upstreams.Source: a web server has none.
func (format) Document(registry.Name) (upstreams.Ask, bool) { return upstreams.Ask{}, false }

// Parse implements upstreams.Source.
func (format) Parse(registry.Name, string, io.Reader) (upstreams.Index, error) {
	return upstreams.Index{}, invalid("raw files have no document that lists them")
}

// File implements upstreams.Source: the path there is the path here. Sums beside a file are files of their own.
func (format) File(at registry.Coordinate, file string, _ *upstreams.Entry) (upstreams.Ask, error) {
	l := location{repository: at.Repository, segments: append([]string{at.Package, at.Version}, strings.Split(file, "/")...)}
	if strings.Contains(at.Package, "/") {
		return upstreams.Ask{}, invalid("a raw package can't contain a slash: %q", formats.Clip(at.Package))
	}
	if err := l.check(); err != nil {
		return upstreams.Ask{}, err
	}
	escaped := make([]string, len(l.segments))
	for i, seg := range l.segments {
		escaped[i] = formats.Escape(seg)
	}
	return upstreams.Ask{URL: strings.Join(escaped, "/")}, nil
}

// Names that tell that bytes will not change.
var (
	digestName  = lazyregexp.New(`(?:^|[^0-9A-Za-z])(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})(?:$|[^0-9A-Za-z])`)
	versionName = lazyregexp.New(`^[vV]?[0-9]+(?:\.[0-9]+)+(?:[-+._~][0-9A-Za-z.+_~-]+|[a-z]+[0-9]*)?$`)
	fileVersion = lazyregexp.New(`[-_][vV]?[0-9]+\.[0-9]+`)
	movingName  = lazyregexp.New(`(?i)(?:^|[^0-9a-z])(?:latest|nightly|snapshot|current|head|stable|edge|canary|daily)(?:$|[^0-9a-z])`)
	archived    = lazyregexp.New(`(?i)\.(?:tar\.[0-9a-z]+|tgz|zip|whl|jar|deb|rpm)$`)
)

// Mutable implements upstreams.Source. A path with a digest in it, and an archive of a version, keep their bytes, and so do the sums and
// signatures beside them. Whatever else a web server has may change.
func (format) Mutable(at registry.Coordinate, file string) bool {
	whole := path.Join(at.Package, at.Version, file)
	if digestName.MatchString(whole) {
		return false
	}
	file = beside(file)
	if movingName.MatchString(whole) || !archived.MatchString(file) {
		return true
	}
	folders := strings.Split(file, "/")
	folders = append(folders[:len(folders)-1], at.Version)
	for _, f := range folders {
		if versionName.MatchString(f) {
			return false
		}
	}
	return !fileVersion.MatchString(path.Base(file))
}

// signatures are endings of what lies beside a file and is about its bytes, other than sums.
var signatures = []string{".asc", ".sig", ".minisig", ".sigstore.json", ".sigstore", ".pem"}

// beside is the file that a sum or a signature is about; any other file is itself.
func beside(file string) string {
	for {
		of := file
		if _, base, ok := sidecar(of); ok {
			of = base
		}
		for _, s := range signatures {
			of = strings.TrimSuffix(of, s)
		}
		if of == file || of == "" {
			return file
		}
		file = of
	}
}

// Check implements upstreams.Source: an HTML page is refused where the name says that the file is something else than text.
func (format) Check(file string, head []byte) error {
	_, _, sum := sidecar(file)
	switch t := mediaType("", file); {
	case !sum && (strings.HasPrefix(t, "text/") || t == binary || t == "application/xml"):
	case formats.IsHTML(head):
		return registry.Errorf(registry.Invalid, registry.AboutFile, "what came as %s is an HTML page", formats.Clip(path.Base(file)))
	}
	return nil
}

// Enter implements upstreams.Source.
func (format) Enter(_ context.Context, e upstreams.Entered) (publish.Release, error) {
	rel := release(e.At, false)
	rel.Files = []publish.Staged{{Path: e.Path, MediaType: mediaType("", e.Path), Blob: e.Blob}}
	return rel, nil
}
