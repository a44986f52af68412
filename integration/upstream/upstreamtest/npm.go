package upstreamtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"
)

const abbreviatedType = "application/vnd.npm.install-v1+json"

// NPMVersion is what a version of an npm package has besides its name. The zero value installs.
type NPMVersion struct {
	// Manifest are further keys of package.json: dependencies, bin, scripts, engines, ...
	Manifest map[string]any
	// Files are further files of the tarball, by their path in the package.
	Files map[string]string
	// Size adds a file of so many incompressible bytes.
	Size int64
	// Tarball is used instead of one that is made.
	Tarball []byte
	// Published is in the packument's time; zero: an hour after what was published before.
	Published time.Time
	// Tags are moved to this version. None: "latest".
	Tags []string
	// Deprecated is the text; "" for none.
	Deprecated string
	// NoIntegrity and NoShasum leave these sums out of dist.
	NoIntegrity, NoShasum bool
	// OnCDN has dist.tarball lead to the CDN.
	OnCDN bool
}

type npmPackage struct {
	name     string
	modified time.Time
	tags     map[string]string
	versions map[string]map[string]any // the objects of the packument
	times    map[string]time.Time
}

// NPMURL is the address of the npm registry, with a slash at its end.
func (u *Server) NPMURL() string { return u.URL + "/npm/" }

// NPMPath is the path of a package's document.
func NPMPath(name string) string { return "/npm/" + name }

