package load

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// Npm is the units of npm packages.
type Npm struct {
	Repository string
	Package    string // prefix of the names
	Packages   int    // that publishes are spread over
	Bytes      int    // of a tarball, roughly
	Versions   int    // of the package that is read
}

// npmMembers are what a manifest of the usual size says beside name and version.
const npmMembers = `"description":"a package of the usual size","license":"MIT","main":"index.js",` +
	`"scripts":{"build":"tsc --project .","test":"node --test","lint":"eslint src"},` +
	`"repository":{"type":"git","url":"git+https://git.example.com/acme/web.git"},` +
	`"gitHead":"0123456789abcdef0123456789abcdef01234567","keywords":["deploy","registry","benchmark"],` +
	`"dependencies":{"alpha":"^1.2.3","bravo":"^2.3.4","charlie":"~3.4.5","delta":"^4.5.6","echo":"^5.6.7","foxtrot":"6.x","golf":"^7.8.9","hotel":">=8"},` +
	`"engines":{"node":">=18"},"homepage":"https://docs.example.com/acme/web","bugs":{"url":"https://git.example.com/acme/web/issues"}`

func (p Npm) root() string { return "/npm/" + p.Repository + "/" }

func (p Npm) read() string { return p.Package + "-read" }

// Publish publishes a new version of one of the packages.
func (p Npm) Publish(ctx context.Context, w *Worker) (int64, error) {
	n := w.Serial()
	return p.publish(ctx, w, fmt.Sprintf("%s-%d", p.Package, n%uint64(max(p.Packages, 1))), fmt.Sprintf("1.0.%d", n), n)
}

// npmKit packs tarballs and documents.
type npmKit struct {
	tarball bytes.Buffer
	zip     *gzip.Writer
	body    []byte
}

func newNpmKit() *npmKit {
	z, _ := gzip.NewWriterLevel(nil, gzip.NoCompression) // the level is a valid one
	return &npmKit{zip: z}
}

// pack makes a tarball. Its gzip does not compress: that would be the client's work, not the server's.
func (k *npmKit) pack(manifest string, size int, serial uint64, buf []byte) error {
	k.tarball.Reset()
	k.zip.Reset(&k.tarball)
	t := tar.NewWriter(k.zip)
	for _, f := range []struct {
		path string
		body []byte
	}{{"package/package.json", []byte(manifest)}, {"package/index.js", stamped(buf[:size], serial)}} {
		if err := t.WriteHeader(&tar.Header{Name: f.path, Mode: 0o644, Size: int64(len(f.body)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		if _, err := t.Write(f.body); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return k.zip.Close()
}

func (p Npm) publish(ctx context.Context, w *Worker, name, version string, serial uint64) (int64, error) {
	k := kit(w, newNpmKit)
	head := `{"name":"` + name + `","version":"` + version + `",` + npmMembers
	if err := k.pack(head+"}", p.Bytes, serial, w.bytes(p.Bytes)); err != nil {
		return 0, err
	}
	tarball := k.tarball.Bytes()
	s1, s512 := sha1.Sum(tarball), sha512.Sum512(tarball)
	b := append(k.body[:0], `{"_id":"`+name+`","name":"`+name+`","dist-tags":{"latest":"`+version+`"},"versions":{"`+version+`":`+head+
		`,"_id":"`+name+`@`+version+`","_nodeVersion":"22.1.0","_npmVersion":"10.9.0","dist":{"integrity":"sha512-`...)
	b = base64.StdEncoding.AppendEncode(b, s512[:])
	b = append(append(b, `","shasum":"`...), hex.EncodeToString(s1[:])...)
	b = append(b, `"}}},"access":null,"_attachments":{"`+name+`-`+version+`.tgz":{"content_type":"application/octet-stream","data":"`...)
	b = base64.StdEncoding.AppendEncode(b, tarball)
	b = fmt.Appendf(b, `","length":%d}}}`, len(tarball))
	k.body = b
	_, err := w.Do(ctx, Request{Method: "PUT", Path: p.root() + name, Header: "Content-Type: application/json\r\n", Body: b})
	return int64(len(tarball)), err
}

// Prepare publishes the package that is read.
func (p Npm) Prepare(ctx context.Context, w *Worker) error {
	for i := range p.Versions {
		if _, err := p.publish(ctx, w, p.read(), fmt.Sprintf("1.%d.0", i), w.Serial()); err != nil {
			return err
		}
	}
	return nil
}

var abbreviated = lines("Accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*", "Accept-Encoding: gzip")

// Packument reads the install document, compressed.
func (p Npm) Packument(ctx context.Context, w *Worker) (int64, error) {
	a, err := w.Do(ctx, p.PackumentRequest())
	return a.Bytes, err
}

// PackumentRequest is the request of Packument.
func (p Npm) PackumentRequest() Request {
	return Request{Method: "GET", Path: p.root() + p.read(), Header: abbreviated}
}

// Tarball reads the file of a version.
func (p Npm) Tarball(ctx context.Context, w *Worker) (int64, error) {
	name := p.read()
	a, err := w.Do(ctx, Request{Method: "GET", Path: fmt.Sprintf("%s%s/-/%s-1.%d.0.tgz", p.root(), name, name, w.Rand.IntN(p.Versions))})
	return a.Bytes, err
}

// Tag points a tag of the package that is read at one of its versions.
func (p Npm) Tag(ctx context.Context, w *Worker) (int64, error) {
	body := fmt.Appendf(w.bytes(256)[:0], `{"version":"1.%d.0","reason":"benchmark"}`, w.Rand.IntN(p.Versions))
	_, err := w.Do(ctx, Request{
		Method: "PUT", Path: fmt.Sprintf("/api/v1/repositories/%s/packages/npm/%s/tags/channel-%d", p.Repository, p.Package+"-tagged", w.Rand.IntN(8)),
		Header: "Content-Type: application/json\r\n", Body: body,
	})
	return 0, err
}

// PrepareTag publishes the package that Tag works on: its own, since each tag makes the document anew.
func (p Npm) PrepareTag(ctx context.Context, w *Worker) error {
	for i := range p.Versions {
		if _, err := p.publish(ctx, w, p.Package+"-tagged", fmt.Sprintf("1.%d.0", i), w.Serial()); err != nil {
			return err
		}
	}
	return nil
}
