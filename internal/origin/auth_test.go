package origin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAuth: what each kind sends.
func TestAuth(t *testing.T) {
	for _, c := range []struct {
		auth          Auth
		header, value string
	}{
		{Auth{}, "Authorization", ""},
		{Auth{Kind: AuthNone}, "Authorization", ""},
		{Auth{Kind: AuthBasic, User: "me", Secret: StaticSecret("p:w")}, "Authorization", "Basic bWU6cDp3"},
		{Auth{Kind: AuthBearer, Secret: StaticSecret("tok")}, "Authorization", "Bearer tok"},
		{Auth{Kind: AuthHeader, Header: "private-token", Secret: StaticSecret("tok")}, "Private-Token", "tok"},
	} {
		up := serve(t, func(http.ResponseWriter, *http.Request) {})
		if _, _, err := read(t, client(t, up.URL, func(s *setup) { s.Auth, s.Settings.UserAgent = c.auth, "extra/1" }), Request{}); err != nil {
			t.Fatal(err)
		}
		h := up.requests()[0].Header
		if h.Get(c.header) != c.value || h.Get("User-Agent") != "Slipway/1.2 extra/1" {
			t.Errorf("%s: %v", c.auth.Kind, h)
		}
	}
	for _, secret := range []Secret{
		func(bool) (string, error) { return "", errors.New(canary) }, StaticSecret(""), StaticSecret(canary + "\r\nX: y"),
	} {
		up := serve(t, func(http.ResponseWriter, *http.Request) {})
		_, _, err := read(t, client(t, up.URL, func(s *setup) { s.Auth = Auth{Kind: AuthBearer, Secret: secret} }), Request{})
		want(t, err, Refused, "credentials can't be read")
		if len(up.requests()) > 0 {
			t.Error("asked without credentials")
		}
	}
}

// TestRefusedSecret: after a 401 a secret is read again, once, and the request repeated if it is another.
func TestRefusedSecret(t *testing.T) {
	for _, c := range []struct {
		secrets []string // by reading
		tries   int
		ok      bool
	}{{[]string{"old", "new"}, 2, true}, {[]string{"old", "old"}, 1, false}, {[]string{"old", "bad", "new"}, 2, false}} {
		up := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer new" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
		var mu sync.Mutex
		reading := 0
		secret := func(fresh bool) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if fresh && reading == 0 {
				reading++
			}
			return c.secrets[min(reading, len(c.secrets)-1)], nil
		}
		_, _, err := read(t, client(t, up.URL, func(s *setup) { s.Auth = Auth{Kind: AuthBearer, Secret: secret} }), Request{})
		if (err == nil) != c.ok || len(up.requests()) != c.tries || err != nil && !Is(err, Refused) {
			t.Errorf("%v: %v after %d", c.secrets, err, len(up.requests()))
		}
	}
}

