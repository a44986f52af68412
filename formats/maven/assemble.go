package maven

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
	"slipway/registry/staging"
)

// lateFiles is how long after a release its publisher may add files to it: old deploy plugins send sources and signatures
// after the metadata (maven.md 6.1).
const lateFiles = 30 * time.Minute

// packageDescriptor is the stored descriptor of a package.
type packageDescriptor struct {
	Plugin *plugin `json:"plugin,omitempty"` // without ArtifactID, which is the package's
	// Plugins are those that a registry elsewhere lists at the path of this package, which is that of a group too.
	Plugins []plugin `json:"plugins,omitempty"`
}

// Assemble implements staging.Assembler.
func (format) Assemble(ctx context.Context, a staging.Assembly) (publish.Release, error) {
	return assembly{Assembly: a}.release(ctx)
}

// assembly is the staged files of one version, of which a release is made.
type assembly struct {
	staging.Assembly
	known map[string]pair // pairs from the client's metadata, by rest
	free  bool            // files may be added at any time, as the repository shows every file at once
}

// release makes the release. AlreadyExists: the version has other content; Conflict: a sidecar does not match its file.
func (a assembly) release(ctx context.Context) (publish.Release, error) {
	s := newStaging(a.Files)
	if err := s.mismatch(); err != nil {
		return publish.Release{}, err
	}
	if len(s.files) == 0 {
		return publish.Release{}, invalid("nothing but checksums of %s:%s was sent", a.At.Package, a.At.Version)
	}
	late := func(v registry.Version) bool { return a.free || isSnapshot(v.Name) || mayAdd(ctx, v) }
	rel := publish.Release{Version: a.At.Version, PURL: purl(a.At), Mode: publish.Append, If: s.condition(a.At, late)}
	rel.SortKey, rel.Prerelease = versionKey(a.At.Version)
	pairs := s.pairs(a.known)
	rel.Merge = func(old []byte) ([]byte, error) { return s.merge(old, pairs) }
	for _, f := range s.files {
		rel.Files = append(rel.Files, publish.Staged{Path: f.Path})
		if f.name.literal() {
			rel.Mode = publish.Replace // condition refuses it for the other files
		}
	}
	if s.pom != nil {
		rel.Facts = s.pom.facts()
		if s.pom.Packaging == "maven-plugin" {
			var err error
			if rel.Package, err = s.describePlugin(ctx, a); err != nil {
				return rel, err
			}
		}
	}
	return rel, nil
}

// mayAdd reports whether the caller published the release, and less than lateFiles ago.
func mayAdd(ctx context.Context, v registry.Version) bool {
	return v.PublisherID == access.From(ctx).ID && time.Since(v.PublishedAt) <= lateFiles
}

// condition keeps a release unchanged: existing files stay, and new ones are added only if late allows it.
func (s stagedSet) condition(at registry.Coordinate, late func(v registry.Version) bool) func(have publish.Existing) error {
	return func(have publish.Existing) error {
		if have.IsNew() {
			return nil
		}
		for _, f := range s.files {
			old, there, err := have.File(f.Path)
			switch {
			case err != nil:
				return err
			case there && old.Blob.Digest != f.Blob.Digest && !f.name.literal():
				return otherContent(at, old)
			case !there && !late(have.Version()):
				return released(at, "without %s", f.Path)
			}
		}
		return nil
	}
}

// otherContent is the error for other bytes under an existing name.
func otherContent(at registry.Coordinate, have registry.File) error {
	return released(at, "with other content (%s has sha256 %.12s…)", have.Path, have.Blob.Digest.Encoded())
}

// describePlugin stores the prefix of a plugin's goals in its package's descriptor (maven.md 2, G-level). TooMany, Unavailable: there
// is no memory for the plugin's jar now.
func (s stagedSet) describePlugin(ctx context.Context, a assembly) (func(old []byte) ([]byte, error), error) {
	_, artifact, _ := strings.Cut(a.At.Package, ":")
	var jar registry.Blob
	for _, f := range s.files {
		if f.name.rest == ".jar" {
			jar = f.Blob
		}
	}
	prefix, err := goalPrefix(ctx, a.Open, jar, artifact)
	d := packageDescriptor{Plugin: &plugin{Name: s.pom.Name, Prefix: prefix}}
	return func([]byte) ([]byte, error) { return json.Marshal(d) }, err
}
