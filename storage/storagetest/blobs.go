package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

var blobCases = []testCase{
	{"Put/sizes", putSizes},
	{"Put/readers", putReaders},
	{"Put/limit", putLimit},
	{"Put/failing reader", putFailing},
	{"Put/expect", putExpect},
	{"Put/again", putAgain},
	{"Put/concurrent same", putConcurrentSame},
	{"Put/concurrent different", putConcurrentDifferent},
	{"Put/cancel", putCancel},
	{"Open/ranges", openRanges},
	{"Delete", deleteBlob},
	{"Delete/then put", deletePut},
	{"List", listBlobs},
	{"List/while deleting", listDeleting},
	{"invalid digests", invalidDigests},
	{"Ready", ready},
	{"cancelled", cancelled},
}

func putSizes(t *testing.T, s storage.Store) {
	for _, size := range []int{0, 1, 4 << 10, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3*chunkBytes + 17} {
		data := random(1, size)
		mustPut(t, s, data)
		mustHave(t, s, data)
	}
}

// hiding keeps io.Copy and its like from a shortcut around Read.
type hiding struct{ io.Reader }

func putReaders(t *testing.T, s storage.Store) {
	for i, wrap := range []func(io.Reader) io.Reader{
		func(r io.Reader) io.Reader { return hiding{r} }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader, emptyReads,
	} {
		data := random(10+i, 9_000)
		if _, err := s.Put(t.Context(), wrap(bytes.NewReader(data)), noLimit); err != nil {
			t.Fatalf("reader %d: %v", i, err)
		}
		mustHave(t, s, data)
	}
}

// emptyReads answers every other Read with nothing, as io.Reader may.
func emptyReads(r io.Reader) io.Reader { return &skipping{r: r} }

type skipping struct {
	r    io.Reader
	skip bool
}

func (s *skipping) Read(p []byte) (int, error) {
	if s.skip = !s.skip; s.skip {
		return 0, nil
	}
	return s.r.Read(p[:min(len(p), 1_000)])
}

func putLimit(t *testing.T, s storage.Store) {
	for i, size := range []int{1, 1_000, chunkBytes, 2*chunkBytes + 5, 0} {
		data := random(20+i, size)
		if size > 0 {
			_, err := s.Put(t.Context(), bytes.NewReader(data), int64(size-1))
			if !errors.Is(err, storage.ErrTooLarge) {
				t.Errorf("%d bytes, limit one less: %v, want ErrTooLarge", size, err)
			}
			mustLack(t, s, digest.FromBytes(data))
			mustLack(t, s, digest.FromBytes(data[:size-1]))
		}
		if _, err := s.Put(t.Context(), bytes.NewReader(data), int64(size)); err != nil {
			t.Errorf("%d bytes, limit exactly: %v", size, err)
		}
		mustHave(t, s, data)
	}
}

func putFailing(t *testing.T, s storage.Store) {
	for i, size := range []int{0, 1, chunkBytes, 3*chunkBytes + 1} {
		data := random(30+i, size)
		if _, err := s.Put(t.Context(), broken(data), noLimit); !errors.Is(err, errBroken) {
			t.Errorf("reader that breaks after %d bytes: %v, want its error", size, err)
		}
		mustLack(t, s, digest.FromBytes(data))
	}
	// An error that only looks like the end, as of a body that was cut.
	data := random(39, 100)
	r := io.MultiReader(bytes.NewReader(data), failing{io.ErrUnexpectedEOF})
	if _, err := s.Put(t.Context(), r, noLimit); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut body: %v, want io.ErrUnexpectedEOF", err)
	}
	if found := digests(t, s, ""); len(found) > 0 {
		t.Errorf("List after failures: %v", found)
	}
	// A failure does no harm to bytes that are there.
	mustPut(t, s, data)
	if _, err := s.Put(t.Context(), broken(data), noLimit); !errors.Is(err, errBroken) {
		t.Errorf("reader that breaks: %v", err)
	}
	mustHave(t, s, data)
}

