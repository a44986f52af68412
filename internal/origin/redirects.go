package origin

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"slipway/internal/outbound"
)

// RedirectMode is where redirects and the URLs of files may lead.
type RedirectMode int

const (
	// RedirectPublic: any public address.
	RedirectPublic RedirectMode = iota
	// RedirectSameOrigin: the upstream's own origin.
	RedirectSameOrigin
	// RedirectHosts: the listed hosts, also at private addresses if the server's allow-list opens them.
	RedirectHosts
)

// Redirects says where redirects and the URLs of files may lead beside the upstream's own origin.
type Redirects struct {
	Mode  RedirectMode
	Hosts []string // names, addresses, or *.name for all names below
}

// ParseRedirects reads "public" or none, "same-origin", or hosts.
func ParseRedirects(values ...string) (Redirects, error) {
	switch {
	case len(values) == 0, len(values) == 1 && (values[0] == "" || values[0] == "public"):
		return Redirects{}, nil
	case len(values) == 1 && values[0] == "same-origin":
		return Redirects{Mode: RedirectSameOrigin}, nil
	}
	r := Redirects{Mode: RedirectHosts, Hosts: values}
	return r, r.valid()
}

func (r Redirects) valid() error {
	if r.Mode < RedirectPublic || r.Mode > RedirectHosts || r.Mode != RedirectHosts && len(r.Hosts) > 0 || r.Mode == RedirectHosts && len(r.Hosts) == 0 {
		return errors.New("redirects: public, same-origin, or hosts")
	}
	for _, h := range r.Hosts {
		name := strings.TrimPrefix(h, "*.")
		if strings.Contains(name, ":") && !strings.HasPrefix(name, "[") {
			name = "[" + name + "]" // an IPv6 address
		}
		u := &url.URL{Scheme: "https", Host: name}
		var denied *outbound.DeniedError
		if err := (outbound.Options{}).CheckURL(u); u.Port() != "" || err != nil && !errors.As(err, &denied) {
			return errors.New("redirects: an entry is a host without scheme and port, or *.host")
		}
	}
	return nil
}

// lists reports whether Hosts has the host.
func (r Redirects) lists(host string) bool {
	return slices.ContainsFunc(r.Hosts, func(entry string) bool {
		entry = strings.ToLower(strings.Trim(entry, "[]"))
		below, wild := strings.CutPrefix(entry, "*.")
		return host == entry || wild && strings.HasSuffix(host, "."+below)
	})
}

// site is the origin of a URL in the sense of RFC 6454: scheme, host, port.
type site struct{ scheme, host, port string }

func siteOf(u *url.URL) site {
	s := site{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	if s.port == "" {
		s.port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return s
}

// SameOrigin reports whether two URLs have the scheme, the host and the port in common, so that credentials for one are for the other.
func SameOrigin(a, b string) bool {
	one, err1 := url.Parse(a)
	two, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && siteOf(one) == siteOf(two)
}

func (s site) String() string {
	host := s.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if s.scheme == "http" && s.port == "80" || s.scheme == "https" && s.port == "443" {
		return s.scheme + "://" + host
	}
	return s.scheme + "://" + host + ":" + s.port
}

// internalName reports whether a name is one that public DNS does not have. A proxy would resolve it for us.
func internalName(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	dot := strings.LastIndexByte(host, '.')
	if dot < 0 {
		return true
	}
	switch host[dot+1:] {
	case "localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain", "arpa":
		return true
	}
	return false
}

// admit says whether a request may go on from a URL to the next; from is nil for a request's own URL. The text of the error
// begins with a verb.
func (c *Client) admit(from, to *url.URL) error {
	if to.Scheme == "http" && (c.home.scheme == "https" || from != nil && from.Scheme == "https") {
		return errors.New("leads from https to http")
	}
	if siteOf(to) == c.home {
		return closed(c.env.Outbound.CheckURL(to))
	}
	if err := closed(c.foreign.check.CheckURL(to)); err != nil {
		return err
	}
	host := strings.ToLower(to.Hostname())
	switch c.settings.Redirects.Mode {
	case RedirectSameOrigin:
		return errors.New("leads to another origin, which its setting redirects does not allow")
	case RedirectHosts:
		if !c.settings.Redirects.lists(host) {
			return errors.New("leads to a host that its setting redirects does not list")
		}
	default:
		if c.proxy != nil && internalName(host) {
			return errors.New("leads to a name that is not public, which its setting redirects would have to list")
		}
	}
	return nil
}

// closed words the errors of CheckURL.
func closed(err error) error {
	var denied *outbound.DeniedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &denied):
		return errors.New(deniedText(denied))
	}
	return errors.New("leads to a URL that is not allowed: " + err.Error())
}

func deniedText(d *outbound.DeniedError) string {
	return "leads to " + d.Kind + ", which the server's setting " + d.Setting + " does not open"
}
