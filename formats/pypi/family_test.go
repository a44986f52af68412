package pypi

import "testing"

// TestFamily: the claims that reserve names like one.
func TestFamily(t *testing.T) {
	for name, want := range map[string]string{"acme-web": "acme-*", "requests": ""} {
		if got := family(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}