func putExpect(t *testing.T, s storage.Store) {
	wrong := digest.FromString("something else")
	for _, size := range []int{0, 5_000, chunkBytes + 100} {
		data := random(40, size)
		if _, err := s.Put(t.Context(), storage.Expect(bytes.NewReader(data), wrong), noLimit); !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("wrong %d bytes: %v, want ErrMismatch", size, err)
		}
		mustLack(t, s, wrong)
		mustLack(t, s, digest.FromBytes(data))
		if _, err := s.Put(t.Context(), storage.Expect(bytes.NewReader(data), digest.FromBytes(data)), noLimit); err != nil {
			t.Errorf("right %d bytes: %v", size, err)
		}
		mustHave(t, s, data)
	}
}

func putAgain(t *testing.T, s storage.Store) {
	data := random(50, 3_000)
	first := mustPut(t, s, data)
	moves(t, first.Modified, func() time.Time { return mustPut(t, s, data).Modified })
	if got := mustStat(t, s, first.Digest); !got.Modified.After(first.Modified) {
		t.Errorf("Stat still says %v", got.Modified)
	}
	mustHave(t, s, data)
	if found := digests(t, s, ""); len(found) != 1 {
		t.Errorf("List = %v, want one blob", found)
	}
}

func putConcurrentSame(t *testing.T, s storage.Store) {
	data := random(60, chunkBytes+100)
	want := digest.FromBytes(data)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			b, err := s.Put(t.Context(), bytes.NewReader(data), noLimit)
			if err != nil || b.Digest != want || b.Size != int64(len(data)) {
				t.Errorf("Put = %+v, %v", b, err)
				return
			}
			r, err := s.Open(t.Context(), want, 0, -1)
			if err != nil {
				t.Errorf("Open after Put: %v", err)
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	if found := digests(t, s, ""); len(found) != 1 {
		t.Errorf("List = %v, want one blob", found)
	}
}

func putConcurrentDifferent(t *testing.T, s storage.Store) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 4 {
				data := random(100+4*i+j, 2_000)
				if _, err := s.Put(t.Context(), bytes.NewReader(data), noLimit); err != nil {
					t.Errorf("Put: %v", err)
				}
				if _, err := s.Put(t.Context(), broken(data[:1_000]), noLimit); !errors.Is(err, errBroken) {
					t.Errorf("broken Put: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 32 {
		mustHave(t, s, random(100+i, 2_000))
	}
	if found := digests(t, s, ""); len(found) != 32 {
		t.Errorf("List has %d blobs, want 32", len(found))
	}
}

func putCancel(t *testing.T, s storage.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &endless{cancel: cancel, after: 3 * chunkBytes}
	if _, err := s.Put(ctx, r, noLimit); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v, want context.Canceled", err)
	}
	if r.more > 32<<20 {
		t.Errorf("Put read %d bytes more after the cancellation", r.more)
	}
	if found := digests(t, s, ""); len(found) > 0 {
		t.Errorf("List after the cancellation: %v", found)
	}
}

func openRanges(t *testing.T, s storage.Store) {
	data := random(70, 1_000)
	d := mustPut(t, s, data).Digest
	for _, c := range []struct{ offset, length int64 }{
		{0, -1}, {0, 1_000}, {0, 1}, {0, 999}, {1, -1}, {1, 999}, {500, 100}, {999, 1}, {999, -1}, {0, 0}, {500, 0}, {1_000, 0}, {1_000, -1},
	} {
		end := c.offset + c.length
		if c.length == -1 {
			end = 1_000
		}
		r, err := s.Open(t.Context(), d, c.offset, c.length)
		mustRead(t, fmt.Sprintf("Open(%d, %d)", c.offset, c.length), r, err, data[c.offset:end])
		r, err = s.Open(t.Context(), d, c.offset, c.length)
		if err != nil {
			t.Fatal(err)
		}
		var copied bytes.Buffer
		if n, err := io.Copy(&copied, r); err != nil || n != end-c.offset || !bytes.Equal(copied.Bytes(), data[c.offset:end]) {
			t.Errorf("io.Copy of Open(%d, %d) = %d, %v", c.offset, c.length, n, err)
		}
		_ = r.Close()
	}
	const far = int64(1) << 62
	for _, c := range []struct{ offset, length int64 }{
		{1_001, -1}, {1_001, 0}, {1_001, 1}, {0, 1_001}, {999, 2}, {1_000, 1}, {-1, -1}, {-1, 1}, {0, -2}, {far, -1}, {far, far}, {1, far + (far - 1)}, {-far, far},
	} {
		r, err := s.Open(t.Context(), d, c.offset, c.length)
		if !errors.Is(err, storage.ErrRange) {
			t.Errorf("Open(%d, %d) of 1000 bytes: %v, want ErrRange", c.offset, c.length, err)
		}
		if err == nil {
			_ = r.Close()
		}
	}
	empty := mustPut(t, s, nil).Digest
	r, err := s.Open(t.Context(), empty, 0, -1)
	mustRead(t, "Open of nothing", r, err, nil)
	missing := digest.FromString("missing")
	if _, err := s.Open(t.Context(), missing, 5, 5); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("range of a missing blob: %v, want ErrNotExist", err)
	}
}

