package pypi

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/upstreams"
)

// Bounds of a page.
const (
	maxPageFiles  = 200_000
	maxValueOfDoc = 1 << 20 // of one file, and of one member beside them
)

// Parse implements upstreams.Source: a project's page as JSON (PEP 691, 700, 792) or HTML (PEP 503), told apart by how it begins. Files
// of other projects and those that nothing installs are left out.
func (*Format) Parse(at registry.Name, base string, doc io.Reader) (upstreams.Index, error) {
	from, err := url.Parse(base)
	if err != nil {
		return upstreams.Index{}, notPage("its address is none", err)
	}
	p := pageParser{project: at.Package, base: from, known: map[string]bool{}, groups: map[string]*group{}}
	buffered := bufio.NewReader(doc)
	begin, err := firstOf(buffered)
	switch {
	case err != nil:
	case begin == '{':
		err = p.readJSON(buffered)
	case begin == '<':
		err = p.readHTML(buffered)
	default:
		err = notPage("it is neither JSON nor HTML", nil)
	}
	if err != nil {
		return upstreams.Index{}, pageError(err)
	}
	return p.index()
}

func notPage(why string, cause error) error {
	return &registry.Error{Kind: registry.Invalid, Subject: registry.AboutPackage, Detail: "the registry's answer is no page of a simple index: " + why, Err: cause}
}

// pageError words the errors of the readers of JSON and HTML. Errors of the stream stay as they are, but for its early end.
func pageError(err error) error {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return notPage("it ends too early", err)
	case errors.As(err, &syntax), errors.As(err, &wrongType):
		return notPage(formats.Clip(err.Error()), err)
	}
	return err
}

// firstOf returns the first byte that is no white space, without taking it.
func firstOf(r *bufio.Reader) (byte, error) {
	if mark, err := r.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = r.Discard(len(mark)) // it is buffered
	}
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c, r.UnreadByte()
		}
	}
}

// pageParser collects the files of a page.
type pageParser struct {
	project string
	base    *url.URL
	count   int
	foreign int             // files of other projects
	known   map[string]bool // names of files
	groups  map[string]*group
	status  *status
}

// group is a version with its files, under all spellings.
type group struct {
	version version
	files   []listedFile
}

// listedFile is a file as a page names it.
type listedFile struct {
	name     string
	url      string
	media    string
	sums     upstreams.Sums
	size     int64 // -1: not known
	uploaded time.Time
	metadata digest.Digest // of the core metadata beside it; "": none is announced
	info     fileInfo
}

// add keeps a file whose name is set. It sets the rest of the name's meaning. Its error is that there are too many.
func (p *pageParser) add(f listedFile) error {
	if p.count++; p.count > maxPageFiles {
		return notPage("it names too many files", nil)
	}
	name, err := parseFilename(f.name)
	if err != nil {
		return nil
	}
	v, err := name.of(p.project)
	if err != nil {
		p.foreign++
		return nil
	}
	if p.known[f.name] || registry.CheckPath(f.name) != nil || registry.CheckVersion(v.String()) != nil {
		return nil
	}
	p.known[f.name] = true
	f.media = mediaType(name)
	key := string(v.key())
	g := p.groups[key]
	if g == nil {
		g = &group{version: v}
		p.groups[key] = g
	}
	if v.String() < g.version.String() { // whatever the order of the page: 1.0 before 1.0.0
		g.version = v
	}
	g.files = append(g.files, f)
	return nil
}

// index puts together what was read.
func (p *pageParser) index() (upstreams.Index, error) {
	if len(p.known) == 0 && p.foreign > 0 {
		return upstreams.Index{}, notPage("its files are of another project", nil)
	}
	x := upstreams.Index{Name: p.project}
	if p.status != nil {
		x.Descriptor, _ = json.Marshal(p.status) // strings always encode
	}
	groups := make([]*group, 0, len(p.groups))
	for _, g := range p.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int { return bytes.Compare(a.version.key(), b.version.key()) })
	for _, g := range groups {
		v, err := g.row(p.project)
		if err != nil {
			return x, err
		}
		x.Versions = append(x.Versions, v)
		for _, f := range g.files {
			x.Entries = append(x.Entries, f.entries(v.Name)...)
			if f.uploaded.After(x.UpdatedAt) {
				x.UpdatedAt = f.uploaded
			}
		}
	}
	return x, nil
}

