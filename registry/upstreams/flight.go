package upstreams

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
	"slipway/storage"
)

const (
	wholeBytes = 1 << 20   // a file of up to this size leaves only when it is whole, verified and entered
	heldBack   = 256 << 10 // of a longer one, the last bytes do
	finishing  = 64 << 20  // a transfer without readers goes on if at most this much is missing, or a quarter is here
	abandoned  = 30 * time.Second
	resumes    = 3
)

// flightKey is what makes two callers share a transfer: those who expect other bytes never do.
type flightKey struct {
	upstreamID             int64
	format, pkg, ver, path string
	sums                   string
}

// flight is the transfer of one file from a remote, bound to no client: readers join and leave, and it goes on.
type flight struct {
	s       *Upstreams
	r       *remote
	at      registry.Coordinate
	path    string
	entry   *Entry
	version *registry.Version    // of the index
	known   *metadata.CachedFile // the copy that the remote is asked about
	actor   access.Actor         // the caller that asked first
	cancel  context.CancelCauseFunc
	key     flightKey

	mu      sync.Mutex
	moved   chan struct{} // closed and replaced when anything below changes
	begun   bool          // size is known and the first bytes are here, or ended is true
	size    int64         // -1: not known before the end
	written int64
	grow    storage.Growing
	readers int
	given   *time.Timer // ends the transfer after a while without readers; nil: it may go on
	ended   bool
	err     error
	file    registry.File // once it has ended well
}

// fetch starts the transfer of a file, or joins the one that is under way. The caller releases it.
func (s *Upstreams) fetch(ctx context.Context, r *remote, at registry.Coordinate, path string, x *index, e *Entry, known *metadata.CachedFile) *flight {
	key := flightKey{upstreamID: r.ID, format: at.Format, pkg: at.Package, ver: at.Version, path: path}
	if e != nil {
		key.sums = fmt.Sprintf("%s %x %x %x", e.Sums.SHA256, e.Sums.SHA512, e.Sums.SHA1, e.Sums.MD5)
	}
	s.flights.mu.Lock()
	defer s.flights.mu.Unlock()
	if f, ok := s.flights.list[key]; ok {
		f.join()
		return f
	}
	f := &flight{s: s, r: r, at: at, path: path, entry: e, known: known, actor: access.From(ctx), key: key, moved: make(chan struct{}), size: -1,
		readers: 1}
	if s.flights.closed {
		f.begun, f.ended, f.err = true, true, errStopped
		return f
	}
	if x != nil && e != nil {
		f.version = x.versions[e.Version]
	}
	background, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	f.cancel = cancel
	s.flights.list[key] = f
	s.flights.running.Add(1)
	go func() {
		defer s.flights.running.Done()
		defer cancel(nil)
		file, err := f.safely(background)
		s.flights.remove(f)
		f.end(file, err)
	}()
	return f
}

// flights are the transfers under way, and the documents that are asked for.
type flights struct {
	mu      sync.Mutex
	list    map[flightKey]*flight
	closed  bool
	running sync.WaitGroup
	ctx     context.Context // ends with stop
	cancel  context.CancelCauseFunc
}

func newFlights() flights {
	ctx, cancel := context.WithCancelCause(context.Background())
	return flights{list: map[flightKey]*flight{}, ctx: ctx, cancel: cancel}
}

// behind runs do in a context with the values of ctx that ends with stop, which waits for do. False: it is over, and do does not run.
func (f *flights) behind(ctx context.Context, do func(ctx context.Context)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	background, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	end := context.AfterFunc(f.ctx, func() { cancel(errStopped) })
	f.running.Go(func() {
		defer cancel(nil)
		defer end()
		do(background)
	})
	return true
}

// remove takes a transfer off the list, so that the next caller begins another.
func (f *flights) remove(one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list[one.key] == one {
		delete(f.list, one.key)
	}
}

// stop ends the transfers that are under way, and waits for them. Later ones end at once.
func (f *flights) stop() {
	f.mu.Lock()
	f.closed = true
	for _, one := range f.list {
		one.cancel(errStopped)
	}
	f.cancel(errStopped)
	f.mu.Unlock()
	f.running.Wait()
}

// Causes for which transfers end early.
var (
	errStopped   = &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutUpstream, Detail: "the server ends", RetryAfter: 5 * time.Second}
	errAbandoned = &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutUpstream, Detail: "the transfer ended, as its clients had left; try again",
		RetryAfter: time.Second}
)

