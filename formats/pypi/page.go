package pypi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/catalog"
)

// apiVersion is the version of the simple API that pages follow (PEP 629, 700, 740, 792), and oldVersion that of pages on which the
// size of a file is not known.
const (
	apiVersion = "1.4"
	oldVersion = "1.0"
)

// page is the content of a project's page in the simple index.
type page struct {
	project  string  // normalised
	status   *status // nil: nothing is said
	versions []string
	files    []pageFile
}

type pageFile struct {
	name           string
	url            string    // relative to the page, so it works behind any proxy
	algorithm, sum string    // "" where none is known that installers take
	size           int64     // -1: not known
	uploaded       time.Time // zero: not known
	requiresPython string
	metadata       string // sha256 of the core metadata; "" for none
	yanked         bool
	reason         string
}

// newPage puts together the files of all versions, the lowest version first, and within one by name.
func newPage(c catalog.PackageListing) (*page, error) {
	p := &page{project: c.Package.Key, status: readStatus(c.Package.Descriptor)}
	for _, v := range c.Versions {
		d, err := readDescriptor(v.Descriptor)
		if err != nil {
			return nil, err
		}
		p.versions = append(p.versions, v.Name)
		p.add(v, d, c.Files[v.ID])
	}
	return p, nil
}

func (p *page) add(v registry.Version, d descriptor, files []registry.File) {
	metadata := map[string]string{} // by the file that it belongs to
	for _, f := range files {
		if of, ok := strings.CutSuffix(f.Path, metadataSuffix); ok {
			metadata[of] = hexOf(f.Blob.Digest)
		}
	}
	from := len(p.files)
	for _, f := range files {
		if strings.HasSuffix(f.Path, metadataSuffix) {
			continue
		}
		info := d.of(f.Path)
		algorithm, sum := shownSum(f.Blob)
		pf := pageFile{
			name: f.Path, url: fileURL(fileKey(f), f.Path), algorithm: algorithm, sum: sum, size: f.Blob.Size, uploaded: f.AddedAt,
			requiresPython: info.RequiresPython, metadata: metadata[f.Path],
			yanked: v.State == registry.Yanked, reason: v.Reason,
		}
		if info.Yanked {
			pf.yanked, pf.reason = true, info.Reason
		}
		p.files = append(p.files, pf)
	}
	slices.SortFunc(p.files[from:], func(a, b pageFile) int { return strings.Compare(a.name, b.name) })
}

// fileURL is the address of a file as seen from a page: stable, without a query, and its last segment is the file's name.
func fileURL(key, name string) string { return "../../files/" + key + "/" + formats.Escape(name) }

// version is what the page guarantees: a size of every file.
func (p *page) version() string {
	if slices.ContainsFunc(p.files, func(f pageFile) bool { return f.size <= 0 }) {
		return oldVersion
	}
	return apiVersion
}

// jsonPage is PEP 691 with PEP 700. Unknown values are left out: null would make uv refuse the page.
type jsonPage struct {
	Meta     jsonMeta   `json:"meta"`
	Name     string     `json:"name"`
	Status   *status    `json:"project-status,omitempty"`
	Versions []string   `json:"versions"`
	Files    []jsonFile `json:"files"`
}

type jsonMeta struct {
	APIVersion string `json:"api-version"`
}

type jsonFile struct {
	Filename       string            `json:"filename"`
	URL            string            `json:"url"`
	Hashes         map[string]string `json:"hashes"`
	RequiresPython string            `json:"requires-python,omitempty"`
	Size           int64             `json:"size,omitempty"`
	UploadTime     string            `json:"upload-time,omitempty"`
	Yanked         any               `json:"yanked,omitempty"`                  // true, or the reason
	CoreMetadata   map[string]string `json:"core-metadata,omitempty"`           // PEP 714
	OldMetadata    map[string]string `json:"data-dist-info-metadata,omitempty"` // the same for clients before it
}

// uploadTime has exactly six digits after the point: older Pythons can't parse any other number of digits (pypi.md 1).
const uploadTime = "2006-01-02T15:04:05.000000Z"

func (p *page) json() ([]byte, error) {
	out := jsonPage{Meta: jsonMeta{p.version()}, Name: p.project, Status: p.status, Versions: p.versions, Files: make([]jsonFile, len(p.files))}
	if out.Versions == nil {
		out.Versions = []string{}
	}
	for i, f := range p.files {
		j := jsonFile{
			Filename: f.name, URL: f.url, Hashes: map[string]string{}, RequiresPython: f.requiresPython, Size: max(f.size, 0),
		}
		if f.sum != "" {
			j.Hashes[f.algorithm] = f.sum
		}
		if !f.uploaded.IsZero() {
			j.UploadTime = f.uploaded.UTC().Format(uploadTime)
		}
		if f.metadata != "" {
			j.CoreMetadata = map[string]string{"sha256": f.metadata}
			j.OldMetadata = j.CoreMetadata
		}
		if f.yanked {
			j.Yanked = true
			if f.reason != "" {
				j.Yanked = f.reason
			}
		}
		out.Files[i] = j
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(out)
	return b.Bytes(), err
}

// anchorBytes is roughly the size of one file's anchor.
const anchorBytes = 640

// html is PEP 503: one anchor per line, and nothing that would confuse tools that parse it with regular expressions.
func (p *page) html() []byte {
	var b strings.Builder
	b.Grow(len(p.files) * anchorBytes)
	title := "Links for " + p.project
	pageHead(&b, title, p.version(), p.status)
	for _, f := range p.files {
		b.WriteString(`<a href="` + quote(f.url))
		if f.sum != "" {
			b.WriteString("#" + f.algorithm + "=" + f.sum)
		}
		b.WriteByte('"')
		attribute(&b, "data-requires-python", f.requiresPython, f.requiresPython != "")
		attribute(&b, "data-core-metadata", "sha256="+f.metadata, f.metadata != "")
		attribute(&b, "data-dist-info-metadata", "sha256="+f.metadata, f.metadata != "")
		attribute(&b, "data-yanked", f.reason, f.yanked)
		b.WriteString(">" + quote(f.name) + "</a><br>\n")
	}
	b.WriteString("</body></html>\n")
	return []byte(b.String())
}

func head(b *strings.Builder, title string) { pageHead(b, title, apiVersion, nil) }

func pageHead(b *strings.Builder, title, version string, s *status) {
	b.WriteString("<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta name=\"pypi:repository-version\" content=\"" + version + "\">")
	if s != nil {
		b.WriteString(`<meta name="pypi:project-status" content="` + quote(s.Status) + `">`)
		if s.Reason != "" {
			b.WriteString(`<meta name="pypi:project-status-reason" content="` + quote(s.Reason) + `">`)
		}
	}
	b.WriteString("<title>" + quote(title) + "</title></head><body><h1>" + quote(title) + "</h1>\n")
}

func attribute(b *strings.Builder, name, value string, present bool) {
	if present {
		b.WriteString(" " + name + `="` + quote(value) + `"`)
	}
}

var quoter = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// quote escapes text for an attribute in double quotes and outside tags. It also replaces line breaks, which would split a
// line of the page.
func quote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '&' || r == '<' || r == '>' || r == '"' }) {
		return s
	}
	return quoter.Replace(strings.Join(strings.Fields(s), " "))
}
