package npm

import "testing"

// TestFamily: the claims that reserve names like one.
func TestFamily(t *testing.T) {
	for name, want := range map[string]string{"@acme/web": "@acme/*", "left-pad": ""} {
		if got := family(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}
