package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// rawWork publishes versions of two files, one request each.
type rawWork struct{}

func (rawWork) name() string   { return "raw" }
func (rawWork) format() string { return "raw" }

func (rawWork) draw(c *caller, pkg, version string) *tracked {
	v := &tracked{pkg: pkg, version: version}
	bodies := [][]byte{c.random(64 << 10), c.random(1 << 10)}
	for i, b := range bodies {
		v.files = append(v.files, servedFile{path: fmt.Sprintf("/raw/main/%s/%s/bin/%d", pkg, version, i), sum: sha(b)})
	}
	v.progress = bodies
	return v
}

func (rawWork) publish(c *caller, v *tracked) {
	bodies, _ := v.progress.([][]byte)
	v.each(c, func(i int) bool {
		_, ok := c.send(http.MethodPut, v.files[i].path, bodies[i], nil, http.StatusCreated, http.StatusOK)
		return ok
	})
}

// each sends the files of a version one by one, from the first unacknowledged file on.
func (v *tracked) each(c *caller, send func(i int) bool) {
	for i := v.acked; i < len(v.files); i++ {
		c.settle(func() { v.sent, v.settled = i+1, false })
		if !send(i) {
			return
		}
		c.settle(func() { v.acked = i + 1 })
	}
}

func (rawWork) check(c *caller, v *tracked, n int) {
	sums := c.seen("/raw/main/" + v.pkg + "/" + v.version + "/bin/SHA256SUMS")
	for i, f := range v.files {
		if listed := sums.status == http.StatusOK && bytes.Contains(sums.body, []byte(f.sum)); listed != (i < n) {
			c.t.Errorf("%s: %d files are there, and file %d is listed: %v", v.id(), n, i, listed)
		}
	}
}

// npmWork publishes tarballs, each of which becomes latest.
type npmWork struct{}

func (npmWork) name() string   { return "npm" }
func (npmWork) format() string { return "npm" }

func (npmWork) draw(c *caller, pkg, version string) *tracked {
	tarball := commandtest.NpmTarball(c.t, pkg, version)
	return &tracked{pkg: pkg, version: version, atomic: true, progress: commandtest.NpmDocument(c.t, pkg, version, tarball),
		files: []servedFile{{path: "/npm/main/" + pkg + "/-/" + pkg + "-" + version + ".tgz", sum: sha(tarball)}}}
}

func (npmWork) publish(c *caller, v *tracked) {
	document, _ := v.progress.([]byte)
	v.each(c, func(int) bool {
		_, ok := c.send(http.MethodPut, "/npm/main/"+v.pkg, document, nil, http.StatusCreated)
		return ok
	})
}

func (npmWork) check(c *caller, v *tracked, n int) {
	var doc struct {
		Versions map[string]json.RawMessage `json:"versions"`
	}
	if a := c.document("/npm/main/"+v.pkg, nil); a.status == http.StatusOK {
		if err := json.Unmarshal(a.body, &doc); err != nil {
			c.t.Error(err)
		}
	}
	if _, listed := doc.Versions[v.version]; listed != (n > 0) {
		c.t.Errorf("%s: listed %v, tarball there %v", v.id(), listed, n > 0)
	}
}

// pypiWork uploads three wheels of a version, one after the other.
type pypiWork struct{}

func (pypiWork) name() string   { return "pypi" }
func (pypiWork) format() string { return "pypi" }

func (pypiWork) draw(c *caller, pkg, version string) *tracked {
	v := &tracked{pkg: pkg, version: version}
	wheels := map[string][]byte{}
	for build := range 3 {
		name := fmt.Sprintf("%s-%s-%d-py3-none-any.whl", strings.ReplaceAll(pkg, "-", "_"), version, build+1)
		wheel := killWheel(c.t, strings.ReplaceAll(pkg, "-", "_"), pkg, version, c.random(32<<10))
		v.files = append(v.files, servedFile{path: "/pypi/main/files/" + sha(wheel) + "/" + name, sum: sha(wheel)})
		wheels[name] = wheel
	}
	v.progress = wheels
	return v
}

func (pypiWork) publish(c *caller, v *tracked) {
	wheels, _ := v.progress.(map[string][]byte)
	v.each(c, func(i int) bool {
		name := v.files[i].path[strings.LastIndex(v.files[i].path, "/")+1:]
		body, contentType := uploadForm(c.t, v, name, wheels[name])
		_, ok := c.send(http.MethodPost, "/pypi/main/", body, map[string]string{"Content-Type": contentType}, http.StatusOK)
		return ok
	})
}

// check: the page lists exactly the files that are there, and each file has its metadata.
func (pypiWork) check(c *caller, v *tracked, n int) {
	var page struct {
		Files []struct{ Filename string }
	}
	if a := c.document("/pypi/main/simple/"+v.pkg+"/", map[string]string{"Accept": "application/vnd.pypi.simple.v1+json"}); a.status == http.StatusOK {
		if err := json.Unmarshal(a.body, &page); err != nil {
			c.t.Error(err)
		}
	}
	for i, f := range v.files {
		listed := false
		for _, p := range page.Files {
			listed = listed || strings.HasSuffix(f.path, "/"+p.Filename)
		}
		if metadata := c.seen(f.path+".metadata").status == http.StatusOK; listed != (i < n) || metadata != (i < n) {
			c.t.Errorf("%s: %d files are there, file %d is listed: %v, its metadata there: %v", v.id(), n, i, listed, metadata)
		}
	}
}

// killWheel makes a wheel with some noise in it.
func killWheel(t *testing.T, module, name, version string, noise []byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	info := module + "-" + version + ".dist-info/"
	record := ""
	for _, f := range [][2]string{
		{module + ".bin", string(noise)},
		{info + "METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", ""},
	} {
		record += f[0] + ",,\n"
		if f[1] == "" {
			f[1] = record
		}
		w, err := z.Create(f[0])
		if err == nil {
			_, err = io.WriteString(w, f[1])
		}
		if err != nil {
			t.Error(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Error(err)
	}
	return b.Bytes()
}

// uploadForm is the form that twine sends.
func uploadForm(t *testing.T, v *tracked, name string, content []byte) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, field := range [][2]string{
		{":action", "file_upload"}, {"protocol_version", "1"}, {"filetype", "bdist_wheel"}, {"name", v.pkg}, {"version", v.version}, {"sha256_digest", sha(content)},
	} {
		if err := w.WriteField(field[0], field[1]); err != nil {
			t.Error(err)
		}
	}
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="content"; filename="` + name + `"`}})
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Error(err)
	}
	return b.Bytes(), w.FormDataContentType()
}
