package httpserver

import (
	"net/http"
	"net/netip"
	"testing"
)

func serverOf(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// TestBaseURL also is S-25: the headers of an untrusted peer have no effect.
func TestS25BaseURL(t *testing.T) {
	const proxy, stranger = "10.1.2.3:4000", "192.0.2.7:4000"
	for _, c := range []struct {
		name, peer string
		header     http.Header
		url, ip    string
	}{
		{"plain", stranger, nil, "http://repo.example.com", "192.0.2.7"},
		{"stranger", stranger, http.Header{"X-Forwarded-Host": {"evil"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"1.1.1.1"},
			"Forwarded": {"for=1.1.1.1;host=evil;proto=https"}, "X-Forwarded-Prefix": {"/evil"}}, "http://repo.example.com", "192.0.2.7"},
		{"one proxy", proxy, http.Header{"X-Forwarded-Host": {"pub.example.com"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"192.0.2.1"},
			"X-Forwarded-Prefix": {"/slipway/"}}, "https://pub.example.com/slipway", "192.0.2.1"},
		{"forged on the left", proxy, http.Header{"X-Forwarded-For": {"6.6.6.6, 192.0.2.1"}, "X-Forwarded-Proto": {"https"}}, "https://repo.example.com", "192.0.2.1"},
		{"forged in lines", proxy, http.Header{"X-Forwarded-For": {"6.6.6.6", "192.0.2.1"}}, "http://repo.example.com", "192.0.2.1"},
		{"two proxies", proxy, http.Header{"X-Forwarded-For": {"6.6.6.6, 192.0.2.1, 10.9.9.9"}, "X-Forwarded-Proto": {"gopher, https, http"}}, "https://repo.example.com", "192.0.2.1"},
		{"all trusted", proxy, http.Header{"X-Forwarded-For": {"10.5.5.5, 10.9.9.9"}}, "http://repo.example.com", "10.5.5.5"},
		{"forwarded", proxy, http.Header{"Forwarded": {`for=6.6.6.6;host=evil, for="[2001:db8::1]:99";proto=https;host="pub.example.com:8443", for=10.9.9.9;proto=http`}},
			"https://pub.example.com:8443", "2001:db8::1"},
		{"forwarded hidden", proxy, http.Header{"Forwarded": {`for=unknown;proto=https`}}, "https://repo.example.com", "10.1.2.3"},
		{"forwarded broken", proxy, http.Header{"Forwarded": {`for="1.1.1.1;proto=https`}}, "http://repo.example.com", "10.1.2.3"},
		{"families agree", proxy, http.Header{"Forwarded": {"for=192.0.2.1;proto=https"}, "X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https"}},
			"https://repo.example.com", "192.0.2.1"},
		{"families contradict", proxy, http.Header{"Forwarded": {"for=192.0.2.1;proto=https;host=a.example"}, "X-Forwarded-For": {"6.6.6.6"}, "X-Forwarded-Host": {"evil"}},
			"https://repo.example.com", "10.1.2.3"},
		{"bad host", proxy, http.Header{"X-Forwarded-Host": {`"><script>`}}, "http://localhost", "10.1.2.3"},
		{"bad prefix", proxy, http.Header{"X-Forwarded-Prefix": {"//evil.example"}}, "http://repo.example.com", "10.1.2.3"},
		{"bad scheme", proxy, http.Header{"X-Forwarded-Proto": {"javascript"}}, "http://repo.example.com", "10.1.2.3"},
		{"v6 loopback", "[::1]:99", http.Header{"X-Forwarded-For": {"192.0.2.1:1234"}}, "http://repo.example.com", "192.0.2.1"},
		{"mapped", "[::ffff:10.1.2.3]:99", http.Header{"X-Forwarded-For": {"192.0.2.1"}}, "http://repo.example.com", "192.0.2.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serverOf(t, Options{TrustedProxies: trusted})
			r := &http.Request{Host: "repo.example.com", RemoteAddr: c.peer, Header: c.header}
			if got := s.BaseURL(r); got != c.url {
				t.Errorf("base URL %s, want %s", got, c.url)
			}
			if got := s.ClientIP(r).String(); got != c.ip {
				t.Errorf("client %s, want %s", got, c.ip)
			}
		})
	}
	s := serverOf(t, Options{URL: "https://repo.example.com/slipway/", TrustedProxies: trusted})
	r := &http.Request{Host: "other", RemoteAddr: proxy, Header: http.Header{"X-Forwarded-Host": {"evil"}}}
	if got := s.BaseURL(r); got != "https://repo.example.com/slipway" {
		t.Errorf("configured URL became %s", got)
	}
	for _, bad := range []string{"repo.example.com", "ftp://x", "https://", "https://u:p@x", "https://x?y"} {
		if _, err := New(Options{URL: bad}); err == nil {
			t.Errorf("%q was taken as public URL", bad)
		}
	}
}

// FuzzForwarded: no header causes a panic or a base URL that is more than scheme, host and path.
func FuzzForwarded(f *testing.F) {
	f.Add(`for=192.0.2.60;proto=http;by=203.0.113.43`, "a, b", "https", "x:1", "/p")
	f.Add(`for="_gaz\"onk";host="[::1]"`, "1.1.1.1", "http,https", `a"b`, "//p")
	f.Fuzz(func(t *testing.T, forwarded, xff, proto, host, prefix string) {
		s := serverOf(t, Options{TrustedProxies: trusted})
		r := &http.Request{Host: "h", RemoteAddr: "10.0.0.1:1", Header: http.Header{
			"Forwarded": {forwarded}, "X-Forwarded-For": {xff}, "X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {host}, "X-Forwarded-Prefix": {prefix},
		}}
		base, err := cleanBase(s.BaseURL(r))
		if err != nil || base != s.BaseURL(r) {
			t.Fatalf("%q: %v", s.BaseURL(r), err)
		}
		if !s.ClientIP(r).IsValid() {
			t.Fatal("no client address")
		}
	})
}
