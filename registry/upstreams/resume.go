package upstreams

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"slipway/internal/origin"
	"slipway/storage"
)

// resumeAfter are the waits before a transfer that broke goes on. Then it fails.
var resumeAfter = [...]time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second}

const (
	statusPartial = 206
	statusNoRange = 416
	copyBytes     = 128 << 10
)

// openStore begins the blob of a transfer, which may have had one before.
func (f *flight) openStore(ctx context.Context) error {
	grow, err := f.s.grow(ctx)
	if err != nil {
		return err
	}
	f.sums = newSums()
	f.change(func() {
		if f.grow != nil {
			f.replaced = append(f.replaced, f.grow)
		}
		f.grow, f.written = grow, 0
	})
	return nil
}

// grow begins a blob of the store.
func (s *Upstreams) grow(ctx context.Context) (storage.Growing, error) {
	grower, ok := s.core.Blobs.(storage.Grower)
	if !ok {
		return nil, errors.New("upstreams: the store can't take files from remotes")
	}
	return grower.Grow(ctx)
}

// sleep waits for d or the end of ctx.
func (s *Upstreams) sleep(ctx context.Context, d time.Duration) {
	if wait := s.remotes.env.Sleep; wait != nil {
		wait(ctx, d)
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

var copyBuffers = sync.Pool{New: func() any {
	b := make([]byte, copyBytes)
	return &b
}}

// incoming is the body of an answer that is kept.
type incoming struct {
	f      *flight
	res    *origin.Response // the last one that began at the first byte
	open   io.Closer
	body   io.Reader
	at     int64  // place in the file of the next byte of body
	buffer []byte // copyBytes
	here   []byte // as long, made when it is needed
	limit  int64  // of the file
}

// store keeps the body and counts its sums. A transfer that breaks goes on where it broke if the remote can send a part, else from its
// start, and what is here already must be the same then. It returns the answer that the bytes are of.
func (f *flight) store(ctx context.Context, request origin.Request, res *origin.Response, body io.Reader) (*origin.Response, error) {
	buffer := copyBuffers.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer copyBuffers.Put(buffer)
	in := &incoming{f: f, res: res, open: res.Body, body: body, buffer: *buffer, limit: cmp.Or(f.r.Settings.MaxFile, defaultMaxFile)}
	request.IfNoneMatch, request.IfModifiedSince = "", ""
	f.change(func() { f.request = request })
	f.validated(res)
	err := in.copy(ctx)
	for try := 0; err != nil && isCut(err) && ctx.Err() == nil && try < len(resumeAfter); try++ {
		f.s.sleep(ctx, resumeAfter[try])
		if err = in.again(ctx); err == nil {
			err = in.copy(ctx)
		}
	}
	_ = in.open.Close() // read to its end, or given up
	return in.res, f.copyError(ctx, err)
}

// validated notes by what parts of an answer's bytes can be asked for.
func (f *flight) validated(res *origin.Response) {
	f.change(func() {
		if f.validator = ""; res.Encoding == "" {
			f.validator = res.Validator()
		}
	})
}

// isCut reports whether a transfer broke on the side of the remote.
func isCut(err error) bool { return origin.Is(err, origin.Down) || errors.Is(err, io.ErrUnexpectedEOF) }

func (f *flight) copyError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault(f.at.Name, &origin.Fault{Class: origin.Down, Upstream: f.r.Name, Text: "the answer was cut short"})
	default:
		return fault(f.at.Name, err)
	}
}

