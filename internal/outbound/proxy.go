package outbound

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// ProxyError says that the proxy answered a CONNECT with something else than 200.
type ProxyError struct{ Status int }

func (e *ProxyError) Error() string { return fmt.Sprintf("the proxy answered %d", e.Status) }

// ParseProxy reads the URL of a proxy: http, https, socks5 or socks5h with a host, which may have credentials, and nothing else.
// Its errors do not repeat the text, which may hold a password.
func ParseProxy(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("the proxy is not a URL")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, fmt.Errorf("a proxy's URL begins with http://, https:// or socks5://")
	}
	if u.Opaque != "" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, fmt.Errorf("a proxy's URL has a host, perhaps a port and credentials, and nothing else")
	}
	u.Path = ""
	return u, nil
}

// through makes t send everything through the proxy. net/http would offer TLSClientConfig's certificate to an https proxy too, so
// TLS with the proxy is made here, and net/http takes it for an http proxy.
func (o Options) through(t *http.Transport) {
	proxy := *o.Proxy
	if proxy.Scheme == "https" {
		if proxy.Port() == "" {
			proxy.Host = net.JoinHostPort(proxy.Hostname(), "443")
		}
		proxy.Scheme = "http"
		config := o.tls(true)
		config.ServerName = proxy.Hostname()
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return o.dialTLS(ctx, network, address, config)
		}
	}
	t.Proxy = http.ProxyURL(&proxy)
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
		if res.StatusCode != http.StatusOK {
			return &ProxyError{Status: res.StatusCode}
		}
		return nil
	}
}

func (o Options) dialTLS(ctx context.Context, network, address string, config *tls.Config) (net.Conn, error) {
	plain, err := o.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.connect())
	defer cancel()
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, err
	}
	return conn, nil
}