func (f *flight) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enterReader()
}

// enterReader counts a reader; f.mu is held.
func (f *flight) enterReader() {
	f.readers++
	if f.given != nil {
		f.given.Stop()
		f.given = nil
	}
}

// release ends one reader.
func (f *flight) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers--
	f.unread()
}

// unread looks at what becomes of a transfer that has no readers; f.mu is held. It goes on if little is missing or a quarter is here, and
// else ends after a while, for a client may come back.
func (f *flight) unread() {
	switch missing := f.size - f.written; {
	case f.readers > 0:
	case f.ended:
		if f.grow != nil {
			_ = f.grow.Close() // the bytes are stored, or given up
		}
	case f.given == nil && f.size >= 0 && missing > finishing && f.written < f.size/4:
		f.given = time.AfterFunc(abandoned, f.abandon)
	}
}

// abandon ends a transfer that still has no readers.
func (f *flight) abandon() {
	f.s.flights.mu.Lock()
	defer f.s.flights.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers > 0 || f.ended || f.given == nil {
		return
	}
	if f.s.flights.list[f.key] == f {
		delete(f.s.flights.list, f.key) // the next caller begins another
	}
	f.cancel(errAbandoned)
}

// change updates the state and wakes those who wait for it.
func (f *flight) change(update func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	update()
	close(f.moved)
	f.moved = make(chan struct{})
}

func (f *flight) end(file registry.File, err error) {
	f.change(func() {
		f.begun, f.ended, f.file, f.err = true, true, file, err
		if f.given != nil {
			f.given.Stop()
		}
		f.unread()
	})
}

// wait returns when ready is true of the state, which it is called with locked.
func (f *flight) wait(ctx context.Context, ready func() bool) error {
	for {
		f.mu.Lock()
		ok, moved := ready(), f.moved
		f.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-moved:
		}
	}
}

// arriving returns the file as soon as it can be answered: small ones, and where whole is asked for, when they are entered, long ones when
// their size is known.
func (f *flight) arriving(ctx context.Context, whole bool) (registry.File, error) {
	err := f.wait(ctx, func() bool { return f.ended || !whole && f.begun && f.size > wholeBytes })
	if err != nil {
		return registry.File{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return f.file, f.err
	}
	out := registry.File{Path: f.path, AddedAt: f.s.core.Now(), Blob: registry.Blob{Size: f.size}, Arriving: f}
	if f.entry != nil {
		out.MediaType, out.Blob.Digest = f.entry.MediaType, f.entry.Sums.SHA256
		if !f.entry.PublishedAt.IsZero() {
			out.AddedAt = f.entry.PublishedAt
		}
	}
	return out, nil
}

// Open implements registry.Arriving.
func (f *flight) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended && f.err == nil {
		return f.s.core.Blobs.Open(ctx, f.file.Blob.Digest, offset, length)
	}
	if f.ended {
		return nil, f.err
	}
	f.enterReader()
	end := f.size
	if length >= 0 {
		end = min(end, offset+length)
	}
	return &tail{ctx: ctx, f: f, at: offset, end: end}, nil
}

// tail reads a file while it arrives.
type tail struct {
	ctx    context.Context
	f      *flight
	at     int64
	end    int64
	closed bool
}

// Read implements io.Reader.
func (t *tail) Read(p []byte) (int, error) {
	if t.at >= t.end {
		return 0, io.EOF
	}
	f := t.f
	open := int64(0)
	err := f.wait(t.ctx, func() bool {
		open = min(f.written, f.size-heldBack)
		if f.ended && f.err == nil {
			open = f.size
		}
		return open > t.at || f.ended
	})
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	failed, grow := f.err, f.grow
	f.mu.Unlock()
	if failed != nil {
		return 0, failed
	}
	n, err := grow.ReadAt(p[:min(int64(len(p)), open-t.at, t.end-t.at)], t.at)
	t.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Close implements io.Closer.
func (t *tail) Close() error {
	if !t.closed {
		t.closed = true
		t.f.release()
	}
	return nil
}

// safely is run; what hostile bytes break ends the transfer, not the server.
func (f *flight) safely(ctx context.Context) (file registry.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.s.core.Log.Error("a transfer from an upstream broke", "upstream", f.r.Name, "path", f.path, "panic", p, "stack", string(debug.Stack()))
			file, err = registry.File{}, f.bad("sent a file that can't be handled")
		}
	}()
	return f.run(ctx)
}

