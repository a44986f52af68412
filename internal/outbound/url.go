package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
)

// CheckURL says whether requests may go to u as far as its text tells: http or https, a host name or an address, no credentials.
// Numbers that some resolvers read as addresses are refused, and so are literal addresses that Allow does not open (*DeniedError).
// What a name resolves to is checked when the connection is made. Errors do not repeat the URL.
func (o Options) CheckURL(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("its scheme is neither http nor https")
	case u.User != nil:
		return errors.New("it holds credentials")
	case u.Opaque != "" || host == "":
		return errors.New("it has no host")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("its port is not a number from 1 to 65535")
		}
	} else if u.Host[len(u.Host)-1] == ':' {
		return errors.New("its port is missing")
	}
	if err := CheckHost(host); err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return o.check(host, ip)
	}
	return nil
}

// CheckHost says whether a text is a name or an address that can be reached: no number in disguise, no zone. Errors do not repeat it.
func CheckHost(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return errors.New("its address has a zone")
		}
		return nil
	}
	if name := canonical(host); len(name) > maxHostBytes || !hostName.MatchString(name) {
		return errors.New("its host is not a name in ASCII letters (international names begin with xn--)")
	} else if numeric(name) {
		return errors.New("its host is a number that stands for an address: write the address as 192.0.2.1")
	}
	return nil
}

// Opens reports whether an entry of Allow is this host name.
func (a Allow) Opens(host string) bool { return a.hosts[canonical(host)] }
