package npm

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/formats/version"
	"slipway/registry"
	"slipway/registry/upstreams"
)

const (
	maxShownMaintainers = 100
	maxMaintainerBytes  = 256
	// maxMaintainersBytes bounds what the maintainers add to a packument, which names them with every version.
	maxMaintainersBytes = 16 << 20
	maxReasonBytes      = 4 << 10
	maxMemberBytes      = 1 << 20 // of a member of the package; a longer one is as if it were not there
	maxTimeBytes        = 256
)

// Parse implements upstreams.Source: it reads a full packument as a stream, one version at a time. Versions and tags that can't be ones
// here are left out.
func (*Format) Parse(at registry.Name, base string, doc io.Reader) (upstreams.Index, error) {
	from, err := url.Parse(base)
	if err != nil {
		return upstreams.Index{}, notPackument("its address is none", err)
	}
	s := newScanner(doc)
	defer s.putBack()
	p := packumentParser{s: s, name: at.Package, base: from, fields: map[string]json.RawMessage{}, times: map[string]time.Time{}, at: map[string]int{}}
	err = p.read()
	if err == nil {
		err = p.checkName()
	}
	if err != nil {
		return upstreams.Index{}, packumentError(err)
	}
	return p.index(), nil
}

func notPackument(why string, cause error) error {
	return &registry.Error{Kind: registry.Invalid, Subject: registry.AboutPackage, Detail: "the registry's answer is no packument: " + why, Err: cause}
}

