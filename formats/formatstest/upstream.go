package formatstest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"slipway/formats"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
)

// Upstream is what RunUpstream needs of a format.
type Upstream struct {
	New func() formats.Format
	// URL is the address of the format's registry elsewhere.
	URL func(u *upstreamtest.Server) string
	// Publish puts a package there with one file of about this many bytes.
	Publish func(u *upstreamtest.Server, pkg string, size int64) Elsewhere
	// Long says that long files cost the test nothing, as they are made while they are sent.
	Long bool
}

// Elsewhere is a file of a registry elsewhere.
type Elsewhere struct {
	*upstreamtest.File
	// Local is its path in the repository "mirror".
	Local string
	// Document is the path of what clients ask for before they know of the file; "" where they need not.
	Document string
	// Pinned says that the protocol names the file by its digest.
	Pinned bool
	// Mutable says that it may get other bytes, so that the copy is compared once its time is over.
	Mutable bool
}

// RunUpstream checks what all formats share about files of registries elsewhere.
func RunUpstream(t *testing.T, u Upstream) {
	for name, test := range map[string]func(t *testing.T, u Upstream){
		"18 head": upstreamHead, "14 resumed": upstreamResumed, "14 cut early": upstreamCutEarly, "encoded": upstreamEncoded, "20 disk full": upstreamDiskFull, "spool": upstreamSpool,
		"17 far range": upstreamFarRange, "13 abandoned": upstreamAbandoned, "once": upstreamOnce, "51 paths": upstreamPaths, "51 locations": upstreamLocations, "no-cache": upstreamNoCache,
		"53 status": upstreamStatus, "queued": upstreamQueued, "22 refresh": upstreamRefresh, "21 slow store": upstreamSlowStore, "bytes first": upstreamBytesFirst,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, u)
		})
	}
}

const mib = 1 << 20

// mirrored is a server whose repository "mirror" answers from a registry that the test controls. Its clock stands still until the test
// moves it.
type mirrored struct {
	*Server
	u      *upstreamtest.Server
	as     As
	clock  *Clock
	format Upstream
}

func (u Upstream) mirror(t *testing.T, options ...registrytest.Option) *mirrored {
	t.Helper()
	return u.mirrorOf(t, upstreamtest.New(t, upstreamtest.Options{}), Options{Core: options})
}

// mirrorOf is mirror of this registry, with all options of the server.
func (u Upstream) mirrorOf(t *testing.T, elsewhere *upstreamtest.Server, o Options) *mirrored {
	t.Helper()
	m := &mirrored{u: elsewhere, clock: NewClock(), format: u}
	f := u.New()
	o.Core = append([]registrytest.Option{m.clock.Option()}, o.Core...)
	m.Server = NewServer(t, o, f)
	m.Remote("mirror", f.Name(), u.URL(m.u))
	m.as = As(m.Token("*", access.Read))
	return m
}

// later moves the clock.
func (m *mirrored) later(d time.Duration) {
	m.clock.Later(d)
	m.as = As(m.Token("*", access.Read))
}

// publish puts a package at the registry and asks for what clients need before its file.
func (m *mirrored) publish(pkg string, size int64) Elsewhere {
	m.t.Helper()
	f := m.format.Publish(m.u, pkg, size)
	if f.Document != "" {
		if res := m.get(f.Document); res.Status != http.StatusOK {
			m.t.Fatalf("%s: %v", f.Document, res)
		}
	}
	return f
}

func (m *mirrored) get(path string) Response {
	m.t.Helper()
	return m.Do(m.as, Request{Method: http.MethodGet, Path: path})
}

// has fails the test unless a file is answered with its right bytes.
func (m *mirrored) has(f Elsewhere) {
	m.t.Helper()
	if res := m.get(f.Local); res.Status != http.StatusOK || !bytes.Equal(res.Body, f.Bytes()) {
		m.t.Errorf("%s: %v", f.Local, res)
	}
}

// open begins a download; the caller closes the body.
func (m *mirrored) open(ctx context.Context, path string, header ...string) *http.Response {
	m.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL+path, nil)
	m.must(err)
	r.Header.Set("Authorization", "Bearer "+string(m.as))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(r)
	m.must(err)
	return res
}

