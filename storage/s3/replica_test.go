package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

// TestReplicas: every request of an upload may reach another process.
func TestReplicas(t *testing.T) {
	o := s3test.Options(t)
	replicas := []*s3.Store{open(t, o), open(t, o), open(t, o)}
	for i, cuts := range [][]int{
		{0}, {1, 1_000}, {testPart}, {testPart - 1, testPart, testPart + 1}, {100, testPart + 100, 2*testPart + 100, 2*testPart + 300},
	} {
		data := random(uint64(i), cuts[len(cuts)-1])
		create(t, replicas[0])
		from := 0
		for j, to := range cuts {
			appendTo(t, replicas[(j+1)%3], int64(from), data[from:to])
			r, err := replicas[(j+2)%3].OpenUpload(t.Context(), id, int64(to))
			mustRead(t, r, err, data[:to])
			from = to
		}
		if all := uploads(t, replicas[0]); len(all) != 1 || all[0].Size != int64(len(data)) {
			t.Errorf("ListUploads = %+v, want %d bytes", all, len(data))
		}
		finish(t, replicas[2], data)
		for _, s := range replicas {
			mustHave(t, s, data)
			if _, err := s.Append(t.Context(), id, int64(len(data)), bytes.NewReader(data), -1, nil); !errors.Is(err, storage.ErrNotExist) {
				t.Errorf("Append after Finish: %v, want ErrNotExist", err)
			}
		}
	}
}

// TestBack: an upload can go back to any offset, also inside its parts; dropped bytes leave no object behind.
func TestBack(t *testing.T) {
	o := s3test.Options(t)
	data := random(1, testPart+1_000)
	other := random(2, testPart+1_000)
	for _, offset := range []int{0, 1_000, testPart - 1, testPart, testPart + 1, len(data)} {
		s := open(t, o)
		create(t, s)
		appendTo(t, s, 0, data)
		s = open(t, o) // this store has no remembered state
		for _, more := range [][]byte{nil, other[:10], other} {
			appendTo(t, s, int64(offset), more)
			want := slices.Concat(data[:offset], more)
			r, err := s.OpenUpload(t.Context(), id, int64(len(want)))
			mustRead(t, r, err, want)
			if _, err := s.OpenUpload(t.Context(), id, int64(len(want)+1)); !errors.Is(err, storage.ErrOffset) {
				t.Errorf("OpenUpload of more: %v, want ErrOffset", err)
			}
		}
		// Finish may take less than there is.
		want := slices.Concat(data[:offset], other[:20])
		finish(t, s, want)
		mustHave(t, s, want)
		if keys := look(t, o).keys(t); len(keys) != 1 {
			t.Errorf("offset %d: the bucket holds %q", offset, keys)
		}
		if err := s.Delete(t.Context(), digest.FromBytes(want)); err != nil {
			t.Fatal(err)
		}
	}
}

// paused yields data, says so, and waits before it ends.
type paused struct {
	io.Reader
	reached, goOn chan struct{}
	once          sync.Once
}

func (p *paused) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err == io.EOF {
		p.once.Do(func() { close(p.reached) })
		<-p.goOn
	}
	return n, err
}

// TestWrongDigest: a caller that gives a wrong digest for a small upload does not spoil a blob.
func TestWrongDigest(t *testing.T) {
	o := s3test.Options(t)
	s := open(t, o)
	good, bad := random(1, 1_000), random(2, 1_000)
	put(t, s, good)
	create(t, s)
	appendTo(t, s, 0, bad)
	for _, replica := range []*s3.Store{s, open(t, o)} {
		err := replica.Finish(t.Context(), id, storage.Blob{Digest: digest.FromBytes(good), Size: 1_000}, nil)
		if !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("Finish: %v, want ErrMismatch", err)
		}
	}
	mustHave(t, s, good)
	finish(t, s, bad)
}

