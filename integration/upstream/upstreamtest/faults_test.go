package upstreamtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// each runs a test over HTTP/1.1 without TLS, and over HTTP/2.
func each(t *testing.T, fn func(t *testing.T, u *Server)) {
	t.Run("HTTP1", func(t *testing.T) { fn(t, New(t, Options{})) })
	t.Run("HTTP2", func(t *testing.T) { fn(t, New(t, Options{HTTP2: true})) })
}

// broken fails the test unless the answer was cut, behind n bytes (-1: wherever).
func (g got) broken(t testing.TB, n int) {
	t.Helper()
	if g.err == nil || n >= 0 && len(g.body) != n {
		t.Errorf("%d bytes and %v, want %d and an error", len(g.body), g.err, n)
	}
}

func TestStatus(t *testing.T) {
	each(t, func(t *testing.T, u *Server) {
		f := u.Raw("f", []byte("text"))
		rule := u.On("/raw/*", Times(2), Skip(1), Method("GET"), Status(429), RetryAfter("20"))
		if _, err := try(u, http.MethodHead, f.URL); err != nil {
			t.Fatal(err)
		}
		get(t, u, f.URL).want(t, 200)
		for range 2 {
			if g := get(t, u, f.URL).want(t, 429); g.Header.Get("Retry-After") != "20" {
				t.Errorf("%v", g.Header)
			}
		}
		get(t, u, f.URL).want(t, 200)
		if rule.Hits() != 2 {
			t.Errorf("%d hits", rule.Hits())
		}
		other := u.OnRequest(func(r *http.Request) bool { return r.Header.Get("X-Break") != "" }, Status(500))
		get(t, u, f.URL, "X-Break", "1").want(t, 500)
		get(t, u, f.URL).want(t, 200)
		other.Stop()
		get(t, u, f.URL, "X-Break", "1").want(t, 200)
		u.On("**", Status(503))
		u.Mend()
		get(t, u, f.URL).want(t, 200)
	})
}

// TestCut ends bodies at every power of two, with and without a length.
func TestCut(t *testing.T) {
	each(t, func(t *testing.T, u *Server) {
		f := u.RawGenerated("f", 100_000)
		for n := int64(0); n < f.Size(); n = max(1, 2*n) {
			for _, faults := range [][]Fault{{Cut(n)}, {Cut(n), Chunked()}} {
				rule := u.On(f.Path, faults...)
				u.Reset()
				g := get(t, u, f.URL)
				g.broken(t, int(n))
				if length := g.ContentLength; len(faults) == 1 && length != f.Size() || len(faults) == 2 && length != -1 {
					t.Errorf("length %d", length)
				}
				if r := u.WaitDone(t, 1, "GET", f.Path)[0]; !r.Cut || r.Sent != n || r.Status != 200 {
					t.Errorf("recorded: %+v", r)
				}
				rule.Stop()
			}
		}
		u.On(f.Path, Chunked())
		u.Reset()
		get(t, u, f.URL).want(t, 200).is(t, f.Bytes())
		if r := u.WaitDone(t, 1, "GET", f.Path)[0]; r.Cut || r.Sent != f.Size() {
			t.Errorf("recorded: %+v", r)
		}
		u.Mend()
		u.On(f.Path, Cut(10))
		get(t, u, f.URL, "Range", "bytes=50-").broken(t, 10) // counted from the start of the answer
	})
}

// TestUntilClose: the client can't see the cut.
func TestUntilClose(t *testing.T) {
	u := New(t, Options{})
	f := u.RawGenerated("f", 100_000)
	u.On(f.Path, UntilClose(), Cut(50_000))
	if g := get(t, u, f.URL).want(t, 200); len(g.body) != 50_000 || g.ContentLength != -1 || len(g.TransferEncoding) > 0 {
		t.Errorf("%d bytes, length %d, %v", len(g.body), g.ContentLength, g.TransferEncoding)
	}
	if r := u.WaitDone(t, 1, "GET", f.Path)[0]; !r.Cut {
		t.Errorf("recorded: %+v", r)
	}
}

func TestLength(t *testing.T) {
	each(t, func(t *testing.T, u *Server) {
		f := u.RawGenerated("f", 100_000)
		u.On(f.Path, Times(1), Length(10))
		g := get(t, u, f.URL)
		g.broken(t, -1)
		if g.ContentLength != 100_010 {
			t.Errorf("length %d", g.ContentLength)
		}
		u.On(f.Path, Times(1), Length(-10))
		get(t, u, f.URL).want(t, 200).is(t, f.Bytes()[:99_990])
	})
}

