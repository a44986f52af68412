package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

const uploadID = "upload-0123456789"

var uploadCases = []testCase{
	{"Create", createUpload},
	{"Append", appendUpload},
	{"Append/drops the tail", appendTail},
	{"Append/interrupted", appendInterrupted},
	{"Append/cancel", appendCancel},
	{"Append/limit", appendLimit},
	{"Append/errors", appendErrors},
	{"OpenUpload", openUpload},
	{"Finish", finishUpload},
	{"Finish/existing blob", finishExisting},
	{"Finish/errors", finishErrors},
	{"Finish/concurrent same", finishConcurrent},
	{"Discard", discardUpload},
	{"ListUploads", listUploads},
	{"states", uploadStates},
	{"removals", removals},
	{"invalid ids", invalidIDs},
}

func mustCreate(t *testing.T, s storage.Uploads, id string) {
	t.Helper()
	if err := s.Create(t.Context(), id, nil); err != nil {
		t.Fatalf("Create(%q): %v", id, err)
	}
}

func mustAppend(t *testing.T, s storage.Uploads, id string, offset int64, data []byte) {
	t.Helper()
	n, err := s.Append(t.Context(), id, offset, bytes.NewReader(data), noLimit, nil)
	if err != nil || n != int64(len(data)) {
		t.Fatalf("Append of %d bytes at %d = %d, %v", len(data), offset, n, err)
	}
}

// mustHold checks the first bytes of an upload.
func mustHold(t *testing.T, s storage.Uploads, id string, want []byte) {
	t.Helper()
	r, err := s.OpenUpload(t.Context(), id, int64(len(want)))
	mustRead(t, "OpenUpload", r, err, want)
}

func uploads(t *testing.T, s storage.Uploads) []storage.Upload {
	t.Helper()
	var found []storage.Upload
	for u, err := range s.ListUploads(t.Context()) {
		if err != nil {
			t.Fatalf("ListUploads: %v", err)
		}
		if u.Modified.IsZero() {
			t.Errorf("ListUploads yields %+v", u)
		}
		found = append(found, u)
	}
	return found
}

func createUpload(t *testing.T, s storage.Store) {
	for _, id := range []string{uploadID, strings.Repeat("z", 64), "0123456789abcdef", "----------------"} {
		mustCreate(t, s, id)
		mustHold(t, s, id, nil)
	}
	mustAppend(t, s, uploadID, 0, []byte("bytes"))
	err := s.Create(t.Context(), uploadID, nil)
	if !errors.Is(err, storage.ErrExists) {
		t.Errorf("a second Create of the same id: %v, want ErrExists", err)
	}
	mustHold(t, s, uploadID, []byte("bytes"))
}

func appendUpload(t *testing.T, s storage.Store) {
	mustCreate(t, s, uploadID)
	data := random(1, 3*chunkBytes+77)
	var offset int
	for _, n := range []int{0, 1, 1_000, chunkBytes, chunkBytes + 1} {
		mustAppend(t, s, uploadID, int64(offset), data[offset:offset+n])
		offset += n
		mustHold(t, s, uploadID, data[:offset])
	}
	mustAppend(t, s, uploadID, int64(offset), data[offset:])
	mustHold(t, s, uploadID, data)
	mustLack(t, s, digest.FromBytes(data))
}

func appendTail(t *testing.T, s storage.Store) {
	mustCreate(t, s, uploadID)
	data := random(2, 2_000)
	mustAppend(t, s, uploadID, 0, data[:1_500])
	mustAppend(t, s, uploadID, 1_000, data[1_200:1_300])
	want := slices.Concat(data[:1_000], data[1_200:1_300])
	mustHold(t, s, uploadID, want)
	if _, err := s.OpenUpload(t.Context(), uploadID, 1_101); !errors.Is(err, storage.ErrOffset) {
		t.Errorf("the tail is still there: %v, want ErrOffset", err)
	}
	mustAppend(t, s, uploadID, 0, data[:10])
	mustHold(t, s, uploadID, data[:10])
	if found := uploads(t, s); len(found) != 1 || found[0].Size != 10 {
		t.Errorf("ListUploads = %+v, want 10 bytes", found)
	}
	mustAppend(t, s, uploadID, 5, nil)
	if _, err := s.OpenUpload(t.Context(), uploadID, 6); !errors.Is(err, storage.ErrOffset) {
		t.Errorf("nothing appended at 5: %v, want ErrOffset", err)
	}
}