// run brings the file here: asks, stores, verifies, enters.
func (f *flight) run(ctx context.Context) (registry.File, error) {
	ask, err := f.r.source.File(f.at, f.path, f.entry)
	if err != nil {
		return registry.File{}, err
	}
	request := origin.Request{URL: ask.URL, Kind: origin.File, Accept: ask.Accept}
	if f.known != nil {
		if request.IfNoneMatch = f.known.ETag; request.IfNoneMatch == "" {
			request.IfModifiedSince = f.known.LastModified
		}
	}
	res, err := f.r.client.Do(ctx, request)
	if err != nil {
		return registry.File{}, fault(f.at.Name, err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	if res.Status == statusNotModified {
		return registry.File{}, errUnchanged
	}
	body, err := f.begin(res)
	if err != nil {
		return registry.File{}, err
	}
	if err := f.openStore(ctx); err != nil {
		return registry.File{}, err
	}
	sums := newSums()
	if err := f.store(ctx, request, res, body, sums); err != nil {
		return registry.File{}, err
	}
	blob, verified, err := f.verify(ctx, ask, res, sums)
	if err != nil {
		return registry.File{}, err
	}
	stored := f.s.core.Now()
	if _, err := f.grow.Commit(ctx, blob.Digest); err != nil {
		return registry.File{}, err
	}
	return f.enter(ctx, res, blob, verified, stored)
}

// errUnchanged: the remote still has the bytes that are here.
var errUnchanged = errors.New("upstreams: the file is as it was")

// begin checks the header and the first bytes, and returns the body as it is to be stored.
func (f *flight) begin(res *origin.Response) (io.Reader, error) {
	size := res.Length
	if res.Encoding != "" {
		size = -1
	}
	if f.entry != nil && f.entry.Size >= 0 {
		if size >= 0 && size != f.entry.Size {
			return nil, f.corrupt("its length is %d, but %d was announced", size, f.entry.Size)
		}
		size = f.entry.Size
	}
	if size < 0 && !res.Framed && (f.entry == nil || f.entry.Sums.Strongest() == "none") {
		return nil, f.bad("sent a file whose end can't be told")
	}
	head := make([]byte, CheckBytes)
	n, err := io.ReadFull(res.Body, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fault(f.at.Name, err)
	}
	head = head[:n]
	body := io.MultiReader(bytes.NewReader(head), res.Body)
	if res.Encoding != "" {
		if body, head, err = f.decoded(res.Encoding, head, body); err != nil {
			return nil, err
		}
	}
	if err := f.r.source.Check(f.path, head); err != nil {
		return nil, f.bad("sent something else in place of the file: " + registry.AsError(err).Error())
	}
	f.change(func() {
		f.size = size
		f.unread() // the clients may have left before
	})
	return body, nil
}

// decoded undoes an encoding that was not asked for, unless the file is itself of that encoding.
func (f *flight) decoded(encoding string, head []byte, body io.Reader) (io.Reader, []byte, error) {
	zipped := strings.HasSuffix(f.path, ".gz") || strings.HasSuffix(f.path, ".tgz")
	if encoding == "gzip" && zipped && bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		return body, head, nil
	}
	if encoding != "gzip" {
		return nil, nil, f.bad("sent a file in the encoding " + encoding)
	}
	wire := &counter{r: body}
	inflated, err := gzip.NewReader(wire)
	if err != nil {
		return nil, nil, f.bad("sent a file that is not gzip although it says so")
	}
	z := &inflation{f: f, z: inflated, wire: wire}
	plain := make([]byte, CheckBytes)
	n, err := io.ReadFull(z, plain)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, f.bad("sent a file that is not gzip although it says so")
	}
	return io.MultiReader(bytes.NewReader(plain[:n]), z), plain[:n], nil
}

// Bounds of what a file may inflate to.
const (
	ratioFrom = 64 << 20
	maxRatio  = 200
)

// inflation reads the inflated bytes of a file, within a ratio to those that came.
type inflation struct {
	f    *flight
	z    io.Reader
	wire *counter
	n    int
}

