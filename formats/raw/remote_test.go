package raw_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// mirrored is a server whose repository "mirror" answers from a web server that the test controls. Its clock stands still until the test
// moves it.
type mirrored struct {
	*formatstest.Server
	u     *upstreamtest.Server
	t     *testing.T
	as    formatstest.As
	clock *formatstest.Clock
}

func mirror(t *testing.T, o formatstest.Options) *mirrored {
	t.Helper()
	m := &mirrored{u: upstreamtest.New(t, upstreamtest.Options{}), clock: formatstest.NewClock(), t: t}
	o.Core = append(o.Core, m.clock.Option())
	m.Server = formatstest.NewServer(t, o, raw.New())
	m.Remote("mirror", "raw", m.u.RawURL())
	m.as = formatstest.As(m.Token("*", access.Read))
	return m
}

// upstream is the path of a file at the web server, and local its path here.
func upstream(name string) string { return "/raw/" + name }

func local(name string) string { return "/raw/mirror/" + name }

func (m *mirrored) get(name string) formatstest.Response {
	m.t.Helper()
	return m.Do(m.as, formatstest.Request{Method: http.MethodGet, Path: local(name)})
}

// later moves the clock.
func (m *mirrored) later(d time.Duration) {
	m.clock.Later(d)
	m.as = formatstest.As(m.Token("*", access.Read))
}

// open begins a download; the caller closes the body.
func (m *mirrored) open(ctx context.Context, name string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL+local(name), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+string(m.as))
	return http.DefaultClient.Do(r)
}

// sum downloads a file and returns its sha256.
func (m *mirrored) sum(ctx context.Context, name string) (string, error) {
	res, err := m.open(ctx, name)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	h := sha256.New()
	if n, err := io.Copy(h, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d, %d bytes: %w", res.StatusCode, n, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// stored reports whether a file is here, by asking for it while the web server is down.
func (m *mirrored) stored(name string) bool {
	m.t.Helper()
	m.u.Origin.Down()
	defer m.u.Origin.Up(m.t)
	res := m.get(name)
	if res.Status != http.StatusOK && res.Status != http.StatusServiceUnavailable {
		m.t.Errorf("%s while the upstream is down: %v", name, res)
	}
	return res.Status == http.StatusOK
}

const mib = 1 << 20

// TestRemoteManyReaders: readers of one long file share one transfer, and see its first bytes long before its end.
func TestRemoteManyReaders(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	f := m.u.RawGenerated("tool/1.0.0/tool-1.0.0.zip", 4*mib)
	release := make(chan struct{})
	m.u.On(upstream("**"), upstreamtest.HoldAt(2*mib, release))
	first, err := m.open(t.Context(), "tool/1.0.0/tool-1.0.0.zip")
	registrytest.Must(t, err)
	defer first.Body.Close()
	head := make([]byte, mib)
	if _, err := io.ReadFull(first.Body, head); err != nil || first.ContentLength != 4*mib {
		t.Fatalf("%d bytes announced: %v", first.ContentLength, err)
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if sum, err := m.sum(t.Context(), "tool/1.0.0/tool-1.0.0.zip"); err != nil || sum != f.SHA256() {
				t.Errorf("%s: %v", sum, err)
			}
		})
	}
	close(release)
	group.Wait()
	if rest, err := io.ReadAll(first.Body); err != nil || len(rest) != 3*mib {
		t.Errorf("%d bytes: %v", len(rest), err)
	}
	m.u.AskedOnce(t, "", "**")
	m.MustFsck(t)
}

// TestRemoteClientsLeave: a transfer is of no client, so the first may leave; where all leave, a short rest goes on.
func TestRemoteClientsLeave(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	f := m.u.RawGenerated("tool/1.0.0/tool-1.0.0.zip", 4*mib)
	left := m.u.RawGenerated("left/1.0.0/left-1.0.0.zip", 4*mib)
	release := make(chan struct{})
	m.u.On(upstream("**"), upstreamtest.HoldAt(2*mib, release))

	ctx, leave := context.WithCancel(t.Context())
	first, err := m.open(ctx, "tool/1.0.0/tool-1.0.0.zip")
	registrytest.Must(t, err)
	defer first.Body.Close()
	second, err := m.open(t.Context(), "tool/1.0.0/tool-1.0.0.zip")
	registrytest.Must(t, err)
	defer second.Body.Close()
	alone, err := m.open(ctx, "left/1.0.0/left-1.0.0.zip")
	registrytest.Must(t, err)
	defer alone.Body.Close()
	leave()
	close(release)
	h := sha256.New()
	if _, err := io.Copy(h, second.Body); err != nil || hex.EncodeToString(h.Sum(nil)) != f.SHA256() {
		t.Errorf("the second client: %v", err)
	}
	m.u.AskedOnce(t, "", f.Path)
	registrytest.Eventually(t, "a file whose client has left enters", func() bool {
		_, err := m.Catalog.File(m.Admin, coordinate("left/1.0.0/left-1.0.0.zip"), "left-1.0.0.zip")
		return err == nil
	})
	m.u.AskedOnce(t, "", left.Path)
	m.MustFsck(t)
}