func appendInterrupted(t *testing.T, s storage.Store) {
	mustCreate(t, s, uploadID)
	data := random(3, 2*chunkBytes+500)
	var have int64
	for _, n := range []int{100, 0, chunkBytes, chunkBytes + 400} {
		got, err := s.Append(t.Context(), uploadID, have, broken(data[have:have+int64(n)]), noLimit, nil)
		if !errors.Is(err, errBroken) {
			t.Fatalf("Append: %v, want the error of the reader", err)
		}
		if got != int64(n) {
			t.Errorf("Append of %d bytes reports %d", n, got)
		}
		have += got
		mustHold(t, s, uploadID, data[:have])
	}
	if err := s.Finish(t.Context(), uploadID, storage.Blob{Digest: digest.FromBytes(data), Size: int64(len(data))}, nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	mustHave(t, s, data)
}

func appendCancel(t *testing.T, s storage.Store) {
	mustCreate(t, s, uploadID)
	mustAppend(t, s, uploadID, 0, []byte("first"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &endless{cancel: cancel, after: 3 * chunkBytes}
	n, err := s.Append(ctx, uploadID, 5, r, noLimit, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Append: %v, want context.Canceled", err)
	}
	if r.more > 32<<20 {
		t.Errorf("Append read %d bytes more after the cancellation", r.more)
	}
	mustHold(t, s, uploadID, append([]byte("first"), make([]byte, n)...))
}

func appendLimit(t *testing.T, s storage.Store) {
	mustCreate(t, s, uploadID)
	data := random(4, 1_000)
	for _, c := range []struct {
		offset, size, limit int64
		fits                bool
	}{
		{0, 100, 100, true}, {100, 900, 1_000, true}, {100, 901, 1_000, false}, {100, 1, 100, false}, {100, 0, 100, true},
		{100, 1, 99, false}, {0, 1, 0, false}, {0, 0, 0, true}, {0, 1_000, noLimit, true},
	} {
		mustAppend(t, s, uploadID, 0, data[:c.offset])
		body := slices.Concat(data, data)[c.offset : c.offset+c.size]
		n, err := s.Append(t.Context(), uploadID, c.offset, bytes.NewReader(body), c.limit, nil)
		switch {
		case c.fits && (err != nil || n != c.size):
			t.Errorf("%d bytes at %d, limit %d = %d, %v", c.size, c.offset, c.limit, n, err)
		case !c.fits && !errors.Is(err, storage.ErrTooLarge):
			t.Errorf("%d bytes at %d, limit %d: %v, want ErrTooLarge", c.size, c.offset, c.limit, err)
		case n < 0 || n > max(0, c.limit-c.offset) && c.limit >= 0:
			t.Errorf("%d bytes at %d, limit %d: reports %d durable", c.size, c.offset, c.limit, n)
		default:
			mustHold(t, s, uploadID, slices.Concat(data[:c.offset], body[:n]))
		}
	}
}

func appendErrors(t *testing.T, s storage.Store) {
	n, err := s.Append(t.Context(), uploadID, 0, strings.NewReader("x"), noLimit, nil)
	if n != 0 || !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Append to a missing upload = %d, %v, want ErrNotExist", n, err)
	}
	if found := uploads(t, s); len(found) > 0 {
		t.Errorf("ListUploads = %+v", found)
	}
	mustCreate(t, s, uploadID)
	mustAppend(t, s, uploadID, 0, []byte("12345"))
	for _, offset := range []int64{6, 1 << 40, -1} {
		n, err := s.Append(t.Context(), uploadID, offset, strings.NewReader("x"), noLimit, nil)
		if n != 0 || !errors.Is(err, storage.ErrOffset) {
			t.Errorf("Append at %d of 5 = %d, %v, want ErrOffset", offset, n, err)
		}
	}
	mustHold(t, s, uploadID, []byte("12345"))
}

func openUpload(t *testing.T, s storage.Store) {
	if _, err := s.OpenUpload(t.Context(), uploadID, 0); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("missing upload: %v, want ErrNotExist", err)
	}
	mustCreate(t, s, uploadID)
	data := random(5, 1_000)
	mustAppend(t, s, uploadID, 0, data)
	for _, size := range []int{0, 1, 999, 1_000} {
		mustHold(t, s, uploadID, data[:size])
	}
	for _, size := range []int64{1_001, 1 << 62, -1} {
		if r, err := s.OpenUpload(t.Context(), uploadID, size); !errors.Is(err, storage.ErrOffset) {
			if err == nil {
				_ = r.Close()
			}
			t.Errorf("OpenUpload of %d bytes of 1000: %v, want ErrOffset", size, err)
		}
	}
}

func finishUpload(t *testing.T, s storage.Store) {
	for i, c := range []struct{ have, size int }{{0, 0}, {1, 1}, {1_000, 1_000}, {1_000, 600}, {chunkBytes + 5, chunkBytes + 5}, {3, 0}} {
		data := random(10+i, c.have)
		mustCreate(t, s, uploadID)
		mustAppend(t, s, uploadID, 0, data)
		d := digest.FromBytes(data[:c.size])
		if err := s.Finish(t.Context(), uploadID, storage.Blob{Digest: d, Size: int64(c.size)}, nil); err != nil {
			t.Fatalf("Finish of %d bytes of %d: %v", c.size, c.have, err)
		}
		mustHave(t, s, data[:c.size])
		mustBeGone(t, s, uploadID)
	}
}

// mustBeGone checks that no method knows the upload.
func mustBeGone(t *testing.T, s storage.Uploads, id string) {
	t.Helper()
	if _, err := s.OpenUpload(t.Context(), id, 0); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("OpenUpload(%q): %v, want ErrNotExist", id, err)
	}
	if _, err := s.Append(t.Context(), id, 0, strings.NewReader("x"), noLimit, nil); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Append(%q): %v, want ErrNotExist", id, err)
	}
	if err := s.Finish(t.Context(), id, storage.Blob{Digest: digest.FromString("")}, nil); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Finish(%q): %v, want ErrNotExist", id, err)
	}
	for _, u := range uploads(t, s) {
		if u.ID == id {
			t.Errorf("ListUploads shows %q", id)
		}
	}
}

