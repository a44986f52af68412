package httpserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"slipway/registry"
	"slipway/registry/access"
)

// Files are where the bytes of stored files come from.
type Files interface {
	// Open opens length bytes of a file from offset on; -1 means to the end.
	Open(ctx context.Context, f registry.File, offset, length int64) (io.ReadCloser, error)
	// Link returns an address at which the store itself answers with the file as contentType; "" where it can't.
	Link(ctx context.Context, f registry.File, contentType string) (string, error)
}

// FileOptions say how a stored file is answered; a front-end sets further headers before it calls ServeStored.
type FileOptions struct {
	ContentType  string // "": the file's media type, else application/octet-stream
	CacheControl string // "": private, max-age=0, must-revalidate
	Redirect     bool   // the clients of these files follow a redirect to another host, and leave their credentials here
}

// ImmutableCache is the Cache-Control of bytes that can't change under their URL.
const ImmutableCache = "private, max-age=31536000, immutable"

// RevalidateCache returns the Cache-Control of a document that clients may keep and must ask for again each time, so that a change is
// seen at once; when the network fails they may use their copy, which must-revalidate would forbid. A document that everybody may read,
// because nobody had to log in for it, may lie in shared caches too; these ask again as well.
//
// A document that is made of copies from registries elsewhere alone is kept by its client for as long as these are taken to be right, and
// not by shared caches, which would go on to answer callers whose rights have ended. It is called when all look-ups for the answer are made.
func RevalidateCache(ctx context.Context) string {
	if left, may, _ := registry.CacheUseOf(ctx).Keeps(); may && left >= time.Second {
		return "private, max-age=" + strconv.Itoa(int(min(left, copyKept)/time.Second))
	}
	if access.From(ctx).Type == access.TypeAnonymous {
		return "no-cache"
	}
	return "private, no-cache"
}

// copyKept is the longest time for which a client keeps a document that has nothing published here.
const copyKept = 300 * time.Second

const revalidateCache = "private, max-age=0, must-revalidate"

// ETag returns the entity tag of a stored file: its quoted sha256. "" of a file on its way here, whose sha256 is not known yet.
func ETag(f registry.File) string {
	if f.Blob.Digest == "" {
		return ""
	}
	return `"` + f.Blob.Digest.Encoded() + `"`
}

// ServeStored answers GET or HEAD of a stored file by RFC 9110: ranges (up to 8 that do not overlap, else the whole),
// If-Range, the conditional headers, ETag, Last-Modified, exact Content-Length. Bytes are opened only when they are
// needed; those of the local store leave through the kernel. PreconditionFailed, RangeInvalid.
func (s *Server) ServeStored(w http.ResponseWriter, r *http.Request, f registry.File, files Files, o FileOptions) error {
	h := w.Header()
	h.Set("Content-Type", cmp.Or(o.ContentType, f.MediaType, "application/octet-stream"))
	h.Set("Cache-Control", cmp.Or(o.CacheControl, revalidateCache))
	if tag := ETag(f); tag != "" {
		h.Set("Etag", tag)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Accept-Ranges", "bytes")
	r = plainRange(r, f.Blob.Size)
	if done, err := s.redirected(w, r, f, files, o); done || err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	blob := &blobReader{ctx: ctx, files: files, file: f}
	out := &fileWriter{ResponseWriter: w, blob: blob}
	defer func() {
		cancel()
		blob.close()
		if q := requestOf(r.Context()); q != nil {
			s.metrics.sent.WithLabelValues(q.route.Format).Add(float64(out.sent))
		}
	}()
	http.ServeContent(out, r, "", f.AddedAt, blob)
	return out.finish(f.Blob.Size)
}

// ServeText is ServeStored for a small text made here; the front-end sets its header before, Etag and Content-Type among it.
func ServeText(w http.ResponseWriter, r *http.Request, text string, modified time.Time) error {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	out := &fileWriter{ResponseWriter: w}
	http.ServeContent(out, plainRange(r, int64(len(text))), "", modified, strings.NewReader(text))
	return out.finish(int64(len(text)))
}

// redirected sends the client to the store itself with 307, so that large downloads do not go through the server. Requests
// that need no bytes are not redirected.
func (s *Server) redirected(w http.ResponseWriter, r *http.Request, f registry.File, files Files, o FileOptions) (bool, error) {
	if s.redirect == 0 || !o.Redirect || f.Arriving != nil || f.Blob.Size < s.redirect || r.Method != http.MethodGet {
		return false, nil
	}
	h := w.Header()
	for _, condition := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
		if r.Header.Get(condition) != "" {
			return false, nil
		}
	}
	link, err := files.Link(r.Context(), f, h.Get("Content-Type"))
	if link == "" || err != nil {
		return false, err
	}
	h.Set("Cache-Control", "no-store") // the link expires
	h.Del("Content-Type")
	h.Del("Etag") // the store sends its own ETag
	h.Set("Location", link)
	w.WriteHeader(http.StatusTemporaryRedirect)
	return true, nil
}

// blobReader is the content of a file for http.ServeContent. It does not ask the store before the first byte is read, so
// that a 304 costs no request and a range asks for that range only. ServeContent reads multipart ranges in a goroutine that
// may outlive it, hence the lock.
type blobReader struct {
	ctx   context.Context
	files Files
	file  registry.File

	mu     sync.Mutex
	at     int64
	open   io.ReadCloser // at at
	closed bool
}

// Seek implements io.Seeker.
func (b *blobReader) Seek(offset int64, whence int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.file.Blob.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	if offset != b.at {
		b.drop()
	}
	b.at = offset
	return offset, nil
}

// Read implements io.Reader.
func (b *blobReader) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, os.ErrClosed
	}
	if b.at >= b.file.Blob.Size {
		return 0, io.EOF
	}
	if b.open == nil {
		open, err := b.section(b.file.Blob.Size - b.at)
		if err != nil {
			return 0, err
		}
		b.open = open
	}
	n, err := b.open.Read(p)
	b.at += int64(n)
	return n, err
}

// section opens length bytes from the reader's position. A missing blob that a file needs is the server's fault, not the
// client's.
func (b *blobReader) section(length int64) (io.ReadCloser, error) {
	if b.at == 0 && length == b.file.Blob.Size {
		length = -1
	}
	rc, err := b.files.Open(b.ctx, b.file, b.at, length)
	if k := registry.KindOf(err); err != nil && (k == registry.NotFound || k == registry.RangeInvalid) {
		return nil, fmt.Errorf("the bytes of %q are not in the store: %v", b.file.Path, err) // not %w: no 404
	}
	return rc, err
}

func (b *blobReader) drop() {
	if b.open != nil {
		_ = b.open.Close() // only read from
		b.open = nil
	}
}

func (b *blobReader) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.drop()
}
