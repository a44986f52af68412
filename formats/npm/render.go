package npm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"slipway/registry"
	"slipway/registry/catalog"
)

// Media types of the two packuments. Clients compare the first one literally.
const (
	abbreviatedType = "application/vnd.npm.install-v1+json"
	fullType        = "application/json"
)

// page is a package to render for one request: base is the repository's URL as the client knows it, "https://host/npm/main",
// without a slash at the end.
type page struct {
	catalog.PackageListing
	base  string
	about about
}

func newPage(c catalog.PackageListing, base string) (*page, error) {
	a, err := readAbout(c.Package.Descriptor)
	return &page{PackageListing: c, base: base, about: a}, err
}

// hoisted members of the latest version are shown for the package as a whole.
var hoisted = []string{"description", "author", "contributors", "license", "homepage", "keywords", "repository", "bugs"}

// full renders the packument (npm.md 3.3).
func (p *page) full() ([]byte, error) {
	name := p.Package.Name
	o := object{
		{"_id", marshal(name)}, {"_rev", marshal(revision(p.Package))}, {"name", marshal(name)},
		{"dist-tags", p.tags()},
	}
	versions, err := p.versions(func(full, _ []byte) []byte { return full }, p.maintainers())
	if err != nil {
		return nil, err
	}
	o = append(o, member{"versions", versions}, member{"time", p.times()}, member{"maintainers", p.maintainers()})
	latest, err := p.latest()
	if err != nil {
		return nil, err
	}
	for _, key := range hoisted {
		if v := latest.get(key); !isEmpty(v) {
			o.set(key, v)
		}
	}
	if p.about.Readme != "" {
		o.set("readme", p.about.Readme)
	}
	if p.about.ReadmeFilename != "" {
		o.set("readmeFilename", p.about.ReadmeFilename)
	}
	if len(p.about.Users) > 0 {
		o.set("users", p.about.Users)
	}
	return wrap(p.restricted(o)), nil
}

// abbreviated renders the install document (npm.md 3.5), with "time" as an extension: it saves pnpm a second, full
// request.
func (p *page) abbreviated() ([]byte, error) {
	versions, err := p.versions(func(_, abbreviated []byte) []byte { return abbreviated }, nil)
	if err != nil {
		return nil, err
	}
	return wrap(p.restricted(object{
		{"name", marshal(p.Package.Name)}, {"modified", marshal(isoTime(p.Package.UpdatedAt))}, {"dist-tags", p.tags()},
		{"versions", versions}, {"time", p.times()},
	})), nil
}

// maxRestricted bounds the reasons that clients are told at once.
const maxRestricted = 5

// restricted adds what rules hide, which npm names when nothing else fits what its user asks for.
func (p *page) restricted(o object) object {
	if len(p.Refused) == 0 {
		return o
	}
	versions := make(object, len(p.Refused))
	var texts []string
	for i, r := range p.Refused {
		versions[i] = member{r.Version, wrap(object{{"name", marshal(p.Package.Name)}, {"version", marshal(r.Version)}})}
		if len(texts) < maxRestricted && !slices.Contains(texts, r.Text) {
			texts = append(texts, r.Text)
		}
	}
	return append(o, member{"policyRestrictions", wrap(object{{"versions", wrap(versions)}, {"message", marshal(strings.Join(texts, "; "))}})})
}

// one renders the document of a single version (npm.md 3.11).
func (p *page) one(v registry.Version) ([]byte, error) {
	full, _, err := unseal(v.Descriptor)
	if err != nil {
		return nil, err
	}
	return p.appendVersion(nil, full, v, p.maintainers()), nil
}

func wrap(o object) json.RawMessage {
	return append(o.appendMembers(append(make([]byte, 0, o.size()+2), '{')), '}')
}

// versions joins the stored fragments, so that a document of thousands of versions takes a copy and no parsing.
func (p *page) versions(pick func(full, abbreviated []byte) []byte, maintainers json.RawMessage) (json.RawMessage, error) {
	size := 2
	for _, v := range p.Versions {
		size += len(v.Descriptor) + len(p.base) + len(maintainers) + 256
	}
	b := append(make([]byte, 0, size), '{')
	for i, v := range p.Versions {
		full, abbreviated, err := unseal(v.Descriptor)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, v.Name), ':')
		b = p.appendVersion(b, pick(full, abbreviated), v, maintainers)
	}
	return append(b, '}'), nil
}

