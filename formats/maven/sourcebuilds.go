package maven

import (
	"bytes"
	"strings"
	"time"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/upstreams"
)

var _ upstreams.Builder = format{}

// maxBuilt bounds how many files one snapshot version lists.
const maxBuilt = 10_000

// VersionDocument implements upstreams.Builder: the maven-metadata.xml of a snapshot version.
func (format) VersionDocument(at registry.Coordinate) (upstreams.Ask, bool) {
	if !isSnapshot(at.Version) {
		return upstreams.Ask{}, false
	}
	t := remoteTarget(at.Name)
	t.kind, t.version = kindSnapshots, at.Version
	url, err := t.remote(t.version, metadataFile)
	return upstreams.Ask{URL: url, Accept: "application/xml, text/xml, */*;q=0.5"}, err == nil
}

// ParseVersion implements upstreams.Builder: the files of the newest build. Old documents list none and name the build alone, of which there
// are a POM and a jar then.
func (format) ParseVersion(at registry.Coordinate, doc []byte) ([]registry.File, error) {
	if len(doc) > maxMetadataBytes {
		return nil, invalid("%s is larger than %d bytes", metadataFile, maxMetadataBytes)
	}
	b := builtList{target: remoteTarget(at.Name)}
	b.kind, b.version = kindFile, at.Version
	if err := walkXML(bytes.NewReader(doc), b.visit); err != nil {
		return nil, err
	}
	if !b.root || b.names[0] != "" && b.names[0] != b.group || b.names[1] != "" && b.names[1] != b.artifact || b.names[2] != "" && b.names[2] != b.version {
		return nil, registry.Errorf(registry.Invalid, registry.AboutPackage, "%s is about %q, not %s %s", metadataFile, formats.Clip(strings.Join(b.names[:], ":")), at.Package, at.Version)
	}
	if len(b.files) == 0 && b.stamp != "" {
		for _, extension := range []string{"pom", "jar"} {
			b.add(snapshotVersion{Extension: extension, Value: strings.TrimSuffix(b.version, snapshot) + b.stamp + "-" + b.number, Updated: b.updated})
		}
	}
	return b.files, nil
}

// builtList is what a remote says of a snapshot version.
type builtList struct {
	target
	root                   bool
	names                  [3]string // groupId, artifactId, version
	stamp, number, updated string
	open                   snapshotVersion // whose element is not yet closed
	files                  []registry.File
}

func (b *builtList) visit(path, text string) error {
	switch path {
	case "metadata":
		b.root = true
	case "metadata/groupId":
		b.names[0] = text
	case "metadata/artifactId":
		b.names[1] = text
	case "metadata/version":
		b.names[2] = text
	case "metadata/versioning/snapshot/timestamp":
		b.stamp = text
	case "metadata/versioning/snapshot/buildNumber":
		b.number = text
	case "metadata/versioning/lastUpdated":
		b.updated = text
	case "metadata/versioning/snapshotVersions/snapshotVersion/classifier":
		b.open.Classifier = text
	case "metadata/versioning/snapshotVersions/snapshotVersion/extension":
		b.open.Extension = text
	case "metadata/versioning/snapshotVersions/snapshotVersion/value":
		b.open.Value = text
	case "metadata/versioning/snapshotVersions/snapshotVersion/updated":
		b.open.Updated = text
	case "metadata/versioning/snapshotVersions/snapshotVersion":
		b.add(b.open)
		if b.open = (snapshotVersion{}); len(b.files) > maxBuilt {
			return invalid("%s lists more than %d files", metadataFile, maxBuilt)
		}
	}
	return nil
}

// add takes a file that has the name of one of a build of the version; another one is left out, as no client could ask for it.
func (b *builtList) add(v snapshotVersion) {
	name := b.artifact + "-" + v.Value
	if v.Classifier != "" {
		name += "-" + v.Classifier
	}
	name += "." + v.Extension
	t := b.target
	t.file = parseFileName(name, t.artifact, t.version)
	if v.Value == "" || v.Extension == "" || t.file.literal() || !t.named() || t.checkNew() != nil || registry.CheckVersion(name) != nil {
		return
	}
	at, err := time.Parse(timeLayout, v.Updated)
	if err != nil { // the build's own name says it
		stamp, _, _ := strings.Cut(t.file.build, "-")
		if at, err = time.Parse("20060102.150405", stamp); err != nil {
			return
		}
	}
	b.files = append(b.files, registry.File{Path: name, MediaType: mediaType(name), AddedAt: at})
}
