package maven

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/staging"
	"slipway/registry/upstreams"
)

var _ upstreams.Source = format{}

// OnRemoval implements an option of upstreams.Source: repositories of Maven artifacts do not take anything back, but their lists are often incomplete.
func (format) OnRemoval() string { return upstreams.RemovalKeep }

// Document implements upstreams.Source: the maven-metadata.xml of an artifact, which is also that of a group with plugins.
func (format) Document(at registry.Name) (upstreams.Ask, bool) {
	t := remoteTarget(at)
	t.kind = kindArtifacts
	url, err := t.remote(metadataFile)
	return upstreams.Ask{URL: url, Accept: "application/xml, text/xml, */*;q=0.5", Gzip: true}, err == nil
}

// DatedBy implements upstreams.Dated: the POM.
func (format) DatedBy(at registry.Coordinate) string {
	return remoteTarget(at.Name).artifact + "-" + at.Version + ".pom"
}

// File implements upstreams.Source. A file is known by its path alone; its sum lies beside it.
func (format) File(at registry.Coordinate, path string, _ *upstreams.Entry) (upstreams.Ask, error) {
	t := remoteTarget(at.Name)
	t.kind, t.version = kindFile, at.Version
	t.file = parseFileName(path, t.artifact, t.version)
	if sum, _ := cutSum(path); sum != nil || path == metadataFile || !t.named() {
		return upstreams.Ask{}, noRemoteFile(at, path)
	}
	url, err := t.remote(t.version, path)
	return upstreams.Ask{URL: url, Sum: ".sha1"}, err
}

func noRemoteFile(at registry.Coordinate, path string) error {
	return registry.Errorf(registry.Invalid, registry.AboutFile, "no Maven repository has a file %q of %s:%s", formats.Clip(path), at.Package, formats.Clip(at.Version))
}

// named reports whether the file has the name of an artifact's file, "lib-1.0….ext". Legacy plugins of sbt leave out what their folder
// says of the tools' versions.
func (t target) named() bool {
	stem := t.file.stem
	return len(t.file.rest) > 1 && (stem == t.artifact || stem != "" && strings.HasPrefix(t.artifact, stem+"_"))
}

// remoteTarget is the target of a package that may be at a registry elsewhere.
func remoteTarget(at registry.Name) target {
	group, artifact, _ := strings.Cut(at.Package, ":")
	return target{repository: at.Repository, group: group, artifact: artifact}
}

// remote is the escaped path of something in the target's folder at a registry elsewhere. Invalid.
func (t target) remote(below ...string) (string, error) {
	if t.kind == kindFile && (t.group == "" || t.version == "") {
		return "", invalid("a file of a Maven repository has a groupId and a version")
	}
	if err := t.checkNew(); err != nil {
		return "", err
	}
	var segments []string
	if t.group != "" {
		segments = strings.Split(t.group, ".")
	}
	segments = append(append(segments, t.artifact), below...)
	for i, seg := range segments {
		if err := registry.CheckVersion(seg); err != nil { // the rules of one segment
			return "", invalid("%q can't be in the path of a file", formats.Clip(seg))
		}
		segments[i] = formats.Escape(seg)
	}
	out := strings.Join(segments, "/")
	if len(out) > maxPathBytes {
		return "", invalid("the path is longer than %d bytes", maxPathBytes)
	}
	return out, nil
}

// Mutable implements upstreams.Source: only literal snapshot names get other bytes.
func (format) Mutable(at registry.Coordinate, path string) bool {
	return isSnapshot(at.Version) && parseFileName(path, remoteTarget(at.Name).artifact, at.Version).literal()
}

// zipped are extensions of zip archives.
var zipped = map[string]bool{".jar": true, ".war": true, ".aar": true, ".ear": true, ".zip": true}

// zipStarts are how a zip archive begins: with a file, without any, in parts. Executable jars begin with a script.
var zipStarts = []string{"PK\x03\x04", "PK\x05\x06", "PK\x07\x08", "#!"}

// Check implements upstreams.Source.
func (format) Check(file string, head []byte) error {
	ext := strings.ToLower(path.Ext(file))
	switch {
	case ext == ".html" || ext == ".htm" || ext == ".xhtml":
		return nil
	case formats.IsHTML(head):
		return notThe(file, "an HTML page")
	case zipped[ext] && !begins(head, zipStarts...):
		return notThe(file, "no zip archive")
	case (ext == ".pom" || ext == ".xml") && !begins(textOf(head), "<"):
		return notThe(file, "no XML")
	case ext == ".module" && !begins(textOf(head), "{"):
		return notThe(file, "no Gradle module")
	}
	return nil
}

func notThe(file, is string) error {
	return registry.Errorf(registry.Invalid, registry.AboutFile, "what came as %s is %s", formats.Clip(path.Base(file)), is)
}

func begins(b []byte, with ...string) bool {
	for _, w := range with {
		if bytes.HasPrefix(b, []byte(w)) {
			return true
		}
	}
	return false
}

// textOf decodes the beginning of a document, without white space before it.
func textOf(head []byte) []byte {
	r, err := utf8Of(bytes.NewReader(head))
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(r) // head may end within a character
	return bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\ufeff")), " \t\r\n")
}

// Enter implements upstreams.Source. Every file joins its version alone, in any order; the POM brings facts and, of a plugin, the
// package's descriptor. A POM that can't be read is a file like any other.
func (format) Enter(ctx context.Context, e upstreams.Entered) (publish.Release, error) {
	f := registry.StagedFile{Format: formatName, Package: e.At.Package, Display: e.At.Display, Version: e.At.Version,
		Path: e.Path, MediaType: mediaType(e.Path), Blob: e.Blob}
	if parseFileName(e.Path, remoteTarget(e.At.Name).artifact, e.At.Version).isPOM() && e.Blob.Size <= maxPOMBytes {
		p, err := enteredPOM(ctx, e)
		if err != nil {
			return publish.Release{}, err
		}
		f.Attributes = attributes{POM: &p}.encode()
	}
	// Open is for the jar beside a POM, which is not at hand.
	rel, err := assembly{Assembly: staging.Assembly{At: e.At, Files: []registry.StagedFile{f}}}.release(ctx)
	rel.Mode, rel.If = publish.Append, nil // whether bytes may change is the decision of the part that asks the remote
	rel.Files = []publish.Staged{{Path: f.Path, MediaType: f.MediaType, Blob: f.Blob}}
	return rel, err
}

// enteredPOM reads what is used of a POM.
func enteredPOM(ctx context.Context, e upstreams.Entered) (pom, error) {
	r, err := e.Open(ctx)
	if err != nil {
		return pom{}, err
	}
	defer r.Close()
	raw, err := readAllPOM(r)
	if err != nil {
		return pom{}, err
	}
	p, err := parsePOM(raw)
	if err != nil {
		return pom{}, nil // half of a document may say the opposite of the whole
	}
	return p, nil
}
