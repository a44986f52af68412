package s3_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
	"slipway/storage/storagetest"
)

const (
	id       = "upload-0123456789"
	testPart = 5 << 20 // the smallest size that S3 takes
)

func TestMain(m *testing.M) {
	minio.DefaultRetryUnit, minio.DefaultRetryCap = time.Millisecond, 5*time.Millisecond
	os.Exit(m.Run())
}

func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store { return open(t, s3test.Options(t)) })
}

func open(t testing.TB, o s3.Options) *s3.Store {
	t.Helper()
	s, err := s3.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.SetSizes(testPart, testPart, testPart)
	return s
}

// bucket is the bucket as another tool sees it.
type bucket struct {
	*minio.Client
	name string
}

func look(t testing.TB, o s3.Options) bucket {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(s3test.Server(t), "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(s3test.AccessKey, s3test.SecretKey, ""), Region: o.Region, BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		t.Fatal(err)
	}
	return bucket{c, o.Bucket}
}

func (b bucket) keys(t testing.TB) []string {
	t.Helper()
	var keys []string
	for info := range b.ListObjects(t.Context(), b.name, minio.ListObjectsOptions{Recursive: true}) {
		if info.Err != nil {
			t.Fatal(info.Err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// multiparts are the multipart uploads that hold bytes and were neither completed nor aborted. A multipart upload whose
// start was not answered is empty and costs nothing.
func (b bucket) multiparts(t testing.TB) []string {
	t.Helper()
	var keys []string
	for info := range b.ListIncompleteUploads(t.Context(), b.name, "", true) {
		if info.Err != nil {
			t.Fatal(info.Err)
		}
		core := minio.Core{Client: b.Client}
		if parts, err := core.ListObjectParts(t.Context(), b.name, info.Key, info.UploadID, 0, 1); err != nil {
			t.Fatal(err)
		} else if len(parts.ObjectParts) > 0 {
			keys = append(keys, info.Key)
		}
	}
	return keys
}

func random(seed uint64, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(size), byte(size >> 8)}).Read(b)
	return b
}

func put(t testing.TB, s storage.Blobs, data []byte) storage.Blob {
	t.Helper()
	b, err := s.Put(t.Context(), bytes.NewReader(data), -1)
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	return b
}

func mustHave(t testing.TB, s storage.Blobs, data []byte) {
	t.Helper()
	d := digest.FromBytes(data)
	b, err := s.Stat(t.Context(), d)
	if err != nil || b.Size != int64(len(data)) {
		t.Fatalf("Stat = %+v, %v", b, err)
	}
	r, err := s.Open(t.Context(), d, 0, -1)
	mustRead(t, r, err, data)
}

func mustRead(t testing.TB, r io.ReadCloser, err error, want []byte) {
	t.Helper()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes, %v; want %d bytes", len(got), err, len(want))
	}
}

func appendTo(t testing.TB, s storage.Uploads, offset int64, data []byte) {
	t.Helper()
	n, err := s.Append(t.Context(), id, offset, bytes.NewReader(data), -1, nil)
	if err != nil || n != int64(len(data)) {
		t.Fatalf("Append at %d = %d, %v", offset, n, err)
	}
}

func create(t testing.TB, s storage.Uploads) {
	t.Helper()
	if err := s.Create(t.Context(), id, nil); err != nil {
		t.Fatalf("Create: %v", err)
	}
}

func finish(t testing.TB, s storage.Uploads, data []byte) {
	t.Helper()
	if err := s.Finish(t.Context(), id, storage.Blob{Digest: digest.FromBytes(data), Size: int64(len(data))}, nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
}

func uploads(t testing.TB, s storage.Uploads) []storage.Upload {
	t.Helper()
	var all []storage.Upload
	for u, err := range s.ListUploads(t.Context()) {
		if err != nil {
			t.Fatalf("ListUploads: %v", err)
		}
		all = append(all, u)
	}
	return all
}

// TestD6: a bucket can be read without Slipway: it holds one whole object per digest under its name, and nothing else.
func TestD6(t *testing.T) {
	o := s3test.Options(t)
	s := open(t, o)
	bodies := [][]byte{nil, random(1, 100), random(2, s3.WindowBytes+1), random(3, 2*testPart+100)}
	var want []string
	for _, data := range bodies {
		put(t, s, data)
		put(t, s, data)
		create(t, s)
		appendTo(t, s, 0, data)
		finish(t, s, data)
		hex := digest.FromBytes(data).Encoded()
		want = append(want, "slipway/blobs/sha256/"+hex[:2]+"/"+hex)
	}
	slices.Sort(want)
	b := look(t, o)
	if got := b.keys(t); !slices.Equal(got, want) {
		t.Errorf("the bucket holds %q, want %q", got, want)
	}
	for _, key := range want {
		r, err := b.GetObject(t.Context(), b.name, key, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || !strings.HasSuffix(key, digest.FromBytes(data).Encoded()) {
			t.Errorf("%s holds other bytes, %v", key, err)
		}
		info, err := r.Stat()
		if err != nil || info.ContentType != "application/octet-stream" || len(info.UserMetadata) > 0 {
			t.Errorf("%s has type %q, metadata %v, %v", key, info.ContentType, info.UserMetadata, err)
		}
	}
	if left := b.multiparts(t); len(left) > 0 {
		t.Errorf("multipart uploads of %q are left", left)
	}
	for _, data := range bodies {
		mustHave(t, s, data)
	}
	// Delete removes this object and no other.
	if err := s.Delete(t.Context(), digest.FromBytes(bodies[1])); err != nil {
		t.Fatal(err)
	}
	if got := b.keys(t); len(got) != len(want)-1 {
		t.Errorf("after a deletion the bucket holds %q", got)
	}
	mustHave(t, s, bodies[2])
}

// TestRequests: what an operation costs in requests, none of them a list.
func TestRequests(t *testing.T) {
	p := s3test.NewProxy(t)
	s := open(t, s3test.OptionsAt(t, p.URL))
	small, large := random(1, 1<<20), random(2, 2*testPart+100)
	d := digest.FromBytes(small)
	for _, c := range []struct {
		name string
		most int
		do   func() error
	}{
		{"Put 1 MiB", 1, func() error { _, err := s.Put(t.Context(), bytes.NewReader(small), -1); return err }},
		{"Put again", 1, func() error { _, err := s.Put(t.Context(), bytes.NewReader(small), -1); return err }},
		{"Put 10 MiB in parts", 8, func() error { _, err := s.Put(t.Context(), bytes.NewReader(large), -1); return err }},
		{"Stat", 1, func() error { _, err := s.Stat(t.Context(), d); return err }},
		{"Open", 1, func() error { return drain(s.Open(t.Context(), d, 0, -1)) }},
		{"Open range", 1, func() error { return drain(s.Open(t.Context(), d, 100, 1000)) }},
		{"Open tail", 1, func() error { return drain(s.Open(t.Context(), d, 1000, -1)) }},
		{"Delete", 1, func() error { return s.Delete(t.Context(), d) }},
		{"Ready", 1, func() error { return s.Ready(t.Context()) }},
		{"Create", 1, func() error { return s.Create(t.Context(), id, nil) }},
		{"Append first", 1, func() error {
			_, err := s.Append(t.Context(), id, 0, bytes.NewReader(small[:1000]), -1, nil)
			return err
		}},
		{"Append more", 2, func() error {
			_, err := s.Append(t.Context(), id, 1000, bytes.NewReader(small[1000:]), -1, nil)
			return err
		}},
		{"Finish", 2, func() error { return s.Finish(t.Context(), id, storage.Blob{Digest: d, Size: int64(len(small))}, nil) }},
	} {
		p.Reset()
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		seen := p.Requests()
		if len(seen) > c.most {
			t.Errorf("%s takes %d requests, want at most %d: %q", c.name, len(seen), c.most, seen)
		}
		for _, line := range seen {
			if strings.Contains(line, "list-type") {
				t.Errorf("%s asks for a list", c.name)
			}
		}
	}
	mustHave(t, s, small)
	mustHave(t, s, large)
}

func drain(r io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

// TestModified: Put returns no later time than Stat, so that a collector that compares them does not take new bytes for
// old.
func TestModified(t *testing.T) {
	s := open(t, s3test.Options(t))
	for i, size := range []int{10, 2*testPart + 10} {
		begun := time.Now()
		b := put(t, s, random(uint64(i), size))
		st, err := s.Stat(t.Context(), b.Digest)
		if err != nil || st.Modified.Before(b.Modified) {
			t.Errorf("Put says %v, Stat %v, %v", b.Modified, st.Modified, err)
		}
		if b.Modified.Before(begun.Add(-30 * time.Second)) { // allows for a loaded machine and the whole seconds of another clock
			t.Errorf("Put says %v, begun at %v", b.Modified, begun)
		}
	}
}
