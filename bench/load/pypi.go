package load

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// PyPI is the units of Python distributions.
type PyPI struct {
	Repository string
	Project    string // prefix of the names: letters and digits
	Projects   int    // that uploads are spread over
	Bytes      int    // of a wheel, roughly
	Files      int    // on the page that is read
}

const formBoundary = "slipway-bench-part"

// Upload uploads a wheel of a new version.
func (p PyPI) Upload(ctx context.Context, w *Worker) (int64, error) {
	n := w.Serial()
	return p.upload(ctx, w, fmt.Sprintf("%s%d", p.Project, n%uint64(max(p.Projects, 1))), fmt.Sprintf("1.0.%d", n), n)
}

func (p PyPI) read() string { return p.Project + "read" }

// pypiKit makes wheels and forms.
type pypiKit struct{ wheel, form bytes.Buffer }

func (p PyPI) upload(ctx context.Context, w *Worker, project, version string, serial uint64) (int64, error) {
	k := kit(w, func() *pypiKit { return &pypiKit{} })
	if err := k.pack(project, version, stamped(w.bytes(p.Bytes), serial)); err != nil {
		return 0, err
	}
	sum := sha256.Sum256(k.wheel.Bytes())
	k.form.Reset()
	for _, f := range [][2]string{
		{":action", "file_upload"}, {"protocol_version", "1"}, {"metadata_version", "2.1"}, {"name", project}, {"version", version},
		{"filetype", "bdist_wheel"}, {"pyversion", "py3"}, {"requires_python", ">=3.9"}, {"sha256_digest", hex.EncodeToString(sum[:])},
	} {
		fmt.Fprintf(&k.form, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", formBoundary, f[0], f[1])
	}
	fmt.Fprintf(&k.form, "--%s\r\nContent-Disposition: form-data; name=\"content\"; filename=\"%s-%s-py3-none-any.whl\"\r\n"+
		"Content-Type: application/octet-stream\r\n\r\n", formBoundary, project, version)
	k.form.Write(k.wheel.Bytes())
	fmt.Fprintf(&k.form, "\r\n--%s--\r\n", formBoundary)
	_, err := w.Do(ctx, Request{
		Method: "POST", Path: "/pypi/" + p.Repository + "/", Header: "Content-Type: multipart/form-data; boundary=" + formBoundary + "\r\n", Body: k.form.Bytes(),
	})
	return int64(k.wheel.Len()), err
}

// pack makes a wheel (PyPA "Binary distribution format").
func (k *pypiKit) pack(project, version string, content []byte) error {
	k.wheel.Reset()
	z := zip.NewWriter(&k.wheel)
	info := project + "-" + version + ".dist-info/"
	for _, f := range []struct {
		path string
		body []byte
	}{
		{project + "/data.bin", content},
		{info + "METADATA", []byte("Metadata-Version: 2.1\nName: " + project + "\nVersion: " + version + "\nRequires-Python: >=3.9\n\nA distribution.\n")},
		{info + "WHEEL", []byte("Wheel-Version: 1.0\nGenerator: slipway-bench (1)\nRoot-Is-Purelib: true\nTag: py3-none-any\n")},
		{info + "RECORD", []byte(project + "/data.bin,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n")},
	} {
		to, err := z.CreateHeader(&zip.FileHeader{Name: f.path, Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err := io.Copy(to, bytes.NewReader(f.body)); err != nil {
			return err
		}
	}
	return z.Close()
}

// Prepare uploads the files of the project that is read.
func (p PyPI) Prepare(ctx context.Context, w *Worker) error {
	for i := range p.Files {
		if _, err := p.upload(ctx, w, p.read(), fmt.Sprintf("1.%d", i), w.Serial()); err != nil {
			return err
		}
	}
	return nil
}

var simpleJSON = lines("Accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01", "Accept-Encoding: gzip")

// Simple reads the page of a project as pip does: JSON, compressed.
func (p PyPI) Simple(ctx context.Context, w *Worker) (int64, error) {
	a, err := w.Do(ctx, p.SimpleRequest())
	return a.Bytes, err
}

// SimpleRequest is the request of Simple.
func (p PyPI) SimpleRequest() Request {
	return Request{Method: "GET", Path: "/pypi/" + p.Repository + "/simple/" + p.read() + "/", Header: simpleJSON}
}