func TestWrongBytes(t *testing.T) {
	u := New(t, Options{})
	f := u.RawGenerated("f", 100_000)
	u.On(f.Path, Flip(70_000), Flip(-1))
	want := bytes.Clone(f.Bytes())
	want[70_000] ^= 0xff
	want[99_999] ^= 0xff
	get(t, u, f.URL).want(t, 200).is(t, want)
	get(t, u, f.URL, "Range", "bytes=69999-70001").want(t, 206).is(t, want[69_999:70_002])
}

func TestOtherSums(t *testing.T) {
	u := New(t, Options{})
	pad := u.NPM("pad", "1.0.0", NPMVersion{})
	wheel := u.PyPI("pkg", "1.0", PyPIFile{})[0]
	jar := u.Maven("com.acme:lib:1.0", MavenVersion{})[1]
	u.MavenChecksumHeaders(true)
	u.On("**", OtherSums())
	lacks := func(path string, sums ...string) {
		t.Helper()
		g := get(t, u, path).want(t, 200)
		for _, sum := range sums {
			if bytes.Contains(g.body, []byte(sum)) {
				t.Errorf("%s has %s", path, sum)
			}
			for name, values := range g.Header {
				if strings.Contains(values[0], sum) {
					t.Errorf("%s has %s in %s", path, sum, name)
				}
			}
		}
	}
	lacks(NPMPath("pad"), pad.Integrity(), pad.SHA1())
	lacks(PyPIPath("pkg"), wheel.SHA256())
	lacks(jar.Path, jar.SHA1(), jar.SHA256())
	lacks(jar.Path+".sha1", jar.SHA1())
}

func TestDocumentsThatAreNone(t *testing.T) {
	u := New(t, Options{})
	u.NPM("pad", "1.0.0", NPMVersion{})
	path := NPMPath("pad")
	u.On(path, Times(1), HTML())
	if g := get(t, u, path).want(t, 200); !strings.HasPrefix(g.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%v", g.Header)
	}
	u.On(path, Times(1), GzipBomb(16<<20))
	g := get(t, u, path, "Accept-Encoding", "gzip").want(t, 200)
	if len(g.body) > 1<<20 {
		t.Errorf("the bomb has %d bytes", len(g.body))
	}
	z, err := gzip.NewReader(bytes.NewReader(g.body))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, z); n != 16<<20 || err != nil {
		t.Errorf("it inflates to %d bytes, %v", n, err)
	}
	u.On(path, Times(1), Endless("application/json", "[", 1<<20))
	if g := get(t, u, path).want(t, 200); len(g.body) != 1<<20 {
		t.Errorf("%d bytes", len(g.body))
	}
	u.On(path, Times(1), ReplaceText("pad-1.0.0.tgz", "../../etc/passwd"))
	get(t, u, path).want(t, 200).has(t, "../../etc/passwd")
	u.On(path, Times(1), Edit(func(b []byte) []byte { return b[:len(b)/2] }))
	if g := get(t, u, path).want(t, 200); bytes.HasSuffix(g.body, []byte("}}")) && bytes.HasPrefix(g.body, []byte("{")) && g.Header.Get("ETag") == "" {
		t.Errorf("%s", g.body)
	}
}

func TestEncodings(t *testing.T) {
	u := New(t, Options{})
	f := u.Raw("f", bytes.Repeat([]byte("text"), 1000))
	u.On(f.Path, Times(1), Gzip())
	g := get(t, u, f.URL, "Accept-Encoding", "identity").want(t, 200)
	if z, err := gzip.NewReader(bytes.NewReader(g.body)); err != nil || g.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%v, %v", g.Header, err)
	} else if b, err := io.ReadAll(z); err != nil || !bytes.Equal(b, f.Bytes()) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	u.On(f.Path, Times(1), MislabelEncoding("gzip"))
	g = get(t, u, f.URL, "Accept-Encoding", "identity").want(t, 200)
	g.is(t, f.Bytes())
	if g.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%v", g.Header)
	}
	u.On(f.Path, SetHeader("Last-Modified"))
	if g := get(t, u, f.URL); g.Header.Get("Last-Modified") != "" {
		t.Errorf("%v", g.Header)
	}
}

