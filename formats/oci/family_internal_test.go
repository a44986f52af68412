package oci

import "testing"

// TestFamily: the claims that reserve names like one.
func TestFamily(t *testing.T) {
	for name, want := range map[string]string{"team/app/web": "team/**", "alpine": ""} {
		if got := family(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}