// upstreamHead: a HEAD of what is not here tells its length, and starts no transfer. What one HEAD has told is remembered for a minute, or
// until an administrator asks for news.
func upstreamHead(t *testing.T, u Upstream) {
	m := u.mirror(t)
	f := m.publish("example", 2*mib)
	m.u.Reset()
	head := func(requests int) {
		t.Helper()
		res := m.Do(m.as, Request{Method: http.MethodHead, Path: f.Local})
		if res.Status != http.StatusOK || res.Header.Get("Content-Length") != fmt.Sprint(f.Size()) {
			t.Errorf("%v %v", res, res.Header)
		}
		m.u.Asked(t, 0, http.MethodGet, f.Path)
		m.u.Asked(t, requests, http.MethodHead, f.Path)
	}
	m.Do(m.as, Request{Method: http.MethodHead, Path: f.Local})
	asks := m.u.Count(http.MethodHead, f.Path) // 0 where the registry's document tells sizes
	if asks > 1 {
		t.Errorf("%d requests", asks)
	}
	head(asks)
	m.later(61 * time.Second)
	head(2 * asks)
	_, err := m.Upstreams.Refresh(m.Admin, registry.Name{Repository: "mirror"})
	registrytest.Must(t, err)
	head(3 * asks)
	m.has(f)
}

// upstreamResumed: a transfer that breaks goes on where it was, or from its start, whatever the registry makes of ranges.
func upstreamResumed(t *testing.T, u Upstream) {
	for name, faults := range map[string][]upstreamtest.Fault{
		"range": nil, "no range": {upstreamtest.NoRanges()}, "416": {upstreamtest.RefuseRanges()}, "another place": {upstreamtest.WrongContentRange(1)},
		"another ETag": {upstreamtest.NewETags()}, "no validator": {upstreamtest.SetHeader("Etag"), upstreamtest.SetHeader("Last-Modified")},
	} {
		for _, framing := range [][]upstreamtest.Fault{nil, {upstreamtest.Chunked()}} {
			t.Run(name, func(t *testing.T) {
				m := u.mirror(t)
				f := m.publish("example", mib+mib/4)
				m.u.On(f.Path, faults...)
				m.u.On(f.Path, append(framing, upstreamtest.Cut(mib), upstreamtest.Times(1))...)
				m.has(f)
				m.MustFsck(t)
				if name == "range" {
					m.u.Asked(t, 2, http.MethodGet, f.Path)
					if again := m.u.Matching(http.MethodGet, f.Path)[1].Header; again.Get("Range") != fmt.Sprintf("bytes=%d-", mib) || again.Get("If-Range") == "" {
						t.Errorf("resumed with %v", again)
					}
				}
			})
		}
	}
}

// upstreamCutEarly: a transfer that breaks before the first bytes can be looked at is asked for again from its start.
func upstreamCutEarly(t *testing.T, u Upstream) {
	for _, at := range []int64{1, 1000} {
		m := u.mirror(t)
		f := m.publish("example", mib+mib/4)
		m.u.On(f.Path, upstreamtest.Cut(at), upstreamtest.Times(2))
		m.has(f)
		m.u.Asked(t, 3, http.MethodGet, f.Path)
		m.MustFsck(t)
	}
}

// upstreamEncoded: a file that the registry has encoded although that was not asked for is the file, and one that it says is encoded but is
// not, too, where a sum proves it.
func upstreamEncoded(t *testing.T, u Upstream) {
	for name, fault := range map[string]upstreamtest.Fault{"encoded": upstreamtest.Gzip(), "mislabelled": upstreamtest.MislabelEncoding("gzip"), "unknown": upstreamtest.MislabelEncoding("br")} {
		t.Run(name, func(t *testing.T) {
			m := u.mirror(t)
			f := m.publish("example", 2*mib)
			m.u.On(f.Path, fault)
			res := m.get(f.Local)
			proven := name == "encoded" || f.Pinned || f.Document != ""
			if proven && (res.Status != http.StatusOK || !bytes.Equal(res.Body, f.Bytes())) || !proven && res.Status != http.StatusBadGateway {
				t.Errorf("%v", res)
			}
			m.MustFsck(t)
		})
	}
}

// Full is a store whose disk is full of what comes from elsewhere, while Now says so.
type Full struct {
	storage.Store
	Now atomic.Bool
}

// NewFull returns a store in memory.
func NewFull() *Full { return &Full{Store: mem.New()} }

// Grow implements storage.Grower.
func (f *Full) Grow(ctx context.Context) (storage.Growing, error) {
	g, err := f.Store.(storage.Grower).Grow(ctx) //nolint:forcetypeassert // the store in memory is one
	return fullGrowing{g, f}, err
}

type fullGrowing struct {
	storage.Growing
	full *Full
}

// Write implements io.Writer.
func (g fullGrowing) Write(p []byte) (int, error) {
	if g.full.Now.Load() {
		return 0, storage.ErrNoSpace
	}
	return g.Growing.Write(p)
}

