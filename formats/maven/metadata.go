package maven

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"time"

	"slipway/formats"
	"slipway/registry"
)

// Bounds of a client's maven-metadata.xml: a document of 10,000 versions has some 400 KiB.
const (
	maxMetadataBytes = 8 << 20
	maxPairs         = 10_000 // as many files as one deploy may have
)

// metadata is maven-metadata.xml at every level (maven.md 2).
type metadata struct {
	XMLName      xml.Name    `xml:"metadata"`
	ModelVersion string      `xml:"modelVersion,attr,omitempty"`
	Group        string      `xml:"groupId,omitempty"`
	Artifact     string      `xml:"artifactId,omitempty"`
	Version      string      `xml:"version,omitempty"`
	Versioning   *versioning `xml:"versioning"`
	Plugins      *plugins    `xml:"plugins"`
}

type versioning struct {
	Latest       string             `xml:"latest,omitempty"`
	Release      string             `xml:"release,omitempty"`
	Snapshot     *snapshotBuild     `xml:"snapshot"`
	Versions     *versions          `xml:"versions"`
	LastUpdated  string             `xml:"lastUpdated,omitempty"`
	SnapshotVers *snapshotFileNames `xml:"snapshotVersions"`
}

type versions struct {
	Version []string `xml:"version"`
}

type snapshotBuild struct {
	Timestamp   string `xml:"timestamp"`
	BuildNumber string `xml:"buildNumber"`
}

type snapshotFileNames struct {
	SnapshotVersion []snapshotVersion `xml:"snapshotVersion"`
}

type snapshotVersion struct {
	Classifier string `xml:"classifier,omitempty"`
	Extension  string `xml:"extension"`
	Value      string `xml:"value"`
	Updated    string `xml:"updated"`
}

type plugins struct {
	Plugin []plugin `xml:"plugin"`
}

type plugin struct {
	Name     string `xml:"name,omitempty" json:"name,omitempty"`
	Prefix   string `xml:"prefix" json:"prefix"`
	Artifact string `xml:"artifactId" json:"artifact"`
}

// timeLayout is the layout of lastUpdated and updated, in UTC.
const timeLayout = "20060102150405"

// render returns the same bytes for the same content on every server.
func (m metadata) render() ([]byte, error) {
	body, err := xml.MarshalIndent(m, "", "  ")
	return slices.Concat([]byte(xml.Header), body, []byte("\n")), err
}

// versionList fills the level of an artifact. vs are in Maven's order.
func (m *metadata) versionList(pkg registry.Package, group, artifact string, vs []registry.Version) {
	m.Group, m.Artifact = group, artifact
	v := &versioning{Versions: &versions{}, LastUpdated: stamp(pkg.UpdatedAt)}
	var latest, release string
	for _, x := range vs {
		v.Versions.Version = append(v.Versions.Version, x.Name)
		// A yanked version is listed, so that it can be named, but is never the newest.
		if x.State == registry.Yanked {
			continue
		}
		latest = x.Name
		if !isSnapshot(x.Name) {
			release = x.Name
		}
	}
	v.Latest, v.Release = latest, release
	m.Versioning = v
}

func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

// sent is a client's metadata, which is never stored, but names the deployed versions and builds.
type sent struct {
	group, artifact, version string
	versions                 []string        // listed, and named as latest or release
	builds                   []string        // "20260102.030405-7"
	pairs                    map[string]pair // by rest
}

// readMetadata reads a client's document. Invalid, TooLarge, BadBody.
func readMetadata(r io.Reader) (sent, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxMetadataBytes+1))
	if err != nil {
		return sent{}, err
	}
	if len(raw) > maxMetadataBytes {
		return sent{}, registry.Errorf(registry.TooLarge, registry.AboutFile, "%s is larger than %d bytes", metadataFile, maxMetadataBytes)
	}
	return parseMetadata(raw)
}

func parseMetadata(raw []byte) (sent, error) {
	s := sent{pairs: map[string]pair{}}
	var file pair
	var stamp, value string
	root := false
	err := walkXML(bytes.NewReader(raw), func(path, text string) error {
		switch path {
		case "metadata":
			root = true
		case "metadata/groupId":
			s.group = text
		case "metadata/artifactId":
			s.artifact = text
		case "metadata/version":
			s.version = text
		case "metadata/versioning/versions/version", "metadata/versioning/latest", "metadata/versioning/release":
			s.versions = append(s.versions, text)
		case "metadata/versioning/snapshot/timestamp":
			stamp = text
		case "metadata/versioning/snapshot/buildNumber":
			if stamp != "" {
				s.builds = append(s.builds, stamp+"-"+text)
			}
		case "metadata/versioning/snapshotVersions/snapshotVersion/classifier":
			file.classifier = text
		case "metadata/versioning/snapshotVersions/snapshotVersion/extension":
			file.extension = text
		case "metadata/versioning/snapshotVersions/snapshotVersion/value":
			value = text
		case "metadata/versioning/snapshotVersions/snapshotVersion":
			if file.extension != "" && value != "" {
				if s.pairs[file.rest()] = file; len(s.pairs) > maxPairs {
					return invalid("%s names more than %d files of one build", metadataFile, maxPairs)
				}
			}
			file, value = pair{}, ""
		}
		return nil
	})
	if err == nil && !root {
		err = invalid("the root element is not <metadata>")
	}
	return s, err
}

// check compares the document with its path. A group's document names neither artifact nor version. Invalid.
func (s sent) check(t target) error {
	differs := s.artifact != "" && (s.group != t.group || s.artifact != t.artifact) ||
		t.kind == kindSnapshots && s.version != "" && s.version != t.version
	if differs {
		return invalid("%s is about %s:%s:%s, but its path is %s", metadataFile, formats.Clip(s.group), formats.Clip(s.artifact), formats.Clip(s.version), formats.Clip(t.path))
	}
	return nil
}
