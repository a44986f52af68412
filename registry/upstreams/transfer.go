package upstreams

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"slipway/internal/origin"
	"slipway/registry"
)

// safely is run; what hostile bytes break ends the transfer, not the server.
func (f *flight) safely(ctx context.Context) (file registry.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.s.core.Log.Error("a transfer from an upstream broke", "upstream", f.r.Name, "path", f.path, "panic", p, "stack", string(debug.Stack()))
			file, err = registry.File{}, f.bad("sent a file that can't be handled")
		}
	}()
	if have, ok := f.here(ctx); ok {
		return have, nil
	}
	if file, err = f.run(ctx); err == nil {
		f.s.metrics.entered.WithLabelValues(f.at.Format).Inc()
	}
	f.s.refused(ctx, f.r, err)
	return file, err
}

// run brings the file here: asks, stores, verifies, enters.
func (f *flight) run(ctx context.Context) (registry.File, error) {
	at := f.at
	at.Package = f.r.elsewhere(ctx, at.Package)
	ask, err := f.r.source.File(at, f.path, f.entry)
	if err != nil {
		return registry.File{}, err
	}
	request := origin.Request{URL: ask.URL, Kind: origin.File, Accept: ask.Accept, Scope: ask.Scope}
	if f.known != nil {
		if request.IfNoneMatch = f.known.ETag; request.IfNoneMatch == "" {
			request.IfModifiedSince = f.known.LastModified
		}
	}
	a, err := f.arrive(ctx, ask, request)
	if errors.Is(err, errOtherForm) {
		f.otherForm = true
		a, err = f.arrive(ctx, ask, request)
	}
	if err != nil {
		return registry.File{}, err
	}
	if err := f.s.admit(ctx, Candidate{At: f.at, Repositories: f.r.way, Remote: f.r.Upstream, Digest: a.blob.Digest}); err != nil {
		return registry.File{}, err
	}
	if !registry.StrictRecord.In(f.r.repository) {
		late := time.AfterFunc(f.s.recordTime, f.letGo)
		defer late.Stop()
	}
	stored := f.s.core.Now()
	durable := make(chan error, 1)
	go func() {
		_, err := f.grow.Commit(ctx, a.blob.Digest)
		durable <- err
	}()
	rel, wrong := f.asRelease(ctx, a) // while the store flushes the bytes; nothing names them before they are durable
	if err := <-durable; err != nil {
		return registry.File{}, err
	}
	if wrong != nil {
		return registry.File{}, wrong
	}
	return f.enter(ctx, a, rel, stored)
}

// recordTime is how long clients wait for a file that is right to be stored and entered.
const recordTime = 10 * time.Second

// letGo lets readers have the last bytes of a file, which is right, before it is entered: a store that takes long must not cost them the file.
func (f *flight) letGo() {
	f.change(func() {
		if f.ended {
			return
		}
		f.begun, f.late = true, true
		if f.size < 0 {
			f.size = f.written
		}
		f.s.metrics.late.Inc()
		f.s.core.Log.Warn("a file of an upstream is handed out before its entry, as storing it takes long", "upstream", f.r.Name, "package", f.at.Package, "path", f.path)
	})
}

// here returns the file if it has come from this remote since the caller looked for it, by a transfer that has ended, or by another replica.
func (f *flight) here(ctx context.Context) (registry.File, bool) {
	if f.known != nil {
		return registry.File{}, false // the remote is asked about a file that is here
	}
	at := f.at
	at.Repository = f.r.repository.Name
	if f.entry != nil {
		at.Version = cmp.Or(at.Version, f.entry.Version)
	}
	have, _, err := f.s.hereFrom(ctx, f.r, at, f.path)
	if err != nil {
		return registry.File{}, false // as a rule NotFound; after another fault, the remote is asked
	}
	if f.entry != nil && f.entry.Sums.conflicts(sumsOf(have.Blob)) {
		return registry.File{}, false
	}
	return have, true
}

// arrival is a file whose bytes are all here, and right.
type arrival struct {
	res      *origin.Response
	blob     registry.Blob
	verified string // by which sum
}