// upstreamDiskFull: while the disk is full, cold files are 507 and cached ones are served; when there is room again, all are.
func upstreamDiskFull(t *testing.T, u Upstream) {
	store := NewFull()
	m := u.mirror(t, registrytest.WithBlobs(store))
	warm := m.publish("warm", 1000)
	m.has(warm)
	cold := make([]Elsewhere, 20)
	for i := range cold {
		cold[i] = m.publish(fmt.Sprintf("cold%d", i), int64(1000+i%2*2*mib))
	}
	store.Now.Store(true)
	done := make(chan Response, len(cold))
	for _, f := range cold {
		go func() {
			res, err := m.Try(m.as, Request{Method: http.MethodGet, Path: f.Local})
			if err != nil {
				t.Errorf("%s: %v", f.Local, err)
			}
			done <- res
		}()
	}
	for range cold {
		if res := <-done; res.Status != http.StatusInsufficientStorage {
			t.Errorf("cold: %v", res)
		}
		m.has(warm)
	}
	store.Now.Store(false)
	for _, f := range cold {
		m.has(f)
	}
	m.MustFsck(t)
}

// upstreamSpool: while too much is on its way, no other transfer begins, and what is here is served.
func upstreamSpool(t *testing.T, u Upstream) {
	m := u.mirror(t, registrytest.With(func(c *instance.Config) { c.Upstreams.SpoolBytes = 3 * mib }))
	warm, long, other := m.publish("warm", 1000), m.publish("long", 4*mib), m.publish("other", 2*mib)
	m.has(warm)
	release := make(chan struct{})
	held := m.u.On(long.Path, upstreamtest.HoldAt(mib, release))
	first := m.open(t.Context(), long.Local)
	defer first.Body.Close()
	m.u.WaitSent(t, mib, http.MethodGet, long.Path)
	if res := m.get(other.Local); res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("over the bound: %v %v", res, res.Header)
	}
	m.has(warm)
	close(release)
	held.Stop()
	m.has(long)
	registrytest.Eventually(t, "there is room again", func() bool { return m.get(other.Local).Status == http.StatusOK })
	m.MustFsck(t)
}

// upstreamFarRange: a range far ahead of a transfer comes straight from the registry where the client compares a digest of all, and waits
// where it does not.
func upstreamFarRange(t *testing.T, u Upstream) {
	m := u.mirror(t)
	f := m.publish("example", 14*mib)
	release := make(chan struct{})
	m.u.OnRequest(func(r *http.Request) bool { return r.URL.Path == f.Path && r.Header.Get("Range") == "" }, upstreamtest.HoldAt(mib, release))
	first := m.open(t.Context(), f.Local)
	defer first.Body.Close()
	m.u.WaitSent(t, mib, http.MethodGet, f.Path)
	const far = 12 * mib
	answered := make(chan Response, 1)
	go func() {
		res, err := m.Try(m.as, Request{Method: http.MethodGet, Path: f.Local, Header: map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", far, far+999)}})
		if err != nil {
			t.Error(err)
		}
		answered <- res
	}()
	var res Response
	if f.Pinned {
		res = <-answered
		m.u.Asked(t, 2, http.MethodGet, f.Path)
		close(release)
	} else {
		close(release)
		res = <-answered
		m.u.AskedOnce(t, http.MethodGet, f.Path)
	}
	if res.Status != http.StatusPartialContent || !bytes.Equal(res.Body, f.Bytes()[far:far+1000]) {
		t.Errorf("a far range: %v", res)
	}
	m.has(f)
}

// upstreamAbandoned: a transfer that has just begun pauses when its clients have left. One that comes back in time goes on with it, else it
// ends, and nothing of it is left.
func upstreamAbandoned(t *testing.T, u Upstream) {
	var waiting atomic.Int64
	expire := make(chan struct{})
	if !u.Long {
		return // the transfer is the same
	}
	m := u.mirror(t, registrytest.With(func(c *instance.Config) {
		c.Upstreams.Network.Sleep = func(ctx context.Context, d time.Duration) {
			if d != 30*time.Second {
				return
			}
			waiting.Add(1)
			defer waiting.Add(-1)
			select {
			case <-expire:
			case <-ctx.Done():
			}
		}
	}))
	f := m.publish("example", 70*mib)
	m.u.On(f.Path, upstreamtest.Rate(400*mib))
	for range 2 { // the second one comes back
		ctx, leave := context.WithCancel(t.Context())
		res := m.open(ctx, f.Local)
		leave()
		_ = res.Body.Close()
		registrytest.Eventually(t, "the transfer pauses", func() bool { return waiting.Load() > 0 })
	}
	m.u.AskedOnce(t, http.MethodGet, f.Path)
	if sent := m.u.Matching(http.MethodGet, f.Path)[0].Sent; sent > 20*mib {
		t.Errorf("%d bytes came without a reader", sent)
	}
	for ended := false; !ended; {
		select {
		case expire <- struct{}{}:
		default:
		}
		ended = m.u.Matching(http.MethodGet, f.Path)[0].Done
	}
	m.MustFsck(t)
	m.u.Mend()
	m.has(f)
	m.u.Asked(t, 2, http.MethodGet, f.Path)
}