// appendVersion completes a stored fragment with the tarball's address, which depends on the request, and the members that may
// change after the publish.
func (p *page) appendVersion(b, fragment []byte, v registry.Version, maintainers json.RawMessage) []byte {
	b = append(b, fragment...)
	if bytes.HasSuffix(fragment, []byte(openAddress)) {
		b = appendAddress(b, attestationsURL(p.base, p.Package.Name, v.Name))
	}
	if len(fragment) > 0 && fragment[len(fragment)-1] != '{' { // a registry elsewhere may say nothing of a tarball but where it is
		b = append(b, ',')
	}
	b = append(b, `"tarball":`...)
	b = appendQuoted(b, tarballURL(p.base, p.Package.Name, v.Name))
	b = append(b, '}')
	if maintainers != nil {
		b = append(append(b, `,"maintainers":`...), maintainers...)
	}
	if text := deprecation(v); text != "" {
		b = appendQuoted(append(b, `,"deprecated":`...), text)
	}
	return append(b, '}')
}

// tarballURL is the canonical address (npm.md 3.9): clients leave it out of lockfiles only in this shape.
func tarballURL(base, name, version string) string {
	scope, last, _ := splitName(name)
	path := url.PathEscape(last)
	if scope != "" {
		path = "@" + url.PathEscape(scope) + "/" + path
	}
	return base + "/" + path + "/-/" + url.PathEscape(fileName(name, version))
}

// deprecation is the text that clients show for a version, "" for none. npm has no other way to say that a version was
// yanked.
func deprecation(v registry.Version) string {
	switch {
	case v.State == registry.Deprecated && v.Reason == "":
		return "deprecated"
	case v.State == registry.Deprecated:
		return v.Reason
	case v.State == registry.Yanked:
		return strings.TrimSuffix("yanked: "+v.Reason, ": ")
	}
	return ""
}

func (p *page) tags() json.RawMessage {
	o := make(object, len(p.Tags))
	for i, t := range p.Tags {
		o[i] = member{t.Name, marshal(t.Version)}
	}
	return wrap(o)
}

// times has an entry for every version: without one, clients that look at the age of a release do not install it. A time that a
// registry elsewhere does not know is left out all the same, as a made-up one would pass for an old release. The package is as old as
// its oldest version, which may have been published elsewhere long before it was first asked for here.
func (p *page) times() json.RawMessage {
	o := make(object, 2, len(p.Versions)+2)
	created := p.Package.CreatedAt
	for _, v := range p.Versions {
		if v.PublishedAt.IsZero() {
			continue
		}
		if v.PublishedAt.Before(created) {
			created = v.PublishedAt
		}
		o = append(o, member{v.Name, marshal(isoTime(v.PublishedAt))})
	}
	o[0], o[1] = member{"created", marshal(isoTime(created))}, member{"modified", marshal(isoTime(p.Package.UpdatedAt))}
	return wrap(o)
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (p *page) maintainers() json.RawMessage {
	if p.about.Maintainers == nil {
		return json.RawMessage("[]")
	}
	return marshal(p.about.Maintainers)
}

// latest returns the stored manifest that the tag latest names.
func (p *page) latest() (object, error) {
	i := slices.IndexFunc(p.Tags, func(t registry.Tag) bool { return t.Name == requiredTag })
	if i < 0 {
		return nil, nil
	}
	j := slices.IndexFunc(p.Versions, func(v registry.Version) bool { return v.ID == p.Tags[i].VersionID })
	if j < 0 {
		return nil, nil
	}
	o, err := storedManifest(p.Versions[j].Descriptor)
	if err != nil {
		return nil, fmt.Errorf("npm: the descriptor of %s: %w", p.Versions[j].PURL, err)
	}
	return o, nil
}

// revision is the current "_rev" of a package: it changes with every write (npm.md 6.2).
func revision(p registry.Package) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d", p.ID, p.Revision))
	return fmt.Sprintf("%d-%s", p.Revision, hex.EncodeToString(sum[:16]))
}
