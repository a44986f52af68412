package pypi

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/blake2b"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dist is a distribution to be built: what is empty follows from name and version.
type dist struct {
	name, version string
	file          string   // the distribution's file name
	header        []string // further lines of the core metadata
	metadata      string   // all of it, instead
	seed          []byte   // content of a module
	backend       bool     // of an sdist: with a build backend of its own, so that it installs without a network
	change        func(z *zip.Writer)
}

func (d dist) meta() string {
	if d.metadata != "" {
		return d.metadata
	}
	lines := append([]string{"Metadata-Version: 2.1", "Name: " + d.name, "Version: " + d.version}, d.header...)
	return strings.Join(lines, "\n") + "\n\nA description.\n"
}

// module is the name that the distribution installs as.
func (d dist) module() string { return strings.ReplaceAll(fold(d.name), "-", "_") }

func (d dist) wheelName() string {
	if d.file != "" {
		return d.file
	}
	return d.module() + "-" + d.version + "-py3-none-any.whl"
}

func (d dist) sdistName() string {
	if d.file != "" {
		return d.file
	}
	return d.module() + "-" + d.version + ".tar.gz"
}

const wheelFile = "Wheel-Version: 1.0\nGenerator: slipway-test (1)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

// wheel builds a wheel that installs.
func (d dist) wheel(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	info := d.module() + "-" + d.version + ".dist-info/"
	files := []string{
		d.module() + ".py", "version = " + fmt.Sprintf("%q", d.version) + "\nseed = " + fmt.Sprintf("%q", hex.EncodeToString(d.seed)) + "\n",
		info + "METADATA", d.meta(), info + "WHEEL", wheelFile,
	}
	record := ""
	for i := 0; i < len(files); i += 2 {
		add(t, z, files[i], files[i+1])
		record += files[i] + ",,\n"
	}
	add(t, z, info+"RECORD", record+info+"RECORD,,\n")
	if d.change != nil {
		d.change(z)
	}
	must(t, z.Close())
	return b.Bytes()
}

func add(t testing.TB, z *zip.Writer, name, content string) {
	t.Helper()
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	must(t, err)
	_, err = io.WriteString(w, content)
	must(t, err)
}

// backend is a build backend that needs nothing but Python.
const backend = `import os, zipfile
def _info():
    lines = open("PKG-INFO").read().split("\n\n")[0].splitlines()
    f = dict(l.split(": ", 1) for l in lines if ": " in l)
    return f["Name"].replace("-", "_").replace(".", "_").lower(), f["Version"]
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name, version = _info()
    wheel = "%s-%s-py3-none-any.whl" % (name, version)
    info = "%s-%s.dist-info/" % (name, version)
    with zipfile.ZipFile(os.path.join(directory, wheel), "w") as z:
        z.write(name + ".py")
        z.write("PKG-INFO", info + "METADATA")
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(info + "RECORD", "")
    return wheel
`

// sdist builds a source distribution.
func (d dist) sdist(t testing.TB) []byte {
	t.Helper()
	root := strings.TrimSuffix(strings.TrimSuffix(d.sdistName(), tarballSuffix), zipSuffix) + "/"
	files := []string{root + "PKG-INFO", d.meta(), root + d.module() + ".py", fmt.Sprintf("version = %q\nseed = %q\n", d.version, hex.EncodeToString(d.seed))}
	if d.backend {
		files = append(files, root+"pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n", root+"backend.py", backend)
	}
	if strings.HasSuffix(d.sdistName(), zipSuffix) {
		return zipped(t, files...)
	}
	out := tarred(t, files...)
	if d.backend { // what clients install is filled up with zero bytes, as some tools do (fault J2)
		out = append(out, make([]byte, 10_240)...)
	}
	return out
}

func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		add(t, z, files[i], files[i+1])
	}
	must(t, z.Close())
	return b.Bytes()
}

func tarred(t testing.TB, files ...string) []byte {
	t.Helper()
	var entries []tar.Header
	var contents []string
	for i := 0; i < len(files); i += 2 {
		entries = append(entries, tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg, ModTime: time.Unix(1_700_000_000, 0)})
		contents = append(contents, files[i+1])
	}
	return tarredHeaders(t, entries, contents)
}

func tarredHeaders(t testing.TB, entries []tar.Header, contents []string) []byte {
	t.Helper()
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	w := tar.NewWriter(g)
	for i := range entries {
		must(t, w.WriteHeader(&entries[i]))
		_, err := io.WriteString(w, contents[i])
		must(t, err)
	}
	must(t, w.Close())
	must(t, g.Close())
	return b.Bytes()
}

// post is a legacy upload.
type post struct {
	file    string
	content []byte
	fields  []string // pairs, in order; "content" stands where the file is to be, else it is the last part
	drop    []string // of the usual fields
	set     map[string]string
}

const boundary = "----boundary-8a1f"

// body writes the form as twine does.
func (p post) body(t testing.TB) []byte {
	t.Helper()
	fields := p.fields
	if fields == nil {
		fields = p.usual()
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	must(t, w.SetBoundary(boundary))
	seen := false
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "content" {
			seen = true
			p.writeFile(t, w)
			continue
		}
		if v, ok := p.set[fields[i]]; ok {
			fields[i+1] = v
		}
		if !slices.Contains(p.drop, fields[i]) {
			must(t, w.WriteField(fields[i], fields[i+1]))
		}
	}
	if !seen {
		p.writeFile(t, w)
	}
	must(t, w.Close())
	return b.Bytes()
}

func (p post) writeFile(t testing.TB, w *multipart.Writer) {
	t.Helper()
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="content"; filename="` + p.file + `"`}, "Content-Type": {"application/octet-stream"}})
	must(t, err)
	_, err = part.Write(p.content)
	must(t, err)
}

// usual are the fields that a client sends for this file.
func (p post) usual() []string {
	kind, python := typeSdist, "source"
	if strings.HasSuffix(p.file, wheelSuffix) {
		kind, python = typeWheel, "py3"
	}
	name, version := "", ""
	if f, err := parseFilename(p.file); err == nil {
		name, version = f.reads[0].project, f.reads[0].version.String()
	}
	sha, blake, md := sha256.Sum256(p.content), blake2b.Sum256(p.content), md5.Sum(p.content)
	return []string{
		":action", "file_upload", "protocol_version", "1", "filetype", kind, "pyversion", python, "metadata_version", "2.1",
		"name", name, "version", version, "classifiers", "Private :: Do Not Upload", "classifiers", "Programming Language :: Python",
		"requires_python", "", "gpg_signature", "ignored", "sha256_digest", hex.EncodeToString(sha[:]),
		"blake2_256_digest", hex.EncodeToString(blake[:]), "md5_digest", hex.EncodeToString(md[:]),
	}
}
