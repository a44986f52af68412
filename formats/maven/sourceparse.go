package maven

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/upstreams"
)

// maxIndexVersions bounds the versions of a registry elsewhere that one document lists. A version costs some 500 bytes here.
const maxIndexVersions = 100_000

// Parse implements upstreams.Source. Versions that no path can name here are left out.
func (format) Parse(at registry.Name, _ string, doc io.Reader) (upstreams.Index, error) {
	raw, err := io.ReadAll(io.LimitReader(doc, maxMetadataBytes+1))
	if err != nil {
		return upstreams.Index{}, err
	}
	if len(raw) > maxMetadataBytes {
		return upstreams.Index{}, invalid("%s is larger than %d bytes", metadataFile, maxMetadataBytes)
	}
	l := listed{target: remoteTarget(at), at: at, seen: map[string]bool{}}
	if err := walkXML(bytes.NewReader(raw), l.visit); err != nil {
		return upstreams.Index{}, err
	}
	return l.index()
}

// listed is what a remote's maven-metadata.xml says.
type listed struct {
	target
	at       registry.Name
	root     bool
	names    [2]string // groupId and artifactId
	seen     map[string]bool
	versions []registry.Version
	updated  time.Time
	plugins  []plugin
	open     plugin // whose element is not yet closed
}

func (l *listed) visit(path, text string) error {
	switch path {
	case "metadata":
		l.root = true
	case "metadata/groupId":
		l.names[0] = text
	case "metadata/artifactId":
		l.names[1] = text
	case "metadata/versioning/versions/version":
		return l.add(text)
	case "metadata/versioning/lastUpdated":
		if at, err := time.Parse(timeLayout, text); err == nil { // else not known
			l.updated = at
		}
	case "metadata/plugins/plugin/name":
		l.open.Name = text
	case "metadata/plugins/plugin/prefix":
		l.open.Prefix = text
	case "metadata/plugins/plugin/artifactId":
		l.open.Artifact = text
	case "metadata/plugins/plugin":
		return l.addPlugin()
	}
	return nil
}

func (l *listed) add(version string) error {
	t := l.target
	t.kind, t.version = kindFile, version
	if l.seen[version] || version == "" || t.checkNew() != nil || registry.CheckVersion(version) != nil {
		return nil
	}
	if l.seen[version] = true; len(l.versions) == maxIndexVersions {
		return invalid("%s lists more than %d versions", metadataFile, maxIndexVersions)
	}
	v := registry.Version{Name: version, PURL: purl(l.at.At(version)), State: registry.Published}
	v.SortKey, v.Prerelease = versionKey(version)
	l.versions = append(l.versions, v)
	return nil
}

// addPlugin ends a plugin. One that no client could ask for is left out, and a name that is no line.
func (l *listed) addPlugin() error {
	p := l.open
	l.open = plugin{}
	if !id.MatchString(p.Prefix) || !id.MatchString(p.Artifact) || len(p.Prefix) > maxSegmentBytes || len(p.Artifact) > maxSegmentBytes {
		return nil
	}
	if len(p.Name) > maxPOMText || !registry.IsLine(p.Name) {
		p.Name = ""
	}
	if l.plugins = append(l.plugins, p); len(l.plugins) > maxPairs {
		return invalid("%s lists more than %d plugins", metadataFile, maxPairs)
	}
	return nil
}

// about checks that the document is about the package: its artifact, or the group with plugins of the same path. Invalid.
func (l *listed) about() error {
	group, artifact := l.names[0], l.names[1]
	ofGroup := artifact == "" && group == l.target.plugins()
	if !l.root {
		return invalid("the root element is not <metadata>")
	}
	if artifact != "" && artifact != l.artifact || group != "" && group != l.group && !ofGroup {
		return registry.Errorf(registry.Invalid, registry.AboutPackage, "%s is about %s:%s, not %s", metadataFile, formats.Clip(group), formats.Clip(artifact), l.at.Package)
	}
	return nil
}

func (l *listed) index() (upstreams.Index, error) {
	if err := l.about(); err != nil {
		return upstreams.Index{}, err
	}
	out := upstreams.Index{Name: cmp.Or(l.at.Display, l.at.Package), UpdatedAt: l.updated, Versions: l.versions}
	slices.SortFunc(out.Versions, func(a, b registry.Version) int {
		return cmp.Or(bytes.Compare(a.SortKey, b.SortKey), strings.Compare(a.Name, b.Name))
	})
	if len(l.plugins) == 0 {
		return out, nil
	}
	var err error
	out.Descriptor, err = json.Marshal(packageDescriptor{Plugins: sortPlugins(l.plugins)})
	return out, err
}
