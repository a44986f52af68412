package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func allow(t testing.TB, entries ...string) Allow {
	t.Helper()
	a, err := ParseAllow(entries)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestS47Addresses: an address that is not public is refused by its kind, in every spelling, and the error names the
// setting.
func TestS47Addresses(t *testing.T) {
	for _, c := range []struct{ ip, kind string }{
		{"93.184.216.34", ""}, {"2606:2800:220:1::1", ""}, {"::ffff:93.184.216.34", ""}, {"9.255.255.255", ""}, {"11.0.0.0", ""},
		{"172.15.255.255", ""}, {"172.32.0.0", ""}, {"100.63.255.255", ""}, {"100.128.0.0", ""}, {"2001:200::1", ""}, {"2003::1", ""},
		{"127.0.0.1", "loopback"}, {"127.255.255.255", "loopback"}, {"::1", "loopback"}, {"::ffff:127.0.0.1", "loopback"},
		{"10.0.0.0", "private"}, {"10.255.255.255", "private"}, {"172.16.0.1", "private"}, {"172.31.255.255", "private"},
		{"192.168.1.1", "private"}, {"::ffff:192.168.1.1", "private"}, {"fc00::1", "private"}, {"fdff::1", "private"}, {"fec0::1", "private"},
		{"100.64.0.1", "carrier-grade"}, {"100.127.255.255", "carrier-grade"},
		{"169.254.1.1", "link-local"}, {"fe80::1", "link-local"}, {"fe80::1%eth0", "link-local"}, {"febf::1", "link-local"},
		{"0.0.0.0", "unspecified"}, {"0.1.2.3", "unspecified"}, {"::", "unspecified"},
		{"224.0.0.1", "multicast"}, {"239.255.255.255", "multicast"}, {"ff02::1", "multicast"},
		{"192.0.2.1", "documentation"}, {"198.51.100.1", "documentation"}, {"203.0.113.1", "documentation"}, {"2001:db8::1", "documentation"}, {"3fff::1", "documentation"},
		{"198.18.0.1", "benchmarking"}, {"198.19.255.255", "benchmarking"}, {"2001:2::1", "benchmarking"},
		{"64:ff9b::7f00:1", "translated"}, {"64:ff9b::5db8:d822", "translated"}, {"64:ff9b:1::a00:1", "translated"},
		{"2002:7f00:1::", "6to4"}, {"192.88.99.1", "6to4"}, {"2001::1", "Teredo"}, {"2001:0:ffff::", "Teredo"},
		{"192.0.0.8", "reserved"}, {"240.0.0.1", "reserved"}, {"255.255.255.255", "reserved"}, {"2001:10::1", "reserved"},
		{"::127.0.0.1", "reserved"}, {"::ffff:0:127.0.0.1", "reserved"}, {"100::1", "reserved"}, {"5f00::1", "reserved"}, {"4000::1", "reserved"},
		{"169.254.169.254", "metadata"}, {"::ffff:169.254.169.254", "metadata"}, {"fd00:ec2::254", "metadata"}, {"168.63.129.16", "metadata"},
		{"64:ff9b:1::a9fe:a9fe", "metadata"}, {"64:ff9b:1:a9fe:a9:fe00::", "metadata"}, {"64:ff9b:1:1a9:fe:a9fe::", "metadata"},
		{"64:ff9b:1:0:a9:fea9:fe00::", "metadata"},
		{"64:ff9b::a9fe:a9fe", "metadata"}, {"2002:a9fe:a9fe::", "metadata"}, {"::a9fe:a9fe", "metadata"}, {"169.254.170.2", "metadata"},
	} {
		err := Allow{}.Check("host.example", netip.MustParseAddr(c.ip))
		var denied *DeniedError
		switch {
		case c.kind == "":
			if err != nil {
				t.Errorf("%s: %v", c.ip, err)
			}
		case !errors.As(err, &denied) || !strings.Contains(denied.Kind, c.kind):
			t.Errorf("%s: %v, want %s", c.ip, err, c.kind)
		case !strings.Contains(err.Error(), "--webhook-allow") || !strings.Contains(err.Error(), "host.example"):
			t.Errorf("%s: the error does not say what to do: %v", c.ip, err)
		}
	}
}

// TestS47Allow: an entry opens what it names, and a metadata service only when it names exactly that address.
func TestS47Allow(t *testing.T) {
	for _, c := range []struct {
		entry, host, ip string
		want            bool
	}{
		{"jenkins.internal", "jenkins.internal", "10.0.0.5", true},
		{"Jenkins.Internal.", "JENKINS.internal", "10.0.0.5", true},
		{"jenkins.internal", "jenkins.internal.", "::1", true},
		{"jenkins.internal", "other.internal", "10.0.0.5", false},
		{"jenkins.internal", "x.jenkins.internal", "10.0.0.5", false},
		{"10.0.0.0/8", "x", "10.9.8.7", true},
		{"10.0.0.0/8", "x", "::ffff:10.9.8.7", true},
		{"::ffff:10.0.0.0/104", "x", "10.9.8.7", true},
		{"10.0.0.0/8", "x", "192.168.0.1", false},
		{"10.0.0.0/8", "x", "64:ff9b::a00:1", false},
		{" 127.0.0.1 ", "localhost", "127.0.0.1", true},
		{"127.0.0.1", "localhost", "::1", false},
		{"[::1]", "localhost", "::1", true},
		{"fe80::/10", "x", "fe80::1%eth0", true},
		{"jenkins.internal", "jenkins.internal", "169.254.169.254", false},
		{"169.254.0.0/16", "x", "169.254.169.254", false},
		{"0.0.0.0/0", "x", "169.254.169.254", false},
		{"::/0", "x", "64:ff9b::a9fe:a9fe", false},
		{"::/0", "x", "fd00:ec2::254", false},
		{"168.63.129.0/24", "x", "168.63.129.16", false},
		{"169.254.169.254", "x", "169.254.169.254", true},
		{"169.254.169.254/32", "x", "::ffff:169.254.169.254", true},
		{"fd00:ec2::254", "x", "fd00:ec2::254", true},
		{"", "x", "127.0.0.1", false},
	} {
		if err := allow(t, c.entry).Check(c.host, netip.MustParseAddr(c.ip)); (err == nil) != c.want {
			t.Errorf("%q with %s at %s: %v", c.entry, c.host, c.ip, err)
		}
	}
	for _, bad := range []string{
		"http://host", "host:80", "10.0.0.0/33", "*.internal", "host/24", "a b", "bücher.example", "::ffff:0:0/90", "fe80::1%eth0", "host..", "-a",
		"2130706433", "127.1", "0x7f.1", "0177.0.0.1", "0x7f000001", "1.2.3", strings.Repeat("a.", 127) + "aa",
	} {
		if _, err := ParseAllow([]string{"ok.example", bad}); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(bad)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// target is a server on this machine that no request may reach.
func target(t *testing.T, handler http.HandlerFunc) (u *url.URL, hits *atomic.Int64) {
	t.Helper()
	hits = new(atomic.Int64)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		if handler != nil {
			handler(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, hits
}

func get(t *testing.T, o Options, to string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return 0, err
	}
	c := Client(o)
	defer c.CloseIdleConnections()
	res, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// TestS47Spellings: however a URL spells the loopback address, and whichever resolver reads it, nothing arrives there.
func TestS47Spellings(t *testing.T) {
	u, hits := target(t, nil)
	stub := resolver(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST.", "127.1", "127.0.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
		"017700000001", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "127.0.0.1.rebind.example", "evil.example",
	} {
		for _, r := range []*net.Resolver{nil, stub} {
			if r == nil && strings.HasSuffix(host, ".example") {
				continue // only the stub resolver reads this spelling
			}
			if status, err := get(t, Options{Resolver: r}, "http://"+host+":"+u.Port()+"/"); err == nil {
				t.Errorf("%s: answered with %d", host, status)
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	var denied *DeniedError
	if _, err := get(t, Options{Resolver: stub}, "http://evil.example:"+u.Port()); !errors.As(err, &denied) || strings.Contains(denied.Error(), "127.0.0.1") {
		t.Errorf("%v: want a refusal that does not tell what the name resolves to", err)
	}
}

// TestS47Rebinding: a name that resolves to a public address when it is checked and to the loopback address when it is
// used.
func TestS47Rebinding(t *testing.T) {
	u, hits := target(t, nil)
	var lookups atomic.Int64
	r := resolver(t, func(string) netip.Addr {
		if lookups.Add(1) == 1 {
			return netip.MustParseAddr("93.184.216.34")
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	ips, err := r.LookupNetIP(t.Context(), "ip4", "rebind.example")
	if err != nil || len(ips) != 1 || (Allow{}).Check("rebind.example", ips[0]) != nil {
		t.Fatalf("the first look: %v, %v", ips, err)
	}
	var denied *DeniedError
	if _, err := get(t, Options{Resolver: r}, "http://rebind.example:"+u.Port()); !errors.As(err, &denied) || denied.Kind != "a loopback address" {
		t.Errorf("the connection: %v", err)
	}
	if hits.Load() != 0 || lookups.Load() < 2 {
		t.Errorf("%d requests arrived after %d lookups", hits.Load(), lookups.Load())
	}
}

// TestS47Redirect: a redirect is returned as the answer, and a client that follows it is stopped at the next connection.
func TestS47Redirect(t *testing.T) {
	hidden, hits := target(t, nil)
	front, _ := target(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, hidden.String(), http.StatusFound)
	})
	to := "http://front.example:" + front.Port()
	o := Options{Allow: allow(t, "front.example"), Resolver: resolver(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })}
	if status, err := get(t, o, to); err != nil || status != http.StatusFound {
		t.Errorf("%d, %v; want 302", status, err)
	}
	following := http.Client{Transport: Transport(o)}
	defer following.CloseIdleConnections()
	var denied *DeniedError
	if _, err := following.Get(to); !errors.As(err, &denied) {
		t.Errorf("followed: %v", err)
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// TestS47Proxy: a proxy of the environment would resolve the name itself.
func TestS47Proxy(t *testing.T) {
	proxy, hits := target(t, nil)
	t.Setenv("HTTP_PROXY", proxy.String())
	t.Setenv("http_proxy", proxy.String())
	tr := Transport(Options{})
	if tr.Proxy != nil || tr.TLSClientConfig.MinVersion != 0x0303 {
		t.Error("the transport takes a proxy, or TLS before 1.2")
	}
	r := resolver(t, func(string) netip.Addr { return netip.MustParseAddr("10.0.0.1") })
	if status, err := get(t, Options{Resolver: r}, "http://inside.example/"); err == nil || hits.Load() != 0 {
		t.Errorf("answered with %d", status)
	}
}

// TestAllowed: an allowed target is reached, by name and by address, and the connection is reused.
func TestAllowed(t *testing.T) {
	u, hits := target(t, nil)
	r := resolver(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	for entry, host := range map[string]string{"inside.example": "inside.example", "127.0.0.0/8": "other.example", "127.0.0.1": "127.0.0.1"} {
		if status, err := get(t, Options{Allow: allow(t, entry), Resolver: r}, "http://"+host+":"+u.Port()); err != nil || status != http.StatusOK {
			t.Errorf("%s by %s: %d, %v", host, entry, status, err)
		}
	}
	if hits.Load() != 3 {
		t.Errorf("%d requests arrived", hits.Load())
	}
}

// resolver asks a DNS server of this test, which knows A records alone.
func resolver(t *testing.T, answer func(name string) netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := conn.WriteTo(answered(buf[:n], answer), from); err != nil {
				return
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// answered makes the answer to a query with one question (RFC 1035, 4.1).
func answered(query []byte, answer func(name string) netip.Addr) []byte {
	end := 12
	var labels []string
	for query[end] != 0 {
		n := int(query[end])
		labels = append(labels, string(query[end+1:end+1+n]))
		end += n + 1
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	out := append([]byte(nil), query[:end+5]...)
	binary.BigEndian.PutUint16(out[2:], 0x8180)   // a response, no error
	copy(out[4:], []byte{0, 1, 0, 0, 0, 0, 0, 0}) // one question, nothing else
	if kind == 1 {                                // A
		out[7] = 1                                                // one answer:
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // the question's name, A, IN, not to be kept, four bytes
		out = append(out, answer(strings.Join(labels, ".")).AsSlice()...)
	}
	return out
}

// FuzzParseAllow: no entry opens a metadata service unless it names exactly that address, and every accepted entry opens
// something.
func FuzzParseAllow(f *testing.F) {
	for _, s := range []string{"host", "10.0.0.0/8", "::1", "[::1]", "0x7f.1", "::ffff:169.254.0.0/112", "169.254.169.254", "0.0.0.0/0", "a_b.c"} {
		f.Add(s)
	}
	service := netip.MustParseAddr("169.254.169.254")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAllow([]string{s})
		if err != nil || len(a.hosts)+len(a.prefixes) == 0 {
			return
		}
		if len(a.hosts)+len(a.prefixes) != 1 {
			t.Fatalf("%q: %v", s, a)
		}
		if a.Check(s, service) == nil && a.prefixes[0] != netip.PrefixFrom(service, 32) {
			t.Errorf("%q opens the metadata service", s)
		}
	})
}

// FuzzCheck: every address that the standard library does not call global unicast is refused, mapped or not.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "2001:db8::1", "64:ff9b::7f00:1", "93.184.216.34"} {
		ip := netip.MustParseAddr(s).As16()
		f.Add(ip[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ip, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		ip = ip.Unmap()
		if (!ip.IsGlobalUnicast() || ip.IsPrivate()) && (Allow{}).Check("x", ip) == nil {
			t.Errorf("%s passes", ip)
		}
	})
}
