package npm

import (
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
	u := &upload{name: name, tarball: &tarball, tar: contents{manifest: object, files: 1, unpacked: tarball.Blob.Size}}
	s := sent{version: version, prerelease: prerelease, tags: []string{requiredTag}, manifest: object}
	rel, _, err := u.release(document{}, s, publisher, "")
	return rel, err
}