func coordinate(name string) registry.Coordinate {
	parts := strings.SplitN(name, "/", 3)
	return registry.Coordinate{Name: registry.Name{Repository: "mirror", Format: "raw", Package: parts[0]}, Version: parts[1]}
}

// TestRemoteCut: what is cut is resumed, or fails; it is never stored or answered as if it were whole.
func TestRemoteCut(t *testing.T) {
	framings := map[string][]upstreamtest.Fault{"length": nil, "chunked": {upstreamtest.Chunked()}, "close": {upstreamtest.UntilClose()}}
	for framing, faults := range framings {
		for _, at := range []int64{0, 64 << 10, mib, 3*mib - 1} {
			for _, resumable := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %d %v", framing, at, resumable), func(t *testing.T) {
					t.Parallel()
					m := mirror(t, formatstest.Options{})
					f := m.u.RawGenerated("tool/1.0.0/tool-1.0.0.zip", 3*mib)
					rule := m.u.On(upstream("**"), append(slices.Clone(faults), upstreamtest.Cut(at), upstreamtest.Times(1))...)
					if !resumable {
						m.u.On(upstream("**"), upstreamtest.NoRanges())
					}
					sum, err := m.sum(t.Context(), "tool/1.0.0/tool-1.0.0.zip")
					if err == nil && sum != f.SHA256() {
						t.Fatal("wrong bytes came as if they were right")
					}
					if resumable && framing == "length" && at > 4<<10 && err != nil {
						t.Errorf("not resumed: %v", err)
					}
					if err != nil && m.stored("tool/1.0.0/tool-1.0.0.zip") {
						t.Error("a file that was cut is stored")
					}
					rule.Stop()
					m.u.Mend()
					if sum, err := m.sum(t.Context(), "tool/1.0.0/tool-1.0.0.zip"); err != nil || sum != f.SHA256() {
						t.Errorf("once mended: %s %v", sum, err)
					}
				})
			}
		}
	}
}

// TestRemoteHead: a HEAD is answered without a transfer.
func TestRemoteHead(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.u.Raw("tool/1.0.0/tool.bin", []byte("content"))
	m.u.RawGenerated("tool/1.0.0/long.bin", 3*mib)
	for name, size := range map[string]string{"tool/1.0.0/tool.bin": "7", "tool/1.0.0/long.bin": "3145728"} {
		for range 2 {
			res := m.Do(m.as, formatstest.Request{Method: http.MethodHead, Path: local(name)})
			if res.Status != http.StatusOK || res.Header.Get("Content-Length") != size {
				t.Errorf("HEAD %s: %v %v", name, res, res.Header)
			}
		}
		m.u.Asked(t, 0, http.MethodGet, upstream(name))
		m.u.AskedOnce(t, http.MethodHead, upstream(name))
	}
	for range 2 {
		if res := m.Do(m.as, formatstest.Request{Method: http.MethodHead, Path: local("tool/1.0.0/none")}); res.Status != http.StatusNotFound {
			t.Errorf("HEAD of what is absent: %v", res)
		}
	}
	m.u.AskedOnce(t, "", upstream("tool/1.0.0/none"))
	if res := m.get("tool/1.0.0/tool.bin"); res.Status != http.StatusOK || string(res.Body) != "content" {
		t.Errorf("GET after HEAD: %v", res)
	}
}

// TestRemoteDown: while the web server is down, what is here is served and the rest is 503, with a text and a time.
func TestRemoteDown(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.u.Raw("tool/1.0.0/here.bin", []byte("here"))
	m.u.Raw("tool/1.0.0/tool.bin", []byte("content"))
	if res := m.get("tool/1.0.0/here.bin"); res.Status != http.StatusOK {
		t.Fatal(res)
	}
	m.u.Origin.Down()
	m.later(24 * time.Hour)
	if res := m.get("tool/1.0.0/here.bin"); res.Status != http.StatusOK || string(res.Body) != "here" {
		t.Errorf("what is here: %v", res)
	}
	res := m.get("tool/1.0.0/tool.bin")
	if res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !bytes.Contains(res.Body, []byte("upstream up")) ||
		bytes.Contains(res.Body, []byte(m.u.Origin.Addr)) {
		t.Errorf("what is not: %v %v", res, res.Header)
	}
	m.u.Origin.Up(t)
	m.later(11 * time.Second) // it is asked again after ten
	if res := m.get("tool/1.0.0/tool.bin"); res.Status != http.StatusOK {
		t.Errorf("up again: %v", res)
	}
}

