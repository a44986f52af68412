package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// entry is a file of a test tarball; kind 0 is a regular file.
type entry struct {
	path, content string
	kind          byte
	link          string
}

// tarGz packs entries as they are.
func tarGz(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.path, Mode: 0o644, Size: int64(len(e.content)), Typeflag: e.kind, Linkname: e.link}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if e.kind == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: e.kind, PAXRecords: map[string]string{"comment": "x"}}
		}
		must(t, w.WriteHeader(h))
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	must(t, w.Close())
	must(t, z.Close())
	return b.Bytes()
}

// pack makes the tarball of a package whose package.json is manifest.
func pack(t testing.TB, manifest string, more ...entry) []byte {
	t.Helper()
	return tarGz(t, append([]entry{{path: "package/package.json", content: manifest}}, more...)...)
}

// pub describes a publish document. Fields that are empty get what npm would send.
type pub struct {
	name, version string
	manifest      map[string]any // sent; name, version, _id and dist are added
	tarball       []byte         // nil: pack of the manifest
	tags          map[string]string
	order         []string // of the top keys; nil is npm's
	extra         map[string]any
	dist          map[string]any
	length        any
	bundle        string
}

func (p pub) body(t testing.TB) []byte {
	t.Helper()
	manifest := map[string]any{}
	for k, v := range p.manifest {
		manifest[k] = v
	}
	manifest["name"], manifest["version"] = p.name, p.version
	if p.tarball == nil {
		p.tarball = pack(t, string(marshal(manifest)))
	}
	manifest["_id"] = p.name + "@" + p.version
	s1, s512 := sha1.Sum(p.tarball), sha512.Sum512(p.tarball)
	if p.dist == nil {
		p.dist = map[string]any{
			"shasum": hex.EncodeToString(s1[:]), "integrity": "sha512-" + base64.StdEncoding.EncodeToString(s512[:]),
			"tarball": "http://elsewhere.example/" + p.name + "/-/" + p.name + "-" + p.version + ".tgz",
		}
	}
	manifest["dist"] = p.dist
	if p.tags == nil {
		p.tags = map[string]string{"latest": p.version}
	}
	if p.length == nil {
		p.length = len(p.tarball)
	}
	attachments := map[string]any{p.name + "-" + p.version + ".tgz": map[string]any{
		"content_type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(p.tarball), "length": p.length,
	}}
	if p.bundle != "" {
		attachments[p.name+"-"+p.version+".sigstore"] = map[string]any{
			"content_type": "application/vnd.dev.sigstore.bundle+json;version=0.2", "data": p.bundle, "length": len(p.bundle),
		}
	}
	top := map[string]any{
		"_id": p.name, "name": p.name, "dist-tags": p.tags, "versions": map[string]any{p.version: manifest},
		"access": nil, "_attachments": attachments,
	}
	for k, v := range p.extra {
		top[k] = v
	}
	if p.order == nil {
		p.order = []string{"_id", "name", "dist-tags", "versions", "access"}
		for k := range p.extra {
			if _, ok := top[k]; ok && !strings.Contains("_id name dist-tags versions access _attachments", k) {
				p.order = append(p.order, k)
			}
		}
		p.order = append(p.order, "_attachments")
	}
	var o object
	for _, k := range p.order {
		o = append(o, member{k, marshal(top[k])})
	}
	return wrap(o)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// parsed reads JSON into a value for comparison.
func parsed(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %.200s", err, raw)
	}
	return v
}

// stored is a package tarball whose gzip does not compress.
func stored(t testing.TB, manifest string, noise []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	must(t, err)
	w := tar.NewWriter(z)
	for _, f := range []struct {
		path string
		body []byte
	}{{"package/package.json", []byte(manifest)}, {"package/noise", noise}} {
		must(t, w.WriteHeader(&tar.Header{Name: f.path, Mode: 0o644, Size: int64(len(f.body)), Typeflag: tar.TypeReg}))
		_, err := w.Write(f.body)
		must(t, err)
	}
	must(t, w.Close())
	must(t, z.Close())
	return b.Bytes()
}
