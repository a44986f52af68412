package npm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"slipway/registry"
)

// maxFragmentBytes bounds what one version adds to a packument.
const maxFragmentBytes = 4 << 20

// manifest is the manifest of a version to be stored.
type manifest struct {
	name, version string
	object        object // as reconciled with the tarball
	tar           contents
	shasum        string // hex
	integrity     string // sha512-<base64>
	publisher     string
}

// dropped reports whether a member of a sent manifest is dropped: the server sets it (npm.md 5.8), or it is left over from
// packing, as most members that begin with an underscore.
func dropped(key string) bool {
	switch key {
	case "dist", "deprecated", "maintainers", "readme", "hasInstallScript", "integrity", "shasum", "time", "users", "dist-tags", "versions":
		return true
	case "_nodeVersion", "_npmVersion":
		return false
	}
	return strings.HasPrefix(key, "_")
}

// abbreviatedMembers is the allow-list of the install document (npm.md 3.5): without any of them clients install something
// else.
var abbreviatedMembers = []string{
	"name", "version", "dependencies", "acceptDependencies", "optionalDependencies", "devDependencies", "bundleDependencies",
	"bundledDependencies", "peerDependencies", "peerDependenciesMeta", "bin", "directories", "engines", "_hasShrinkwrap",
	"hasInstallScript", "funding", "cpu", "os", "libc", "license", "_npmUser",
}

// person is how a user appears in documents; addresses are not kept.
type person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// descriptor returns the stored form of the version: the full and the abbreviated object as text that ends inside "dist", so
// that rendering appends the tarball's URL and the members that may change later. TooLarge.
func (m manifest) descriptor() ([]byte, error) {
	o := slices.Clone(m.object)
	o.drop(dropped)
	o.set("name", m.name)
	o.set("version", m.version)
	o.set("_id", m.name+"@"+m.version)
	o.set("_npmUser", wrap(object{{"name", marshal(m.publisher)}, {"email", marshal("")}}))
	if hasInstallScript(m.tar) {
		o.set("hasInstallScript", true)
	}
	o.set("_hasShrinkwrap", m.tar.hasShrinkwrap)

	return fragments(o, object{
		{"integrity", marshal(m.integrity)}, {"shasum", marshal(m.shasum)},
		{"fileCount", marshal(m.tar.files)}, {"unpackedSize", marshal(m.tar.unpacked)},
	})
}

// fragments makes a descriptor of a manifest and its "dist". TooLarge.
func fragments(o, dist object) ([]byte, error) {
	short := make(object, 0, len(abbreviatedMembers))
	for _, key := range abbreviatedMembers {
		if v := o.get(key); !isEmpty(v) {
			short = append(short, member{key, v})
		}
	}
	full, abbreviated := openFragment(o, dist), openFragment(short, dist)
	if len(full) > maxFragmentBytes {
		return nil, registry.Errorf(registry.TooLarge, registry.AboutVersion, "the manifest is larger than %d bytes", maxFragmentBytes)
	}
	return seal(full, abbreviated), nil
}

// openFragment writes an object whose last member "dist" is not closed yet.
func openFragment(o, dist object) []byte {
	b := make([]byte, 0, o.size()+dist.size()+16)
	b = o.appendMembers(append(b, '{'))
	return dist.appendDist(append(b, `,"dist":{`...))
}

// sealed is the form of a version's descriptor: "npm1 <length of full>\n<full><abbreviated>".
const sealed = "npm1 "

func seal(full, abbreviated []byte) []byte {
	return slices.Concat(fmt.Appendf(nil, "%s%d\n", sealed, len(full)), full, abbreviated)
}

func unseal(descriptor []byte) (full, abbreviated []byte, err error) {
	head, rest, ok := bytes.Cut(descriptor, []byte{'\n'})
	var n int
	if ok {
		_, err = fmt.Sscanf(string(head), sealed+"%d", &n)
	}
	if !ok || err != nil || n < 0 || n > len(rest) {
		return nil, nil, fmt.Errorf("npm: a version's descriptor can't be read: %.20q", descriptor)
	}
	return rest[:n], rest[n:], nil
}

// about is a package's descriptor, as JSON.
type about struct {
	Readme         string          `json:"readme,omitempty"`
	ReadmeFilename string          `json:"readmeFilename,omitempty"`
	Maintainers    []person        `json:"maintainers,omitempty"`
	Users          map[string]bool `json:"users,omitempty"` // users who starred the package
}

func readAbout(descriptor []byte) (about, error) {
	var a about
	if len(descriptor) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(descriptor, &a); err != nil {
		return a, fmt.Errorf("npm: a package's descriptor can't be read: %w", err)
	}
	return a, nil
}

// aboutObject is readAbout for changing one member: the other members stay as text.
func aboutObject(descriptor []byte) (object, error) {
	if len(descriptor) == 0 {
		return nil, nil
	}
	o, err := parseObject(descriptor)
	if err != nil {
		err = fmt.Errorf("npm: a package's descriptor can't be read: %w", err)
	}
	return o, err
}

// maxReadmeBytes bounds the stored part of a readme.
const maxReadmeBytes = 64 << 10

func clipReadme(s string) string { return clipText(s, maxReadmeBytes) }

// clipText shortens a text to at most n bytes.
func clipText(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