// TestRemoteAnonymous: a caller without credentials reads what is here, and causes no request unless the remote says that it may.
func TestRemoteAnonymous(t *testing.T) {
	m := mirror(t, formatstest.Options{AnonymousRead: true})
	m.u.Raw("tool/1.0.0/here.bin", []byte("here"))
	m.u.Raw("tool/1.0.0/tool.bin", []byte("content"))
	if res := m.get("tool/1.0.0/here.bin"); res.Status != http.StatusOK {
		t.Fatal(res)
	}
	m.u.Reset()
	m.later(24 * time.Hour)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if res := m.Do(formatstest.Anonymous, formatstest.Request{Method: method, Path: local("tool/1.0.0/here.bin")}); res.Status != http.StatusOK {
			t.Errorf("%s of what is here: %v", method, res)
		}
		if res := m.Do(formatstest.Anonymous, formatstest.Request{Method: method, Path: local("tool/1.0.0/tool.bin")}); res.Status != http.StatusUnauthorized {
			t.Errorf("%s of what is not: %v", method, res)
		}
	}
	m.u.NeverAsked(t, "**")
	m.SetRemote("mirror", `{"anonymous_fetch":true}`)
	if res := m.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodGet, Path: local("tool/1.0.0/tool.bin")}); res.Status != http.StatusOK {
		t.Errorf("with anonymous_fetch: %v", res)
	}
}

// TestRemotePublish: a name that came from elsewhere can't be published over, in any version, unless an administrator lets it; what
// nothing came of can.
func TestRemotePublish(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.u.Raw("tool/1.0/tool", []byte("theirs"))
	if got := m.get("tool/1.0/tool"); got.Status != http.StatusOK {
		t.Fatalf("%v", got)
	}
	put := func(name string) formatstest.Response {
		t.Helper()
		return m.Do(formatstest.As(m.Token("mirror", access.Read, access.Publish)), formatstest.Request{Method: http.MethodPut, Path: local(name), Body: []byte("ours")})
	}
	for _, name := range []string{"tool/1.0/more", "tool/2.0/tool"} {
		if got := put(name); got.Status != http.StatusForbidden || !strings.Contains(string(got.Body), "slipway origin set mirror raw tool both") {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := put("other/1.0/tool"); got.Status != http.StatusCreated {
		t.Errorf("a name of our own: %v", got)
	}
	at := registry.Name{Repository: "mirror", Format: "raw", Package: "tool"}
	registrytest.Must(t, m.Upstreams.SetOrigin(m.Admin, at, metadata.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it"}))
	if got := put("tool/2.0/tool"); got.Status != http.StatusCreated {
		t.Errorf("let by an administrator: %v", got)
	}
	if got := m.get("tool/1.0/tool"); string(got.Body) != "theirs" {
		t.Errorf("what came before: %v", got)
	}
	m.MustFsck(t)
}

// TestRemoteShorterAge: a file that may change is asked about again after the time that its registry tells, where that is shorter than the
// upstream's; each answer counts, and a longer time is cut.
func TestRemoteShorterAge(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	const name = "tool/latest/notes" // it may change
	m.u.Raw(name, []byte("first"))
	m.SetRemote("mirror", `{"ttl":"10m"}`)
	says := func(value string) {
		m.u.Mend()
		m.u.On(upstream("**"), upstreamtest.SetHeader("Cache-Control", value))
	}
	step := func(what string, after time.Duration, asked int, body, keep string) {
		t.Helper()
		m.later(after)
		m.u.Reset()
		res := m.get(name)
		if string(res.Body) != body || m.u.Count("", upstream(name)) != asked || res.Header.Get("Cache-Control") != keep {
			t.Errorf("%s: %v, Cache-Control %q, want %q %q; asked %d times, want %d", what, res, res.Header.Get("Cache-Control"), body, keep, m.u.Count("", upstream(name)), asked)
		}
	}
	says("max-age=30")
	step("new", 0, 1, "first", "private, max-age=30")
	step("still right", 20*time.Second, 0, "first", "private, max-age=10")
	m.u.Raw(name, []byte("second"))
	step("over", 11*time.Second, 1, "second", "private, max-age=30")
	says("max-age=86400")
	step("unchanged", 31*time.Second, 1, "second", "private, max-age=300")
	step("a longer time is cut", 9*time.Minute, 0, "second", "private, max-age=60")
	step("after the upstream's time", 2*time.Minute, 1, "second", "private, max-age=300")
}