func TestRedirects(t *testing.T) {
	u := New(t, Options{TLS: true})
	f := u.Raw("a/f", []byte("text"))
	for want, fault := range map[string]Fault{
		f.Path:                           RedirectLoop(),
		u.Plain.URL + f.Path:             RedirectTo(u.Plain, 302, ""),
		u.CDN.URL + f.Path + "?sig=s3cr": RedirectTo(u.CDN, 307, "sig=s3cr"),
		"http://169.254.169.254/latest/": Redirect(301, "http://169.254.169.254/latest/"),
	} {
		u.On(f.Path, Times(1), fault)
		if to := get(t, u, f.URL).Header.Get("Location"); to != want {
			t.Errorf("to %s, want %s", to, want)
		}
	}
}

func TestConditions(t *testing.T) {
	u := New(t, Options{})
	f := u.Raw("f", []byte("0123456789"))
	rule := u.On(f.Path, NotModified())
	get(t, u, f.URL).want(t, 200)
	get(t, u, f.URL, "If-None-Match", `"whatever"`).want(t, 304)
	rule.Stop()

	rule = u.On(f.Path, NewETags())
	first := get(t, u, f.URL).want(t, 200).Header.Get("ETag")
	get(t, u, f.URL, "Range", "bytes=5-", "If-Range", first).want(t, 200)
	if second := get(t, u, f.URL).Header.Get("ETag"); second == first {
		t.Error("the same ETag")
	}
	rule.Stop()

	u.On(f.Path, Times(1), NoRanges())
	if g := get(t, u, f.URL, "Range", "bytes=5-").want(t, 200); g.Header.Get("Accept-Ranges") != "" || len(g.body) != 10 {
		t.Errorf("%v", g.Header)
	}
	u.On(f.Path, Times(1), RefuseRanges())
	get(t, u, f.URL, "Range", "bytes=5-").want(t, 416)
	u.On(f.Path, Times(1), WrongContentRange(2))
	if g := get(t, u, f.URL, "Range", "bytes=3-5").want(t, 206); g.Header.Get("Content-Range") != "bytes 5-7/10" || string(g.body) != "345" {
		t.Errorf("%v %s", g.Header, g.body)
	}
}

func TestChallenge(t *testing.T) {
	u := New(t, Options{})
	u.On("/v2/**", Challenge(`Bearer realm="http://user:pw@169.254.169.254/token"`))
	if g := get(t, u, "/v2/").want(t, 401); !strings.Contains(g.Header.Get("WWW-Authenticate"), "169.254.169.254") {
		t.Errorf("%v", g.Header)
	}
}

func TestSlow(t *testing.T) {
	each(t, func(t *testing.T, u *Server) {
		f := u.RawGenerated("f", 10_000)
		for name, fault := range map[string]Fault{"delay": Delay(30 * time.Millisecond), "rate": Rate(200_000), "gap": Gap(2_500, 10*time.Millisecond)} {
			rule := u.On(f.Path, fault)
			start := time.Now()
			get(t, u, f.URL).want(t, 200).is(t, f.Bytes())
			if d := time.Since(start); d < 25*time.Millisecond {
				t.Errorf("%s: %v", name, d)
			}
			rule.Stop()
		}
	})
}

// TestHold stops in the middle of a body, where the test does something else.
func TestHold(t *testing.T) {
	each(t, func(t *testing.T, u *Server) {
		f := u.RawGenerated("f", 100_000)
		release := make(chan struct{})
		called := false
		u.On(f.Path, HoldAt(40_000, release), At(70_000, func() { called = true }))
		done := make(chan got)
		go func() {
			g, err := try(u, http.MethodGet, f.URL)
			g.err = errors.Join(g.err, err)
			done <- g
		}()
		u.WaitSent(t, 40_000, "GET", f.Path)
		if r := u.Requests()[0]; r.Sent != 40_000 || r.Done {
			t.Errorf("recorded: %+v", r)
		}
		if !strings.Contains(u.Dump(), "under way") {
			t.Error(u.Dump())
		}
		close(release)
		g := <-done
		g.is(t, f.Bytes())
		if g.err != nil || !called {
			t.Errorf("%v, called: %t", g.err, called)
		}
	})
}

