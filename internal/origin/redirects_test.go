package origin

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"slipway/internal/outbound"
)

// secrets of all kinds, as they may not appear anywhere but at the exact origin.
var secrets = map[string]Auth{
	"Authorization": {Kind: AuthBearer, Secret: StaticSecret(canary + "-token")},
	"X-Api-Key":     {Kind: AuthHeader, Header: "x-api-key", Secret: StaticSecret(canary + "-key")},
	"Basic":         {Kind: AuthBasic, User: "me", Secret: StaticSecret(canary + "-password")},
}

// carries reports whether any header of a request is more than the client may send anywhere.
func carries(r *http.Request) []string {
	var out []string
	for name := range r.Header {
		switch name {
		case "Accept", "Accept-Encoding", "User-Agent", ViaHeader, "If-None-Match", "If-Modified-Since", "Range", "If-Range":
		default:
			out = append(out, name)
		}
	}
	return out
}

// TestS48Credentials: credentials and the caller's own headers go to the exact origin, never to where a redirect or the URL of a file
// leads: another port, a subdomain, another host, nor back home after that.
func TestS48Credentials(t *testing.T) {
	home := "registry.example.com"
	var next string
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if back := r.URL.Query().Get("back"); back != "" {
			http.Redirect(w, r, back, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "there")
	})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session="+canary)
		switch r.URL.Path {
		case "/leave":
			http.Redirect(w, r, next, http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "/here?X-Signature="+canary, http.StatusTemporaryRedirect)
		}
	})
	for kind, auth := range secrets {
		cl := client(t, up.at(home), func(s *setup) {
			s.Auth = auth
			s.Redirects = Redirects{Mode: RedirectHosts, Hosts: []string{home, "*." + home, "127.0.0.1"}}
		})
		header := http.Header{"X-Extra": {"1"}, "Authorization": {"Bearer mine"}, "Cookie": {"a=b"}, "Npm-Otp": {"1"}, "X-Forwarded-For": {"10.0.0.1"}, "Forwarded": {"for=x"}}
		for _, target := range []string{
			other.at(home), other.at("cdn." + home), other.URL, other.at(home) + "/?back=" + url.QueryEscape(up.at(home)+"/again"), up.at("CDN." + home),
		} {
			next = target
			for _, start := range []string{"/leave", target} {
				if start != "/leave" && strings.HasPrefix(target, up.at(home)) {
					continue
				}
				up.seen, other.seen = nil, nil
				if _, _, err := read(t, cl, Request{URL: start, Kind: File, Header: header, Accept: "x/y"}); err != nil {
					t.Fatalf("%s: %v", start, err)
				}
				for _, r := range append(up.requests(), other.requests()...) {
					exact := r.URL.Path == "/leave"
					extra := carries(r)
					if !exact && len(extra) > 0 {
						t.Errorf("%s: %s%s got %v", kind, r.Host, r.URL.Path, extra)
					}
					if exact && len(extra) != 2 || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" || r.Header.Get("Accept") != "x/y" {
						t.Errorf("%s: %s%s got %v", kind, r.Host, r.URL.Path, r.Header)
					}
				}
			}
		}
		up.seen = nil
		res, _, err := read(t, cl, Request{URL: "/inside"})
		if err != nil || res.URL.RawQuery != "" || res.URL.Path != "/here" {
			t.Fatalf("%v", err)
		}
		for _, r := range up.requests() {
			if len(carries(r)) != 1 || r.Header.Get("Cookie") != "" {
				t.Errorf("%s: within the origin: %v", kind, r.Header)
			}
		}
	}
}

