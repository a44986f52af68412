package upstreamtest

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	simpleJSON = "application/vnd.pypi.simple.v1+json"
	simpleHTML = "application/vnd.pypi.simple.v1+html"
)

// PyPIFile is one file of a release. The zero value is a wheel that installs.
type PyPIFile struct {
	// Sdist makes a source distribution; it has a build backend of its own, so that it installs without a network.
	Sdist bool
	// Filename is used instead of the one that follows from project and version.
	Filename string
	// Metadata are further lines of the core metadata, such as "Requires-Dist: other>=1".
	Metadata []string
	// Size adds a file of so many incompressible bytes.
	Size int64
	// Content is used instead of what would be made.
	Content []byte
	// Uploaded is its upload-time; zero: an hour after what was published before. NoUploadTime leaves it out.
	Uploaded     time.Time
	NoUploadTime bool
	// RequiresPython stands on the page, and in the metadata.
	RequiresPython string
	// NoCoreMetadata neither announces nor serves the .metadata of a wheel.
	NoCoreMetadata bool
	// Hashes are the names of the sums that the page announces: "md5", "sha1", "sha256", "sha512". Nil: sha256. Empty: none.
	Hashes []string
}

type pypiIndex struct {
	projects map[string]*pypiProject // by normalised name
	htmlOnly bool
}

type pypiProject struct {
	name           string
	status, reason string
	modified       time.Time
	files          []*pypiFile
}

type pypiFile struct {
	*File
	spec     PyPIFile
	version  string
	metadata *File // nil: none is announced
	uploaded time.Time
	yanked   *string
}

// PyPIURL is the address of the simple index, with a slash at its end.
func (u *Server) PyPIURL() string { return u.URL + "/pypi/simple/" }

// PyPIPath is the path of a project's page.
func PyPIPath(project string) string { return "/pypi/simple/" + normalised(project) + "/" }

var separators = regexp.MustCompile(`[-_.]+`)

func normalised(project string) string {
	return strings.ToLower(separators.ReplaceAllString(project, "-"))
}

// PyPI publishes files of a release on the CDN, again if they are there already, and returns them in this order. No files
// stand for a wheel and a source distribution.
func (u *Server) PyPI(project, version string, files ...PyPIFile) []*File {
	if len(files) == 0 {
		files = []PyPIFile{{}, {Sdist: true}}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.pypi.projects[normalised(project)]
	if p == nil {
		p = &pypiProject{name: normalised(project)}
		u.pypi.projects[p.name] = p
	}
	var out []*File
	for _, f := range files {
		d := dist{project: project, version: version, spec: f}
		made := u.publishDist(d)
		p.files = slices.DeleteFunc(p.files, func(old *pypiFile) bool { return old.Path == made.Path })
		p.files = append(p.files, made)
		p.modified = made.modified
		out = append(out, made.File)
	}
	return out
}

// publishDist puts a distribution on the CDN. The caller holds mu.
func (u *Server) publishDist(d dist) *pypiFile {
	b := d.spec.Content
	if b == nil {
		b = d.build()
	}
	folder := fmt.Sprintf("/files/%02x/", seedOf(d.filename())&0xff)
	f := u.add(folder+d.filename(), "application/octet-stream", fixed(b))
	f.URL, f.cdn = u.CDN.URL+escape(f.Path), true
	made := &pypiFile{File: f, spec: d.spec, version: d.version, uploaded: f.modified}
	if !d.spec.Uploaded.IsZero() {
		made.uploaded = d.spec.Uploaded
	}
	if !d.spec.Sdist && !d.spec.NoCoreMetadata {
		made.metadata = u.add(f.Path+".metadata", "application/octet-stream", fixed([]byte(d.metadata())))
		made.metadata.URL, made.metadata.cdn = f.URL+".metadata", true
	}
	return made
}

// PyPIYank yanks all files of a release for a reason, which may be "".
func (u *Server) PyPIYank(project, version, reason string) { u.setYank(project, version, &reason) }

// PyPIUnyank takes that back.
func (u *Server) PyPIUnyank(project, version string) { u.setYank(project, version, nil) }

func (u *Server) setYank(project, version string, reason *string) {
	u.changePyPI(project, func(p *pypiProject) {
		for _, f := range p.files {
			if f.version == version {
				f.yanked = reason
			}
		}
	})
}

// PyPIRemove removes a release with its files; version "" removes the project.
func (u *Server) PyPIRemove(project, version string) {
	u.changePyPI(project, func(p *pypiProject) {
		p.files = slices.DeleteFunc(p.files, func(f *pypiFile) bool {
			gone := version == "" || f.version == version
			if gone {
				delete(u.files, f.Path)
				delete(u.files, f.Path+".metadata")
			}
			return gone
		})
		if version == "" {
			delete(u.pypi.projects, p.name)
		}
	})
}

// PyPIStatus sets the status of a project: "active", "archived", "quarantined" or "deprecated".
func (u *Server) PyPIStatus(project, status, reason string) {
	u.changePyPI(project, func(p *pypiProject) { p.status, p.reason = status, reason })
}

// PyPIHTMLOnly has the index know no JSON, as old ones do.
func (u *Server) PyPIHTMLOnly(on bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pypi.htmlOnly = on
}

func (u *Server) changePyPI(project string, change func(*pypiProject)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.pypi.projects[normalised(project)]
	if p == nil {
		panic("upstreamtest: no project " + project)
	}
	change(p)
	p.modified = u.now()
}

// simple answers a page of the index. The caller holds mu.
func (u *Server) simple(r *http.Request, path string) *answer {
	name, slash := strings.CutSuffix(path, "/")
	accept := r.Header.Get("Accept")
	asJSON := !u.pypi.htmlOnly && strings.Contains(accept, simpleJSON)
	media := "text/html; charset=utf-8"
	if !u.pypi.htmlOnly && strings.Contains(accept, simpleHTML) {
		media = simpleHTML
	}
	switch p := u.pypi.projects[normalised(name)]; {
	case path == "" && asJSON:
		return varied(document(simpleJSON, u.pypi.list(), time.Time{}), "Accept")
	case path == "":
		return varied(page(media, u.pypi.listPage(), time.Time{}), "Accept")
	case p == nil || strings.Contains(name, "/"):
		return nil
	case !slash || name != p.name:
		return &answer{status: http.StatusMovedPermanently, header: http.Header{"Location": {"/pypi/simple/" + p.name + "/"}}, body: fixed(nil)}
	case asJSON:
		return varied(document(simpleJSON, p.json(), p.modified), "Accept")
	default:
		return varied(page(media, p.html(), p.modified), "Accept")
	}
}

func (x pypiIndex) list() map[string]any {
	projects := []map[string]string{}
	for _, name := range sorted(maps.Keys(x.projects)) {
		projects = append(projects, map[string]string{"name": name})
	}
	return map[string]any{"meta": map[string]string{"api-version": "1.0"}, "projects": projects}
}

func (x pypiIndex) listPage() []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html><body>\n")
	for _, name := range sorted(maps.Keys(x.projects)) {
		fmt.Fprintf(&b, "<a href=\"/pypi/simple/%s/\">%s</a>\n", name, name)
	}
	b.WriteString("</body></html>\n")
	return []byte(b.String())
}

