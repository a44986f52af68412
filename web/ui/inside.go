package ui

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/archive"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// Bounds of looking into an archive. Nothing is unpacked to disk, and of a tar no more is read than this.
const (
	maxInsideEntries = 5000
	maxInsideShown   = 1000
	maxInsideBytes   = 64 << 20 // of a tar, unpacked
	maxInsideTable   = 16 << 20 // of memory, for the table of contents of a zip
	maxInsideText    = 256 << 10
	maxInsideTime    = 5 * time.Second
	insideRatio      = 2000 // of a zip: uploads were held to less
)

const insideRoute = versionRoute + "/-/inside/{file:.+}"

func (u *Pages) insidePages() []page {
	return []page{{path: insideRoute, name: "web.inside", show: u.inside}}
}

// isArchive reports whether a file is one that the page can look into, by its name or its media type.
func isArchive(file, mediaType string) bool {
	name := strings.ToLower(file)
	for _, suffix := range []string{".zip", ".whl", ".jar", ".war", ".ear", ".aar", ".klib", ".nupkg", ".egg", ".tar", ".tar.gz", ".tgz", ".crate"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return strings.HasSuffix(mediaType, ".tar+gzip") || strings.HasSuffix(mediaType, ".tar") || strings.HasSuffix(mediaType, ".tar.gzip")
}

// insideEntry is a file in an archive.
type insideEntry struct {
	Name string
	Size int64
	Link string // what a symbolic or hard link leads to
	Sum  uint32 // CRC-32 of the content
	Text bool   // it is small enough to be shown, if it is text
}

// insideList is what is in an archive. Cut: there is more, or it was not read to its end.
type insideList struct {
	Entries []insideEntry
	Cut     string // why not everything is listed; "": it is
	Body    []byte // of the wanted entry
	Found   bool
}

// insideView has the values of the page.
type insideView struct {
	*frame
	At      client.Package
	Version string
	File    api.File
	List    insideList
	More    int
	Entry   string
	Text    string
	Binary  bool
	Wrong   string
}

// inside answers GET …/v/{version}/-/inside/{file}?entry=: what is in an archive, and the text of one of its files.
func (u *Pages) inside(w http.ResponseWriter, r *http.Request) error {
	at, err := packageAt(r)
	if err != nil {
		return err
	}
	version, err := wire.Segment(r, "version")
	if err != nil {
		return err
	}
	file, err := wire.Segment(r, "file")
	if err != nil {
		return err
	}
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	v := insideView{frame: frameOf(r), At: at, Version: version}
	if v.Entry, err = q.Text("entry"); err != nil {
		return err
	}
	full, err := u.api.Version(r.Context(), at, version)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(full.Files, func(f api.File) bool { return f.Path == file })
	if i < 0 {
		return registry.Errorf(registry.NotFound, registry.AboutFile, "the version has no file %q", registry.Clip(file))
	}
	v.File = full.Files[i]
	v.crumb(at.Repository, repositoryPath(at.Repository))
	v.crumb(at.Name, packagePath(at.Repository, at.Format, at.Name))
	v.crumb(version, versionPath(at.Repository, at.Format, at.Name, version))
	if v.Entry != "" {
		v.crumb(file, insidePath(at.Repository, at.Format, at.Name, version, file))
	}
	v.about("Inside "+file, "repositories", at.Repository, "packages", at.Format, at.Name, "versions", version)
	v.List, err = u.lookInside(r.Context(), at, version, v.File, v.Entry)
	status := http.StatusOK
	switch {
	case err != nil && registry.KindOf(err) != registry.Invalid:
		return err
	case err != nil:
		v.Wrong = err.Error()
	case v.Entry != "" && !v.List.Found:
		return registry.Errorf(registry.NotFound, registry.AboutFile, "there is no file %q in it", registry.Clip(v.Entry))
	case v.Entry != "":
		v.Binary = !isText(v.List.Body)
		if !v.Binary {
			v.Text = string(v.List.Body)
		}
	}
	if v.More = len(v.List.Entries) - maxInsideShown; v.More > 0 {
		v.List.Entries = v.List.Entries[:maxInsideShown]
	}
	return write(w, r, status, "inside", v)
}

// isText reports whether bytes can be shown as text.
func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }

// lookInside lists an archive, and reads the entry wanted, "" for none. Invalid: it is no archive, or one that can't be read.
func (u *Pages) lookInside(ctx context.Context, at client.Package, version string, file api.File, wanted string) (insideList, error) {
	ctx, cancel := context.WithTimeout(ctx, maxInsideTime)
	defer cancel()
	open := func(offset, length int64) (io.ReadCloser, error) {
		return u.api.OpenRange(ctx, at, version, file.Path, offset, length)
	}
	head := make([]byte, min(file.Size, 512))
	if len(head) > 0 {
		rc, err := open(0, int64(len(head)))
		if err != nil {
			return insideList{}, err
		}
		_, err = io.ReadFull(rc, head)
		if err = errors.Join(err, rc.Close()); err != nil {
			return insideList{}, err
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK")):
		return insideZip(archive.NewWindow(file.Size, open), wanted)
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}), len(head) > 262 && string(head[257:262]) == "ustar":
		rc, err := open(0, file.Size)
		if err != nil {
			return insideList{}, err
		}
		defer rc.Close()
		if head[0] != 0x1f {
			return insideTar(rc, wanted)
		}
		unpacked, err := gzip.NewReader(rc)
		if err != nil {
			return insideList{}, archive.Broken("it is not a readable gzip")
		}
		return insideTar(unpacked, wanted)
	}
	return insideList{}, registry.Errorf(registry.Invalid, registry.AboutFile, "this is no zip, tar or tar.gz, so nothing can be shown of what is in it")
}

func insideZip(w *archive.Window, wanted string) (insideList, error) {
	w.Hold = func(n int64) error {
		if n > maxInsideTable {
			return registry.Errorf(registry.Invalid, registry.AboutFile, "the table of contents is too large to be shown")
		}
		return nil
	}
	z, err := archive.Zip{MaxRatio: insideRatio, MaxEntries: 1 << 16}.Open(w)
	if err != nil {
		return insideList{}, err
	}
	var out insideList
	for _, f := range z.Files {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if len(out.Entries) == maxInsideEntries {
			out.Cut = "It has more files than are listed."
			break
		}
		size := int64(min(f.UncompressedSize64, 1<<62)) //nolint:gosec // bounded
		out.Entries = append(out.Entries, insideEntry{Name: f.Name, Size: size, Sum: f.CRC32, Text: size <= maxInsideText})
		if f.Name != wanted || out.Found {
			continue
		}
		body, err := f.Open()
		if err != nil {
			return out, archive.Broken("a file in it can't be unpacked")
		}
		out.Body, err = readText(body)
		if err = errors.Join(err, body.Close()); err != nil {
			return out, err
		}
		out.Found = true
	}
	return out, nil
}

// readText reads a file that is to be shown. Invalid: it is too large, or broken.
func readText(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxInsideText+1))
	switch {
	case err != nil:
		return nil, archive.Broken("a file in it can't be unpacked")
	case len(body) > maxInsideText:
		return nil, registry.Errorf(registry.Invalid, registry.AboutFile, "the file is larger than %d bytes: download the archive to read it", maxInsideText)
	}
	return body, nil
}

// insideTar reads a tar as far as the bounds allow. A wanted entry ends it.
func insideTar(r io.Reader, wanted string) (insideList, error) {
	var out insideList
	left := &io.LimitedReader{R: r, N: maxInsideBytes}
	t := tar.NewReader(left)
	for {
		h, err := t.Next()
		switch {
		case err == io.EOF:
			return out, nil
		case err != nil && left.N <= 0, errors.Is(err, context.DeadlineExceeded):
			out.Cut = "It is too large to be read to its end: what comes later is not listed."
			return out, nil
		case err != nil && len(out.Entries) == 0:
			return out, archive.Broken("it is not a readable tar")
		case err != nil:
			out.Cut = "It can't be read any further."
			return out, nil
		case len(out.Entries) == maxInsideEntries:
			out.Cut = "It has more files than are listed."
			return out, nil
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeSymlink, tar.TypeLink:
		default:
			continue
		}
		e := insideEntry{Name: path.Clean(h.Name), Size: h.Size, Link: h.Linkname, Text: h.Size <= maxInsideText && h.Typeflag == tar.TypeReg}
		if e.Text {
			body, err := io.ReadAll(io.LimitReader(t, maxInsideText))
			if err != nil {
				out.Cut = "It can't be read any further."
				return out, nil
			}
			e.Sum = crc32.ChecksumIEEE(body)
			if wanted == e.Name {
				out.Body, out.Found = body, true
			}
		} else if h.Typeflag == tar.TypeReg {
			sum := crc32.NewIEEE()
			if _, err := io.Copy(sum, t); err == nil { // else Next tells
				e.Sum = sum.Sum32()
			}
		}
		out.Entries = append(out.Entries, e)
		if out.Found {
			return out, nil
		}
	}
}