func deleteBlob(t *testing.T, s storage.Store) {
	gone, stays := random(80, 100), random(81, 100)
	mustPut(t, s, gone)
	mustPut(t, s, stays)
	for range 2 { // the second time it is missing
		if err := s.Delete(t.Context(), digest.FromBytes(gone)); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		mustLack(t, s, digest.FromBytes(gone))
	}
	mustHave(t, s, stays)
}

// deletePut runs Put and Delete of the same bytes at once: each Put succeeds, and the blob is then whole or gone.
func deletePut(t *testing.T, s storage.Store) {
	data := random(82, 20_000)
	d := digest.FromBytes(data)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 20 {
				if _, err := s.Put(t.Context(), bytes.NewReader(data), noLimit); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range 60 {
				if err := s.Delete(t.Context(), d); err != nil {
					t.Errorf("Delete: %v", err)
				}
			}
		})
	}
	wg.Wait()
	mustPut(t, s, data)
	mustHave(t, s, data)
}

func listBlobs(t *testing.T, s storage.Store) {
	if found := digests(t, s, ""); len(found) > 0 {
		t.Errorf("List of an empty store = %v", found)
	}
	var all []digest.Digest
	for i := range 60 {
		all = append(all, mustPut(t, s, random(200+i, 10+i)).Digest)
	}
	slices.Sort(all)
	if found := digests(t, s, ""); !slices.Equal(found, all) {
		t.Errorf("List = %v, want %v", found, all)
	}
	for i, after := range all {
		if found := digests(t, s, after); !slices.Equal(found, all[i+1:]) {
			t.Errorf("List after the %d. of 60 has %d blobs", i+1, len(found))
		}
	}
	between := all[30][:len(all[30])-1] + "0" // no such blob need exist
	if found := digests(t, s, between); len(found) < 29 || len(found) > 30 {
		t.Errorf("List after a digest that is not there has %d blobs", len(found))
	}
	if found := digests(t, s, digest.Digest("sha256:"+strings.Repeat("f", 64))); len(found) > 0 {
		t.Errorf("List after the last digest = %v", found)
	}
	for b, err := range s.List(t.Context(), "") {
		if err != nil || b.Digest != all[0] || b.Size == 0 {
			t.Errorf("first of List = %+v, %v", b, err)
		}
		break // no yield may follow
	}
	list := s.List(t.Context(), "")
	for range 2 { // a sequence may be walked again
		n := 0
		for range list {
			n++
		}
		if n != len(all) {
			t.Errorf("List yields %d blobs", n)
		}
	}
}

func listDeleting(t *testing.T, s storage.Store) {
	for i := range 20 {
		mustPut(t, s, random(300+i, 100))
	}
	n := 0
	for b, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		if err := s.Delete(t.Context(), b.Digest); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		n++
	}
	if n != 20 || len(digests(t, s, "")) > 0 {
		t.Errorf("List yielded %d blobs, want 20; %d left", n, len(digests(t, s, "")))
	}
}