// NPM publishes a version, again if it is there already, and returns its tarball.
func (u *Server) NPM(name, version string, v NPMVersion) *File {
	manifest := map[string]any{"name": name, "version": version, "description": "made by upstreamtest", "main": "index.js", "license": "MIT"}
	maps.Copy(manifest, v.Manifest)
	tarball := v.Tarball
	if tarball == nil {
		tarball = npmTarball(manifest, v)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	_, base := cutScope(name)
	f := u.add("/npm/"+name+"/-/"+base+"-"+version+".tgz", "application/octet-stream", fixed(tarball))
	if v.OnCDN {
		f.URL, f.cdn = u.CDN.URL+escape(f.Path), true
	}
	at := f.modified
	if !v.Published.IsZero() {
		at = v.Published
	}
	p := u.npm[name]
	if p == nil {
		p = &npmPackage{name: name, tags: map[string]string{}, versions: map[string]map[string]any{}, times: map[string]time.Time{"created": at}}
		u.npm[name] = p
	}
	p.modified, p.times[version] = f.modified, at
	p.versions[version] = npmObject(manifest, f, v)
	tags := v.Tags
	if len(tags) == 0 {
		tags = []string{"latest"}
	}
	for _, tag := range tags {
		p.tags[tag] = version
	}
	return f
}

// cutScope splits @scope/name.
func cutScope(name string) (scope, base string) {
	if scope, base, ok := strings.Cut(name, "/"); ok {
		return scope, base
	}
	return "", name
}

// npmTarball makes what npm pack would.
func npmTarball(manifest map[string]any, v NPMVersion) []byte {
	name, _ := manifest["name"].(string)
	version, _ := manifest["version"].(string)
	files := map[string]string{
		"package/package.json": string(marshal(manifest)),
		"package/index.js":     "module.exports = '" + name + " " + version + "'\n",
	}
	for path, text := range v.Files {
		files["package/"+path] = text
	}
	if v.Size > 0 {
		files["package/data.bin"] = string(padding(name+version, v.Size))
	}
	return tarball(files)
}

func npmObject(manifest map[string]any, f *File, v NPMVersion) map[string]any {
	dist := map[string]any{"tarball": f.URL, "fileCount": 2 + len(v.Files), "unpackedSize": f.Size()}
	if !v.NoIntegrity {
		dist["integrity"] = f.Integrity()
	}
	if !v.NoShasum {
		dist["shasum"] = f.SHA1()
	}
	object := maps.Clone(manifest)
	object["dist"] = dist
	object["_id"] = manifest["name"].(string) + "@" + manifest["version"].(string)
	object["_npmUser"] = map[string]string{"name": "upstreamtest", "email": "upstreamtest@example.com"}
	if v.Deprecated != "" {
		object["deprecated"] = v.Deprecated
	}
	return object
}

// NPMTag moves a dist-tag; version "" removes it.
func (u *Server) NPMTag(name, tag, version string) {
	u.changeNPM(name, func(p *npmPackage) {
		if version == "" {
			delete(p.tags, tag)
			return
		}
		p.tags[tag] = version
	})
}

// NPMDeprecate sets the text of a version; "" takes it away.
func (u *Server) NPMDeprecate(name, version, text string) {
	u.changeNPM(name, func(p *npmPackage) {
		object := maps.Clone(p.versions[version])
		delete(object, "deprecated")
		if text != "" {
			object["deprecated"] = text
		}
		p.versions[version] = object
	})
}

// NPMRemove unpublishes a version with its tarball and tags; version "" removes the package.
func (u *Server) NPMRemove(name, version string) {
	_, base := cutScope(name)
	u.changeNPM(name, func(p *npmPackage) {
		for v := range p.versions {
			if version == "" || v == version {
				delete(p.versions, v)
				delete(u.files, "/npm/"+name+"/-/"+base+"-"+v+".tgz")
			}
		}
		maps.DeleteFunc(p.tags, func(_, v string) bool { return p.versions[v] == nil })
		if version == "" {
			delete(u.npm, name)
		}
	})
}

func (u *Server) changeNPM(name string, change func(*npmPackage)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.npm[name]
	if p == nil {
		panic("upstreamtest: no npm package " + name)
	}
	change(p)
	p.modified = u.now()
}

// npmDocument answers what is no tarball: packuments, versions, ping and audit. The caller holds mu.
func (u *Server) npmDocument(r *http.Request, path string) *answer {
	switch {
	case strings.HasPrefix(path, "-/"):
		if path == "-/ping" || strings.HasPrefix(path, "-/npm/v1/security/") {
			return document("application/json", map[string]any{}, time.Time{})
		}
		return nil
	case strings.Contains(path, "/-/"):
		return nil
	}
	if p := u.npm[path]; p != nil {
		if strings.Contains(r.Header.Get("Accept"), abbreviatedType) {
			return varied(document(abbreviatedType, p.abbreviated(), p.modified), "Accept")
		}
		return varied(document("application/json", p.packument(), p.modified), "Accept")
	}
	i := strings.LastIndexByte(path, '/')
	if i < 0 || u.npm[path[:i]] == nil {
		return nil
	}
	p, version := u.npm[path[:i]], path[i+1:]
	if to, ok := p.tags[version]; ok {
		version = to
	}
	if p.versions[version] == nil {
		return nil
	}
	return document("application/json", p.versions[version], p.modified)
}

func (p *npmPackage) packument() map[string]any {
	times := map[string]string{"modified": stamp(p.modified)}
	for v, at := range p.times {
		times[v] = stamp(at)
	}
	return map[string]any{
		"_id": p.name, "_rev": "1-" + stamp(p.modified), "name": p.name, "description": "made by upstreamtest", "dist-tags": p.tags, "versions": p.versions,
		"time": times, "maintainers": []map[string]string{{"name": "upstreamtest", "email": "upstreamtest@example.com"}}, "readme": "# " + p.name,
	}
}

// abbreviatedKeys are those that npm's install form has.
var abbreviatedKeys = []string{
	"name", "version", "deprecated", "dependencies", "optionalDependencies", "devDependencies", "bundleDependencies", "peerDependencies",
	"peerDependenciesMeta", "bin", "directories", "dist", "engines", "cpu", "os", "libc", "hasInstallScript", "_hasShrinkwrap",
}

func (p *npmPackage) abbreviated() map[string]any {
	versions := map[string]any{}
	for v, object := range p.versions {
		short := map[string]any{}
		for _, key := range abbreviatedKeys {
			if value, ok := object[key]; ok {
				short[key] = value
			}
		}
		versions[v] = short
	}
	return map[string]any{"name": p.name, "modified": stamp(p.modified), "dist-tags": p.tags, "versions": versions}
}

// stamp is a time as npm and PyPI write it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// document is a JSON answer that was made for the request.
func document(media string, v any, modified time.Time) *answer {
	return page(media, marshal(v), modified)
}

// page is an answer that was made for the request.
func page(media string, b []byte, modified time.Time) *answer {
	return varied(&answer{header: http.Header{"Content-Type": {media}}, body: fixed(b), modified: modified, document: true}, "Accept-Encoding")
}

func varied(a *answer, by string) *answer {
	a.header.Add("Vary", by)
	return a
}