func finishExisting(t *testing.T, s storage.Store) {
	data := random(20, 5_000)
	first := mustPut(t, s, data)
	moves(t, first.Modified, func() time.Time {
		mustCreate(t, s, uploadID)
		mustAppend(t, s, uploadID, 0, data)
		if err := s.Finish(t.Context(), uploadID, first, nil); err != nil {
			t.Fatalf("Finish onto an existing blob: %v", err)
		}
		return mustStat(t, s, first.Digest).Modified
	})
	mustBeGone(t, s, uploadID)
	mustHave(t, s, data)
}

func finishErrors(t *testing.T, s storage.Store) {
	data := random(21, 100)
	d := digest.FromBytes(data)
	if err := s.Finish(t.Context(), uploadID, storage.Blob{Digest: d, Size: 100}, nil); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("missing upload: %v, want ErrNotExist", err)
	}
	mustCreate(t, s, uploadID)
	mustAppend(t, s, uploadID, 0, data[:99])
	for _, size := range []int64{100, -1} {
		if err := s.Finish(t.Context(), uploadID, storage.Blob{Digest: d, Size: size}, nil); !errors.Is(err, storage.ErrOffset) {
			t.Errorf("Finish of %d bytes of 99: %v, want ErrOffset", size, err)
		}
	}
	mustLack(t, s, d)
	mustHold(t, s, uploadID, data[:99])
	mustAppend(t, s, uploadID, 99, data[99:])
	if err := s.Finish(t.Context(), uploadID, storage.Blob{Digest: d, Size: 100}, nil); err != nil {
		t.Errorf("Finish after an error: %v", err)
	}
	mustHave(t, s, data)
}

