package httpserver

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"slipway/internal/lazyregexp"
)

// BaseURL returns the public address of the server as this request sees it, "https://host[:port][/prefix]" without a
// trailing slash: the configured URL, else the address given by trusted proxies in X-Forwarded-Proto, -Host, -Prefix or
// Forwarded (RFC 7239), else the Host header. Where the two families of headers contradict each other, both are ignored.
func (s *Server) BaseURL(r *http.Request) string {
	if s.base != "" {
		return s.base
	}
	scheme, host, prefix := "http", r.Host, ""
	if r.TLS != nil {
		scheme = "https"
	}
	if peer := peerOf(r); s.trusts(peer) {
		_, hops := s.walk(peer, xForwardedFor(r.Header))
		elements := forwarded(r.Header)
		_, fhops := s.walk(peer, fors(elements))
		e := hop(elements, fhops)
		x := xForwarded(r.Header, hops)
		if v := agree(x.proto, e.proto); v == "http" || v == "https" {
			scheme = v
		}
		if v := agree(x.host, e.host); v != "" {
			host = v
		}
		if validPrefix(x.prefix) {
			prefix = x.prefix
		}
	}
	if !validHost(host) {
		host = "localhost"
	}
	return scheme + "://" + host + prefix
}

// ClientIP returns the address of the client: the first address on the way from the peer towards the client that is no
// trusted proxy. Where X-Forwarded-For and Forwarded name different addresses, it is the peer's.
func (s *Server) ClientIP(r *http.Request) netip.Addr {
	peer := peerOf(r)
	if !s.trusts(peer) {
		return peer
	}
	x, f := xForwardedFor(r.Header), fors(forwarded(r.Header))
	xip, _ := s.walk(peer, x)
	fip, _ := s.walk(peer, f)
	switch {
	case len(f) == 0:
		return xip
	case len(x) == 0 || xip == fip:
		return fip
	default:
		return peer
	}
}

// walk goes over the addresses that proxies noted, from the right, as long as the proxy that noted the address is trusted.
// It returns the first address that is not trusted, or the leftmost, and how many notes were believed.
func (s *Server) walk(peer netip.Addr, notes []string) (client netip.Addr, hops int) {
	client = peer
	for i := len(notes) - 1; i >= 0 && s.trusts(client); i-- {
		next, ok := parseNode(notes[i])
		if !ok {
			return client, hops + 1 // a trusted proxy that hides the address, "unknown" or "_secret"
		}
		client = next
		hops++
	}
	return client, hops
}

func (s *Server) trusts(ip netip.Addr) bool {
	for _, p := range s.trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// peerOf is the address of the connection's other end; the zero address when it has none, as with a Unix socket.
func peerOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// parseNode reads an address as the headers write it: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80.
func parseNode(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return ip.Unmap().WithZone(""), err == nil
}

// agree returns the common value of two statements, or the one that is not empty; "" when they differ.
func agree(x, f string) string {
	switch {
	case x == "" || x == f:
		return f
	case f == "":
		return x
	default:
		return ""
	}
}

// maxHostBytes bounds a host with its port. The pattern itself counts no characters: a counted repeat of 252 takes 400 KB of memory.
const maxHostBytes = 253 + len(":65535")

var hostForm = lazyregexp.New(`^([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

func validHost(host string) bool { return len(host) <= maxHostBytes && hostForm.MatchString(host) }

// validPrefix accepts a path that can stand in front of every URL as it is.
func validPrefix(p string) bool {
	u, err := url.Parse(p)
	return err == nil && strings.HasPrefix(p, "/") && !strings.HasSuffix(p, "/") && u.Host == "" && u.EscapedPath() == p &&
		!strings.Contains(p, "//") && !strings.Contains(p, "/.") && !strings.ContainsAny(p, "<>\"'\\")
}
