package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

// scene is a way to store a blob. It may be called again after an error, as a client would.
type scene struct {
	name string
	data []byte
	run  func(ctx context.Context, s *s3.Store, data []byte) error
}

var scenes = []scene{
	{"put", random(1, 100_000), func(ctx context.Context, s *s3.Store, data []byte) error {
		_, err := s.Put(ctx, bytes.NewReader(data), -1)
		return err
	}},
	{"put parts", random(2, testPart+200_000), func(ctx context.Context, s *s3.Store, data []byte) error {
		_, err := s.Put(ctx, bytes.NewReader(data), -1)
		return err
	}},
	{"upload", random(3, 100_000), upload(40_000)},
	{"upload parts", random(4, testPart+200_000), upload(100_000)},
}

// upload appends data in two pieces, resumes at the offset that the store reports, and finishes.
func upload(first int) func(ctx context.Context, s *s3.Store, data []byte) error {
	return func(ctx context.Context, s *s3.Store, data []byte) error {
		r, err := s.OpenUpload(ctx, id, 0)
		if errors.Is(err, storage.ErrNotExist) {
			if err := s.Create(ctx, id, nil); err != nil {
				return err
			}
		} else if err != nil {
			return err
		} else if err := r.Close(); err != nil {
			return err
		}
		var offset int64
		for _, piece := range [][]byte{data[:first], data[first:]} {
			if _, err := s.Append(ctx, id, offset, bytes.NewReader(piece), -1, nil); err != nil {
				return err
			}
			offset += int64(len(piece))
		}
		return s.Finish(ctx, id, storage.Blob{Digest: digest.FromBytes(data), Size: offset}, nil)
	}
}

// TestD22 breaks each request of each scene in turn, once and for good. A request that fails once is repeated without harm;
// an operation whose requests keep failing fails cleanly: nothing wrong becomes visible, the next try succeeds, and Discard
// leaves nothing behind.
func TestD22(t *testing.T) {
	for _, sc := range scenes {
		once, lasting := s3test.Faults, []s3test.Fault{s3test.SlowDown, s3test.LostAnswer}
		if len(sc.data) > testPart { // slow; the other faults act the same on larger bodies
			once, lasting = []s3test.Fault{s3test.LostAnswer, s3test.HalfAnswer}, lasting[:1]
		}
		for _, fault := range once {
			t.Run(sc.name+"/"+fault.String(), func(t *testing.T) {
				t.Parallel()
				walk(t, sc, fault, false)
			})
		}
		for _, fault := range lasting {
			t.Run(sc.name+"/"+fault.String()+" from then on", func(t *testing.T) {
				t.Parallel()
				walk(t, sc, fault, true)
			})
		}
	}
}

func walk(t *testing.T, sc scene, fault s3test.Fault, stays bool) {
	p := s3test.NewProxy(t)
	o := s3test.OptionsAt(t, p.URL)
	s := open(t, o)
	step := 1
	if stays && len(sc.data) > testPart {
		step = 2 // slow; the other cases hit every request once
	}
	for n := 1; ; n += step {
		tripped := false
		p.Break(func(i int, _ *http.Request) s3test.Fault {
			if i == n || stays && i > n {
				tripped = true
				return fault
			}
			return s3test.Pass
		})
		p.Reset()
		err := sc.run(t.Context(), s, sc.data)
		seen := p.Requests()
		p.Break(nil)
		if !tripped {
			if err != nil {
				t.Fatalf("without a fault: %v", err)
			}
			return
		}
		if err != nil && !stays {
			t.Errorf("request %d, %s: %v", n, seen[n-1], err)
		}
		mustBeWholeOrNot(t, s, sc.data, err)
		if err != nil {
			// Another replica takes over.
			if err := sc.run(t.Context(), open(t, o), sc.data); err != nil {
				t.Fatalf("request %d, %s: the next try: %v", n, seen[n-1], err)
			}
			mustHave(t, s, sc.data)
		}
		mustClean(t, s, o, sc.data)
	}
}

// mustBeWholeOrNot checks that a visible blob is right, and that the blob is visible if the store has acknowledged it.
func mustBeWholeOrNot(t *testing.T, s *s3.Store, data []byte, err error) {
	t.Helper()
	if _, serr := s.Stat(t.Context(), digest.FromBytes(data)); err != nil && errors.Is(serr, storage.ErrNotExist) {
		return
	}
	mustHave(t, s, data)
}

