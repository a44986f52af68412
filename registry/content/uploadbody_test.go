package content_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
)

// pushing is an upload under way.
type pushing struct {
	t  *testing.T
	e  *registrytest.Env
	at registry.Name
	id string
}

func pushingOf(t *testing.T, e *registrytest.Env) pushing {
	t.Helper()
	p := pushing{t: t, e: e, at: e.Name("img")}
	up, err := e.Content.StartUpload(e.Admin, p.at)
	if err != nil {
		t.Fatal(err)
	}
	p.id = up.ID
	return p
}

func (p pushing) add(text string) {
	p.t.Helper()
	if _, err := p.e.Content.AppendUpload(p.e.Admin, p.at, p.id, -1, strings.NewReader(text), -1); err != nil {
		p.t.Fatal(err)
	}
}

func (p pushing) finish(want digest.Digest) error {
	_, err := p.e.Content.FinishUpload(p.e.Admin, p.at, p.id, want)
	return err
}

// holds checks that the package has the bytes.
func (p pushing) holds(d digest.Digest, text string) {
	p.t.Helper()
	b, err := p.e.Content.Blob(p.e.Admin, p.at, d)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := p.e.Content.OpenBlob(p.e.Admin, b, 0, -1)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != text {
		p.t.Errorf("%d bytes instead of %d: %v", len(got), len(text), err)
	}
}

// counting counts the calls of a store.
type counting struct {
	storage.Store
	calls *[]string
}

func (c counting) Put(ctx context.Context, r io.Reader, limit int64) (storage.Blob, error) {
	*c.calls = append(*c.calls, "put")
	return c.Store.Put(ctx, r, limit)
}

func (c counting) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	*c.calls = append(*c.calls, "stat")
	return c.Store.Stat(ctx, d)
}

func (c counting) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	*c.calls = append(*c.calls, "open")
	return c.Store.Open(ctx, d, offset, length)
}

func (c counting) Create(ctx context.Context, id string, state *string) error {
	*c.calls = append(*c.calls, "create")
	return c.Store.Create(ctx, id, state)
}

func (c counting) Append(ctx context.Context, id string, offset int64, r io.Reader, limit int64, state *string) (int64, error) {
	*c.calls = append(*c.calls, "append")
	return c.Store.Append(ctx, id, offset, r, limit, state)
}

func (c counting) Finish(ctx context.Context, id string, b storage.Blob, state *string) error {
	*c.calls = append(*c.calls, "finish")
	return c.Store.Finish(ctx, id, b, state)
}

// TestFirstBody: an upload whose one body has an end within some MiB costs one call of the store, and another body makes it
// an upload there. By every size around the bounds the bytes are the same.
func TestFirstBody(t *testing.T) {
	var calls []string
	e := registrytest.New(t, registrytest.WithBlobs(counting{mem.New(), &calls}))
	const chunk = 256 << 10
	for _, c := range []struct {
		size  int
		calls string
	}{
		{1, "put"}, {chunk - 1, "put"}, {chunk, "put"}, {chunk + 1, "put"}, {4 << 20, "put"}, {17*chunk - 1, "put"},
		{17 * chunk, "create append finish"}, {17*chunk + 1, "create append finish"}, {0, "put"},
	} {
		text := strings.Repeat("0123456789abcdef-", c.size/17+1)[:c.size]
		for _, sum := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
			d, p := sum.FromString(text), pushingOf(t, e)
			calls = nil
			p.add(text)
			if up, err := e.Content.Upload(e.Admin, p.at, p.id); err != nil || up.Offset != int64(c.size) {
				t.Errorf("%d bytes: at %d, %v", c.size, up.Offset, err)
			}
			if err := p.finish(d); err != nil {
				t.Fatalf("%d bytes: %v", c.size, err)
			}
			if got := strings.Join(calls, " "); sum == digest.SHA256 && got != c.calls {
				t.Errorf("%d bytes: the store is asked to %q, want %q", c.size, got, c.calls)
			}
			p.holds(d, text)
		}
		if c.size == 0 {
			continue
		}
		p, more := pushingOf(t, e), "and more"
		calls = nil
		p.add(text)
		for offset, status := range map[int64]registry.Kind{0: registry.RangeInvalid, int64(c.size) + 1: registry.RangeInvalid} {
			if up, err := e.Content.AppendUpload(e.Admin, p.at, p.id, offset, strings.NewReader(more), -1); registry.KindOf(err) != status || up.Offset != int64(c.size) {
				t.Errorf("%d bytes, then at %d: %+v, %v", c.size, offset, up, err)
			}
		}
		p.add("")
		broken := io.MultiReader(strings.NewReader(more[:3]), errReader{})
		if up, err := e.Content.AppendUpload(e.Admin, p.at, p.id, int64(c.size), broken, -1); err == nil || up.Offset != int64(c.size)+3 {
			t.Errorf("%d bytes, then a body that broke off: %+v, %v", c.size, up, err)
		}
		p.add(more[3:])
		if err := p.finish(digest.FromString(text + more)); err != nil {
			t.Fatal(err)
		}
		p.holds(digest.FromString(text+more), text+more)
	}
	for u, err := range e.Blobs.ListUploads(t.Context()) {
		t.Errorf("the store has an upload %+v, %v", u, err)
	}
	e.MustFsck(t)
}

