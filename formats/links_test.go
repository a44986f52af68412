package formats_test

import (
	"net/url"
	"strings"
	"testing"

	"slipway/formats"
)

func TestLink(t *testing.T) {
	base, _ := url.Parse("https://registry.example.com/base/simple/a/")
	for link, want := range map[string]string{
		"../../files/a-1.tgz#sha256=00":               "https://registry.example.com/base/files/a-1.tgz sha256=00",
		"/a-1.tgz":                                    "https://registry.example.com/a-1.tgz ",
		"//cdn.example.com/a%2Fb?x=1#f":               "https://cdn.example.com/a%2Fb?x=1 f",
		"HTTP://cdn.example.com:81/a":                 "http://cdn.example.com:81/a ",
		"https://me:secret@cdn.example.com/a":         "",
		"file:///etc/passwd":                          "",
		"javascript:alert(1)":                         "",
		"https:///a":                                  "",
		"https:opaque":                                "",
		"https://[::1":                                "",
		"https://cdn.example.com/a\r\nHost: x":        "",
		"https://x.test/" + strings.Repeat("a", 9000): "",
	} {
		address, fragment, ok := formats.Link(base, link)
		got := ""
		if ok {
			got = address + " " + fragment
		}
		if got != want {
			t.Errorf("%.100q: %q, want %q", link, got, want)
		}
	}
}