// Read implements io.Reader.
func (i *inflation) Read(p []byte) (int, error) {
	n, err := i.z.Read(p)
	if i.n += n; i.n > ratioFrom && i.n/maxRatio > i.wire.n {
		return 0, i.f.bad(fmt.Sprintf("sent a file that inflates to more than %d times its size", maxRatio))
	}
	return n, err
}

func (f *flight) openStore(ctx context.Context) error {
	grower, ok := f.s.core.Blobs.(storage.Grower)
	if !ok {
		return errors.New("upstreams: the store can't take files from remotes")
	}
	grow, err := grower.Grow(ctx)
	if err != nil {
		return err
	}
	f.change(func() { f.grow = grow })
	return nil
}

// store keeps the body and counts its sums. A transfer that breaks is resumed where it broke, if the remote can.
func (f *flight) store(ctx context.Context, request origin.Request, res *origin.Response, body io.Reader, sums *sums) error {
	limit := int64(20 << 30)
	buffer := make([]byte, 128<<10)
	validator, resumable := res.Validator(), res.Encoding == ""
	for try := 0; ; try++ {
		err := f.copyOnce(body, buffer, sums, limit)
		if err == nil || !resumable || validator == "" || try == resumes || ctx.Err() != nil || !isCut(err) {
			return f.copyError(ctx, err)
		}
		f.mu.Lock()
		from := f.written
		f.mu.Unlock()
		again := request
		again.IfNoneMatch, again.IfModifiedSince = "", ""
		again.Range, again.IfRange = &origin.Range{First: from, Last: -1}, validator
		next, askErr := f.r.client.Do(ctx, again)
		if askErr != nil {
			return f.copyError(ctx, err)
		}
		defer func() { _ = next.Body.Close() }() // read to its end, or given up
		if next.Status != statusPartial || next.Start != from {
			return f.copyError(ctx, err)
		}
		body = next.Body
	}
}

const statusPartial = 206

// isCut reports whether a transfer broke on the side of the remote.
func isCut(err error) bool { return origin.Is(err, origin.Down) || errors.Is(err, io.ErrUnexpectedEOF) }

func (f *flight) copyError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return fault(f.at.Name, err)
	}
}

