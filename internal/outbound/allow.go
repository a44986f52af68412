// Package outbound makes the requests that Slipway sends to other servers. Users name the targets, so a request may go to
// the public internet only, unless the operator has allowed another address with a setting (--webhook-allow for webhooks).
package outbound

import (
	"fmt"
	"net/netip"
	"strings"

	"slipway/internal/lazyregexp"
)

// Allow holds the targets that requests may reach although they are not public addresses. The zero value allows nothing.
type Allow struct {
	hosts    map[string]bool
	prefixes []netip.Prefix
}

// hostName matches DNS names, and the names with underscores that container networks make.
var hostName = lazyregexp.New(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

const maxHostBytes = 253

// ParseAllow reads the entries of a setting such as --webhook-allow: host names, addresses, and CIDRs. A name covers all addresses that it
// resolves to, except metadata services, and no other name. Empty entries are skipped.
func ParseAllow(entries []string) (Allow, error) {
	a := Allow{hosts: make(map[string]bool)}
	for _, entry := range entries {
		s := strings.TrimSpace(entry)
		if s == "" {
			continue
		}
		if p, ok := parsePrefix(s); ok {
			a.prefixes = append(a.prefixes, p)
			continue
		}
		host := canonical(s)
		if len(host) > maxHostBytes || !hostName.MatchString(host) || numeric(host) {
			return Allow{}, fmt.Errorf("%q is neither a host name, an address nor a CIDR (no port, no scheme, no wildcard)", entry)
		}
		a.hosts[host] = true
	}
	return a, nil
}

// parsePrefix reads a CIDR or an address, IPv4-mapped ones as IPv4.
func parsePrefix(s string) (netip.Prefix, bool) {
	if ip, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if ip, bits := p.Addr(), p.Bits()-96; ip.Is4In6() {
		if bits < 0 { // the prefix would cover addresses that are not IPv4-mapped
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(ip.Unmap(), bits)
	}
	return p.Masked(), true
}

// canonical is the one spelling of a host name.
func canonical(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// numeric reports whether some resolvers would read the name as an IPv4 address in one of its older spellings (127.1,
// 0177.0.0.1, 0x7f000001, 2130706433): such names have a number as their last label (WHATWG URL, 3.5).
func numeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	digits, hex := strings.CutPrefix(last, "0x")
	set := "0123456789"
	if hex {
		set += "abcdef"
	}
	return strings.Trim(digits, set) == ""
}

// permits reports whether the entries allow ip, which host has resolved to, and whether one of them names exactly this
// address.
func (a Allow) permits(host string, ip netip.Addr) (open, exact bool) {
	open = a.hosts[canonical(host)]
	for _, p := range a.prefixes {
		if p.Contains(ip) {
			open, exact = true, exact || p.IsSingleIP()
		}
	}
	return open, exact
}