// TestS48Redirects: where redirects may lead.
func TestS48Redirects(t *testing.T) {
	ca := newAuthority(t)
	secure := ca.serveTLS(t, time.Now().Add(time.Hour), func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Location"] = []string{r.URL.Query().Get("to")}
		w.WriteHeader(http.StatusMovedPermanently)
	})
	hidden := serve(t, func(http.ResponseWriter, *http.Request) {})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			return
		}
		w.Header()["Location"] = []string{r.URL.Query().Get("to")}
		w.WriteHeader(http.StatusFound)
	})
	hosts := func(list ...string) Redirects { return Redirects{Mode: RedirectHosts, Hosts: list} }
	for _, c := range []struct {
		base, to  string
		redirects Redirects
		text      string // "" for allowed
	}{
		{up.URL, "/end", Redirects{}, ""},
		{up.URL, "end?x#fragment", Redirects{Mode: RedirectSameOrigin}, ""},
		{up.URL, up.at("127.0.0.1") + "/end", Redirects{Mode: RedirectSameOrigin}, ""},
		{up.URL, "//" + canary + ".example/", Redirects{Mode: RedirectSameOrigin}, "another origin"},
		{up.URL, up.at("localhost") + "/end", Redirects{Mode: RedirectSameOrigin}, "another origin"},
		{up.URL, hidden.URL, Redirects{}, "a loopback address, which the server's setting --upstream-allow does not open"},
		{up.URL, hidden.at("inside." + canary + ".example"), Redirects{}, "leads to a loopback address"},
		{up.URL, "http://169.254.169.254/latest/" + canary, Redirects{}, "metadata"},
		{up.URL, "http://169.254.169.254/latest/" + canary, hosts("169.254.169.254"), "metadata"},
		{up.URL, "http://10.0.0.1/" + canary, hosts("10.0.0.1"), "a private address"},
		{up.URL, "http://2130706433/" + canary, hosts("2130706433.example"), "number"},
		{up.URL, hidden.at("cdn.example.com"), hosts("cdn.example.com"), ""},
		{up.URL, hidden.at("a.cdn.example.com"), hosts("*.cdn.example.com"), ""},
		{up.URL, hidden.at("cdn.example.com"), hosts("*.cdn.example.com"), "does not list"},
		{up.URL, hidden.at("evilcdn.example.com"), hosts("*.cdn.example.com", "cdn.example.com"), "does not list"},
		{up.URL, "http://me:" + canary + "@" + strings.TrimPrefix(up.URL, "http://"), Redirects{}, "credentials"},
		{up.URL, "file:///etc/" + canary, Redirects{}, "scheme"},
		{up.URL, "gopher://" + canary + "/", hosts(canary), "scheme"},
		{up.URL, "http://" + canary + ":x/", Redirects{}, "Location that is a URL"},
		{up.URL, "", Redirects{}, "Location"},
		{up.URL, up.URL, Redirects{}, "Location"},
		{secure.URL, hidden.URL + "/" + canary, hosts("127.0.0.1"), "from https to http"},
		{secure.URL, up.URL + "/" + canary, Redirects{}, "from https to http"},
	} {
		cl := client(t, c.base, func(s *setup) { s.Redirects, s.TLS.CA = c.redirects, pemOf(ca.cert.Raw) })
		_, _, err := read(t, cl, Request{URL: "?to=" + url.QueryEscape(c.to)})
		if c.text == "" {
			if err != nil {
				t.Errorf("%s: %v", c.to, err)
			}
			continue
		}
		want(t, err, Bad, c.text)
		if s := cl.State()[0]; s.LastFault != "" {
			t.Errorf("%s: counted as a failure of the upstream: %s", c.to, s.LastFault)
		}
	}
	if n := len(hidden.requests()); n != 2 {
		t.Errorf("%d requests arrived, want those two that a list allows", n)
	}
	_, _, err := read(t, client(t, secure.URL, nil), Request{URL: hidden.URL})
	want(t, err, Bad, "from https to http")
}

// TestRedirectLoop ends after 5 redirects of a document, and 10 of a file.
func TestRedirectLoop(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"?"+canary, http.StatusFound)
	})
	for kind, limit := range map[Kind]int{Document: 5, Tag: 5, File: 10} {
		up.seen = nil
		_, _, err := read(t, client(t, up.URL, nil), Request{Kind: kind})
		want(t, err, Bad, "redirects")
		if n := len(up.requests()); n != limit+1 {
			t.Errorf("%s: %d requests", kind, n)
		}
	}
}

