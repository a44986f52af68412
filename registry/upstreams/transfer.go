package upstreams

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"slipway/internal/origin"
	"slipway/registry"
	"slipway/storage"
)

// safely is run; what hostile bytes break ends the transfer, not the server.
func (f *flight) safely(ctx context.Context) (file registry.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.s.core.Log.Error("a transfer from an upstream broke", "upstream", f.r.Name, "path", f.path, "panic", p, "stack", string(debug.Stack()))
			file, err = registry.File{}, f.bad("sent a file that can't be handled")
		}
	}()
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
	res, err := f.r.client.Do(ctx, request)
	if err != nil {
		return registry.File{}, fault(f.at.Name, err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	if res.Status == statusNotModified {
		return registry.File{}, errUnchanged
	}
	if err := f.admitAge(ctx, res); err != nil {
		return registry.File{}, err
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
	if err := f.s.admit(ctx, Candidate{At: f.at, Repositories: f.r.way, Remote: f.r.Upstream, Digest: blob.Digest}); err != nil {
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
	limit := cmp.Or(f.r.Settings.MaxFile, defaultMaxFile)
	buffer := make([]byte, 128<<10)
	validator := ""
	if res.Encoding == "" {
		validator = res.Validator()
	}
	f.change(func() { f.request, f.validator = request, validator })
	for try := 0; ; try++ {
		err := f.copyOnce(body, buffer, sums, limit)
		if err == nil || validator == "" || try == resumes || ctx.Err() != nil || !isCut(err) {
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
			switch now := f.written + int64(n); {
			case f.size >= 0 && now > f.size:
				return f.corrupt("it is longer than announced")
			case now > limit: // inflated, as the client bounds what comes
				return f.bad("sent a file that is longer than max_file allows")
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