// mustClean discards all uploads and checks that only the blob is left, without unfinished multipart uploads; then it
// removes the blob too.
func mustClean(t *testing.T, s *s3.Store, o s3.Options, data []byte) {
	t.Helper()
	for _, u := range uploads(t, s) {
		if err := s.Discard(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	b := look(t, o)
	if keys := b.keys(t); len(keys) != 1 || !strings.HasSuffix(keys[0], digest.FromBytes(data).Encoded()) {
		t.Errorf("the bucket holds %q", keys)
	}
	if left := b.multiparts(t); len(left) > 0 {
		t.Errorf("multipart uploads of %q are left", left)
	}
	if err := s.Delete(t.Context(), digest.FromBytes(data)); err != nil {
		t.Fatal(err)
	}
}

// TestD22OKError: S3 answers long copies with 200 before it knows that they fail.
func TestD22OKError(t *testing.T) {
	for _, sc := range scenes[1:] {
		p := s3test.NewProxy(t)
		o := s3test.OptionsAt(t, p.URL)
		s := open(t, o)
		hit := 0
		p.Break(func(_ int, r *http.Request) s3test.Fault {
			complete := r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
			if complete || r.Header.Get("X-Amz-Copy-Source") != "" {
				hit++
				return s3test.OKError
			}
			return s3test.Pass
		})
		if err := sc.run(t.Context(), s, sc.data); err == nil || hit == 0 {
			t.Errorf("%s: %d errors after 200: %v", sc.name, hit, err)
		}
		if _, err := s.Stat(t.Context(), digest.FromBytes(sc.data)); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("%s: Stat: %v, want ErrNotExist", sc.name, err)
		}
		p.Break(nil)
		if err := sc.run(t.Context(), s, sc.data); err != nil {
			t.Errorf("%s: the next try: %v", sc.name, err)
		}
		mustClean(t, s, o, sc.data)
	}
}

// TestD22LostComplete: when the answer to the completion of a multipart upload got lost, the server no longer knows the
// upload. The blob counts as stored if it is there and was not there before: an older blob proves nothing about these
// bytes.
func TestD22LostComplete(t *testing.T) {
	for _, sc := range []scene{scenes[1], scenes[3]} {
		for _, done := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", sc.name, done), func(t *testing.T) {
				t.Parallel()
				lostComplete(t, sc, done)
			})
		}
	}
}

func lostComplete(t *testing.T, sc scene, done bool) {
	p := s3test.NewProxy(t)
	s := open(t, s3test.OptionsAt(t, p.URL))
	if !done {
		put(t, s, sc.data)
		time.Sleep(3500 * time.Millisecond) // the server's clock has whole seconds, and lags
	}
	asked := 0
	p.Break(func(_ int, r *http.Request) s3test.Fault {
		if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") {
			return s3test.Pass
		}
		if asked++; asked == 1 && done {
			return s3test.LostAnswer
		}
		return s3test.NoSuchUpload
	})
	if err := sc.run(t.Context(), s, sc.data); done != (err == nil) || asked == 0 {
		t.Errorf("completed %v: %v", done, err)
	}
	mustHave(t, s, sc.data)
}

// TestD22WrongBody: the server refuses bytes that were changed on the way, for each part.
func TestD22WrongBody(t *testing.T) {
	for _, sc := range scenes {
		for _, at := range []int64{50_000, testPart / 2} { // bodies of at least this size
			p := s3test.NewProxy(t)
			s := open(t, s3test.OptionsAt(t, p.URL))
			hit := false
			p.Break(func(_ int, r *http.Request) s3test.Fault {
				if r.ContentLength >= at {
					hit = true
					return s3test.WrongBody
				}
				return s3test.Pass
			})
			err := sc.run(t.Context(), s, sc.data)
			if hit != (err != nil) {
				t.Errorf("%s: a body was changed: %v; error %v", sc.name, hit, err)
			}
			if _, err := s.Stat(t.Context(), digest.FromBytes(sc.data)); hit && !errors.Is(err, storage.ErrNotExist) {
				t.Errorf("%s: Stat: %v, want ErrNotExist", sc.name, err)
			}
		}
	}
}

// TestD22StaleList: storing and reading do not depend on lists. A stale list shows the collector blobs that are gone, which
// it may delete again, and hides new blobs, which it finds the next time.
func TestD22StaleList(t *testing.T) {
	p := s3test.NewProxy(t)
	o := s3test.OptionsAt(t, p.URL)
	s := open(t, o)
	if len(uploads(t, s)) > 0 || slices.ContainsFunc(listed(t, s), func(digest.Digest) bool { return true }) {
		t.Fatal("a new bucket holds something")
	}
	p.Break(func(int, *http.Request) s3test.Fault { return s3test.StaleList })
	for _, sc := range scenes {
		if err := sc.run(t.Context(), s, sc.data); err != nil {
			t.Fatalf("%s: %v", sc.name, err)
		}
		mustHave(t, s, sc.data)
	}
	if found := listed(t, s); len(found) > 0 {
		t.Fatalf("the list is not stale: %v", found)
	}
	p.Break(nil)
	if found := listed(t, s); len(found) != len(scenes) {
		t.Errorf("List = %v", found)
	}
	create(t, s)
	appendTo(t, s, 0, random(9, testPart+10))
	before := uploads(t, s)
	if err := s.Discard(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	p.Break(func(int, *http.Request) s3test.Fault { return s3test.StaleList })
	if after := uploads(t, s); len(before) == 0 || len(after) == 0 {
		t.Fatalf("ListUploads = %v, then %v; want the same", before, after)
	}
	if err := s.Discard(t.Context(), id); err != nil {
		t.Errorf("Discard of what is gone: %v", err)
	}
	p.Break(nil)
	if left := uploads(t, s); len(left) > 0 {
		t.Errorf("ListUploads = %v", left)
	}
}

func listed(t *testing.T, s *s3.Store) []digest.Digest {
	t.Helper()
	var all []digest.Digest
	for b, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Digest)
	}
	return all
}

