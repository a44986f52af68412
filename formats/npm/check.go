package npm

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// maxTags bounds the tags of one publish; clients send one.
const maxTags = 100

// sent is a publish document whose parts agree.
type sent struct {
	version    string // without build metadata
	prerelease bool
	tags       []string
	manifest   object
}

// checkPublish checks a whole publish document by npm.md 5.4, in that order. Invalid, DigestMismatch.
func checkPublish(doc document, u *upload) (sent, error) {
	var s sent
	err := checkSameName(doc, u.name)
	if err != nil {
		return s, err
	}
	if len(doc.versions) != 1 {
		return s, invalid("a publish holds exactly one version, not %d", len(doc.versions))
	}
	v := doc.versions[0]
	ok := false
	if s.version, s.prerelease, ok = strictVersion(v.name); !ok {
		return s, invalid("%q is not a semantic version", formats.Clip(v.name))
	}
	if s.manifest = v.manifest; s.manifest == nil {
		return s, invalid("versions[%q] is not an object", v.name)
	}
	if got := s.manifest.text("version"); got != v.name {
		return s, invalid("versions[%q] says it is version %q", v.name, formats.Clip(got))
	}
	if got := s.manifest.text("name"); got != u.name {
		return s, invalid("versions[%q] is of package %q, not %q", v.name, formats.Clip(got), u.name)
	}
	if s.tags, err = checkTags(doc, v.name); err != nil {
		return s, err
	}
	if err := checkAttachments(doc, u); err != nil {
		return s, err
	}
	if err := checkSums(s.manifest, u.tarball.Blob); err != nil {
		return s, err
	}
	return s, checkIdentity(u, s.version)
}

func invalid(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutVersion, format, args...)
}

func checkSameName(doc document, name string) error {
	for _, key := range []string{"name", "_id"} {
		got, err := doc.text(key)
		if err != nil {
			return err
		}
		if got != name && (got != "" || key == "name") {
			return invalid("%q is %q, but the package in the URL is %q", key, formats.Clip(got), name)
		}
	}
	return nil
}

func checkTags(doc document, version string) ([]string, error) {
	tags, err := parseObject(doc.fields["dist-tags"])
	if err != nil || len(tags) == 0 {
		return nil, invalid("\"dist-tags\" must name at least one tag")
	}
	var names []string
	if len(tags) > maxTags {
		return nil, registry.Errorf(registry.TooLarge, registry.AboutRequest, "a publish can set at most %d tags", maxTags)
	}
	for _, t := range tags {
		if err := registry.CheckTag(t.key); err != nil {
			return nil, err
		}
		if err := checkTag(t.key); err != nil {
			return nil, err
		}
		if sent, _ := unquoted(t.value); sent != version {
			return nil, invalid("the tag %q must be the published version %s", t.key, version)
		}
		names = append(names, t.key)
	}
	return names, nil
}

func checkAttachments(doc document, u *upload) error {
	if u.tarball == nil {
		return invalid("there is no .tgz attachment with data")
	}
	for _, a := range doc.attachments {
		got := u.tarball.Blob.Size
		if strings.HasSuffix(a.name, bundleSuffix) {
			got = int64(len(bytes.Runes(u.bundle))) // "length" counts UTF-16 units there; a bundle is ASCII
		}
		switch {
		case !a.hasData:
			return invalid("the attachment %q has no data", formats.Clip(a.name))
		case a.length != nil && *a.length != got:
			return invalid("the attachment %q should have %d bytes, %d came", formats.Clip(a.name), *a.length, got)
		}
	}
	return nil
}

// checkSums compares the client's sums with those of the received bytes.
func checkSums(manifest object, blob registry.Blob) error {
	dist, err := parseObject(manifest.get("dist"))
	if err != nil {
		return invalid("the version has no \"dist\" with the tarball's checksums")
	}
	shasum, integrity := dist.text("shasum"), dist.text("integrity")
	if shasum == "" && integrity == "" {
		return invalid("\"dist\" has neither integrity nor shasum")
	}
	if want := hex.EncodeToString(blob.SHA1); shasum != "" && !strings.EqualFold(shasum, want) {
		return mismatch("shasum", shasum, want)
	}
	for one := range strings.FieldsSeq(integrity) {
		sum := blob.SHA512
		text, ok := strings.CutPrefix(one, "sha512-")
		if !ok {
			text, ok = strings.CutPrefix(one, "sha1-")
			sum = blob.SHA1
		}
		text, _, _ = strings.Cut(text, "?") // options of the Subresource Integrity syntax
		if want := base64.StdEncoding.EncodeToString(sum); ok && text != want {
			return mismatch("integrity", text, want)
		}
	}
	return nil
}

func mismatch(what, announced, got string) error {
	return registry.Errorf(registry.DigestMismatch, registry.AboutFile, "the tarball's %s is %s, but %s was announced; nothing was published", what, got, formats.Clip(announced))
}

// checkIdentity compares name and version with the tarball's own package.json (npm.md 5.5), which clients pack unchanged,
// while the manifest that they send beside it is trimmed and cleaned.
func checkIdentity(u *upload, version string) error {
	name, inner := u.tar.manifest.text("name"), u.tar.manifest.text("version")
	same := inner == version
	if !same {
		clean, ok := looseVersion(inner)
		same = ok && clean == version
	}
	if strings.TrimSpace(name) != u.name || !same {
		return invalid("the package.json in the tarball is of %s@%s, but %s@%s was to be published", formats.Clip(name), formats.Clip(inner), u.name, version)
	}
	return nil
}

// withLatest reports whether a publish moves the tag latest.
func (s sent) withLatest() bool { return slices.Contains(s.tags, requiredTag) }

// deprecatedText returns the message of a "deprecated" member; "" for none.
func deprecatedText(raw json.RawMessage) string {
	switch v := decoded(raw).(type) {
	case string:
		return v
	case bool:
		if v {
			return "deprecated"
		}
	}
	return ""
}