// TestFileSecret: a file is read again when it has changed, and only below its directory.
func TestFileSecret(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, old, old.Add(time.Duration(len(text))*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "token")
	write(path, "first\n")
	s, err := FileSecret(dir, "token")
	if err != nil {
		t.Fatal(err)
	}
	get := func(want string) {
		t.Helper()
		if got, err := s(false); err != nil || got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	get("first")
	get("first")
	write(path, "the second \r\n")
	get("the second")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s(false); err == nil {
		t.Error("a secret of a file that is gone")
	}
	write(filepath.Join(outside, "token"), canary)
	if err := os.Symlink(filepath.Join(outside, "token"), path); err != nil {
		t.Fatal(err)
	}
	if got, err := s(true); err == nil {
		t.Errorf("a link leads out: %q", got)
	}
	_ = os.Remove(path)
	write(path, strings.Repeat("x", maxSecretBytes+1))
	if _, err := s(true); err == nil {
		t.Error("a secret without a bound")
	}
	for _, name := range []string{"../token", "/etc/passwd", "a/../../b", ""} {
		if _, err := FileSecret(dir, name); err == nil {
			t.Errorf("%q", name)
		}
	}
}

// registry is an upstream that wants tokens, and its token service.
type registry struct {
	*upstream
	realm   string
	refuses bool // credentials
	token   string
}

func (r *registry) serve(w http.ResponseWriter, q *http.Request) {
	switch {
	case strings.HasPrefix(q.URL.Path, "/token"):
		_, _, named := q.BasicAuth()
		if named && r.refuses {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"`+r.token+`","expires_in":100}`)
	case q.Header.Get("Authorization") != "Bearer "+r.token:
		w.Header().Add("Www-Authenticate", `Negotiate, Bearer realm="`+r.realm+`",service="the \"hub\"", scope="ignored"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// TestTokens: a token is fetched when it is asked for, shared by all who want it, and renewed after 80 % of its life or a refusal.
func TestTokens(t *testing.T) {
	r := &registry{token: "t1"}
	r.upstream = serve(t, r.serve)
	r.realm = r.URL + "/token?account=1"
	clk := newClock()
	cl := client(t, r.URL, func(s *setup) {
		s.Now = clk.now
		s.Auth = Auth{Kind: AuthBasic, User: "me", Secret: StaticSecret(canary)}
	})
	fetched := func() (n int) {
		for _, q := range r.requests() {
			if strings.HasPrefix(q.URL.Path, "/token") {
				n++
			}
		}
		return n
	}
	get := func() {
		t.Helper()
		if _, _, err := read(t, cl, Request{URL: "v2/", Scope: "repository:library/busybox:pull", Kind: Tag}); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { _, _, _ = read(t, cl, Request{URL: "v2/", Scope: "repository:library/busybox:pull"}) })
	}
	all.Wait()
	get()
	if n := fetched(); n != 1 {
		t.Errorf("%d tokens for one scope", n)
	}
	i := slices.IndexFunc(r.requests(), func(q *http.Request) bool { return q.URL.Path == "/token" })
	q := r.requests()[i]
	if _, password, _ := q.BasicAuth(); password != canary || q.URL.Query().Get("service") != `the "hub"` || q.URL.Query().Get("scope") != "repository:library/busybox:pull" || q.URL.Query().Get("account") != "1" {
		t.Errorf("%s %v", q.URL, q.Header)
	}
	clk.advance(79 * time.Second)
	get()
	if n := fetched(); n != 1 {
		t.Errorf("%d tokens before 80 %%", n)
	}
	clk.advance(time.Second)
	get()
	if n := fetched(); n != 2 {
		t.Errorf("%d tokens after 80 %%", n)
	}
	r.token = "t2"
	get()
	if n := fetched(); n != 3 {
		t.Errorf("%d tokens after a refusal", n)
	}
}

// TestS46Realm: where the token service may be. No credential arrives anywhere else.
func TestS46Realm(t *testing.T) {
	ca := newAuthority(t)
	names := []string{"registry.example.com", "auth.example.com", "auth.other.example", "one.github.io", "two.github.io"}
	service := ca.serveTLS(t, time.Now().Add(time.Hour), func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":"t"}`) }, names...)
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":"t"}`) })
	for _, c := range []struct {
		host, realm string
		listed      []string
		text        string // "" for taken
	}{
		{"registry.example.com", service.at("auth.example.com"), []string{"x.example"}, ""}, // of one domain
		{"registry.example.com", service.at("auth.example.com"), nil, "a loopback address"}, // which needs a list
		{"registry.example.com", service.at("auth.example.com"), []string{"auth.example.com"}, ""},
		{"registry.example.com", service.at("auth.other.example"), []string{"auth.other.example"}, ""},
		{"registry.example.com", service.at("auth.other.example"), []string{"x.example"}, "of another domain"},
		{"one.github.io", service.at("two.github.io"), []string{"x.example"}, "of another domain"},
		{"registry.example.com", plain.at("auth.example.com"), []string{"auth.example.com"}, "not https"},
		{"registry.example.com", strings.Replace(service.at("auth.example.com"), "https://", "https://u:"+canary+"@", 1), []string{"auth.example.com"}, "credentials"},
		{"registry.example.com", "file:///" + canary, nil, "scheme"},
		{"registry.example.com", "http://169.254.169.254/" + canary, nil, "metadata"},
		{"registry.example.com", canary, nil, "scheme"},
	} {
		service.seen, plain.seen = nil, nil
		r := &registry{token: "t", realm: c.realm}
		r.upstream = serve(t, r.serve)
		cl := client(t, r.at(c.host), func(s *setup) {
			s.TLS.CA = pemOf(ca.cert.Raw)
			s.Auth = Auth{Kind: AuthBasic, User: "me", Secret: StaticSecret(canary)}
			if c.listed != nil {
				s.Redirects = Redirects{Mode: RedirectHosts, Hosts: c.listed}
			}
		})
		_, _, err := read(t, cl, Request{URL: "v2/", Scope: "s"})
		if c.text == "" {
			if err != nil || len(service.requests()) != 1 {
				t.Errorf("%s: %v", c.realm, err)
			}
			continue
		}
		want(t, err, Bad, c.text)
		if len(service.requests())+len(plain.requests()) != 0 {
			t.Errorf("%s: a request arrived", c.realm)
		}
	}
	if !sameDomain("registry-1.example.io", "auth.example.io") || sameDomain("a.co.uk", "b.co.uk") || sameDomain("10.0.0.1", "10.0.0.2") {
		t.Error("registrable domains")
	}
}

// TestAnonymousFallback: a refused credential is followed by an anonymous try only where that is set.
func TestAnonymousFallback(t *testing.T) {
	for _, fallback := range []bool{false, true} {
		r := &registry{token: "t", refuses: true}
		r.upstream = serve(t, r.serve)
		r.realm = r.URL + "/token"
		cl := client(t, r.URL, func(s *setup) {
			s.AnonymousFallback = fallback
			s.Auth = Auth{Kind: AuthBasic, User: "me", Secret: StaticSecret(canary)}
		})
		if _, _, err := read(t, cl, Request{URL: "v2/", Scope: "s"}); (err == nil) != fallback || err != nil && !Is(err, Refused) {
			t.Errorf("%v: %v", fallback, err)
		}
	}
}

func TestBearer(t *testing.T) {
	for field, want := range map[string]challenge{
		`Bearer realm="https://a/t",service="s"`: {"https://a/t", "s", ""}, `bearer realm=x`: {realm: "x"},
		`Basic realm="x", Bearer realm="y",scope="a b"`: {realm: "y", scope: "a b"}, `Basic realm="x"`: {}, ``: {}, `Bearer realm="x`: {}, `Bearer`: {},
		`Negotiate abc==, Bearer realm="y\"z"`: {}, `, ,Bearer realm = "q"`: {realm: "q"},
	} {
		if got, _ := bearer([]string{field}); got != want {
			t.Errorf("%s: %+v", field, got)
		}
	}
}

// FuzzBearer: no challenge hangs or panics the reader.
func FuzzBearer(f *testing.F) {
	f.Add(`Basic realm="x", Bearer realm="y",scope="a b"`)
	f.Add(`Negotiate abc==, Bearer realm="y\"z`)
	f.Fuzz(func(_ *testing.T, s string) { bearer([]string{s}) })
}

// TestVia: requests name the instances that they have passed, and a loop is seen when it arrives.
func TestVia(t *testing.T) {
	up := serve(t, func(http.ResponseWriter, *http.Request) {})
	cl := client(t, up.URL, nil)
	h := http.Header{ViaHeader: {"a, b", "c,<x>"}}
	ctx := WithVia(t.Context(), Via(h))
	for range 2 {
		if res, err := cl.Do(ctx, Request{}); err == nil {
			_ = res.Body.Close()
		}
	}
	for _, r := range up.requests() {
		if got := r.Header.Get(ViaHeader); got != "a, b, c, me" {
			t.Errorf("sent %q", got)
		}
	}
	if Loops(h, "me") || !Loops(up.requests()[0].Header, "me") || !Loops(http.Header{ViaHeader: {strings.Repeat("x,", 17)}}, "me") || Loops(http.Header{}, "") {
		t.Error("loops are not told apart")
	}
	if ctx := WithVia(context.Background(), nil); via(ctx, "") != "" || via(ctx, "me") != "me" {
		t.Error("without a chain")
	}
}

// TestProxy: through a proxy every request is, under its names; the proxy's address is checked, public names pass, others do not.
func TestProxy(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	})
	at, err := url.Parse(strings.Replace(proxy.URL, "http://", "http://me:"+canary+"@", 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, inherit := range []bool{false, true} {
		cl := client(t, "http://registry.example.com/npm", func(s *setup) {
			s.Settings.Proxy.URL = at
			s.Auth = Auth{Kind: AuthBearer, Secret: StaticSecret(canary)}
			if inherit {
				s.Settings.Proxy = Proxy{Inherit: true}
				s.Environment.Proxy = at
			}
		})
		proxy.seen = nil
		if _, _, err := read(t, cl, Request{URL: "a?to=" + url.QueryEscape("http://cdn.example.net/b")}); err != nil {
			t.Fatal(err)
		}
		seen := proxy.requests()
		if len(seen) != 2 || seen[0].Host != "registry.example.com" || seen[1].Host != "cdn.example.net" || seen[1].Header.Get("Authorization") != "" || seen[1].Header.Get("Proxy-Authorization") == "" {
			t.Errorf("%v", seen)
		}
		for to, text := range map[string]string{"http://10.0.0.1/": "private", "http://127.0.0.1/": "loopback", "http://169.254.169.254/": "metadata", "http://localhost/": "not public", "http://db.internal/": "not public", "http://db/": "not public"} {
			_, _, err := read(t, cl, Request{URL: "a?to=" + url.QueryEscape(to)})
			want(t, err, Bad, text)
		}
	}
	dead := *at
	dead.Host = "127.0.0.1:1"
	_, _, err = read(t, client(t, "https://registry.example.com", func(s *setup) { s.Settings.Proxy.URL = &dead }), Request{})
	want(t, err, Down, "proxy: connection refused")
	closed := *at
	closed.Host = "10.0.0.1:1"
	_, _, err = read(t, client(t, "https://registry.example.com", func(s *setup) { s.Settings.Proxy.URL = &closed }), Request{})
	want(t, err, Bad, "a private address")
}