// row is the version. It is yanked if all of its files are, for one reason; else each file says so itself.
func (g *group) row(project string) (registry.Version, error) {
	slices.SortFunc(g.files, func(a, b listedFile) int { return strings.Compare(a.name, b.name) })
	name := g.version.String()
	v := registry.Version{Name: name, PURL: purl(project, name), State: registry.Published, SortKey: g.version.key(), Prerelease: g.version.prerelease()}
	first := g.files[0].info
	if first.Yanked && !slices.ContainsFunc(g.files, func(f listedFile) bool { return !f.info.Yanked }) {
		v.State, v.Reason = registry.Yanked, first.Reason
	}
	common := fileInfo{RequiresPython: first.RequiresPython}
	d := descriptor{fileInfo: common}
	for _, f := range g.files {
		if v.PublishedAt.IsZero() || !f.uploaded.IsZero() && f.uploaded.Before(v.PublishedAt) {
			v.PublishedAt = f.uploaded
		}
		info := f.info
		if v.State == registry.Yanked && info.Reason == v.Reason {
			info.Yanked, info.Reason = false, "" // the version says it
		}
		if info == common {
			continue
		}
		if d.Files == nil {
			d.Files = map[string]fileInfo{}
		}
		d.Files[f.name] = info
	}
	var err error
	v.Descriptor, err = json.Marshal(d)
	return v, err
}

// entries are the file, and the core metadata that is announced beside it.
func (f listedFile) entries(version string) []upstreams.Entry {
	e := upstreams.Entry{Version: version, Path: f.name, MediaType: f.media, URL: f.url, Size: f.size, Sums: f.sums, PublishedAt: f.uploaded, Pinned: f.sums.SHA256 != ""}
	if f.metadata == "" {
		return []upstreams.Entry{e}
	}
	beside := e
	beside.Path, beside.MediaType, beside.Size, beside.Sums = f.name+metadataSuffix, metadataType, -1, upstreams.Sums{SHA256: f.metadata}
	u, err := url.Parse(f.url)
	if err != nil {
		return []upstreams.Entry{e}
	}
	u.RawPath, u.Path = u.EscapedPath()+metadataSuffix, u.Path+metadataSuffix
	beside.URL = u.String()
	return []upstreams.Entry{e, beside}
}

// sumOf takes one announced sum, by the name of its algorithm in any spelling of case. Others than these four are not compared.
func (f *listedFile) sumOf(algorithm, text string) {
	sum, err := hex.DecodeString(text)
	if err != nil {
		return
	}
	switch algorithm = asciiLower(algorithm); {
	case algorithm == "sha256" && len(sum) == sha256Bytes:
		f.sums.SHA256 = digest.NewDigestFromBytes(digest.SHA256, sum)
	case algorithm == "sha512" && len(sum) == sha512.Size:
		f.sums.SHA512 = sum
	case algorithm == "sha1" && len(sum) == sha1.Size:
		f.sums.SHA1 = sum
	case algorithm == "md5" && len(sum) == md5.Size:
		f.sums.MD5 = sum
	}
}

// announceMetadata takes the sha256 of the core metadata beside the file.
func (f *listedFile) announceMetadata(text string) {
	if text = asciiLower(text); f.metadata == "" && isSHA256(text) {
		f.metadata = digest.NewDigestFromEncoded(digest.SHA256, text)
	}
}

// yank takes the reason, which may be "".
func (f *listedFile) yank(reason string) {
	f.info.Yanked, f.info.Reason = true, line(reason)
}

// line is text of a page on one line, shortened.
func line(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > maxFieldBytes {
		s = strings.ToValidUTF8(s[:maxFieldBytes], "")
	}
	return s
}

// requires takes the Python versions that the file is for. Installers judge specifiers that are none themselves.
func (f *listedFile) requires(s string) {
	if s = line(s); len(s) < maxFieldBytes {
		f.info.RequiresPython = s
	}
}

// checkStatus keeps a status that is one. The files of a quarantined project are not offered, whatever the page says.
func (p *pageParser) checkStatus() error {
	if p.status == nil {
		return nil
	}
	p.status.Reason = line(p.status.Reason)
	switch p.status.Status {
	case "quarantined":
		p.known, p.groups, p.foreign = nil, nil, 0
	case "archived", "deprecated":
	default:
		p.status = nil
	}
	return nil
}
