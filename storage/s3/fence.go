package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// maxApart is how far the server's clock and that of this process may be apart for a Removal: the server counts its time by its own
// clock from a moment that this process names.
const maxApart = 5 * time.Second

// apart keeps how far the server's clock was ahead at its last answer, in nanoseconds, to the second.
type apart struct{ atomic.Int64 }

// note compares the Date of an answer with the time at which it came.
func (a *apart) note(res *http.Response) {
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		a.Store(int64(time.Until(date)))
	}
}

// Share implements storage.Sharer: a server that ignores the condition of a request would let one process overwrite what another has
// written.
func (s *Store) Share(ctx context.Context) error {
	key := s.prefix + "probe-" + nonce()
	b := newSpool(s.spoolDir)
	defer b.free()
	if err := b.write([]byte("probe\n")); err != nil {
		return wrap("probe", err)
	}
	_, _, err := s.put(ctx, key, b, nil, condition{absent: true})
	if err != nil {
		return wrap("probe", err)
	}
	_, _, err = s.put(ctx, key, b, nil, condition{absent: true})
	if cerr := s.remove(ctx, key); cerr != nil {
		return wrap("probe", cerr)
	}
	switch {
	case s.unconditional.Load() || err == nil:
		return wrap("probe", &failure{text: "the server takes a request whose condition does not hold (If-None-Match)"})
	case !errors.Is(err, errConflict):
		return wrap("probe", err)
	}
	return nil
}

// Removal implements storage.Fencer by a presigned request.
func (s *Store) Removal(ctx context.Context, d digest.Digest, ttl time.Duration) (func(ctx context.Context) error, error) {
	key, ok := s.blobKey(d)
	if !ok {
		return func(context.Context) error { return nil }, nil
	}
	if by := time.Duration(s.apart.Load()); by.Abs() > maxApart {
		return nil, wrap("delete", &failure{text: fmt.Sprintf("the server's clock and that of this process are %s apart", by.Abs().Round(time.Second)), is: storage.ErrUnavailable})
	}
	if err := s.punctual(ctx); err != nil {
		return nil, wrap("delete", err)
	}
	remove, err := s.removal(ctx, key, ttl)
	return remove, wrap("delete", err)
}

// removal is Removal of an object.
func (s *Store) removal(ctx context.Context, key string, ttl time.Duration) (func(ctx context.Context) error, error) {
	u, err := s.api.Presign(ctx, http.MethodDelete, s.bucket, key, ttl, nil)
	if err != nil {
		return nil, clean(err)
	}
	prepared := time.Now()
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodDelete, u.String(), nil)
		if err != nil {
			return wrap("delete", &failure{text: "the request can't be made"}) // err shows the signature
		}
		res, err := s.conns.RoundTrip(r) // once: a second try could take effect when the first was answered
		if err != nil {
			return wrap("delete", clean(err))
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswerBytes)) // so that the connection is used again
		s.apart.note(res)
		switch {
		case res.StatusCode/100 == 2 || res.StatusCode == http.StatusNotFound:
			return nil
		case res.StatusCode == http.StatusForbidden && time.Since(prepared) >= ttl:
			return wrap("delete", storage.ErrLate)
		}
		return wrap("delete", &failure{code: "an error", status: res.StatusCode, is: storage.ErrUnavailable})
	}, nil
}

// punctual finds out, once, whether the server refuses a request whose time is over.
func (s *Store) punctual(ctx context.Context) error {
	s.late.Lock()
	defer s.late.Unlock()
	if s.late.refused {
		return nil
	}
	late, err := s.removal(ctx, s.prefix+"probe-"+nonce(), time.Second)
	if err != nil {
		return err
	}
	select {
	case <-time.After(2500 * time.Millisecond): // servers count whole seconds
	case <-ctx.Done():
		return ctx.Err()
	}
	switch err := late(ctx); {
	case errors.Is(err, storage.ErrLate):
		s.late.refused = true
		return nil
	case err != nil:
		return err
	}
	return &failure{text: "the server takes presigned requests whose time is over, so nothing can be removed beside other processes"}
}

const maxAnswerBytes = 64 << 10