// finishConcurrent: two clients push the same layer.
func finishConcurrent(t *testing.T, s storage.Store) {
	data := random(22, 50_000)
	b := storage.Blob{Digest: digest.FromBytes(data), Size: int64(len(data))}
	var wg sync.WaitGroup
	for i := range 4 {
		id := uploadID + "-" + string(rune('a'+i))
		mustCreate(t, s, id)
		mustAppend(t, s, id, 0, data)
		wg.Go(func() {
			if err := s.Finish(t.Context(), id, b, nil); err != nil {
				t.Errorf("Finish: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := s.Put(t.Context(), bytes.NewReader(data), noLimit); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	wg.Wait()
	mustHave(t, s, data)
	if found := uploads(t, s); len(found) > 0 {
		t.Errorf("ListUploads = %+v", found)
	}
}

func discardUpload(t *testing.T, s storage.Store) {
	mustCreate(t, s, uploadID)
	mustAppend(t, s, uploadID, 0, []byte("bytes"))
	for range 2 { // the second time it is missing
		if err := s.Discard(t.Context(), uploadID); err != nil {
			t.Fatalf("Discard: %v", err)
		}
		mustBeGone(t, s, uploadID)
	}
	mustCreate(t, s, uploadID) // the id can be used again
	mustHold(t, s, uploadID, nil)
	if _, err := s.OpenUpload(t.Context(), uploadID, 1); !errors.Is(err, storage.ErrOffset) {
		t.Errorf("a discarded upload left bytes: %v, want ErrOffset", err)
	}
}

func listUploads(t *testing.T, s storage.Store) {
	if found := uploads(t, s); len(found) > 0 {
		t.Errorf("ListUploads of an empty store = %+v", found)
	}
	mustPut(t, s, random(23, 100)) // no upload
	want := map[string]int64{}
	for i := range 10 {
		id := strings.Repeat(string(rune('a'+i)), 20)
		mustCreate(t, s, id)
		mustAppend(t, s, id, 0, random(24, 10*i))
		want[id] = int64(10 * i)
	}
	found := uploads(t, s)
	for _, u := range found {
		if size, ok := want[u.ID]; !ok || size != u.Size {
			t.Errorf("ListUploads yields %+v, want size %d", u, size)
		}
		delete(want, u.ID)
	}
	if len(want) > 0 {
		t.Errorf("ListUploads lacks %v", want)
	}
	for range s.ListUploads(t.Context()) {
		break // no yield may follow
	}
	last := func() time.Time {
		for _, u := range uploads(t, s) {
			if u.ID == found[0].ID {
				return u.Modified
			}
		}
		return time.Time{}
	}
	moves(t, last(), func() time.Time {
		mustAppend(t, s, found[0].ID, 0, []byte("more"))
		return last()
	})
	if blobs := digests(t, s, ""); len(blobs) != 1 {
		t.Errorf("List shows uploads: %v", blobs)
	}
}

func invalidIDs(t *testing.T, s storage.Store) {
	for _, id := range []string{
		"", ".", "..", "short", strings.Repeat("a", 15), strings.Repeat("a", 65), "../../../../tmp/evil", "../" + uploadID, uploadID + "/..",
		"/" + uploadID, uploadID + "/x", `..\..\..\..\` + uploadID, "UPLOAD-0123456789", uploadID + "\x00", uploadID + "\n", uploadID + ".",
		"%2e%2e%2f" + uploadID, uploadID + " ", "upload_0123456789", "uplöad-0123456789", strings.Repeat("../", 6),
	} {
		if err := s.Create(t.Context(), id, nil); err == nil {
			t.Errorf("Create(%q) succeeds", id)
		}
		if _, err := s.Append(t.Context(), id, 0, io.LimitReader(failing{io.EOF}, 1), noLimit, nil); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Append(%q): %v, want ErrNotExist", id, err)
		}
		if _, err := s.OpenUpload(t.Context(), id, 0); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("OpenUpload(%q): %v, want ErrNotExist", id, err)
		}
		if err := s.Finish(t.Context(), id, storage.Blob{Digest: digest.FromString("")}, nil); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Finish(%q): %v, want ErrNotExist", id, err)
		}
		if err := s.Discard(t.Context(), id); err != nil {
			t.Errorf("Discard(%q): %v", id, err)
		}
	}
	if found := uploads(t, s); len(found) > 0 {
		t.Errorf("ListUploads = %+v", found)
	}
	mustLack(t, s, digest.FromString(""))
}

// uploadStates: a caller that names a state goes on from this state alone. A store of one process has no states.
func uploadStates(t *testing.T, s storage.Store) {
	ctx := t.Context()
	var state string
	if err := s.Create(ctx, uploadID, &state); err != nil {
		t.Fatal(err)
	}
	appendIn := func(offset int64, data string, state *string) error {
		_, err := s.Append(ctx, uploadID, offset, strings.NewReader(data), noLimit, state)
		return err
	}
	is := func(want string) {
		t.Helper()
		if got, err := s.UploadState(ctx, uploadID); err != nil || got != want {
			t.Errorf("the state is %q, %v, want %q", got, err, want)
		}
	}
	is(state)
	if state == "" {
		if err := appendIn(0, "x", &state); err != nil || state != "" {
			t.Errorf("a state %q after %v", state, err)
		}
		is("")
		return
	}
	began := state
	if err := appendIn(0, "bytes of one", &state); err != nil || state == began {
		t.Errorf("Append: %v; state %q before, %q afterwards", err, began, state)
	}
	is(state)
	former := began
	if err := appendIn(0, "bytes of another", &former); !errors.Is(err, storage.ErrMoved) || former != began {
		t.Errorf("Append from a former state: %v, state %q", err, former)
	}
	mustHold(t, s, uploadID, []byte("bytes of one"))
	b := storage.Blob{Digest: digest.FromString("bytes of one"), Size: 12}
	if err := s.Finish(ctx, uploadID, b, &former); !errors.Is(err, storage.ErrMoved) {
		t.Errorf("Finish from a former state: %v", err)
	}
	if _, err := s.Stat(ctx, b.Digest); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("it left a blob: %v", err)
	}
	any := ""
	if err := appendIn(12, " and more", &any); err != nil || any == state {
		t.Errorf("Append to any state: %v, state %q", err, any)
	}
	is(any)
	if err := s.Finish(ctx, uploadID, b, &any); err != nil { // without what came behind
		t.Errorf("Finish: %v", err)
	}
	mustHave(t, s, []byte("bytes of one"))
	if _, err := s.UploadState(ctx, uploadID); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("the state of an ended upload: %v", err)
	}
}