// TestD22Body: a download resumes where its connection broke, and does not resume for ever.
func TestD22Body(t *testing.T) {
	p := s3test.NewProxy(t)
	s := open(t, s3test.OptionsAt(t, p.URL))
	data := random(1, 3<<20)
	d := put(t, s, data).Digest
	p.Break(func(n int, r *http.Request) s3test.Fault {
		if r.Method == http.MethodGet && n%3 != 0 {
			return s3test.HalfAnswer
		}
		return s3test.Pass
	})
	for _, c := range []struct{ from, n int64 }{{0, -1}, {1000, -1}, {1000, 2 << 20}} {
		p.Reset()
		end := int64(len(data))
		if c.n >= 0 {
			end = c.from + c.n
		}
		r, err := s.Open(t.Context(), d, c.from, c.n)
		mustRead(t, r, err, data[c.from:end])
		if n := len(p.Requests()); n < 3 {
			t.Errorf("%d requests: nothing broke", n)
		}
	}
	// Gone for good: the error is the server's, and is not taken for the end of a client's body.
	r, err := s.Open(t.Context(), d, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p.Break(func(int, *http.Request) s3test.Fault { return s3test.NotSent })
	_, err = io.Copy(io.Discard, r)
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		t.Errorf("the rest of a broken body: %v", err)
	}
}

// TestD22LostSave: the answer to the request that ends an Append gets lost, for good or until it can't be told which
// request made the change. Whether or not the new bytes count, the earlier bytes are there, and the upload goes on.
func TestD22LostSave(t *testing.T) {
	for _, sizes := range [][2]int{{1_000, 1_000}, {1_000, testPart}, {testPart + 1_000, testPart}} {
		for _, forGood := range []bool{true, false} {
			p := s3test.NewProxy(t)
			o := s3test.OptionsAt(t, p.URL)
			s := open(t, o)
			head, data := random(1, sizes[0]), random(2, sizes[1])
			create(t, s)
			appendTo(t, s, 0, head)
			lost := 0
			p.Break(func(_ int, r *http.Request) s3test.Fault {
				if r.Method == http.MethodPut && r.Header.Get("If-Match") != "" {
					lost++
				}
				switch {
				case r.Method == http.MethodPut && (lost == 1 || lost > 1 && forGood):
					return s3test.LostAnswer
				case r.Method == http.MethodHead && lost > 0:
					return s3test.NotSent
				}
				return s3test.Pass
			})
			n, err := s.Append(t.Context(), id, int64(len(head)), bytes.NewReader(data), -1, nil)
			if n != 0 || err == nil || lost < 2 {
				t.Errorf("Append = %d, %v after %d tries", n, err, lost)
			}
			p.Break(nil)
			for _, s := range []*s3.Store{s, open(t, o)} {
				r, err := s.OpenUpload(t.Context(), id, int64(len(head)))
				mustRead(t, r, err, head)
				appendTo(t, s, int64(len(head)), data)
			}
			finish(t, s, slices.Concat(head, data))
			mustClean(t, s, o, slices.Concat(head, data))
		}
	}
}

// TestUnconditional: a server without conditional PUT is used without conditions.
func TestUnconditional(t *testing.T) {
	p := s3test.NewProxy(t)
	s := open(t, s3test.OptionsAt(t, p.URL))
	refused := 0
	p.Break(func(_ int, r *http.Request) s3test.Fault {
		if r.Method == http.MethodPut && r.Header.Get("If-Match")+r.Header.Get("If-None-Match") != "" {
			refused++
			return s3test.NotImplemented
		}
		return s3test.Pass
	})
	for _, sc := range scenes[2:] {
		if err := sc.run(t.Context(), s, sc.data); err != nil {
			t.Errorf("%s: %v", sc.name, err)
		}
		mustHave(t, s, sc.data)
	}
	if refused != 1 {
		t.Errorf("%d conditions were sent", refused)
	}
}
