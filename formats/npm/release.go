package npm

import (
	"slipway/formats"
	"slipway/registry/publish"
)

// Release makes the release of a publish with this manifest and a staged tarball, for tools that fill a store without clients.
// The tarball must be staged with SHA1 and SHA512, and is not inspected. Invalid.
func Release(raw []byte, tarball publish.Staged, publisher string) (publish.Release, error) {
	object, err := parseObject(raw)
	if err != nil {
		return publish.Release{}, invalid("the manifest is not an object")
	}
	name := object.text("name")
	if err := checkNewName(name, false); err != nil {
		return publish.Release{}, err
	}
	version, prerelease, ok := strictVersion(object.text("version"))
	if !ok {
		return publish.Release{}, invalid("%q is not a semantic version", formats.Clip(object.text("version")))
	}
	u := &upload{name: name, tarball: &tarball, tar: contents{manifest: object, files: 1, unpacked: tarball.Blob.Size}}
	s := sent{version: version, prerelease: prerelease, tags: []string{requiredTag}, manifest: object}
	rel, _, err := u.release(document{}, s, publisher, "")
	return rel, err
}