// TestFirstBodyReaders: however a body comes, and wherever it breaks off, what has arrived counts, also when the request is
// over by then.
func TestFirstBodyReaders(t *testing.T) {
	e := registrytest.New(t)
	text := strings.Repeat("0123456789", 60_000)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"halves": iotest.HalfReader, "with its end": iotest.DataErrReader, "byte by byte": func(r io.Reader) io.Reader { return iotest.OneByteReader(r) },
	} {
		for _, at := range []int{1, 256 << 10, 300_000, len(text)} {
			p := pushingOf(t, e)
			ctx, cancel := context.WithCancel(e.Admin)
			up, err := e.Content.AppendUpload(ctx, p.at, p.id, -1, io.MultiReader(wrap(strings.NewReader(text[:at])), leaving{cancel}), -1)
			if !errors.Is(err, context.Canceled) || up.Offset != int64(at) {
				t.Fatalf("%s: broke off at %d: %+v, %v", name, at, up, err)
			}
			if _, err := e.Content.AppendUpload(e.Admin, p.at, p.id, int64(at), wrap(strings.NewReader(text[at:])), -1); err != nil {
				t.Fatal(err)
			}
			if err := p.finish(digest.FromString(text)); err != nil {
				t.Fatal(err)
			}
			p.holds(digest.FromString(text), text)
		}
	}
	p := pushingOf(t, e)
	if up, err := e.Content.AppendUpload(e.Admin, p.at, p.id, 0, errReader{}, -1); err == nil || up.Offset != 0 {
		t.Errorf("a body that broke off at once: %+v, %v", up, err)
	}
	if up, err := e.Content.AppendUpload(e.Admin, p.at, p.id, 0, stuck{}, -1); !errors.Is(err, io.ErrNoProgress) || up.Offset != 0 {
		t.Errorf("a body that never comes: %+v, %v", up, err)
	}
	for _, limit := range []int64{0, 4, 5, 6} {
		up, err := e.Content.AppendUpload(e.Admin, p.at, pushingOf(t, e).id, 0, strings.NewReader("hello"), limit)
		if limit < 5 && registry.KindOf(err) != registry.TooLarge || limit >= 5 && (err != nil || up.Offset != 5) {
			t.Errorf("5 bytes within %d: %+v, %v", limit, up, err)
		}
	}
	e.MustFsck(t)
}

// leaving is a client that goes away.
type leaving struct{ cancel context.CancelFunc }

func (l leaving) Read([]byte) (int, error) { l.cancel(); return 0, context.Canceled }

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestFirstBodyKept: while an upload lives the collector leaves its bytes alone, however long it takes and whatever the grace
// period is; when it has ended without becoming anybody's they go.
func TestFirstBodyKept(t *testing.T) {
	now := time.Now()
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		c.Now = func() time.Time { return now }
		c.UploadTTL = 72 * time.Hour
	}))
	stat := func(d digest.Digest) error { _, err := e.Blobs.Stat(t.Context(), d); return err }
	sum := digest.FromString("bytes")
	p, cancelled, wrong, idle := pushingOf(t, e), pushingOf(t, e), pushingOf(t, e), pushingOf(t, e)
	p.add("bytes")
	cancelled.add("cancelled")
	wrong.add("wrong")
	idle.add("idle")
	now = now.Add(48 * time.Hour)
	if r := e.MustCollect(t, maintain.CollectOptions{Force: true}); r.Blobs+r.Orphans+r.Uploads != 0 {
		t.Errorf("of live uploads: %+v", r)
	}
	if err := p.finish(sum); err != nil {
		t.Fatal(err)
	}
	if err := e.Content.CancelUpload(e.Admin, cancelled.at, cancelled.id); err != nil {
		t.Fatal(err)
	}
	if err := wrong.finish(sum); registry.KindOf(err) != registry.DigestMismatch {
		t.Errorf("wrong bytes: %v", err)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{Force: true, Grace: time.Hour}); r.Blobs != 0 {
		t.Errorf("within the grace period: %+v", r)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{Force: true}); r.Blobs != 2 || r.Orphans+r.Uploads != 0 {
		t.Errorf("what was given up: %+v", r)
	}
	now = now.Add(48 * time.Hour)
	if r := e.MustCollect(t, maintain.CollectOptions{Force: true}); r.Uploads != 1 || stat(digest.FromString("idle")) == nil {
		t.Errorf("what nobody went on with: %+v", r)
	}
	if stat(sum) != nil {
		t.Error("the bytes of a finished upload are gone")
	}
	e.MustFsck(t)
}
