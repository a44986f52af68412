package npm

import (
	"encoding/base64"
	"encoding/hex"

	"slipway/formats"
	"slipway/registry"
)

// Release makes the release that a publish of this manifest with a staged tarball becomes, for tools that fill a store without
// clients: the tarball, staged with SHA1 and SHA512, is not looked into. Invalid.
func Release(raw []byte, tarball registry.Staged, publisher string) (registry.Release, error) {
	object, err := parseObject(raw)
	if err != nil {
		return registry.Release{}, invalid("the manifest is not an object")
	}
	name := object.text("name")
	if err := checkNewName(name); err != nil {
		return registry.Release{}, err
	}
	version, prerelease, ok := strictVersion(object.text("version"))
	if !ok {
		return registry.Release{}, invalid("%q is not a semantic version", clip(object.text("version")))
	}
	m := manifest{
		name: name, version: version, object: object, publisher: publisher,
		tar:       contents{manifest: object, files: 1, unpacked: tarball.Blob.Size},
		shasum:    hex.EncodeToString(tarball.Blob.SHA1),
		integrity: "sha512-" + base64.StdEncoding.EncodeToString(tarball.Blob.SHA512),
	}
	descriptor, err := m.descriptor()
	if err != nil {
		return registry.Release{}, err
	}
	tarball.Path = fileName(name, version)
	s := sent{version: version, prerelease: prerelease, tags: []string{requiredTag}, manifest: object}
	rel := registry.Release{
		Version: version, PURL: purl(name, version), Mode: registry.Create, Prerelease: prerelease,
		Descriptor: descriptor, Package: describe(document{}, s, publisher),
		Tags: s.tags, Files: []registry.Staged{tarball}, Facts: facts(object, nil, ""),
	}
	rel.SortKey, _ = formats.VersionKey(version)
	return rel, nil
}
