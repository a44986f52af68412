package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"slipway/internal/ctxgrace"
	"slipway/storage"
)

// Append implements storage.Uploads. Whole parts are sent while r is read; the rest becomes the new tail, in the one
// request that also makes the parts belong to the upload. When r holds more than limit allows, the bytes up to limit stay.
// When r breaks off or ctx is cancelled, the bytes that have arrived are stored all the same; after an error of the server
// the upload still has its first offset bytes.
func (s *Store) Append(ctx context.Context, id string, offset int64, r io.Reader, limit int64, state *string) (int64, error) {
	if !storage.ValidID(id) {
		return 0, wrap("append", storage.ErrNotExist)
	}
	st, err := s.stateIn(ctx, id, offset, state)
	if err == nil {
		err = fits(st, offset, limit)
	}
	if err != nil {
		return 0, wrap("append", err)
	}
	n, now, err := s.append(ctx, id, st, offset, r, limit, bound(state))
	if n > 0 || err == nil {
		tell(state, now)
	}
	return n, wrap("append", moved(s.explain(ctx, id, err), state))
}

// bound reports whether a caller goes on from one state alone.
func bound(state *string) bool { return state != nil && *state != "" }

// tell names the state that an upload is in to the caller that asked for it.
func tell(state *string, now state) {
	if state != nil {
		*state = now.etag
	}
}

// moved turns a conflict into ErrMoved for a caller that goes on from one state alone.
func moved(err error, state *string) error {
	if bound(state) && errors.Is(err, errConflict) {
		return storage.ErrMoved
	}
	return err
}

func fits(st state, offset, limit int64) error {
	switch {
	case limit >= 0 && offset > limit:
		return storage.ErrTooLarge
	case offset < 0 || st.size() < offset:
		return storage.ErrOffset
	}
	return nil
}

// explain distinguishes a conflict with a Finish or Discard from a conflict with another Append.
func (s *Store) explain(ctx context.Context, id string, err error) error {
	if errors.Is(err, errConflict) {
		if _, lerr := s.load(ctx, id); errors.Is(lerr, storage.ErrNotExist) {
			return lerr
		}
	}
	return err
}

// append returns the state that the upload is left in, unless no byte was added and there is an error. bound: it goes on from st alone.
func (s *Store) append(ctx context.Context, id string, st state, offset int64, r io.Reader, limit int64, bound bool) (int64, state, error) {
	most := maxParts * s.partBytes
	if limit >= 0 && limit < most {
		most = limit
	}
	if offset > most {
		return 0, st, storage.ErrTooLarge
	}
	w := &writer{s: s, id: id, nonce: nonce(), tail: newSpool(s.spoolDir)}
	defer func() { w.tail.free() }()
	err := w.begin(ctx, st, offset)
	if errors.Is(err, errConflict) && !bound { // the remembered state is old, and r is untouched
		s.states.forget(id)
		if st, err = s.load(ctx, id); err == nil {
			err = fits(st, offset, limit)
		}
		if err == nil {
			err = w.begin(ctx, st, offset)
		}
	}
	if err != nil {
		return 0, st, err
	}
	keep, cancel := ctxgrace.Extend(ctx, keepTimeout)
	defer cancel()
	n, rerr, err := w.read(ctx, keep, &limited{r, most - offset})
	if err != nil {
		w.undo(ctx)
		return 0, st, err
	}
	if n == 0 && offset == st.size() { // no write will show whether the upload is still there
		if rerr == nil {
			_, rerr = s.load(ctx, id)
		}
		return 0, st, rerr
	}
	now, err := s.save(keep, id, st.etag, w.parts, w.tail)
	if err != nil {
		if errors.Is(err, errConflict) { // after any other error the upload may have the new parts by now
			w.undo(ctx)
		}
		return 0, st, err
	}
	w.drop(keep, st.parts)
	return n, now, rerr
}

// writer is the state of one Append.
type writer struct {
	s     *Store
	id    string
	nonce string
	parts []part // sent, or being sent
	kept  int    // how many of them the upload had before
	tail  *spool
}

// begin takes over the parts that end at or before offset, and the bytes between them and offset, which may be the
// beginning of a part.
func (w *writer) begin(ctx context.Context, st state, offset int64) error {
	w.tail.reset()
	w.parts = nil
	var start int64
	for _, p := range st.parts {
		if start+p.Size > offset {
			break
		}
		w.parts = append(w.parts, p)
		start += p.Size
	}
	w.kept = len(w.parts)
	if start == offset {
		return nil
	}
	head := w.s.openBytes(ctx, w.id, st, start, offset)
	defer head.Close()
	if err := w.tail.fill(ctx, head, offset-start); err != nil {
		return gone(err)
	}
	return nil
}

// read reads r to its end. The first error it returns is that of r, the second that of the server or the disk. One part is
// sent while the next one is read.
func (w *writer) read(ctx, keep context.Context, r io.Reader) (n int64, rerr, err error) {
	spare := newSpool(w.s.spoolDir)
	defer func() { spare.free() }()
	sent := make(chan error, 1)
	sent <- nil
	for {
		before := w.tail.size
		rerr = w.tail.fill(ctx, r, w.s.partBytes)
		n += w.tail.size - before
		if werr := <-sent; werr != nil {
			return 0, nil, werr
		}
		if onDisk(rerr) {
			return 0, nil, rerr
		}
		if rerr == io.EOF {
			return n, nil, nil
		}
		if rerr != nil {
			return n, rerr, nil
		}
		if len(w.parts) == maxParts-1 {
			return 0, nil, storage.ErrTooLarge
		}
		p := part{Name: fmt.Sprintf("%s%05d-%s", partPrefix, len(w.parts)+1, w.nonce), Size: w.tail.size}
		w.parts = append(w.parts, p)
		w.tail, spare = spare, w.tail
		full := spare
		go func() {
			_, _, err := w.s.put(keep, w.s.uploadKey(w.id, p.Name), full, nil, condition{})
			sent <- err
		}()
		w.tail.reset()
	}
}

// undo removes the parts that this Append has sent in vain, as far as possible; ListUploads shows the ones that stay.
func (w *writer) undo(ctx context.Context) {
	if len(w.parts) == w.kept {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	w.remove(ctx, w.parts[w.kept:])
}

// drop removes parts in before that the upload no longer has.
func (w *writer) drop(ctx context.Context, before []part) {
	if len(before) > w.kept {
		w.remove(ctx, before[w.kept:])
	}
}

func (w *writer) remove(ctx context.Context, parts []part) {
	_ = w.s.removeAll(ctx, func(yield func(string) bool) { // parts that stay are removed with the upload
		for _, p := range parts {
			if !yield(w.s.uploadKey(w.id, p.Name)) {
				return
			}
		}
	})
}
