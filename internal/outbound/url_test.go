package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// TestS47CheckURL: what the text of a URL tells is refused when it is saved: other schemes, credentials, numbers in disguise, and
// addresses that are not open. The error never repeats the URL.
func TestS47CheckURL(t *testing.T) {
	o := Options{Allow: allow(t, "10.0.0.0/8", "inside"), Setting: "--upstream-allow"}
	for _, c := range []struct{ url, want string }{
		{"https://registry.example.com/simple/", ""}, {"http://registry.example.com:8081/", ""}, {"https://[2606:2800:220:1::1]/", ""},
		{"https://93.184.216.34/", ""}, {"http://10.1.2.3/", ""}, {"http://inside/", ""}, {"https://xn--bcher-kva.example/", ""},
		{"ftp://canary.example/", "scheme"}, {"file:///canary", "scheme"}, {"//canary.example/", "scheme"}, {"gopher://canary/", "scheme"},
		{"https://user:canary@x.example/", "credentials"}, {"https:///canary", "host"}, {"https:canary", "host"},
		{"https://bücher.canary/", "xn--"}, {"https://a..canary/", "ASCII"}, {"https://canary.example:0/", "port"},
		{"https://canary.example:70000/", "port"}, {"https://canary.example:/", "port"},
		{"http://127.1/canary", "number"}, {"http://2130706433/canary", "number"}, {"http://0x7f.1/canary", "number"}, {"http://0177.0.0.1/canary", "number"},
		{"http://017700000001/canary", "number"}, {"http://0x7f000001/canary", "number"},
		{"http://[fe80::1%25eth0]/canary", "zone"}, {"http://127.0.0.1/canary", "loopback"}, {"http://[::1]/canary", "loopback"},
		{"http://[::ffff:127.0.0.1]/canary", "loopback"}, {"http://192.168.0.1/canary", "private"}, {"http://169.254.169.254/canary", "metadata"},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		err = o.CheckURL(u)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", c.url, err, c.want)
		}
	}
}

// TestSetting: a refusal names the flag that the list comes from.
func TestSetting(t *testing.T) {
	for setting, want := range map[string]string{"": "--webhook-allow", "--upstream-allow": "--upstream-allow"} {
		for _, ip := range []string{"10.0.0.1", "169.254.169.254"} {
			err := Options{Setting: setting}.check("x.example", netip.MustParseAddr(ip))
			var denied *DeniedError
			if !errors.As(err, &denied) || denied.Setting != want || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", setting, err)
			}
		}
	}
	if a := allow(t, "inside.example"); !a.Opens("Inside.Example.") || a.Opens("x.inside.example") {
		t.Error("Opens does not go by names")
	}
}