func (f *flight) copyOnce(body io.Reader, buffer []byte, sums *sums, limit int64) error {
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if f.size >= 0 && f.written+int64(n) > f.size || f.written+int64(n) > limit {
				return f.corrupt("it is longer than announced")
			}
			sums.write(buffer[:n])
			if _, err := f.grow.Write(buffer[:n]); err != nil {
				return err
			}
			f.change(func() {
				f.begun = true
				f.written += int64(n)
			})
		}
		if errors.Is(err, io.EOF) {
			if f.size >= 0 && f.written < f.size {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// verify compares the sums with those that the remote announced: in its document, in the answer's header, or in a file beside it.
func (f *flight) verify(ctx context.Context, ask Ask, res *origin.Response, have *sums) (registry.Blob, string, error) {
	blob := have.blob(f.written)
	want := Sums{}
	if f.entry != nil {
		want = f.entry.Sums
	}
	want.addHeader(res)
	if want.Strongest() == "none" && ask.Sum != "" {
		if err := f.besides(ctx, ask, &want); err != nil {
			return blob, "", err
		}
	}
	for _, c := range []struct {
		name       string
		want, have []byte
	}{
		{"sha256", raw(want.SHA256), raw(blob.Digest)}, {"sha512", want.SHA512, blob.SHA512}, {"sha1", want.SHA1, blob.SHA1}, {"md5", want.MD5, blob.MD5},
	} {
		if c.want != nil && !bytes.Equal(c.want, c.have) {
			return blob, "", f.corrupt("its %s is %x, but %x was announced", c.name, c.have, c.want)
		}
	}
	return blob, want.Strongest(), nil
}

func raw(d digest.Digest) []byte {
	if d == "" {
		return nil
	}
	b, err := hex.DecodeString(d.Encoded())
	if err != nil {
		return nil
	}
	return b
}

// addHeader adds the sums that Maven registries announce in the header of a file.
func (s *Sums) addHeader(res *origin.Response) {
	if s.SHA1 == nil {
		s.SHA1 = hexSum(res.Header.Get("X-Checksum-Sha1"), sha1.Size)
	}
	if s.SHA256 == "" {
		if b := hexSum(res.Header.Get("X-Checksum-Sha256"), sha256.Size); b != nil {
			s.SHA256 = digest.NewDigestFromBytes(digest.SHA256, b)
		}
	}
}

func hexSum(text string, size int) []byte {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != size {
		return nil
	}
	return b
}

// besides reads the sum in the file beside the file. A remote may have none.
func (f *flight) besides(ctx context.Context, ask Ask, want *Sums) error {
	res, err := f.r.client.Do(ctx, origin.Request{URL: ask.URL + ask.Sum, Kind: origin.Document, MaxBytes: 4 << 10})
	if origin.Is(err, origin.Absent) {
		return nil
	}
	if err != nil {
		return fault(f.at.Name, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fault(f.at.Name, err)
	}
	fields := strings.Fields(string(text)) // some tools write the file's name behind the sum
	if len(fields) > 0 {
		want.SHA1 = hexSum(fields[0], sha1.Size)
	}
	return nil
}

// enter makes the file a file of a version, with an entry in the log.
func (f *flight) enter(ctx context.Context, res *origin.Response, blob registry.Blob, verified string, stored time.Time) (registry.File, error) {
	entered := Entered{At: f.at, Path: f.path, Entry: f.entry, Blob: blob, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return f.s.core.Blobs.Open(ctx, blob.Digest, 0, -1)
	}}
	entered.At.Repository = f.r.repository.Name
	mediaType := ""
	if f.entry != nil {
		mediaType = f.entry.MediaType
		entered.At.Version = cmp.Or(entered.At.Version, f.entry.Version)
		entered.Version = f.version
	}
	rel, err := f.r.source.Enter(ctx, entered)
	if err != nil {
		return registry.File{}, f.bad("sent a file that is not what its name says: " + registry.AsError(err).Error())
	}
	rel.Cached = &publish.Cached{Upstream: f.r.Name, File: metadata.CachedFile{UpstreamID: f.r.ID, URL: withoutQuery(res.URL), ETag: res.ETag,
		LastModified: res.LastModified, Verified: verified}}
	if f.entry != nil {
		rel.Cached.File.PublishedAt = f.entry.PublishedAt
	}
	if len(rel.Files) > 0 {
		mediaType = cmp.Or(mediaType, rel.Files[0].MediaType)
	}
	rel.Mode, rel.Files = publish.Append, nil // the file that arrived
	if f.known != nil {
		rel.Mode = publish.Replace
	}
	at := entered.At.Name
	result, err := f.s.publisher.Enter(ctx, f.actor, at, rel, publish.Arrived(f.path, mediaType, blob, stored))
	if errors.Is(err, &registry.Error{Kind: registry.AlreadyExists, Subject: registry.AboutFile}) {
		return registry.File{}, f.corrupt("its bytes are others than before: the copy here stays")
	}
	if err != nil {
		return registry.File{}, err
	}
	return f.s.local.File(ctx, at.At(result.Version.Name), f.path)
}

func withoutQuery(u *url.URL) string {
	if u == nil {
		return ""
	}
	plain := *u
	plain.RawQuery, plain.User, plain.Fragment = "", nil, ""
	return plain.String()
}

func (f *flight) bad(text string) error {
	return badUpstream(nil, "upstream %s %s", f.r.Name, text)
}

func (f *flight) corrupt(format string, args ...any) error {
	err := badUpstream(nil, "upstream %s sent a wrong %q: %s; nothing was stored", f.r.Name, registry.Clip(f.path), fmt.Sprintf(format, args...))
	f.s.core.Log.Error("an upstream sent wrong bytes", "upstream", f.r.Name, "package", f.at.Package, "path", f.path, "error", err.Error())
	return err
}

// sums counts every sum that formats serve, in the pass that stores the bytes.
type sums struct{ sha256, sha1, md5, sha512 hash.Hash }

func newSums() *sums { return &sums{sha256.New(), sha1.New(), md5.New(), sha512.New()} }

func (s *sums) write(p []byte) {
	for _, h := range []hash.Hash{s.sha256, s.sha1, s.md5, s.sha512} {
		_, _ = h.Write(p) // a hash never fails
	}
}

func (s *sums) blob(size int64) registry.Blob {
	return registry.Blob{Digest: digest.NewDigest(digest.SHA256, s.sha256), Size: size, SHA1: s.sha1.Sum(nil), MD5: s.md5.Sum(nil), SHA512: s.sha512.Sum(nil)}
}