// arrive asks for the file, stores and verifies it.
func (f *flight) arrive(ctx context.Context, ask Ask, request origin.Request) (arrival, error) {
	res, err := f.ask(ctx, request)
	if err != nil {
		return arrival{}, fault(f.at.Name, err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	f.change(func() { f.fresh = res.FreshFor })
	if res.Status == statusNotModified {
		return arrival{}, errUnchanged
	}
	if err := f.admitAge(ctx, res); err != nil {
		return arrival{}, err
	}
	body, err := f.begin(res)
	if err != nil {
		return arrival{}, err
	}
	if err := f.openStore(ctx); err != nil {
		return arrival{}, err
	}
	if res, err = f.store(ctx, request, res, body); err != nil {
		return arrival{}, err
	}
	return f.verify(ctx, ask, res)
}

// errUnchanged: the remote still has the bytes that are here.
var errUnchanged = errors.New("upstreams: the file is as it was")

// begin checks the header and the first bytes, and returns the body as it is to be stored.
func (f *flight) begin(res *origin.Response) (io.Reader, error) {
	body, size, err := f.opened(res)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.s.spool.room(f.r.Name, size); err != nil {
		return nil, err
	}
	f.size = size
	f.spool(max(size, 0))
	f.unread() // the clients may have left before
	f.wake()
	return body, nil
}

// opened checks the header and the first bytes of an answer with the whole file, and returns the body as it is to be stored, and its
// size; -1: it is not announced.
func (f *flight) opened(res *origin.Response) (io.Reader, int64, error) {
	size := res.Length
	if res.Encoding != "" {
		size = -1
	}
	if f.entry != nil && f.entry.Size >= 0 {
		if size >= 0 && size != f.entry.Size {
			return nil, 0, f.corrupt("its length is %d, but %d was announced", size, f.entry.Size)
		}
		size = f.entry.Size
	}
	if size < 0 && !res.Framed && (f.entry == nil || f.entry.Sums.Strongest() == "none") {
		return nil, 0, f.bad("sent a file whose end can't be told")
	}
	head := make([]byte, CheckBytes)
	n, err := io.ReadFull(res.Body, head)
	switch {
	case origin.Is(err, origin.Down):
		return cut{err}, size, nil // too little came to be checked, so it counts as nothing, and is asked for again
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, 0, fault(f.at.Name, err)
	}
	head = head[:n]
	body := io.MultiReader(bytes.NewReader(head), res.Body)
	if res.Encoding != "" {
		if body, head, err = f.decoded(res, head, body); err != nil {
			return nil, 0, err
		}
	}
	if err := f.r.source.Check(f.path, head); err != nil {
		return nil, 0, f.bad("sent something else in place of the file: " + registry.AsError(err).Error())
	}
	return body, size, nil
}

// cut is the body of an answer that broke before its first bytes were here.
type cut struct{ error }

// Read implements io.Reader.
func (c cut) Read([]byte) (int, error) { return 0, c.error }

// errOtherForm: an encoded file has the announced sums in the other form, perhaps.
var errOtherForm = errors.New("upstreams: the file is not right in this form")

// decoded undoes an encoding that was not asked for, unless the file is itself of that encoding, or its announced sums or size are of the
// bytes as they came.
func (f *flight) decoded(res *origin.Response, head []byte, body io.Reader) (io.Reader, []byte, error) {
	gzipped := bytes.HasPrefix(head, []byte{0x1f, 0x8b})
	asSent := gzipped && zippedName(f.path)
	switch {
	case f.entry != nil && f.entry.Size >= 0:
		asSent = f.entry.Size == res.Length || asSent && res.Length < 0
	case f.otherForm:
		asSent = !asSent
	}
	if res.Encoding != "gzip" || !gzipped {
		asSent = f.announced(res).Strongest() != "none" // and they decide
	}
	switch {
	case asSent:
		return body, head, nil
	case res.Encoding != "gzip":
		return nil, nil, f.bad("sent a file in the encoding " + res.Encoding)
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

func zippedName(path string) bool {
	return slices.Contains([]string{".gz", ".tgz", ".crate"}, strings.ToLower(filepath.Ext(path)))
}

// announced are the sums that the remote announces of a file before its bytes.
func (f *flight) announced(res *origin.Response) (out Sums) {
	if f.entry != nil {
		out = f.entry.Sums
	}
	out.addHeader(res)
	return out
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

func (f *flight) bad(text string) error {
	return badUpstream(nil, "upstream %s %s", f.r.Name, text)
}

func (f *flight) corrupt(format string, args ...any) error {
	return f.s.corrupt(f.r, f.at, f.path, format, args...)
}

// corrupt is the error for bytes of a remote that are not those which were announced, and tells of them.
func (s *Upstreams) corrupt(r *remote, at registry.Coordinate, path, format string, args ...any) error {
	err := badUpstream(nil, "upstream %s sent a wrong %q: %s; nothing was stored", r.Name, registry.Clip(path), fmt.Sprintf(format, args...))
	s.metrics.corrupted.WithLabelValues(s.metrics.label(r.Name)).Inc()
	s.core.Log.Error("an upstream sent wrong bytes", "upstream", r.Name, "package", at.Package, "path", path, "error", err.Error())
	s.tellOnce(context.Background(), r.event(registry.EventUpstreamCorrupt, at.Name, registry.EventData{Version: at.Version, Reason: err.Error()}), at.Version, path)
	return err
}
