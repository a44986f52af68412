package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// proxy is a forward proxy that reaches every name at one address; it records what it was asked.
type proxy struct {
	srv    *httptest.Server
	mu     sync.Mutex
	asked  []*http.Request
	target string
	status int
}

func newProxy(t *testing.T, target string, status int) *proxy {
	p := &proxy{target: target, status: status}
	p.srv = httptest.NewUnstartedServer(p)
	t.Cleanup(p.srv.Close)
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r)
	p.mu.Unlock()
	if p.status != http.StatusOK || r.Method != http.MethodConnect {
		w.WriteHeader(p.status)
		return
	}
	to, err := net.Dial("tcp", p.target)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	from, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}()
	_, _ = io.Copy(from, to)
	_ = from.Close()
}

// TestProxy: through an https proxy, the proxy's address is checked and the target's is not; the client certificate is shown to the
// target alone, the proxy's credentials to the proxy alone.
func TestProxy(t *testing.T) {
	var toTarget, toProxy int
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		toTarget = len(r.TLS.PeerCertificates)
		if r.Header.Get("Proxy-Authorization") != "" {
			t.Error("the target got the proxy's credentials")
		}
	}))
	target.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	target.StartTLS()
	defer target.Close()
	p := newProxy(t, target.Listener.Addr().String(), http.StatusOK)
	p.srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, VerifyConnection: func(s tls.ConnectionState) error {
		toProxy = len(s.PeerCertificates)
		return nil
	}}
	p.srv.StartTLS()
	at, err := ParseProxy("https://me:canary@" + p.srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(target.Certificate())
	o := Options{Allow: allow(t, "127.0.0.1"), Proxy: at, TLS: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{target.TLS.Certificates[0]}}}
	if status, err := get(t, o, "https://example.com/"); err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v", status, err)
	}
	if toTarget != 1 || toProxy != 0 {
		t.Errorf("%d certificates to the target, %d to the proxy", toTarget, toProxy)
	}
	if len(p.asked) != 1 || p.asked[0].Host != "example.com:443" || p.asked[0].Header.Get("Proxy-Authorization") == "" {
		t.Errorf("the proxy was asked %v", p.asked)
	}
	o.Allow = Allow{}
	var denied *DeniedError
	if _, err := get(t, o, "https://example.com/"); !errors.As(err, &denied) {
		t.Errorf("a proxy at a closed address: %v", err)
	}
}

// TestProxyRefuses: a proxy's refusal is told apart from the target's.
func TestProxyRefuses(t *testing.T) {
	p := newProxy(t, "", http.StatusProxyAuthRequired)
	p.srv.Start()
	at, err := url.Parse(p.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	var refused *ProxyError
	if _, err := get(t, Options{Allow: allow(t, "127.0.0.1"), Proxy: at}, "https://example.com/"); !errors.As(err, &refused) || refused.Status != 407 {
		t.Errorf("%v", err)
	}
}

func TestParseProxy(t *testing.T) {
	for s, ok := range map[string]bool{
		"http://p.example:3128": true, "https://user:canary@p.example/": true, "socks5://p.example:1080": true, "socks5h://p.example": true,
		"ftp://canary": false, "canary.example:3128": false, "http://canary.example/path": false, "http://canary.example?x": false, "http://": false, "http://canary\x7f": false,
	} {
		if _, err := ParseProxy(s); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// TestSocks: through a socks5 proxy, the proxy's address is checked before anything is said to it.
func TestSocks(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	said := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b := make([]byte, 3)
		_, _ = io.ReadFull(c, b)
		said <- b
		_ = c.Close()
	}()
	at := &url.URL{Scheme: "socks5", Host: l.Addr().String()}
	var denied *DeniedError
	if _, err := get(t, Options{Proxy: at}, "http://example.com/"); !errors.As(err, &denied) {
		t.Errorf("a proxy at a closed address: %v", err)
	}
	r := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("the name was looked up here")
		return nil, net.ErrClosed
	}}
	if _, err := get(t, Options{Proxy: at, Resolver: r, Allow: Allow{prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}, "http://example.com/"); err == nil {
		t.Error("answered")
	}
	if b := <-said; b[0] != 5 {
		t.Errorf("the proxy was told %v", b)
	}
}