// announced are the sums that the page names.
func (f *pypiFile) announced() map[string]string {
	names, out := f.spec.Hashes, map[string]string{}
	if names == nil {
		names = []string{"sha256"}
	}
	for _, name := range names {
		out[name] = fmt.Sprintf("%x", f.sum(name))
	}
	return out
}

func (p *pypiProject) json() map[string]any {
	files, versions := []map[string]any{}, []string{}
	for _, f := range p.files {
		file := map[string]any{"filename": f.filename(), "url": f.URL, "hashes": f.announced(), "size": f.Size(), "yanked": false}
		if f.yanked != nil {
			file["yanked"] = true
			if *f.yanked != "" {
				file["yanked"] = *f.yanked
			}
		}
		if f.spec.RequiresPython != "" {
			file["requires-python"] = f.spec.RequiresPython
		}
		if !f.spec.NoUploadTime {
			file["upload-time"] = stamp(f.uploaded)
		}
		if f.metadata != nil {
			file["core-metadata"] = map[string]string{"sha256": f.metadata.SHA256()}
		}
		files = append(files, file)
		if !slices.Contains(versions, f.version) {
			versions = append(versions, f.version)
		}
	}
	out := map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": p.name, "files": files, "versions": versions}
	if p.status != "" {
		out["meta"] = map[string]string{"api-version": "1.4"}
		out["project-status"] = map[string]string{"status": p.status, "reason": p.reason}
	}
	return out
}

func (f *pypiFile) filename() string { return f.Path[strings.LastIndexByte(f.Path, '/')+1:] }

func (p *pypiProject) html() []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.1\"></head><body>\n")
	for _, f := range p.files {
		fragment := ""
		for _, name := range []string{"sha256", "sha512", "sha1", "md5"} { // a URL has room for one
			if sum, ok := f.announced()[name]; ok {
				fragment = "#" + name + "=" + sum
				break
			}
		}
		fmt.Fprintf(&b, "<a href=%q", html.EscapeString(f.URL+fragment))
		if f.spec.RequiresPython != "" {
			fmt.Fprintf(&b, " data-requires-python=\"%s\"", html.EscapeString(f.spec.RequiresPython))
		}
		if f.metadata != nil {
			fmt.Fprintf(&b, " data-core-metadata=\"sha256=%[1]s\" data-dist-info-metadata=\"sha256=%[1]s\"", f.metadata.SHA256())
		}
		if f.yanked != nil {
			fmt.Fprintf(&b, " data-yanked=\"%s\"", html.EscapeString(*f.yanked))
		}
		fmt.Fprintf(&b, ">%s</a>\n", html.EscapeString(f.filename()))
	}
	b.WriteString("</body></html>\n")
	return []byte(b.String())
}