// packumentError words an error of the scanner, which speaks of a request's body. Errors of the stream stay as they are, but for its
// early end.
func packumentError(err error) error {
	var e *registry.Error
	switch {
	case errors.As(err, &e) && (e.Kind == registry.Invalid || e.Kind == registry.TooLarge):
		return notPackument(strings.TrimPrefix(e.Detail, malformedText), err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return notPackument("it ends too early", err)
	}
	return err
}

// packumentParser reads one packument. Its members may come in any order.
type packumentParser struct {
	s      *scanner
	name   string
	base   *url.URL
	fields map[string]json.RawMessage // of the package
	times  map[string]time.Time       // also "created" and "modified"
	seen   []string                   // members that count once
	found  []foundVersion
	at     map[string]int // where in found a version stands
}

// foundVersion is one version without its time, which may follow after all versions.
type foundVersion struct {
	spelled string // its key in "versions"
	version registry.Version
	entry   upstreams.Entry
}

func (p *packumentParser) read() error {
	err := p.s.object(func(key string) (err error) {
		once := slices.Contains(p.seen, key)
		switch key {
		case "name", "_id", "dist-tags", "readme", "readmeFilename", "maintainers":
			p.fields[key], err = p.keep(maxMemberBytes)
		case "versions":
			err = p.readVersions()
		case "time":
			err = p.readTimes()
		default:
			return p.s.skip()
		}
		if once && err == nil {
			err = malformed("%q stands there twice", key)
		}
		p.seen = append(p.seen, key)
		return err
	})
	if err != nil {
		return err
	}
	return p.s.end()
}

// keep returns the next value, nil if it is longer than limit bytes.
func (p *packumentParser) keep(limit int) (json.RawMessage, error) {
	p.s.left = limit
	raw, err := p.s.near()
	if raw != nil || err != nil {
		return bytes.Clone(raw), err
	}
	var dst []byte
	long := false
	err = p.s.value(func(part []byte) error {
		if long = long || len(dst)+len(part) > limit; !long {
			dst = append(dst, part...)
		}
		return nil
	})
	switch {
	case err != nil || long:
		return nil, err
	case !utf8.Valid(dst):
		return nil, malformed("it is not UTF-8")
	case !json.Valid(dst):
		return nil, malformed("%s", formats.Clip(string(dst)))
	}
	return dst, nil
}

// checkName: the document is about the package that was asked for.
func (p *packumentParser) checkName() error {
	name, _ := unquoted(p.fields["name"])
	id, _ := unquoted(p.fields["_id"])
	if got := cmp.Or(name, id); got != p.name {
		return malformed("it is about the package %q, not %q", formats.Clip(got), formats.Clip(p.name))
	}
	return nil
}

func (p *packumentParser) readTimes() error {
	return p.s.object(func(key string) error {
		raw, err := p.keep(maxTimeBytes)
		if err != nil {
			return err
		}
		text, _ := unquoted(raw) // what is no text, such as "unpublished", is no time
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil && at.Year() > 1 && len(p.times) <= 2*maxStored {
			p.times[key] = at.UTC()
		}
		return nil
	})
}

func (p *packumentParser) readVersions() error {
	count := 0
	return p.s.object(func(key string) error {
		if count++; count > maxStored {
			return registry.Errorf(registry.TooLarge, registry.AboutRequest, "it names more than %d versions", int(maxStored))
		}
		raw, err := p.keep(maxFragmentBytes)
		if err != nil {
			return err
		}
		if v, ok := p.version(key, raw); ok {
			p.add(v)
		}
		return nil
	})
}

// add keeps a version. Of two that differ in build metadata only, the one without is the version.
func (p *packumentParser) add(v foundVersion) {
	i, known := p.at[v.version.Name]
	switch {
	case !known:
		p.at[v.version.Name] = len(p.found)
		p.found = append(p.found, v)
	case v.spelled == v.version.Name || p.found[i].spelled != p.found[i].version.Name && v.spelled < p.found[i].spelled:
		p.found[i] = v
	}
}

// version makes the version of a manifest; ok is false for one that can't be a version here.
func (p *packumentParser) version(key string, raw json.RawMessage) (f foundVersion, ok bool) {
	name, prerelease, ok := strictVersion(key)
	if !ok {
		return f, false
	}
	o, err := parseObject(raw)
	if err != nil || !isEmpty(o.get("name")) && o.text("name") != p.name {
		return f, false
	}
	dist, err := parseObject(o.get("dist"))
	if err != nil {
		return f, false
	}
	address, _, ok := formats.Link(p.base, dist.text("tarball"))
	if !ok || dist.text("tarball") == "" {
		return f, false
	}
	reason := deprecatedText(o.get("deprecated"))
	descriptor, err := foreignDescriptor(p.name, name, o, dist)
	if err != nil {
		return f, false
	}
	v := registry.Version{Name: name, PURL: purl(p.name, name), State: registry.Published, Prerelease: prerelease, Descriptor: descriptor}
	if reason != "" {
		v.State, v.Reason = registry.Deprecated, clipText(reason, maxReasonBytes)
	}
	v.SortKey, _ = version.Key(name)
	e := upstreams.Entry{Version: name, Path: fileName(p.name, name), MediaType: tarballType, URL: address, Size: -1, Sums: sumsOf(dist)}
	if registry.CheckVersion(name) != nil || registry.CheckPath(e.Path) != nil {
		return f, false
	}
	return foundVersion{spelled: key, version: v, entry: e}, true
}

// foreignDescriptor is manifest.descriptor for a manifest of another registry: all of it stays, but what the renderer writes itself and
// the readme.
func foreignDescriptor(name, version string, o, dist object) ([]byte, error) {
	o.drop(func(key string) bool {
		return key == "dist" || key == "deprecated" || key == "maintainers" || key == "readme"
	})
	dist.drop(func(key string) bool { return key == "tarball" })
	o.set("name", name)
	o.set("version", version)
	o.set("_id", name+"@"+version)
	if o.get("hasInstallScript") == nil { // full documents do not have it
		if own, _ := parseObject(o.get("scripts")); slices.ContainsFunc(installScripts, func(s string) bool { return own.text(s) != "" }) {
			o.set("hasInstallScript", true)
		}
	}
	return fragments(o, dist)
}

// sumsOf are the sums that "dist" announces of the tarball. Those that are none are as if they were not there: the client gets the
// text all the same.
func sumsOf(dist object) upstreams.Sums {
	var sums upstreams.Sums
	if sum, err := hex.DecodeString(dist.text("shasum")); err == nil && len(sum) == sha1Bytes {
		sums.SHA1 = sum
	}
	for one := range strings.FieldsSeq(dist.text("integrity")) {
		one, _, _ = strings.Cut(one, "?") // options of the Subresource Integrity syntax
		algorithm, text, _ := strings.Cut(one, "-")
		sum, err := base64.StdEncoding.DecodeString(text)
		switch {
		case err != nil:
		case algorithm == "sha512" && len(sum) == sha512Bytes && sums.SHA512 == nil:
			sums.SHA512 = sum
		case algorithm == "sha256" && len(sum) == sha256Bytes && sums.SHA256 == "":
			sums.SHA256 = digest.NewDigestFromBytes(digest.SHA256, sum)
		case algorithm == "sha1" && len(sum) == sha1Bytes && sums.SHA1 == nil:
			sums.SHA1 = sum
		}
	}
	return sums
}

const (
	sha1Bytes   = 20
	sha256Bytes = 32
	sha512Bytes = 64
)

// index puts together what was read.
func (p *packumentParser) index() upstreams.Index {
	slices.SortFunc(p.found, func(a, b foundVersion) int {
		return cmp.Or(bytes.Compare(a.version.SortKey, b.version.SortKey), strings.Compare(a.version.Name, b.version.Name))
	})
	x := upstreams.Index{
		Name: p.name, Descriptor: p.about(), UpdatedAt: p.times["modified"],
		Versions: make([]registry.Version, len(p.found)), Entries: make([]upstreams.Entry, len(p.found)),
	}
	for i, f := range p.found {
		f.version.PublishedAt = p.times[f.spelled]
		f.entry.PublishedAt = f.version.PublishedAt
		x.Versions[i], x.Entries[i] = f.version, f.entry
	}
	x.Tags = p.tags(x.Versions)
	return x
}

// tags are the tags that can be ones here, of versions that are shown. There is always the tag latest, as clients do not install
// without one.
func (p *packumentParser) tags(versions []registry.Version) []registry.Tag {
	sent, _ := parseObject(p.fields["dist-tags"]) // nil if there are none
	var out []registry.Tag
	hasLatest := false
	for _, t := range sent {
		text, _ := unquoted(t.value)
		version, _, _ := strictVersion(text)
		if _, known := p.at[version]; !known || registry.CheckTag(t.key) != nil || checkTag(t.key) != nil || len(out) >= maxStored {
			continue
		}
		hasLatest = hasLatest || t.key == requiredTag
		out = append(out, registry.Tag{Name: t.key, Version: version})
	}
	if highest := highestOf(versions); !hasLatest && highest != "" {
		out = append(out, registry.Tag{Name: requiredTag, Version: highest})
	}
	slices.SortFunc(out, func(a, b registry.Tag) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// highestOf is the highest version that is no prerelease, else the highest; "" without versions.
func highestOf(versions []registry.Version) string {
	for _, v := range slices.Backward(versions) {
		if !v.Prerelease {
			return v.Name
		}
	}
	if len(versions) == 0 {
		return ""
	}
	return versions[len(versions)-1].Name
}

// about is the package's descriptor: readme and maintainers.
func (p *packumentParser) about() []byte {
	var a about
	if readme, _ := unquoted(p.fields["readme"]); readme != noReadme {
		a.Readme = clipReadme(readme)
	}
	file, _ := unquoted(p.fields["readmeFilename"])
	a.ReadmeFilename = formats.Clip(file)
	var people []json.RawMessage
	if json.Unmarshal(p.fields["maintainers"], &people) != nil {
		people = nil
	}
	for _, raw := range people {
		o, err := parseObject(raw)
		who := person{Name: o.text("name"), Email: o.text("email")}
		if err == nil && who.Name != "" && len(who.Name) <= maxMaintainerBytes && len(who.Email) <= maxMaintainerBytes && len(a.Maintainers) < maxShownMaintainers {
			a.Maintainers = append(a.Maintainers, who)
		}
	}
	for len(a.Maintainers) > 0 && len(marshal(a.Maintainers))*len(p.found) > maxMaintainersBytes {
		a.Maintainers = a.Maintainers[:len(a.Maintainers)/2]
	}
	return marshal(a)
}
