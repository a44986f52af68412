package maven

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/staging"
)

// attributes are the stored attributes of a staged file.
type attributes struct {
	POM *pom `json:"pom,omitempty"`
	// Sum marks the staged file as a pending sidecar: one that came before its file, or that does not match it.
	Sum string `json:"sum,omitempty"` // suffix of the algorithm
	Hex string `json:"hex,omitempty"`
	// Tool is the build tool that sent the file; "": another client.
	Tool string `json:"tool,omitempty"`
}

func (a attributes) encode() []byte {
	raw, err := json.Marshal(a)
	if err != nil { // strings always marshal
		panic(err)
	}
	return raw
}

// stagedFile is a staged file with its parsed name and attributes.
type stagedFile struct {
	registry.StagedFile
	attributes
	name fileName
}

// base is the version without SNAPSHOT.
func (f stagedFile) base() string { return strings.TrimSuffix(f.Version, snapshot) }

// stagedSet is the staged files of one version, and pending sidecars.
type stagedSet struct {
	files []stagedFile
	sums  []stagedFile
	pom   *pom
}

func newStaging(list []registry.StagedFile) stagedSet {
	var s stagedSet
	for _, f := range list {
		_, artifact, _ := strings.Cut(f.Package, ":")
		sf := stagedFile{StagedFile: f, name: parseFileName(f.Path, artifact, f.Version)}
		_ = json.Unmarshal(f.Attributes, &sf.attributes) // written by encode; other text has no attributes
		if sf.Sum != "" {
			s.sums = append(s.sums, sf)
			continue
		}
		s.files = append(s.files, sf)
		if sf.POM != nil {
			s.pom = sf.POM
		}
	}
	return s
}

// find returns a staged file.
func (s stagedSet) find(path string) (stagedFile, bool) {
	i := slices.IndexFunc(s.files, func(f stagedFile) bool { return f.Path == path })
	if i < 0 {
		return stagedFile{}, false
	}
	return s.files[i], true
}

// mismatch returns the error for a sidecar that does not match its file. Conflict: the client only warned when the sidecar was
// refused, so the commit has to fail (maven.md 4.4).
func (s stagedSet) mismatch() error {
	for _, q := range s.sums {
		f, ok := s.find(strings.TrimSuffix(q.Path, "."+q.Sum))
		if !ok {
			continue
		}
		for _, a := range algorithms {
			if a.suffix == q.Sum && hex.EncodeToString(a.of(f.Blob)) != q.Hex {
				return registry.Errorf(registry.Conflict, registry.AboutFile, "%s was damaged on its way: its %s is %x, but the client sent %s; deploy again",
					f.Path, a.suffix, a.of(f.Blob), q.Hex)
			}
		}
	}
	return nil
}

// build returns the build that the files belong to; "" for a release, "SNAPSHOT" for literal files.
func (s stagedSet) build() string {
	if len(s.files) == 0 {
		return ""
	}
	return s.files[0].name.build
}

// mainExtension is the extension of a packaging's main file; "" for none. Other packagings may have any.
var mainExtension = map[string]string{
	"pom": "", "jar": "jar", "maven-plugin": "jar", "maven-archetype": "jar", "ejb": "jar", "bundle": "jar", "eclipse-plugin": "jar",
	"eclipse-test-plugin": "jar", "test-jar": "jar", "war": "war", "ear": "ear", "aar": "aar", "rar": "rar", "zip": "zip", "par": "par",
}

// missing says which of the expected files is not there: the POM, the main file of its packaging, the files that a .module names,
// or a file with the sum that was sent for it. "": the set is complete.
func (s stagedSet) missing(ctx context.Context, open staging.Opener) (string, error) {
	if err := s.mismatch(); err != nil {
		return registry.AsError(err).Detail, nil
	}
	if s.pom == nil {
		return "the POM", nil
	}
	if !s.pom.Relocated && !s.main() {
		return "the main file of packaging " + formats.Clip(cmp.Or(s.pom.Packaging, "jar")), nil
	}
	for _, f := range s.files {
		if f.name.rest != ".module" {
			continue
		}
		named, err := s.module(ctx, open, f)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(named, func(m moduleFile) bool { return !m.has(s.files) }); i >= 0 {
			return formats.Clip(named[i].URL) + ", which " + f.Path + " names", nil
		}
	}
	return "", nil
}

// main reports whether the main file of the POM's packaging is there. Where the POM names no packaging, any file without a classifier
// is.
func (s stagedSet) main() bool {
	want, known := mainExtension[s.pom.Packaging]
	if known && want == "" {
		return true
	}
	for _, f := range s.files {
		other := !f.name.isPOM() && !f.name.isSignature() && f.name.rest != ".module"
		switch {
		case known && f.name.rest == "."+want, !known && other, s.pom.Implied && other && strings.HasPrefix(f.name.rest, "."):
			return true
		}
	}
	return false
}

