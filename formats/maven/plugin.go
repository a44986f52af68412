package maven

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"slipway/formats/archive"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/staging"
)

// Bounds of reading a plugin's jar (incident S-57): of the bytes read, and of the inflated descriptor.
const (
	maxJarBytes   = 256 << 20 // archive/zip makes a table as large as the file claims, bounded by the file's size
	maxJarRead    = 4 << 20
	maxPluginXML  = 2 << 20
	jarReadAhead  = 64 << 10
	pluginXMLPath = "META-INF/maven/plugin.xml"
)

// freeBytes is what a document or a table of a staged file may cost without being counted.
const freeBytes = 256 << 10

// holdLarge is httpserver.Hold for what costs more than freeBytes.
func holdLarge(ctx context.Context, n int64) error {
	if n <= freeBytes {
		return nil
	}
	return httpserver.Hold(ctx, n)
}

// jarMemory is what the table of contents of a jar of some size costs at most: archive/zip makes a list for as many entries as fit
// into the file, and reads as many as fit into maxJarRead.
func jarMemory(size int64) int64 {
	const localBytes, entryBytes, pointerBytes = 30, 46, 8
	read := min(size, maxJarRead)
	return size/localBytes*pointerBytes + archive.TableBytes(read/entryBytes, 0)
}

var (
	errTooMuch = errors.New("the jar's directory is too large to look into")
	errFound   = errors.New("found")
)

// jarReader reads ranges of a stored jar, within its budget.
type jarReader struct {
	ctx    context.Context
	open   staging.Opener
	blob   registry.Blob
	budget int64

	at  int64 // of buf
	buf []byte
}

// ReadAt implements io.ReaderAt. archive/zip reads its directory in small steps, hence the buffer.
func (j *jarReader) ReadAt(p []byte, off int64) (int, error) {
	if off < j.at || off+int64(len(p)) > j.at+int64(len(j.buf)) {
		n := min(max(int64(len(p)), jarReadAhead), j.blob.Size-off)
		if n <= 0 {
			return 0, io.EOF
		}
		if j.budget -= n; j.budget < 0 {
			return 0, errTooMuch
		}
		r, err := j.open(j.ctx, j.blob, off, n)
		if err != nil {
			return 0, err
		}
		defer r.Close()
		j.buf, j.at = make([]byte, n), off
		if _, err := io.ReadFull(r, j.buf); err != nil {
			j.buf = nil
			return 0, err
		}
	}
	n := copy(p, j.buf[off-j.at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// goalPrefix reads the prefix of a plugin from its jar or, if the jar can't be read, derives it from the name by Maven's rule.
// TooMany, Unavailable: there is no memory for the jar now.
func goalPrefix(ctx context.Context, open staging.Opener, jar registry.Blob, artifact string) (string, error) {
	if jar.Size <= maxJarBytes {
		if err := holdLarge(ctx, jarMemory(jar.Size)); err != nil {
			return "", err
		}
		if p := readGoalPrefix(ctx, open, jar); p != "" {
			return p, nil
		}
	}
	if p, ok := strings.CutPrefix(artifact, "maven-"); ok {
		if p, ok := strings.CutSuffix(p, "-plugin"); ok {
			return p, nil
		}
	}
	return strings.TrimSuffix(strings.TrimSuffix(artifact, "-plugin"), "-maven"), nil
}

func readGoalPrefix(ctx context.Context, open staging.Opener, jar registry.Blob) (found string) {
	z, err := zip.NewReader(&jarReader{ctx: ctx, open: open, blob: jar, budget: maxJarRead}, jar.Size)
	if err != nil {
		return ""
	}
	i := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == pluginXMLPath })
	if i < 0 {
		return ""
	}
	f, err := z.File[i].Open()
	if err != nil {
		return ""
	}
	defer f.Close()
	_ = walkXML(io.LimitReader(f, maxPluginXML), func(path, text string) error { // a document that can't be read has no prefix
		if path == "plugin/goalPrefix" && id.MatchString(text) {
			found = text
			return errFound
		}
		return nil
	})
	return found
}