// TestRequestURLs: paths are appended to the upstream's as they are escaped; what leads out of it, or elsewhere, is not asked for.
func TestRequestURLs(t *testing.T) {
	up := serve(t, func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct{ base, url, want string }{
		{"/npm/", "@scope%2fname", "/npm/@scope%2fname"},
		{"/npm", "/@scope%2Fname?write=true#x", "/npm/@scope%2Fname?write=true"},
		{"/simple/", "", "/simple/"},
		{"", "", "/"},
		{"/a%2fb", "c%20d?e f&g=ü", "/a%2fb/c%20d?e%20f&g=%C3%BC"},
		{"/npm", "a:b/c", "/npm/a:b/c"},
		{"/npm", "?x=1", "/npm?x=1"},
		{"/npm", "..", ""}, {"/npm", "a/../../b", ""}, {"/npm", "a/%2e%2e/b", ""}, {"/npm", "a/..%2fb", ""}, {"/npm", "./a", ""}, {"/npm", `a\..\b`, ""},
		{"/npm", "%zz", ""}, {"/npm", "c d", ""}, {"/npm", "ü", ""}, {"/npm", "a%00", ""}, {"/npm", "//" + canary + ".example/", ""}, {"/npm", "ftp://" + canary + "/", ""},
		{"/npm", "http://" + canary + ":x/", ""}, {"/npm", "javascript://" + canary, ""},
	} {
		up.seen = nil
		_, _, err := read(t, client(t, up.URL+c.base, nil), Request{URL: c.url})
		switch seen := up.requests(); {
		case c.want == "" && (len(seen) > 0 || !Is(err, Bad)):
			t.Errorf("%s + %s: %v, asked for %v", c.base, c.url, err, seen)
		case c.want != "" && (err != nil || seen[0].RequestURI != c.want):
			t.Errorf("%s + %s: %v, want %s", c.base, c.url, err, c.want)
		}
	}
}

// TestSettings: what can't be saved, in words without a secret.
func TestSettings(t *testing.T) {
	parse := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	good := parse("https://registry.example.com/npm/")
	for _, c := range []struct {
		s    Settings
		text string
	}{
		{Settings{URL: good}, ""},
		{Settings{}, "url"},
		{Settings{URL: parse("https://u:" + canary + "@x.example/")}, "credentials"},
		{Settings{URL: parse("https://x.example/?" + canary)}, "query"},
		{Settings{URL: parse("https://x.example/#" + canary)}, "fragment"},
		{Settings{URL: parse("http://0x7f.1/" + canary)}, "number"},
		{Settings{URL: parse("http://10.0.0.1/")}, "--upstream-allow"},
		{Settings{URL: good, UserAgent: "a\r\n" + canary}, "user_agent"},
		{Settings{URL: good, Rate: -1}, "negative"},
		{Settings{URL: good, TLS: TLS{CA: []byte(canary)}}, "PEM"},
		{Settings{URL: good, TLS: TLS{Key: []byte(canary)}}, "PEM"},
		{Settings{URL: good, Redirects: Redirects{Mode: RedirectHosts}}, "redirects"},
		{Settings{URL: good, Redirects: Redirects{Mode: RedirectHosts, Hosts: []string{"https://" + canary}}}, "redirects"},
		{Settings{URL: good, Redirects: Redirects{Mode: RedirectHosts, Hosts: []string{"a.example", "[::1]", "::1", "10.0.0.1", "*.b.example"}}}, ""},
		{Settings{URL: good, Auth: Auth{Kind: "digest"}}, "auth"},
		{Settings{URL: good, Auth: Auth{Kind: AuthBearer}}, "secret"},
		{Settings{URL: good, Auth: Auth{Kind: AuthHeader, Header: "Host", Secret: StaticSecret(canary)}}, "header"},
		{Settings{URL: good, Auth: Auth{Kind: AuthHeader, Header: "a b", Secret: StaticSecret(canary)}}, "header"},
		{Settings{URL: good, Auth: Auth{Kind: AuthBasic, User: "a:b", Secret: StaticSecret(canary)}}, "user"},
	} {
		err := c.s.Check(outbound.Options{Setting: "--upstream-allow"})
		if (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, want %q", err, c.text)
		}
		noCanary(t, err)
	}
	if _, err := New(Settings{URL: parse("http://10.0.0.1/")}, Environment{}); err != nil {
		t.Errorf("a closed address keeps a client from being made: %v", err)
	}
	for _, c := range []struct {
		values []string
		mode   RedirectMode
		bad    bool
	}{{nil, RedirectPublic, false}, {[]string{"public"}, RedirectPublic, false}, {[]string{"same-origin"}, RedirectSameOrigin, false}, {[]string{"a.example", "b.example"}, RedirectHosts, false}, {[]string{"a b"}, RedirectHosts, true}} {
		if r, err := ParseRedirects(c.values...); r.Mode != c.mode || (err != nil) != c.bad {
			t.Errorf("%v: %v, %v", c.values, r, err)
		}
	}
	for s, ok := range map[string]bool{"": true, "direct": true, "inherit": true, "http://p.example:1": true, canary: false} {
		_, err := ParseProxy(s)
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