// beside reports whether there is a file beside the POM that is no signature.
func (s stagedSet) beside() bool {
	return slices.ContainsFunc(s.files, func(f stagedFile) bool { return !f.name.isPOM() && !f.name.isSignature() })
}

// ivyFile reports whether Ivy's own descriptor is there, which Ivy and Gradle send last.
func (s stagedSet) ivyFile() bool {
	return slices.ContainsFunc(s.files, func(f stagedFile) bool {
		return f.Path == "ivy.xml" || strings.HasPrefix(f.Path, "ivy-") && strings.HasSuffix(f.Path, ".xml")
	})
}

func (s stagedSet) module(ctx context.Context, open staging.Opener, f stagedFile) ([]moduleFile, error) {
	if f.Blob.Size > maxModuleBytes {
		return nil, nil
	}
	if err := holdLarge(ctx, f.Blob.Size*moduleFactor); err != nil {
		return nil, err
	}
	r, err := open(ctx, f.Blob, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readModule(r)
}

// slowFactor is how much longer the quiet time is of a deploy that can't be known to be complete.
const slowFactor = 6

// Settle implements staging.Assembler. The set of a build tool becomes visible only when it is complete as that tool completes it: a
// build that ends half way must publish nothing. What any other client has sent becomes visible, complete or not, as nothing tells
// what else is to come. A set with a damaged file never does.
func (f format) Settle(ctx context.Context, open staging.Opener, files []registry.StagedFile) (staging.Wait, error) {
	s := newStaging(files)
	if len(s.files) == 0 {
		return staging.Wait{After: staging.Never, For: "the files of the checksums that came"}, nil
	}
	missing, err := s.missing(ctx, open)
	if err != nil {
		return staging.Wait{}, err
	}
	quiet := staging.Wait{After: f.quiet, For: "further files"}
	slow := staging.Wait{After: slowFactor * f.quiet, For: missing}
	never := staging.Wait{After: staging.Never, For: missing}
	switch t, byTool := s.tool(); {
	case s.mismatch() != nil:
		return never, nil
	case t.metadata && !s.ivyFile():
		return staging.Wait{After: staging.Never, For: metadataFile + ", which " + t.name + " sends at its end"}, nil
	case missing == "":
		return quiet, nil
	case !byTool, s.ivyFile(), s.pom != nil && s.beside():
		return slow, nil
	default:
		return never, nil
	}
}

// PURL implements staging.Assembler.
func (format) PURL(at registry.Coordinate) string { return purl(at) }

// scope groups the sets of one artifact.
func scope(at registry.Name) string { return "maven/" + at.Package }

// setKey names the set of a release, of one build of a snapshot, or of its literal files.
func setKey(at registry.Coordinate, build string) staging.Key {
	id := scope(at.Name) + ":" + at.Version
	if build != "" {
		id += "/" + build
	}
	if staging.CheckID(id) != nil { // too long, or a version with a character that set ids can't have
		sum := sha256.Sum256([]byte(id))
		id = "maven/sha256:" + hex.EncodeToString(sum[:])
	}
	return staging.Key{Repository: at.Repository, ID: id, Scope: scope(at.Name)}
}

// descriptor is the stored descriptor of a version.
type descriptor struct {
	POM *pom `json:"pom,omitempty"`
	// Pairs are classifier and extension of files whose names alone are ambiguous.
	Pairs map[string][2]string `json:"pairs,omitempty"`
}

func readDescriptor(raw []byte) (d descriptor) {
	_ = json.Unmarshal(raw, &d) // an empty descriptor belongs to a version without a POM so far
	return d
}

func (d descriptor) known() map[string]pair {
	out := map[string]pair{}
	for file, p := range d.Pairs {
		out[file] = pair{p[0], p[1]}
	}
	return out
}

// pairs returns the ambiguous pairs among the files, for the descriptor.
func (s stagedSet) pairs(known map[string]pair) map[string][2]string {
	out := map[string][2]string{}
	for _, f := range s.files {
		plain, _ := f.name.pair(nil)
		if p, ok := f.name.pair(known); ok && p != plain {
			out[f.Path] = [2]string{p.classifier, p.extension}
		}
	}
	return out
}

// merge adds the new values to the version's old descriptor. It runs in the transaction.
func (s stagedSet) merge(old []byte, pairs map[string][2]string) ([]byte, error) {
	d := readDescriptor(old)
	if s.pom != nil {
		d.POM = s.pom
	}
	if d.Pairs == nil {
		d.Pairs = pairs
	} else {
		maps.Copy(d.Pairs, pairs)
	}
	raw, err := json.Marshal(d)
	if err != nil || bytes.Equal(raw, []byte("{}")) {
		return nil, err
	}
	return raw, nil
}

// released is the error for a change of a release.
func released(at registry.Coordinate, why string, args ...any) error {
	return registry.Errorf(registry.AlreadyExists, registry.AboutVersion, "%s:%s is already released %s; bump the version",
		at.Package, at.Version, fmt.Sprintf(why, args...))
}