// copy keeps the body to its end. While the transfer has no readers and is not to go on without, nothing is read.
func (in *incoming) copy(ctx context.Context) error {
	f := in.f
	for {
		if err := f.wait(ctx, func() bool { return f.given == nil }); err != nil {
			return err
		}
		n, err := in.body.Read(in.buffer)
		if n > 0 {
			if err := in.keep(ctx, in.buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case f.size >= 0 && in.at == f.size && (errors.Is(err, io.EOF) || isCut(err)):
			return nil
		case !errors.Is(err, io.EOF):
			return err
		case f.size >= 0:
			return io.ErrUnexpectedEOF
		case in.at < f.written:
			return f.startOver(ctx, in.at) // it is shorter than it was
		default:
			return nil
		}
	}
}

// keep takes the next bytes of the body. Those that are here already must be the same, or the transfer starts over.
func (in *incoming) keep(ctx context.Context, p []byte) error {
	f := in.f
	switch now := in.at + int64(len(p)); {
	case f.size >= 0 && now > f.size:
		return f.corrupt("it is longer than announced")
	case now > in.limit: // inflated, as the client bounds what comes
		return f.bad("sent a file that is longer than max_file allows")
	}
	if here := f.written - in.at; here > 0 {
		old := p[:min(here, int64(len(p)))]
		same, err := in.same(old)
		if err != nil {
			return err
		}
		in.at += int64(same)
		if p = p[same:]; same < len(old) {
			if err := f.startOver(ctx, in.at); err != nil {
				return err
			}
		}
	}
	if len(p) == 0 {
		return nil
	}
	_, _ = f.sums.Write(p) // it never fails
	if _, err := f.grow.Write(p); err != nil {
		return err
	}
	in.at += int64(len(p))
	f.change(func() {
		f.begun, f.written = true, in.at
		if f.size < 0 {
			f.spool(f.written)
		}
	})
	return nil
}

// same tells how many of the next bytes are those that are here.
func (in *incoming) same(p []byte) (int, error) {
	if in.here == nil {
		in.here = make([]byte, copyBytes)
	}
	here := in.here[:len(p)]
	if _, err := in.f.grow.ReadAt(here, in.at); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if bytes.Equal(p, here) {
		return len(p), nil
	}
	n := 0
	for p[n] == here[n] {
		n++
	}
	return n, nil
}

// again asks for what is missing, or for all of it where the remote sends no part that continues what is here.
func (in *incoming) again(ctx context.Context) error {
	_ = in.open.Close() // it broke
	f := in.f
	if f.validator != "" && f.written > 0 {
		part := f.request
		part.Range, part.IfRange = &origin.Range{First: f.written, Last: -1}, f.validator
		res, err := f.r.client.Do(ctx, part)
		var refused *origin.Fault
		switch {
		case errors.As(err, &refused) && (refused.Status == statusNoRange || refused.Status == statusPartial): // none, or one that can't be used
		case err != nil:
			return err
		case res.Status != statusPartial:
			return in.restart(res)
		case f.continues(res):
			in.open, in.body, in.at = res.Body, res.Body, f.written
			return nil
		default:
			_ = res.Body.Close() // of other bytes
		}
	}
	res, err := f.r.client.Do(ctx, f.request)
	if err != nil {
		return err
	}
	return in.restart(res)
}

// continues reports whether a part, which begins where it was asked to, is of the same file.
func (f *flight) continues(res *origin.Response) bool {
	return res.Encoding == "" && (res.Total < 0 || f.size < 0 || res.Total == f.size) && (res.ETag == "" || f.validator[0] != '"' || res.ETag == f.validator)
}

// restart takes an answer with the whole file.
func (in *incoming) restart(res *origin.Response) error {
	f := in.f
	in.open = res.Body
	body, size, err := f.opened(res)
	if err != nil {
		return err
	}
	f.mu.Lock()
	if size != f.size && f.shown {
		f.mu.Unlock()
		return f.replacedThere()
	}
	f.size = size
	f.spool(max(size, f.written))
	f.mu.Unlock()
	f.validated(res)
	in.res, in.body, in.at = res, body, 0
	return nil
}

func (f *flight) replacedThere() error {
	return badUpstream(nil, "upstream %s has other bytes of %q than when the transfer began; ask for it again", f.r.Name, f.path)
}

// startOver keeps the first bytes alone, as the remote has others behind them now. It fails where a reader has got some of those.
func (f *flight) startOver(ctx context.Context, at int64) error {
	f.mu.Lock()
	old, served := f.grow, f.served
	if served <= at {
		f.written = at // from now on no reader gets more
	}
	f.mu.Unlock()
	if served > at {
		return f.replacedThere()
	}
	grow, err := f.s.grow(ctx)
	if err != nil {
		return err
	}
	f.change(func() { f.replaced = append(f.replaced, grow) }) // closed with the rest if it comes to nothing
	f.sums = newSums()
	if _, err := io.Copy(io.MultiWriter(f.sums, grow), io.NewSectionReader(old, 0, at)); err != nil {
		return err
	}
	f.change(func() {
		f.replaced[len(f.replaced)-1], f.grow = old, grow
	})
	return nil
}