// TestHang: the client gives up, or the test is over.
func TestHang(t *testing.T) {
	each(t, func(t *testing.T, u *Server) {
		u.On("/hang", Hang())
		ask := func(ctx context.Context) <-chan error {
			gone := make(chan error, 1)
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.URL+"/hang", nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				res, err := u.Client().Do(r)
				if err == nil {
					err = res.Body.Close()
				}
				gone <- err
			}()
			return gone
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := ask(ctx)
		u.Wait(t, 1, "GET", "/hang")
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if r := u.WaitDone(t, 1, "GET", "/hang")[0]; r.Status != 0 || !r.Cut {
			t.Errorf("recorded: %+v", r)
		}
		gone = ask(t.Context())
		u.Wait(t, 2, "GET", "/hang")
		u.Origin.Down()
		if err := <-gone; err == nil {
			t.Error("an answer")
		}
	})
}

func TestReset(t *testing.T) {
	each(t, func(t *testing.T, u *Server) {
		f := u.Raw("f", []byte("text"))
		u.On(f.Path, Method("POST"), Reset())
		if g, err := try(u, http.MethodPost, f.URL); err == nil {
			t.Error(g.Status)
		}
		if r := u.WaitDone(t, 1, "POST", f.Path)[0]; r.Status != 0 || !r.Cut {
			t.Errorf("recorded: %+v", r)
		}
		get(t, u, f.URL).want(t, 200)
	})
}

func TestDown(t *testing.T) {
	each(t, func(t *testing.T, u *Server) {
		f := u.Raw("f", []byte("text"))
		for range 3 {
			u.Origin.Down()
			if _, err := try(u, http.MethodGet, f.URL); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("down: %v", err)
			}
			get(t, u, u.CDN.URL+f.Path).want(t, 200)
			u.Origin.Up(t)
			get(t, u, f.URL).want(t, 200)
		}
	})
}

// TestRecord: what was asked, with what, is known.
func TestRecord(t *testing.T) {
	u := New(t, Options{})
	req, err := http.NewRequest(http.MethodPost, u.URL+"/npm/-/npm/v1/security/advisories/bulk?x=1", strings.NewReader(`{"pad":["1.0.0"]}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := u.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	r := u.WaitDone(t, 1, "POST", "/npm/-/**")[0]
	if string(r.Body) != `{"pad":["1.0.0"]}` || r.BodySize != 17 || r.Query != "x=1" || r.Status != 200 || r.Proto != "HTTP/1.1" || r.Host != "origin" {
		t.Errorf("%+v", r)
	}
	u.NoCredential(t, "**")
	u.NoSecret(t, "**", "s3cr3t")
	get(t, u, "/raw/x?token=s3cr3t", "Authorization", "Bearer tok")
	for _, assert := range []func(t testing.TB){
		func(t testing.TB) { u.NoCredential(t, "**") },
		func(t testing.TB) { u.NoSecret(t, "**", "s3cr3t") },
		func(t testing.TB) { u.NoSecret(t, "**", "tok") },
		func(t testing.TB) { u.NoSecret(t, "**", "pad") },
		func(t testing.TB) { u.NeverAsked(t, "/raw/**") },
		func(t testing.TB) { u.AskedOnce(t, "GET", "/npm/**") },
	} {
		heard := &ears{TB: t}
		if assert(heard); !heard.failed {
			t.Error("an assertion that is false did not fail")
		}
	}
	u.NoCredential(t, "cdn:**")
	u.Reset()
	u.NeverAsked(t, "**")
}

// ears hears failures instead of failing.
type ears struct {
	testing.TB
	failed bool
}

func (e *ears) Helper()               {}
func (e *ears) Errorf(string, ...any) { e.failed = true }

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		glob, host, path string
		want             bool
	}{
		{"/npm/*", "origin", "/npm/pad", true}, {"/npm/*", "origin", "/npm/@a/pad", false}, {"/npm/**", "cdn", "/npm/@a/pad", true},
		{"cdn:/npm/**", "origin", "/npm/pad", false}, {"cdn:/npm/**", "cdn", "/npm/pad", true}, {"/a?c", "origin", "/abc", true},
		{"/a?c", "origin", "/a/c", false}, {"/a.c", "origin", "/abc", false}, {"**.tgz", "plain", "/a/b.tgz", true},
	} {
		if got := parsePattern(c.glob).match(c.host, c.path); got != c.want {
			t.Errorf("%s of %s%s: %t", c.glob, c.host, c.path, got)
		}
	}
}