// TestOvertaken: an Append whose client has given up, but which still runs in some process, neither changes what another
// Append has written since nor brings back an upload that is over.
func TestOvertaken(t *testing.T) {
	const small, large = 1_000, testPart + 1_000
	for _, sizes := range [][2]int{{small, small}, {large, small}, {large, large}} { // of the slow Append and the other
		for _, over := range []bool{false, true} {
			o := s3test.Options(t)
			slow, fast := open(t, o), open(t, o)
			create(t, slow)
			head, old, data := random(1, 500), random(2, sizes[0]), random(3, sizes[1])
			appendTo(t, slow, 0, head)
			r := &paused{Reader: bytes.NewReader(old), reached: make(chan struct{}), goOn: make(chan struct{})}
			failed := make(chan error)
			go func() {
				n, err := slow.Append(context.Background(), id, 500, r, -1, nil)
				if n != 0 {
					t.Errorf("the slow Append reports %d bytes", n)
				}
				failed <- err
			}()
			<-r.reached
			appendTo(t, fast, 500, data)
			want := slices.Concat(head, data)
			if over {
				finish(t, fast, want)
			}
			close(r.goOn)
			if err := <-failed; err == nil || over != errors.Is(err, storage.ErrNotExist) {
				t.Errorf("upload over: %v; the slow Append: %v", over, err)
			}
			if !over {
				finish(t, slow, want)
			}
			mustHave(t, fast, want)
			if left := uploads(t, fast); len(left) > 0 {
				t.Errorf("ListUploads = %+v", left)
			}
			if keys := look(t, o).keys(t); len(keys) != 1 {
				t.Errorf("the bucket holds %q", keys)
			}
		}
	}
}

// TestKept: the bytes that arrived from a client that disconnected are stored, whole parts and rest.
func TestKept(t *testing.T) {
	s := open(t, s3test.Options(t))
	data := random(1, 2*testPart+1_000)
	for _, size := range []int{10, testPart, len(data)} {
		create(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		n, err := s.Append(ctx, id, 0, io.MultiReader(bytes.NewReader(data[:size]), leaving(cancel)), -1, nil)
		if !errors.Is(err, context.Canceled) || n != int64(size) {
			t.Errorf("Append = %d, %v; want %d and context.Canceled", n, err, size)
		}
		r, err := s.OpenUpload(t.Context(), id, int64(size))
		mustRead(t, r, err, data[:size])
		finish(t, s, data[:size])
	}
}

type leaving context.CancelFunc

func (l leaving) Read([]byte) (int, error) {
	l()
	return 0, context.Canceled
}

// TestD9: replicas store the same digest at the same time, some of them cut off in the middle. Readers see the whole blob
// or none.
func TestD9(t *testing.T) {
	o := s3test.Options(t)
	one, two := open(t, o), open(t, o)
	for round := range 40 {
		size := 200_000
		if round%10 == 0 {
			size = testPart + 100_000
		}
		data := random(uint64(round), size)
		d := digest.FromBytes(data)
		ctx, cut := context.WithCancel(t.Context())
		var writers, readers sync.WaitGroup
		writers.Go(func() { // this writer is cut off
			_, _ = one.Put(ctx, io.MultiReader(bytes.NewReader(data), leavingSoon(cut)), -1)
		})
		writers.Go(func() {
			if _, err := two.Put(t.Context(), bytes.NewReader(data), -1); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
		done := make(chan struct{})
		for _, s := range []*s3.Store{one, two} {
			readers.Go(func() {
				for range 1_000 {
					select {
					case <-done:
						return
					default:
					}
					r, err := s.Open(t.Context(), d, 0, -1)
					if errors.Is(err, storage.ErrNotExist) {
						continue
					}
					if err != nil {
						t.Errorf("Open: %v", err)
						return
					}
					got, err := io.ReadAll(r)
					_ = r.Close()
					if err != nil || !bytes.Equal(got, data) {
						t.Errorf("read %d bytes of %d, %v", len(got), len(data), err)
					}
					return
				}
			})
		}
		writers.Wait()
		close(done)
		readers.Wait()
		cut()
		mustHave(t, one, data)
	}
	for _, u := range uploads(t, one) { // the uploads that were cut off
		if err := one.Discard(t.Context(), u.ID); err != nil {
			t.Error(err)
		}
	}
	if left := look(t, o).multiparts(t); len(left) > 0 {
		t.Errorf("multipart uploads of %q are left", left)
	}
}

// leavingSoon cancels while the bytes before it are being sent.
func leavingSoon(cut context.CancelFunc) io.Reader { return &soon{cut} }

type soon struct{ cut context.CancelFunc }

func (s *soon) Read([]byte) (int, error) {
	go s.cut()
	return 0, io.EOF
}
