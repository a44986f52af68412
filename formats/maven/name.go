package maven

import (
	"path"
	"regexp"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// id is the grammar of groupId and artifactId that Maven itself checks.
var id = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// versionReserved are characters that Maven refuses in a version, because of files and ranges.
const versionReserved = `\/:"<>|?*[](){},`

// normalize checks "groupId:artifactId" as the common API sends it.
func normalize(name string) (string, error) {
	group, artifact, ok := strings.Cut(name, ":")
	if !ok || !id.MatchString(group) || !id.MatchString(artifact) {
		return "", registry.Errorf(registry.Invalid, registry.AboutPackage, "a Maven package is groupId:artifactId, not %q", formats.Clip(name))
	}
	return name, nil
}

// checkNew checks the grammar of a path that is to be written.
func (t target) checkNew() error {
	switch {
	case t.kind == kindOther:
		return invalid("%q is no path of the Maven layout: <group>/<artifact>/<version>/<file>, the group with slashes for dots", formats.Clip(t.path))
	case t.group != "" && !id.MatchString(t.group) || !id.MatchString(t.artifact):
		return invalid("groupId and artifactId are letters, digits, '_', '-' and '.', not %q", formats.Clip(t.name().Package))
	case t.version != "" && (strings.ContainsAny(t.version, versionReserved) || strings.ContainsAny(t.version, " \t")):
		return invalid("the version %q has one of %s or a space", formats.Clip(t.version), versionReserved)
	case strings.HasSuffix(strings.ToUpper(t.version), snapshot) && !isSnapshot(t.version):
		return invalid("the version %q looks like a snapshot, but only upper case SNAPSHOT makes one for every client", formats.Clip(t.version))
	}
	return nil
}

// purl is pkg:maven/<group>/<artifact>@<version> (purl-spec, type maven).
func purl(at registry.Coordinate) string {
	return packagePURL(at.Package) + "@" + formats.Escape(at.Version)
}

// packagePURL is registry.Rules.PackagePURL.
func packagePURL(pkg string) string {
	group, artifact, _ := strings.Cut(pkg, ":")
	return "pkg:maven/" + formats.Escape(group) + "/" + formats.Escape(artifact)
}

// fromPURL is registry.Rules.FromPURL: the namespace is the group.
func fromPURL(p registry.PURL) (string, error) { return p.Namespace + ":" + p.Name, nil }

// href is the absolute path of a file of the same version.
func (t target) href(file string) string {
	var b strings.Builder
	b.WriteString(prefix + formats.Escape(t.repository) + "/")
	for seg := range strings.SplitSeq(t.group, ".") {
		b.WriteString(formats.Escape(seg) + "/")
	}
	b.WriteString(formats.Escape(t.artifact) + "/" + formats.Escape(t.version) + "/" + formats.Escape(file))
	return b.String()
}

// mediaTypes are by extension; everything else is bytes.
var mediaTypes = map[string]string{
	".jar": "application/java-archive", ".war": "application/java-archive", ".ear": "application/java-archive",
	".aar": "application/java-archive", ".rar": "application/java-archive", ".pom": xmlType, ".xml": xmlType,
	".module": "application/vnd.org.gradle.module+json", ".json": "application/json", ".asc": "application/pgp-signature",
	".zip": "application/zip", ".gz": "application/gzip", ".txt": textType,
}

const (
	xmlType  = "application/xml"
	textType = "text/plain; charset=utf-8"
)

func mediaType(file string) string {
	if t, ok := mediaTypes[path.Ext(file)]; ok {
		return t
	}
	return "application/octet-stream"
}
