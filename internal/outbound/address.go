package outbound

import (
	"fmt"
	"net/netip"
)

// DeniedError says that a request may not go to an address. Its text names the setting that would change that, and no
// address that the sender did not know: the addresses of names inside a network are not shown to users.
type DeniedError struct {
	Host    string
	Kind    string // of address, with its article: "a private address"
	Setting string // the flag that would open it
	text    string
}

func (e *DeniedError) Error() string { return e.text }

// prefixes of a kind.
func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// special are the prefixes that are not public internet (the special-purpose registries of IANA); the first prefix that
// contains an address gives its kind. IANA assigns public IPv6 addresses from 2000::/3 only; all other IPv6 addresses are
// refused too.
var special = []struct {
	kind     string
	prefixes []netip.Prefix
}{
	{"a loopback address", prefixes("127.0.0.0/8", "::1/128")},
	{"a private address", prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")},
	{"a shared address (carrier-grade NAT)", prefixes("100.64.0.0/10")},
	{"a link-local address", prefixes("169.254.0.0/16", "fe80::/10")},
	{"an unspecified address", prefixes("0.0.0.0/8", "::/128")},
	{"a multicast address", prefixes("224.0.0.0/4", "ff00::/8")},
	{"a documentation address", prefixes("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")},
	{"a benchmarking address", prefixes("198.18.0.0/15", "2001:2::/48")},
	{"an address that is translated to IPv4", prefixes("64:ff9b::/96", "64:ff9b:1::/48")},
	{"a 6to4 address", prefixes("2002::/16", "192.88.99.0/24")},
	{"a Teredo address", prefixes("2001::/32")},
	{"a reserved address", prefixes("192.0.0.0/24", "240.0.0.0/4", "168.63.129.16/32", "2001::/23")},
}

var globalUnicast = netip.MustParsePrefix("2000::/3")

// metadata are the addresses at which clouds hand out a machine's credentials without asking for any. Only an entry that
// names exactly this address opens it: an operator who allows a network does not think of them.
var metadata = map[netip.Addr]bool{
	netip.MustParseAddr("169.254.169.254"): true, // most clouds
	netip.MustParseAddr("fd00:ec2::254"):   true, // AWS over IPv6
	netip.MustParseAddr("169.254.170.2"):   true, // ECS tasks
	netip.MustParseAddr("169.254.170.23"):  true, // EKS pods
	netip.MustParseAddr("fd00:ec2::23"):    true,
	netip.MustParseAddr("168.63.129.16"):   true, // Azure's host
	netip.MustParseAddr("fd20:ce::254"):    true, // GCP over IPv6
	netip.MustParseAddr("100.100.100.200"): true, // Alibaba
	netip.MustParseAddr("192.0.0.192"):     true, // Oracle
}

// kindOf returns the kind of an address; "" for a public one.
func kindOf(ip netip.Addr) string {
	for _, s := range special {
		for _, p := range s.prefixes {
			if p.Contains(ip) {
				return s.kind
			}
		}
	}
	if ip.Is6() && !globalUnicast.Contains(ip) {
		return "a reserved address"
	}
	return ""
}

// embedding are prefixes of addresses that stand for an IPv4 address, and the positions of the bytes that may hold it.
var embedding = []struct {
	prefix netip.Prefix
	bytes  [][4]int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), [][4]int{{12, 13, 14, 15}}},
	{netip.MustParsePrefix("::/96"), [][4]int{{12, 13, 14, 15}}}, // IPv4-compatible
	{netip.MustParsePrefix("2002::/16"), [][4]int{{2, 3, 4, 5}}}, // 6to4
	// For local use: an operator takes all of it or a longer prefix (RFC 8215), whose length says where the bytes are (RFC 6052
	// section 2.2).
	{netip.MustParsePrefix("64:ff9b:1::/48"), [][4]int{{6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}, {12, 13, 14, 15}}},
}

// leadsToMetadata reports whether packets to ip may end at a metadata service.
func leadsToMetadata(ip netip.Addr) bool {
	if metadata[ip] {
		return true
	}
	b := ip.As16()
	for _, e := range embedding {
		if !e.prefix.Contains(ip) {
			continue
		}
		for _, at := range e.bytes {
			if metadata[netip.AddrFrom4([4]byte{b[at[0]], b[at[1]], b[at[2]], b[at[3]]})] {
				return true
			}
		}
	}
	return false
}

// Check says whether a request for host, which has resolved to ip, may go there. *DeniedError, which names --webhook-allow.
func (a Allow) Check(host string, ip netip.Addr) error { return Options{Allow: a}.check(host, ip) }

// check is Allow.Check with the texts of the setting that o names.
func (o Options) check(host string, ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	open, exact := o.Allow.permits(host, ip)
	kind := kindOf(ip)
	if leadsToMetadata(ip) {
		if exact {
			return nil
		}
		return &DeniedError{Host: host, Kind: "a metadata service", Setting: o.setting(), text: fmt.Sprintf(
			"%s leads to a metadata service, which requests may not reach unless %s names the address %s itself", host, o.setting(), ip)}
	}
	if kind == "" && o.Listed && !open {
		return &DeniedError{Host: host, Kind: "a public address", Setting: o.setting(), text: fmt.Sprintf(
			"%s may be reached without TLS only where the server's setting %s names it or its network", host, o.setting())}
	}
	if kind == "" || open {
		return nil
	}
	return &DeniedError{Host: host, Kind: kind, Setting: o.setting(), text: fmt.Sprintf(
		"%s leads to %s, which requests may not reach unless the server's setting %s names the host or its network", host, kind, o.setting())}
}