// badDigests are no sha256 digests, some of them with a way out of a directory.
func badDigests() []digest.Digest {
	hex := strings.Repeat("ab", 32)
	var bad []digest.Digest
	for _, d := range []string{
		"", "sha256:", "sha256", hex, "sha256:" + hex[1:], "sha256:" + hex + "a", "sha256:" + strings.ToUpper(hex), "SHA256:" + hex,
		"sha512:" + hex + hex, "md5:" + hex[:32], "sha256:../../../../etc/passwd", "sha256:" + strings.Repeat("../", 21) + "a",
		"../" + hex, "/sha256:" + hex, "sha256:/" + hex[1:], "sha256:" + hex[:63] + "/", "sha256:" + hex[:63] + "\x00", "sha256:" + hex + "/..",
		"sha256:" + hex[:62] + "%2", "sha256: " + hex[1:], "sha256:" + hex + "\n", "tmp", "uploads", ".", "..",
	} {
		bad = append(bad, digest.Digest(d))
	}
	return bad
}

func invalidDigests(t *testing.T, s storage.Store) {
	data := random(90, 100)
	mustPut(t, s, data)
	for _, d := range badDigests() {
		if _, err := s.Stat(t.Context(), d); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Stat(%q): %v, want ErrNotExist", d, err)
		}
		if _, err := s.Open(t.Context(), d, 0, -1); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Open(%q): %v, want ErrNotExist", d, err)
		}
		if err := s.Delete(t.Context(), d); err != nil {
			t.Errorf("Delete(%q): %v", d, err)
		}
		const id = "invalid-digest-0001"
		if err := s.Create(t.Context(), id, nil); err != nil {
			t.Fatalf("Create: %v", err)
		}
		if err := s.Finish(t.Context(), id, storage.Blob{Digest: d}, nil); err == nil {
			t.Errorf("Finish as %q succeeds", d)
		}
		if err := s.Discard(t.Context(), id); err != nil {
			t.Fatalf("Discard: %v", err)
		}
	}
	mustHave(t, s, data)
	if found := digests(t, s, ""); len(found) != 1 {
		t.Errorf("List = %v, want one blob", found)
	}
}

func ready(t *testing.T, s storage.Store) {
	for range 3 {
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("Ready: %v", err)
		}
	}
	if found := digests(t, s, ""); len(found) > 0 {
		t.Errorf("List after Ready = %v", found)
	}
	if found := uploads(t, s); len(found) > 0 {
		t.Errorf("ListUploads after Ready = %v", found)
	}
}

// cancelled: a method whose context is done does nothing. Cleaning up after a request needs a context of its own, and
// a backend that would do it anyway would hide that.
func cancelled(t *testing.T, s storage.Store) {
	const id = "cancelled-upload-1"
	data := random(95, 100)
	d := mustPut(t, s, data).Digest
	mustCreate(t, s, id)
	mustAppend(t, s, id, 0, data)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"Put":    func() error { _, err := s.Put(ctx, bytes.NewReader(data), noLimit); return err },
		"Open":   func() error { _, err := s.Open(ctx, d, 0, -1); return err },
		"Stat":   func() error { _, err := s.Stat(ctx, d); return err },
		"Delete": func() error { return s.Delete(ctx, d) },
		"List": func() error {
			for _, err := range s.List(ctx, "") {
				return err
			}
			return nil
		},
		"Ready":      func() error { return s.Ready(ctx) },
		"Create":     func() error { return s.Create(ctx, "cancelled-upload-2", nil) },
		"Append":     func() error { _, err := s.Append(ctx, id, 100, bytes.NewReader(data), noLimit, nil); return err },
		"OpenUpload": func() error { _, err := s.OpenUpload(ctx, id, 10); return err },
		"Finish":     func() error { return s.Finish(ctx, id, storage.Blob{Digest: d, Size: 100}, nil) },
		"Discard":    func() error { return s.Discard(ctx, id) },
		"ListUploads": func() error {
			for _, err := range s.ListUploads(ctx) {
				return err
			}
			return nil
		},
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	mustHave(t, s, data)
	if found := uploads(t, s); len(found) != 1 || found[0].ID != id || found[0].Size != 100 {
		t.Errorf("ListUploads = %+v, want the one upload as it was", found)
	}
}
